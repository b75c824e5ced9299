"""Behaviour: what position, response time and confidence say beside right or wrong. All of it needs listeners.

Conventions: positions count from 1, blocks hold `BLOCK` trials; a time in seconds runs from the end of the first
playback, and answers before it (negative times) are left out of the times and counted. Confidence is a grade from 1 to
5, no probability: it is calibrated here in so far as answers of a higher grade are right more often.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from emolabs.listening.intervals import Draws, bounds, confusions, means
from emolabs.listening.tally import Tally

BLOCK = 10


def has(tally: Tally, column: str) -> bool:
    """Whether any answer says `column` (position, confidence or response_time_s)."""
    return column in tally.rows and bool(tally.rows[column].notna().any())


def learning(tally: Tally, draws: Draws) -> tuple[pd.DataFrame, dict[str, float]]:
    """Accuracy over the positions of a trial, and its trend.

    Positions are ranks of the trials of a listener, so that checks between them do not count. Returns a table
    `first, last, accuracy, low, high, answers` per block, and the trend `slope, low, high`: the least-squares slope of
    accuracy per `BLOCK` trials. Orders are random, so that clips and positions are unrelated.
    """
    place = tally.rows.groupby("listener").position.rank(method="first").to_numpy()
    placed = replace(tally, rows=tally.rows.assign(block=(place - 1) // BLOCK))  # a missing place stays missing
    right = (tally.rows.truth == tally.rows.answer).to_numpy(float)
    right[np.isnan(place)] = np.nan  # or the moments below would be of different answers
    found = means(placed, draws, right, by=["block"])
    low, high = bounds(found.samples)
    first = found.groups.block.to_numpy(int) * BLOCK + 1
    table = pd.DataFrame({"first": first, "last": first + BLOCK - 1, "accuracy": found.total, "low": low, "high": high})
    table["answers"] = placed.rows.block.value_counts().reindex(found.groups.block).to_numpy(int)
    moments = [means(placed, draws, values) for values in (place, right, place**2, place * right)]
    low, high = bounds(_slope(*(moment.samples[:, 0] for moment in moments)))
    slope = _slope(*(moment.total[0] for moment in moments))
    return table, {"slope": float(slope), "low": float(low), "high": float(high)}


def times(tally: Tally, draws: Draws) -> pd.DataFrame:
    """Geometric mean of the response time of right and wrong answers to each emotion: `emotion, right, seconds, low,
    high, answers`, and in `attrs["early"]` how many answers came before the clip had ended."""
    seconds = tally.rows.response_time_s.to_numpy(float)
    logs = np.log(np.where(seconds > 0, seconds, np.nan))
    marked = _marked(tally)
    found = means(marked, draws, logs, by=["emotion", "right"])
    low, high = bounds(found.samples)
    table = found.groups.assign(seconds=np.exp(found.total), low=np.exp(low), high=np.exp(high))
    there = marked.rows.assign(emotion=marked.column("emotion"))[~np.isnan(logs)]
    sizes = there.groupby(["emotion", "right"]).size().rename("answers").reset_index()
    table = table.merge(sizes, on=["emotion", "right"], how="left")
    table.attrs["early"] = int((seconds <= 0).sum())
    return table


def confidence(tally: Tally, draws: Draws) -> tuple[pd.DataFrame, dict[str, float]]:
    """Accuracy by grade of confidence, and how well confidence tells right from wrong.

    Returns a table `confidence, accuracy, low, high, answers`, and `auc, low, high`: the probability that a right
    answer was given with more confidence than a wrong one, ties counting one half (0.5: confidence says nothing).
    """
    marked = _marked(tally)
    grades = marked.rows.confidence
    found = confusions(marked, draws, by=["confidence", "right"])
    total, samples = (part.sum(axis=(-2, -1)) for part in (found.total, found.samples))
    levels = np.sort(grades.dropna().unique())
    cells = np.zeros((2, len(levels))), np.zeros((2, len(samples), len(levels)))
    for group, row in enumerate(found.groups.itertuples()):
        where = int(row.right), int(np.searchsorted(levels, row.confidence))
        cells[0][where] = total[group]
        cells[1][where[0], :, where[1]] = samples[:, group]
    (wrong, right), (drawn_wrong, drawn_right) = cells
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = bounds(drawn_right / (drawn_right + drawn_wrong))
        accuracy = right / (right + wrong)
    table = pd.DataFrame({"confidence": levels.astype(int), "accuracy": accuracy, "low": low, "high": high})
    table["answers"] = (right + wrong).astype(int)
    low, high = bounds(_auc(drawn_right, drawn_wrong))
    return table, {"auc": float(_auc(right, wrong)), "low": float(low), "high": float(high)}


def _marked(tally: Tally) -> Tally:
    """The tally whose rows say whether they are right."""
    return replace(tally, rows=tally.rows.assign(right=tally.rows.truth == tally.rows.answer))


def _slope(x, y, xx, xy) -> np.ndarray:
    return BLOCK * (xy - x * y) / (xx - x**2)


def _auc(right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """From answers by grade, both [..., grades]."""
    below = np.cumsum(wrong, axis=-1) - wrong
    with np.errstate(invalid="ignore", divide="ignore"):
        return (right * (below + wrong / 2)).sum(axis=-1) / (right.sum(axis=-1) * wrong.sum(axis=-1))
