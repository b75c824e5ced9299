"""Source: the results and tables that passages are written from, and how scores, differences and corpora are told.

Scores are shares in 0–1 and told in percent; an interval over clips only is marked †.
"""

from functools import cached_property

import pandas as pd

from emolabs import paths
from emolabs.experiments import partitions
from emolabs.experiments.results import Result
from emolabs.reporting import interval, over_mark, stale_mark

LACKING = "not run"


class Source:
    """The results and tables of a profile."""

    def __init__(self, profile: str = "thesis"):
        self.profile = profile

    @cached_property
    def evaluation(self) -> partitions.Evaluation:
        """Comparable results, and what is missing beside them."""
        return partitions.read(self.profile)

    @property
    def found(self) -> list[Result]:
        """Comparable results, of each row the one with the lowest seed."""
        return self.evaluation.found

    def under(self, protocol: str, scope: str) -> dict[str, Result]:
        """The results under a protocol and scope by pipeline."""
        return {r.row.pipeline: r for r in self.found if (r.row.protocol, r.row.scope) == (protocol, scope)}

    def uar(self, protocol: str, scope: str, pipeline: str) -> str:
        """The UAR of a row with its interval; `LACKING` where it has no result."""
        return told(self.under(protocol, scope).get(pipeline))

    def table(self, name: str) -> pd.DataFrame:
        """A committed table.

        Raises `FileNotFoundError` where it is not there, saying what makes it.
        """
        file = paths.figures(self.profile) / f"{name}.csv"
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not there: run `make reproduce PROFILE={self.profile}` first")
        return pd.read_csv(file)


def told(result: Result | None) -> str:
    """The UAR of a result on all its clips with its interval, or that there is none."""
    if result is None:
        return LACKING
    scores = result.scores["overall"]
    text = interval(*scores["uar"]) + over_mark(scores["interval_over"])
    return text + stale_mark(result.stale)


def bounds(result: Result) -> tuple[float, float]:
    """The interval of the UAR of a result on all its clips, as shares."""
    return tuple(result.scores["overall"]["uar"][1:])


def points(line: object) -> str:
    """A difference of a table with its interval, in points; `interval_over` is told where the line has it."""
    return interval(line.difference, line.low, line.high) + over_mark(getattr(line, "interval_over", None))


def people(source: Source, corpus: str) -> int:
    """How many speakers a corpus has."""
    return int(source.table("10_corpora").set_index("corpus").speakers[corpus])
