"""Passages: what the results say in sentences and short tables, for the README and `docs/findings.md`.

Every number is read from the committed results and tables of a profile, and words that judge are chosen by the
intervals. Scores are in percent; an interval over clips only, which does not cover new speakers, is marked †. Of each
row the result with the lowest seed is told.
"""

from collections.abc import Sequence

import pandas as pd

from emolabs import markdown
from emolabs.experiments import aims, choice, failures, paired, partitions, results
from emolabs.experiments.choice import Cell
from emolabs.experiments.results import Result
from emolabs.experiments.source import Source, bounds, people, points, told
from emolabs.modeling import load_pipelines
from emolabs.reporting import corpus_name

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
#: The protocol and scope of which the number of evaluated recordings is told.
POOLED = ("speaker", "pooled")


def described(pipeline: str) -> str:
    """What a pipeline is in words."""
    parts = load_pipelines()[pipeline]
    kind = "a linear model" if parts.backbone == "linear" else "a network"
    return f"{kind} on {INPUTS[parts.branch]}"


def known_corpus(source: Source) -> str:
    """What is left of the corpus on which the highest accuracies are published when the speaker is new."""
    aim = next(row for row in aims.declared() if (row["protocol"], row["scope"]) == ("hash", "tess"))
    tied = choice.tied(source.found, cell=Cell("hash", "tess", "overall"), rows=aim["rows"])
    names = dict.fromkeys([*(result.row.pipeline for result in tied[:1]), "mfcc-linear", *REFERENCES])
    lines = [
        {
            "pipeline": f"`{name}`, {described(name)}",
            "both actresses known": source.uar("hash", "tess", name),
            "one actress new": source.uar("tess-actress", "tess", name),
        }
        for name in names
    ]
    known, new = source.under("hash", "tess"), source.under("tess-actress", "tess")
    falls = all(name in known and name in new and bounds(new[name])[1] < bounds(known[name])[0] for name in names)
    headline = "Where accuracies are highest, a new speaker brings them down" if falls else "TESS with a new speaker"
    clips = [f"{result.facts['train_clips']:,}" for rows in (known, new) for result in list(rows.values())[:1]]
    fewer = f" Training has {clips[0]} clips where both are known, {clips[1]} where one is new." if clips[1:] else ""
    return (
        f"**1. {headline}.** TESS is two actresses, and the corpus on which the thesis claims accuracies of "
        f"{100 * aim['level']:.1f} %. The same answer for every clip of a fold has a UAR of "
        f"{_bare(new.get('constant'))}.{fewer}\n\n{markdown.table(pd.DataFrame(lines))}"
        f"{_tie(source, tied, rows=aim['rows'])}"
    ).rstrip("\n")


def _tie(source: Source, tied: Sequence[Result], *, rows: str) -> str:
    """That the first row of the table is one of several that validation cannot tell apart, and where these lie."""
    if len(tied) < 2:
        return ""
    known, new = (choice.spread(source.found, tied, cell=Cell(p, "tess", "overall")) for p in ("hash", "tess-actress"))
    named = ", ".join(f"`{result.row.pipeline}`" for result in tied)
    said = (
        f"\nOn validation {len(tied)} {rows} rows tie ({named}); the first by name stands in the table. Their UAR is "
    )
    return f"{said}{known} where both actresses are known" + (f", {new} where one is new." if new else ".")


def known_speakers(source: Source) -> str:
    """Every pipeline with known and with new speakers, on all corpora together, and where the difference lies."""
    known, new, corpus = (source.under(protocol, "pooled") for protocol in ("random", "speaker", "corpus"))
    premium = source.table("42_premium").dropna(subset="difference").set_index("pipeline")
    names = [name for name in known if name in new and name in premium.index]
    if not names:
        return "**2. New speakers.** No pipeline has been run with known and with new speakers."
    premium = premium.loc[names]
    overall, rest = premium[premium.on == "overall"], premium[premium.on.str.startswith(paired.WITHOUT)]
    single = premium[~premium.on.isin([*overall.on, *rest.on])]
    lines = []
    for name in names:
        line = {"pipeline": f"`{name}`", "known speakers": told(known[name]), "new speakers": told(new[name])}
        line["difference (points)"] = points(overall.loc[name])
        if name in rest.index:
            line[paired.title(rest.on.iloc[0])] = points(rest.loc[name])
        lines.append(line | {"new corpus": told(corpus.get(name))})
    depends = any(group.low.max() > group.high.min() for _, group in single.groupby(level=0))
    headline = "How much a new speaker costs depends on the corpus" if depends else "New speakers, new corpora"
    facts = new[names[0]]
    said = (
        f"**2. {headline}.** {len(facts.corpora)} corpora together, {len(facts.predictions):,} recordings, with about "
        f"as many training clips on either side:\n\n{markdown.table(pd.DataFrame(lines).fillna('–'))}\n"
    )
    most = (rest.difference < overall.difference.loc[rest.index] / 2).all() if len(rest) else False
    if most:
        few = rest.on.iloc[0].removeprefix(paired.WITHOUT).split(", ")
        people_of = " and ".join(f"the {people(source, corpus)} speakers of {corpus_name(corpus)}" for corpus in few)
        said += f"Most of the difference comes from {people_of}. "
    least, most = single.iloc[single.difference.argmin()], single.iloc[single.difference.argmax()]
    ends = [
        f"{points(line)} ({corpus_name(line.on)}, {people(source, line.on)} speakers, `{line.name}`)"
        for line in (least, most)
    ]
    return said + (
        f"Corpus by corpus, it lies between {ends[0]} and {ends[1]} ([all corpora](figures/thesis/42_premium.csv))."
    )


def results_table(source: Source) -> str:
    """A line per protocol and scope: the references, and the row that validation chooses of all that were run."""
    lines = []
    for protocol, scope in SHOWN:
        rows = source.under(protocol, scope)
        if not rows:
            continue
        any_row = next(iter(rows.values()))
        line = {"protocol": f"`{protocol}`", "corpora": "all" if scope == "pooled" else corpus_name(scope)}
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
    rows = [row for row in results.rows(source.profile) if not results.gone(row)]
    seeds, gaps = {}, source.evaluation.gaps
    for row in rows:
        seeds.setdefault((row.protocol, row.scope, row.pipeline), set()).add(row.seed)
    names, several = {row.pipeline for row in rows}, sum(len(of) > 1 for of in seeds.values())
    said = f"Of {len(load_pipelines())} pipelines {len(names)} have a result under some protocol"
    said += f" ([the others](figures/{source.profile}/40_not_run.csv)). "
    said += f"{several} of {len(seeds)} rows have more than one seed."
    left = int((gaps.reason != partitions.NOT_RUN).sum())
    if left:
        said += f" {left} results are left out, because folds are missing or rest on another partition."
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
    said += ", ".join(f"{row.speakers} speakers in {corpus_name(row.corpus)}" for row in corpora.itertuples()) + "."
    pooled = next((result for result in source.found if (result.row.protocol, result.row.scope) == POOLED), None)
    if pooled:
        said += f" Pooled results rest on the {len(pooled.predictions):,} of them with one of "
        said += f"{len(pooled.labels)} emotions ({', '.join(pooled.labels)})."
    if all(result.opus for result in source.found):
        said += " All results rest on Opus copies of the corpora, not on the originals."
    elif any(result.opus for result in source.found):
        said += " Some results rest on Opus copies of the corpora, not on the originals."
    return said
