"""Passages: what the results say in sentences and short tables, for the README and `docs/findings.md`.

Every number is read from the committed results and tables of a profile, and words that judge are chosen by the
intervals. Scores are in percent; an interval over clips only, which does not cover new speakers, is marked †. Of each
row the result with the lowest seed is told.
"""

from collections.abc import Sequence
from functools import cached_property

import pandas as pd

from emolabs import markdown, paths
from emolabs.corpora import REGISTRY
from emolabs.experiments import aims, choice, failures, partitions, results
from emolabs.experiments.choice import Cell
from emolabs.experiments.results import Result
from emolabs.modeling import load_pipelines
from emolabs.reporting import interval, over_mark, stale_mark

#: What a branch is made of, in words.
INPUTS = {
    "mfcc": "MFCC statistics",
    "egemaps": "eGeMAPS functionals",
    "logmel": "log-mel spectrograms",
    "waveform": "the waveform",
    "whisper": "the frames of Whisper's encoder",
    "wav2vec2": "the frames of wav2vec 2.0",
    "hubert": "the frames of HuBERT",
}
#: The rows of the short table of results, and the references that stand in each of them.
SHOWN = (
    ("hash", "tess"),
    ("tess-actress", "tess"),
    ("hash", "pooled"),
    ("random", "pooled"),
    ("speaker", "pooled"),
    ("corpus", "pooled"),
    ("ravdess-6fold", "ravdess"),
    ("ravdess-5fold", "ravdess"),
    ("speaker", "cremad"),
    ("hash", "emodb"),
    ("emodb-speakers", "emodb"),
)
REFERENCES = ("egemaps-linear", "whisper-linear")
#: The pipeline that the passages on single questions speak of.
EXAMPLE = "whisper-linear"
LACKING = "not run"


class Source:
    """The results and tables of a profile."""

    def __init__(self, profile: str = "thesis"):
        self.profile = profile

    @cached_property
    def found(self) -> list[Result]:
        """Comparable results, of each row the one with the lowest seed."""
        return partitions.read(self.profile).found

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


def described(pipeline: str) -> str:
    """What a pipeline is in words."""
    parts = load_pipelines()[pipeline]
    kind = "a linear model" if parts.backbone == "linear" else "a network"
    return f"{kind} on {INPUTS[parts.branch]}"


def points(line: object) -> str:
    """A difference of a table with its interval, in points; `interval_over` is told where the line has it."""
    return interval(line.difference, line.low, line.high) + over_mark(getattr(line, "interval_over", None))


def known_corpus(source: Source) -> str:
    """What is left of the corpus on which the highest accuracies are published when the speaker is new."""
    aim = next(row for row in aims.declared() if (row["protocol"], row["scope"]) == ("hash", "tess"))
    deep = choice.chosen(source.found, cell=Cell("hash", "tess", "overall"), rows=aim["rows"])
    names = dict.fromkeys([*([deep.row.pipeline] if deep else []), "mfcc-linear", EXAMPLE])
    lines = [
        {
            "pipeline": f"`{name}`, {described(name)}",
            "both actresses known": source.uar("hash", "tess", name),
            "one actress new": source.uar("tess-actress", "tess", name),
        }
        for name in names
    ]
    pairs = [(source.under("hash", "tess").get(name), source.under("tess-actress", "tess").get(name)) for name in names]
    falls = all(known and new and bounds(new)[1] < bounds(known)[0] for known, new in pairs)
    headline = "Where accuracies are highest, a new speaker brings them down" if falls else "TESS with a new speaker"
    chance = _bare(source.under("tess-actress", "tess").get("constant"))
    return (
        f"**1. {headline}.** TESS is two actresses, and the corpus on which accuracies of "
        f"{100 * aim['level']:.1f} % are published. The same answer for every clip has a UAR of "
        f"{chance}.\n\n{markdown.table(pd.DataFrame(lines))}"
    ).rstrip("\n")


