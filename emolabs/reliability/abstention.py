"""Abstention: a model that answers only where it is sure enough, and what that promises to people it has not heard.

Conventions: a clip is answered where its confidence (the largest probability) reaches a threshold. Coverage is the
share of clips answered, risk the share of wrong answers among these, both in 0–1. Clips of equal confidence are
answered together or not at all.
"""

import numpy as np
import pandas as pd

from emolabs.reliability.calibration import Answers, Draws, bounds, draw

#: Accuracies of the answered clips for which thresholds are chosen on the validation side.
TARGETS = (0.7, 0.8, 0.9, 0.95)
#: Fewer answers than these on the validation side say nothing about a threshold.
FEWEST_ANSWERS = 30
#: Resamples that the interval of an area rests on: each has to be added up in the order of confidence.
AREA_RESAMPLES = 500


def curve(confidence: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and risk of every threshold that confidences [clips] give, from the fewest answers to all of them."""
    order = np.argsort(-confidence, kind="stable")
    last = _last_of_equals(confidence[order])
    wrong = np.cumsum(~hits[order])[last]
    answered = last + 1
    kept = np.append(last[:-1] != last[1:], True)
    return (answered / len(order))[kept], (wrong / answered)[kept]


def area(confidence: np.ndarray, hits: np.ndarray, *, draws: Draws | None = None) -> float | np.ndarray:
    """Area under the risk–coverage curve (AURC, Geifman et al. 2019): the mean over clips of the risk at the coverage
    that the clip's confidence gives; less is better, and if confidence said nothing it would be the error rate.

    With `draws` that of each of the first `AREA_RESAMPLES` resamples.
    """
    order = np.argsort(-confidence, kind="stable")
    last, wrong = _last_of_equals(confidence[order]), (~hits[order]).astype(float)
    weights = np.ones((1, len(order))) if draws is None else draws.weights[:AREA_RESAMPLES]
    unit = np.arange(len(order)) if draws is None else draws.unit[order]
    areas = np.empty(len(weights))
    for i, row in enumerate(weights):
        weight = row[unit]
        answered = np.cumsum(weight)[last]
        risk = np.divide(np.cumsum(weight * wrong)[last], answered, out=np.zeros(len(order)), where=answered > 0)
        areas[i] = weight @ risk / weight.sum()
    return float(areas[0]) if draws is None else areas


def threshold(confidence: np.ndarray, hits: np.ndarray, *, target: float) -> float:
    """The lowest threshold whose answers, at least `FEWEST_ANSWERS`, are right in a share `target` of the cases.

    NaN where there is none: such a model can promise nothing and never answers.
    """
    order = np.argsort(-confidence, kind="stable")
    last = _last_of_equals(confidence[order])
    accuracy = np.cumsum(hits[order])[last] / (last + 1)
    enough = np.flatnonzero((accuracy >= target) & (last + 1 >= FEWEST_ANSWERS))
    return float(confidence[order][enough[-1]]) if len(enough) else float("nan")


def promise(said: Answers, *, thresholds: np.ndarray, target: float) -> dict:
    """What comes of a promise on clips it was not chosen on: `accuracy` of the answered clips and `coverage`, each with
    95 % bounds, and a `verdict`: kept or broken where the whole interval is on that side of `target`, else undecided.

    `thresholds` [clips] are those of each clip's fold; of NaN no clip is answered.
    """
    draws, hits = draw(said.clips), said.hits
    answered = said.confidence >= thresholds  # no number is as large as NaN
    sums = draws.sums(np.column_stack([answered, answered & hits, np.ones(len(hits))]).astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = {"accuracy": sums[:, 1] / sums[:, 0], "coverage": sums[:, 0] / sums[:, 2]}
    values = {"accuracy": hits[answered].mean() if answered.any() else np.nan, "coverage": answered.mean()}
    line = {"target": target, "clips": len(hits), "answered": int(answered.sum()), "interval_over": draws.over}
    for name, value in values.items():
        low, high = bounds(samples[name]) if answered.any() else (np.nan, np.nan)
        line |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
    return line | {"verdict": _verdict(line)}


def promises(said: Answers, *, thresholds: dict[int, float], target: float) -> pd.DataFrame:
    """`promise` for all clips (`overall`) and for each corpus (`on`); `thresholds` by fold."""
    of_clip = said.clips.fold.map(thresholds).to_numpy(float)
    lines = [{"on": "overall", **promise(said, thresholds=of_clip, target=target)}]
    for corpus in sorted(said.clips.corpus.unique()):
        chosen = (said.clips.corpus == corpus).to_numpy()
        lines.append({"on": corpus, **promise(said.of(chosen), thresholds=of_clip[chosen], target=target)})
    return pd.DataFrame(lines)


def areas(said: Answers) -> dict:
    """`aurc` with its bounds, and `error`: what it would be if confidence said nothing."""
    draws = draw(said.clips)
    low, high = bounds(area(said.confidence, said.hits, draws=draws))
    return {"aurc": area(said.confidence, said.hits), "aurc_low": low, "aurc_high": high, "error": 1 - said.hits.mean()}


def _verdict(line: dict) -> str:
    if not line["answered"]:
        return "no answers"
    if line["accuracy_low"] >= line["target"]:
        return "kept"
    return "broken" if line["accuracy_high"] < line["target"] else "undecided"


def _last_of_equals(ordered: np.ndarray) -> np.ndarray:
    """Of each place in `ordered` the last place with the same value."""
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return ends[np.searchsorted(ends, np.arange(len(ordered)))]
