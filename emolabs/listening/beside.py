"""Listeners and pipelines beside each other: the tables for people of `52_human_vs_machine`.

Conventions: *sources* are the parts of `machine.load`; scores are percent with 95 % intervals in brackets. A table
comes as a pair: for reading, and raw.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from emolabs.corpora import REGISTRY
from emolabs.experiments.results import Result
from emolabs.listening import common_failures, judges, published
from emolabs.listening.machine import ANOTHER, Shared
from emolabs.reporting import describe, interval, p_value

Pair = tuple[pd.DataFrame, pd.DataFrame]


def title(source: str) -> str:
    """What a source is called: the name of a corpus, or that of a study and its corpus."""
    return REGISTRY[source].name if source in REGISTRY else source.replace("/", ": ")


def provenance(sources: Mapping[str, Shared], runs: Mapping[str, Result], **facts: object) -> str:
    """The line under figures and tables: corpora, who listened, which runs are stale, and `facts`."""
    corpora = sorted({corpus for shared in sources.values() for corpus in shared.clips.corpus})
    simulated = any(shared.simulated for shared in sources.values())
    stale = ", ".join(name for name, run in runs.items() if run.stale) or None
    listeners = "simulated, not human" if simulated else None
    return describe(corpora, opus=any(run.opus for run in runs.values()), **facts, stale=stale, listeners=listeners)


def overview(sources: Mapping[str, Shared]) -> pd.DataFrame:
    """What is compared: clips, speakers, listeners and answers by source."""
    lines = []
    for name, shared in sources.items():
        answers = shared.counts.sum(axis=1)
        rates = ANOTHER in shared.choices
        line = {"source": title(name), "clips": len(shared.clips), "speakers": shared.clips.speaker.nunique()}
        line["listeners"] = f"{len(shared.given):,}" if shared.are_known else "not told apart"
        line["answers"] = "rates" if rates else f"{int(answers.sum()):,}"
        line["a clip"] = "–" if rates else f"{int(answers.min())}–{int(answers.max())}"
        lines.append(line | {"to choose from": ", ".join(choice for choice in shared.choices if choice != ANOTHER)})
    return pd.DataFrame(lines)


def numbers(raw: pd.DataFrame) -> dict[str, str]:
    """The raw table of `scores` as numbers for the text: `<source>-<judge>-<score>`, `-perceived` where it is so."""
    ends = {"intended": "", "perceived": "-perceived"}
    return {
        f"{row.source.replace('/', '-')}-{row.judge}-{row.score}{ends[row.against]}": interval(
            row.value, row.low, row.high
        )
        for row in raw.itertuples()
    }


def scores(sources: Mapping[str, Shared]) -> Pair:
    """Accuracy and UAR of every judge against the intended emotion, and against the perceived one."""
    raw = _each(sources, lambda shared: judges.scores(shared), against="intended")
    known = {name: shared for name, shared in sources.items() if ANOTHER not in shared.choices}
    raw = pd.concat([raw, _each(known, lambda s: judges.scores(s, against="perceived"), against="perceived")])
    raw = raw[raw.score.isin(judges.SCORES)].drop(columns="emotion").reset_index(drop=True)
    lines = []
    for (source, judge), group in raw.groupby(["source", "judge"], sort=False):
        line = {"source": title(source), "judge": judge}
        for row in group.itertuples():
            name = {"accuracy": "accuracy", "uar": "UAR"}[row.score]
            line["clips"] = line.get("clips", row.clips)
            line[f"{name}, {row.against}"] = interval(row.value, row.low, row.high)
        lines.append(line)
    return pd.DataFrame(lines).fillna("–"), raw


def recalls(sources: Mapping[str, Shared]) -> Pair:
    """Recall of each emotion, a column a judge; the last row of a source is the mean, the UAR."""
    raw = _each(sources, judges.scores)
    raw = raw[raw.score.isin(("recall", "uar"))].reset_index(drop=True)
    lines = []
    for (source, emotion), group in raw.groupby(["source", "emotion"], sort=False):
        line = {"source": title(source), "emotion": emotion or "UAR", "clips": group.clips.max()}
        lines.append(line | {row.judge: interval(row.value, row.low, row.high) for row in group.itertuples()})
    table = pd.DataFrame(lines).fillna("–")
    last = table.emotion == "UAR"
    order = [
        i
        for source in table.source.unique()
        for part in (~last, last)
        for i in table.index[(table.source == source) & part]
    ]
    return table.loc[order].reset_index(drop=True), raw


def answers(sources: Mapping[str, Shared]) -> Pair:
    """How often an emotion is there and named, a column a judge, and behind it the unbiased hit rate (both percent)."""
    known = {name: shared for name, shared in sources.items() if ANOTHER not in shared.choices}
    raw = _each(known, judges.scores)
    if raw.empty:
        return raw, raw
    raw = raw[raw.score.isin(("named", "hu"))].reset_index(drop=True)
    lines = []
    for (source, emotion), group in raw.groupby(["source", "emotion"], sort=False):
        share = (known[source].clips.emotion == emotion).mean()
        line = {"source": title(source), "emotion": emotion, "clips (%)": round(100 * share, 1)}
        for judge, both in group.groupby("judge", sort=False):
            values = both.set_index("score").value
            line[judge] = f"{100 * values.named:.1f} ({100 * values.hu:.1f})"
        lines.append(line)
    return pd.DataFrame(lines), raw


def differences(sources: Mapping[str, Shared]) -> Pair:
    """How much better listeners are than each pipeline, with the paired interval and the p of the swap test."""
    raw = _each(sources, judges.differences)
    table = pd.DataFrame(
        {
            "source": raw.source.map(title),
            "pipeline": raw.pipeline,
            "score": raw.score.map({"accuracy": "accuracy", "uar": "UAR"}),
            "listeners": (100 * raw.listeners).round(1),
            "machine": (100 * raw.machine).round(1),
            "listeners − machine": [interval(*values) for values in raw[["difference", "low", "high"]].to_numpy()],
            "p (swap)": raw.p_swap.map(p_value),
            "interval over": raw.over,
        }
    )
    return table, raw


def failed(sources: Mapping[str, Shared]) -> Pair:
    """Which clips the majority of listeners and a pipeline fail; raw, also what `likeness` shows."""
    raw = _each(sources, common_failures.together)
    ranks = _each(sources, lambda shared: common_failures.difficulty(shared)[1])
    raw = raw.merge(ranks, on=["source", "pipeline"])
    for name in ("same", "same_by_chance", "confusions", "confusions_low", "confusions_high"):
        raw[name] = raw.get(name, np.nan)
    chance = zip(raw.both_fail, raw.expected, strict=True)
    table = pd.DataFrame({"source": raw.source.map(title), "pipeline": raw.pipeline, "clips": raw.clips})
    table["both right"], table["only majority"] = raw.both_right, raw.only_listeners
    table["only machine"], table["p (McNemar)"] = raw.only_machine, raw.p_mcnemar.map(p_value)
    table["both fail (by chance)"] = [f"{found} ({expected:.0f})" for found, expected in chance]
    return table, raw


def likeness(raw: pd.DataFrame) -> pd.DataFrame:
    """How alike listeners and pipelines fail, from the raw table of `failed`."""
    same = zip(raw.same, raw.same_by_chance, strict=True)
    table = pd.DataFrame({"source": raw.source.map(title), "pipeline": raw.pipeline})
    table["kappa"] = _intervals(raw, "kappa")
    table["same error (by chance, %)"] = ["–" if np.isnan(f) else f"{100 * f:.0f} ({100 * e:.0f})" for f, e in same]
    table["confusions"] = _intervals(raw, "confusions")
    table["difficulty"] = _intervals(raw, "probability")
    return table


def hardest(shared: Shared, *, most: int = 20) -> Pair:
    """The first of the clips that most listeners and every pipeline fail; raw, all of them."""
    raw = common_failures.hardest(shared)
    table = raw.head(most).rename(columns={"emotion": "intended", "answers": "votes"})
    table["share"] = [f"{100 * share:.0f}" for share in table.share]
    return table.rename(columns={"share": "right (%)"}), raw


def selection(rates: pd.DataFrame, shared: Shared) -> Pair:
    """What it does to listeners' rates that a corpus keeps the clips they recognized: per emotion the clips recorded
    and kept, listeners' mean rates of both, and the recall of each pipeline on the kept ones.

    `rates` as of `votes.emodb_rates`. The last row is the mean over clips; that of pipelines lacks boredom.
    """
    raw = published.emodb_rates(rates)
    table = raw[["emotion", "recorded", "published"]].copy()
    table["listeners, recorded"] = list(map(interval, raw["all"], raw.all_low, raw.all_high))
    table["listeners, published"] = list(map(interval, raw.kept, raw.kept_low, raw.kept_high))
    own = judges.scores(shared)
    own = own[own.score.isin(("recall", "accuracy"))].assign(emotion=own.emotion.replace("", raw.emotion.iloc[-1]))
    for name in shared.machines:
        mine = own[own.judge == name].set_index("emotion").reindex(raw.emotion)
        shown = map(interval, mine.value, mine.low, mine.high)
        table[name] = ["–" if np.isnan(value) else text for value, text in zip(mine.value, shown, strict=True)]
        raw[[name, f"{name}_low", f"{name}_high"]] = mine[["value", "low", "high"]].to_numpy()
    return table, raw


def _each(sources: Mapping[str, Shared], measure, **columns: str) -> pd.DataFrame:
    """What `measure` says of each source, one under the other, with the source in the first column."""
    tables = [measure(shared) for shared in sources.values()]
    for name, table in zip(sources, tables, strict=True):
        table.insert(0, "source", name)
    return pd.concat(tables, ignore_index=True).assign(**columns) if tables else pd.DataFrame()


def _intervals(raw: pd.DataFrame, name: str) -> list[str]:
    values = raw[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)
    return ["–" if np.isnan(v[0]) else interval(*v, digits=2, scale=1) for v in values]