def known_speakers(source: Source) -> str:
    """Every pipeline with known and with new speakers, on all corpora together, and where the difference lies."""
    known, new, corpus = (source.under(protocol, "pooled") for protocol in ("random", "speaker", "corpus"))
    premium = source.table("42_premium").dropna(subset="difference")
    overall = premium[premium.on == "overall"].set_index("pipeline")
    names = [name for name in known if name in new and name != "constant"]
    lines = [
        {
            "pipeline": f"`{name}`",
            "known speakers": told(known[name]),
            "new speakers": told(new[name]),
            "difference (points)": points(overall.loc[name]) if name in overall.index else "–",
            "new corpus": told(corpus.get(name)),
        }
        for name in names
    ]
    clips = len(new[names[0]].predictions)
    single = premium[(premium.on != "overall") & premium.pipeline.isin(names)]
    least, most = single.loc[single.difference.idxmin()], single.loc[single.difference.idxmax()]
    ends = [
        f"{points(line)} ({title(line.on)}, {people(source, line.on)} speakers, `{line.pipeline}`)"
        for line in (least, most)
    ]
    headline = (
        "How much a new speaker costs depends on the corpus" if most.low > least.high else "New speakers, new corpora"
    )
    return (
        f"**2. {headline}.** {len(new[names[0]].corpora)} corpora together, {clips:,} recordings, with about as many "
        f"training clips on either side:\n\n{markdown.table(pd.DataFrame(lines))}\nCorpus by corpus, the difference "
        f"lies between {ends[0]} and {ends[1]} ([all corpora](figures/thesis/42_premium.csv))."
    )


def title(corpus: str) -> str:
    """The name of a corpus as people write it."""
    return REGISTRY[corpus].name if corpus in REGISTRY else corpus


def people(source: Source, corpus: str) -> int:
    """How many speakers a corpus has."""
    return int(source.table("10_corpora").set_index("corpus").speakers[corpus])


def results_table(source: Source) -> str:
    """A line per protocol and scope: the references, and the row that validation chooses of all that were run."""
    lines = []
    for protocol, scope in SHOWN:
        rows = source.under(protocol, scope)
        if not rows:
            continue
        any_row = next(iter(rows.values()))
        line = {"protocol": f"`{protocol}`", "corpora": "all" if scope == "pooled" else title(scope)}
        line |= {"clips": f"{len(any_row.predictions):,}"}
        line |= {"constant": _bare(rows.get("constant"))}
        line |= {f"`{name}`": told(rows.get(name)) for name in REFERENCES}
        lines.append(line | {"chosen on validation": _chosen([r for n, r in rows.items() if n != "constant"])})
    return markdown.table(pd.DataFrame(lines)).rstrip("\n")


def _chosen(rows: Sequence[Result]) -> str:
    """The row that validation chooses; where several tie, between which scores they lie."""
    try:
        tied = failures.tied(rows)
    except ValueError:
        return "–"
    if len(tied) == 1:
        return f"`{tied[0].row.pipeline}` (of {len(rows)}): {told(tied[0])}"
    uar = sorted(100 * result.scores["overall"]["uar"][0] for result in tied)
    return f"{len(tied)} of {len(rows)} tie: {uar[0]:.1f} to {uar[-1]:.1f}"


def _bare(result: Result | None) -> str:
    """The UAR of a result without its interval."""
    return f"{100 * result.scores['overall']['uar'][0]:.1f}" if result else "–"


def run_so_far(source: Source) -> str:
    """How much has been run, with which seeds and on what; how many results are stale."""
    rows = [row for row in results.rows(source.profile) if row.pipeline != "constant"]
    names, seeds = {row.pipeline for row in rows}, sorted({row.seed for row in rows})
    several = {(row.protocol, row.scope, row.pipeline) for row in rows if row.seed != seeds[0]}
    said = f"Of {len(load_pipelines())} pipelines {len(names)} have a result under some protocol"
    said += f" ([the others](figures/{source.profile}/40_not_run.csv)). "
    said += f"One seed ({seeds[0]})" if not several else f"Seed {seeds[0]}; {len(several)} rows have further seeds"
    said += ", and every fold of a protocol is trained and evaluated."
    stale = sum(result.stale for result in source.found)
    if stale:
        said += f" The code has changed since {stale} of the results were made: they are called stale, and "
        said += f"`make retrain PROFILE={source.profile}` makes them anew."
    return said


def speech(source: Source) -> str:
    """What was evaluated: whose speech, how much of it, in which copies."""
    corpora = source.table("10_corpora")
    said = (
        f"{corpora.clips.sum():,} recordings of {corpora.speakers.sum()} adults who act, from {len(corpora)} corpora: "
    )
    said += ", ".join(f"{row.speakers} speakers in {title(row.corpus)}" for row in corpora.itertuples()) + "."
    if all(result.opus for result in source.found):
        said += " All results rest on Opus copies of the corpora, not on the originals."
    elif any(result.opus for result in source.found):
        said += " Some results rest on Opus copies of the corpora, not on the originals."
    return said
