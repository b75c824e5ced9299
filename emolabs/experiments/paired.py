"""Paired comparisons: two results on the same clips, and by how much they differ.

Both results are resampled together: every draw takes the same speakers, within their corpora, for both, so that what is
hard about a speaker cancels out. Under `metrics.FEWEST_SPEAKERS` speakers clips are drawn, and the interval does not
cover new speakers. Conventions: differences are of UAR, first minus second, as shares in −1–1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import yaml
from statsmodels.stats.multitest import multipletests

from emolabs import paths
from emolabs.experiments import metrics
from emolabs.experiments.results import Result


@dataclass(frozen=True)
class Comparison:
    """A row of `params/comparisons.yaml`: a question and the two results, as (pipeline, protocol, scope), that it
    puts side by side."""

    question: str
    first: tuple[str, str, str]
    second: tuple[str, str, str]


def declared() -> list[Comparison]:
    """All comparisons that were written down before they were computed.

    Raises `ValueError` naming the row that is none.
    """
    rows = yaml.safe_load(paths.COMPARISONS.read_text(encoding="utf-8"))
    found = []
    for number, row in enumerate(rows, start=1):
        sides = [tuple(row[side].split()) for side in ("first", "second") if isinstance(row.get(side), str)]
        if set(row) != {"question", "first", "second"} or [len(side) for side in sides] != [3, 3]:
            raise ValueError(
                f"{paths.COMPARISONS.name}, row {number}: expected a question and first and second as "
                f"`pipeline protocol scope`, found {row}"
            )
        found.append(Comparison(row["question"], *sides))
    return found


def compare(first: Result, second: Result, *, by_corpus: bool = True) -> pd.DataFrame:
    """By how much the UAR of `first` exceeds that of `second` on the clips that both evaluated, overall and per corpus.

    Returns a line per set of clips: `on`, `first`, `second`, `difference`, `low`, `high` (95 %), `p` (two-sided, of the
    bootstrap), `clips`, `interval_over` (speakers or clips).
    Raises `ValueError` as `refusal` says, where no clip is common, or where a clip has two labels.
    """
    problem = refusal(first, second)
    if problem:
        raise ValueError(problem)
    one, two = first.predictions, second.predictions
    clips = one.merge(two[["id", "emotion", "prediction"]], on="id", suffixes=("", "_second")).sort_values("id")
    names = _names(first, second)
    if clips.empty:
        raise ValueError(f"{names[0]} and {names[1]} evaluated no clip in common: compare results of the same corpora")
    if (clips.emotion != clips.emotion_second).any():
        raise ValueError(f"{names[0]} and {names[1]} give a clip two emotions: their label sets differ, run both again")
    labels = sorted({*clips.emotion, *clips.prediction, *clips.prediction_second})
    sets = {"overall": clips} | (dict(list(clips.groupby("corpus"))) if by_corpus else {})
    return pd.DataFrame([{"on": name, **_difference(group, labels=labels)} for name, group in sets.items()])


def refusal(first: Result, second: Result) -> str:
    """Why two results must not be paired, as a sentence: they rest on two versions of one partition, or under two
    protocols on other corpora. Empty where they may be."""
    names = " and ".join(_names(first, second))
    if (first.row.protocol, first.row.scope) == (second.row.protocol, second.row.scope):
        if first.manifest != second.manifest:
            return f"{names} rest on two versions of the partition: train both from one, then compare"
        return ""
    apart = sorted(set(first.predictions.corpus) ^ set(second.predictions.corpus))
    if "pooled" == first.row.scope == second.row.scope and apart:
        return f"{names} rest on other corpora: {', '.join(apart)} in one of them only; train both from one index"
    return ""


def _names(first: Result, second: Result) -> list[str]:
    return [f"{result.row.pipeline} under {result.row.protocol}" for result in (first, second)]


def _difference(clips: pd.DataFrame, *, labels: list[str]) -> dict:
    over, units = metrics.units_of(clips)
    truth = clips.emotion.map(labels.index).to_numpy()
    values, samples = [], []
    for column in ("prediction", "prediction_second"):
        answers = clips[column].map(labels.index).to_numpy()
        matrices, strata = metrics.unit_confusions(
            truth, answers, units=units, corpora=clips.corpus, classes=len(labels)
        )
        values.append(float(metrics.from_confusion(matrices.sum(axis=0))["uar"]))
        samples.append(metrics.from_confusion(metrics.resampled(matrices, strata=strata))["uar"])
    drawn = samples[0] - samples[1]
    low, high = np.percentile(drawn, [2.5, 97.5])
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p = min(1.0, 2 * (tail + 1) / (len(drawn) + 1))  # Davison & Hinkley (1997), section 4.2
    scores = {"first": values[0], "second": values[1], "difference": values[0] - values[1]}
    return {**scores, "low": low, "high": high, "p": p, "clips": len(clips), "interval_over": over}


def table(comparisons: Iterable[Comparison], found: list[Result], *, seed: int = 0) -> pd.DataFrame:
    """A line per comparison, in its order, with the columns of `compare` for all its clips and `p_holm`: p corrected
    for all comparisons that could be made (Holm 1979). What lacks a result keeps its line, says so in `missing`, and
    has no numbers; results of two versions of a partition, or on other corpora, are not compared either.
    """
    by_name = {(r.row.pipeline, r.row.protocol, r.row.scope): r for r in found if r.row.seed == seed}
    lines = []
    for comparison in comparisons:
        sides = {"first_row": comparison.first, "second_row": comparison.second}
        line = {"question": comparison.question, **{name: ", ".join(side) for name, side in sides.items()}}
        missing = [", ".join(side) for side in sides.values() if side not in by_name]
        if missing:
            lines.append(line | {"missing": "not run: " + "; ".join(missing), "stale": False})
            continue
        pair = [by_name[side] for side in sides.values()]
        if refusal(*pair):
            lines.append(line | {"missing": f"not comparable: {refusal(*pair)}", "stale": False})
            continue
        scores = compare(*pair, by_corpus=False).iloc[0].drop("on").to_dict()
        lines.append(line | {"missing": "", "stale": any(result.stale for result in pair)} | scores)
    numbers = ["first", "second", "difference", "low", "high", "p", "clips", "interval_over"]
    result = pd.DataFrame(lines).reindex(columns=["question", "first_row", "second_row", *numbers, "missing", "stale"])
    tested = result.p.notna()
    result["p_holm"] = np.nan
    if tested.any():
        result.loc[tested, "p_holm"] = multipletests(result.p[tested].astype(float), method="holm")[1]
    return result
