"""Which row speaks for a kind of rows: the one that the validation side chooses, among those that have been run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emolabs.experiments import failures
from emolabs.experiments.effects import KINDS
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import Pipeline, load_pipelines

#: Kinds of rows by name; the constant answer is of none.
GROUPS: dict[str, Callable[[Pipeline], bool]] = {
    "any": lambda pipeline: True,
    "LLD": lambda pipeline: pipeline.branch in KINDS["LLD"],
    "HSF": lambda pipeline: pipeline.branch in KINDS["HSF"],
    "whisper": lambda pipeline: pipeline.branch == "whisper",
    "tuned": lambda pipeline: pipeline.tuning != "frozen",
    "not tuned": lambda pipeline: pipeline.tuning == "frozen",
}


@dataclass(frozen=True)
class Cell:
    """A set of clips that results are asked about: those of `on` (`overall`, a corpus) under a protocol and scope."""

    protocol: str
    scope: str
    on: str

    def __str__(self) -> str:
        clips = {"overall": ""}.get(self.on, f", on {self.on}")
        return self.protocol + (f", {self.scope}" if self.scope != "pooled" or not clips else "") + clips


def candidates(found: Sequence[Result], *, cell: Cell, rows: str, seed: int = 0) -> list[Result]:
    """The results of a kind of rows under the protocol and scope of a cell, where its clips have been evaluated.

    Raises `ValueError` for a kind that is none of `GROUPS`.
    """
    if rows not in GROUPS:
        raise ValueError(f"expected rows among {', '.join(GROUPS)}, found {rows!r}")
    table = load_pipelines()
    there = [r for r in found if (r.row.protocol, r.row.scope, r.row.seed) == (cell.protocol, cell.scope, seed)]
    there = [r for r in there if r.row.pipeline != "constant" and GROUPS[rows](table[r.row.pipeline])]
    return [r for r in there if scores(r, on=cell.on) is not None]


def chosen(found: Sequence[Result], *, cell: Cell, rows: str, seed: int = 0) -> Result | None:
    """The candidate with the highest validation UAR, the first of `tied` ones; None where there is none."""
    return next(iter(tied(found, cell=cell, rows=rows, seed=seed)), None)


def tied(found: Sequence[Result], *, cell: Cell, rows: str, seed: int = 0) -> list[Result]:
    """The candidates with the highest validation UAR by name, several where validation cannot decide; the evaluation
    side has no say."""
    there = candidates(found, cell=cell, rows=rows, seed=seed)
    try:
        return failures.tied(sorted(there, key=lambda result: result.row.pipeline))
    except ValueError:
        return []


def same(found: Sequence[Result], result: Result, *, cell: Cell) -> Result | None:
    """The same pipeline and seed under the protocol and scope of a cell, None where it has not been run there."""
    wanted = (cell.protocol, cell.scope, result.row.pipeline, result.row.seed)
    there = [r for r in found if (r.row.protocol, r.row.scope, r.row.pipeline, r.row.seed) == wanted]
    return there[0] if there else None


def spread(found: Sequence[Result], rows: Sequence[Result], *, cell: Cell, metric: str = "uar") -> str:
    """Between which scores (%) these rows lie in a cell, where at least two have been run there; else nothing."""
    there = [other for row in rows if (other := same(found, row, cell=cell)) and scores(other, on=cell.on)]
    values = sorted(100 * scores(result, on=cell.on)[metric][0] for result in there)
    return f"{values[0]:.1f} to {values[-1]:.1f}" if len(values) > 1 else ""


def scores(result: Result, *, on: str) -> dict | None:
    """The scores of a result on a set of clips, closed-set where a corpus lacks a class; None where it has no clips."""
    if on == "overall":
        return result.scores["overall"]
    found = result.scores["corpora"].get(on)
    return found.get("closed_set", found) if found else None
