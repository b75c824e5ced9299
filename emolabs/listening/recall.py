"""Recall: how often the intended emotion is named, by emotion, source or any other column, with intervals.

Conventions: shares lie in 0–1. `uar` is the mean of the recalls of the emotions, `accuracy` the share of all answers.
Every interval is the bootstrap of `intervals`; Wilson's stands beside it to show what it leaves out.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from emolabs.experiments import metrics
from emolabs.listening.intervals import Draws, bounds, confusions, wilson
from emolabs.listening.tally import Tally


def by_emotion(tally: Tally, draws: Draws, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Recall of each emotion in each group: the columns `by`, `emotion, recall, low, high, wilson_low, wilson_high,
    answers, clips, listeners` (missing for votes)."""
    found = confusions(tally, draws, by=by)
    recall = metrics.from_confusion(found.total)["recall"]
    low, high = bounds(metrics.from_confusion(found.samples)["recall"])
    answers, hits = found.total.sum(axis=-1), np.diagonal(found.total, axis1=-2, axis2=-1)
    columns = {"recall": recall, "low": low, "high": high}
    columns |= dict(zip(["wilson_low", "wilson_high"], wilson(hits, answers), strict=True)) | {"answers": answers}
    table = found.groups.loc[found.groups.index.repeat(len(tally.labels))].reset_index(drop=True)
    table["emotion"] = np.tile(tally.labels, len(found.groups))
    table = table.assign(**{name: values.reshape(-1) for name, values in columns.items()})
    return _counted(table[table.answers > 0], tally, by=[*by, "emotion"])


def overall(tally: Tally, draws: Draws, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Accuracy and UAR of each group: the columns `by`, `accuracy, accuracy_low, accuracy_high`, the same for `uar`,
    `emotions` (how many the UAR averages), `answers, clips, listeners` (missing for votes)."""
    found = confusions(tally, draws, by=by)
    values, samples = metrics.from_confusion(found.total), metrics.from_confusion(found.samples)
    table = found.groups.reset_index(drop=True)
    for name in ("accuracy", "uar"):
        low, high = bounds(samples[name])
        table = table.assign(**{name: values[name], f"{name}_low": low, f"{name}_high": high})
    meant = found.total.sum(axis=-1)
    return _counted(table.assign(emotions=(meant > 0).sum(axis=-1), answers=meant.sum(axis=-1)), tally, by=by)


def grouped(tally: Tally, column: str, *, smallest: int) -> Tally:
    """The tally with listeners grouped by `column` so that no group has fewer than `smallest` of them.

    What a listener did not say is «not given». Small groups are put together, from the smallest on, as «other»; where
    even that stays small, the next larger group joins it, so that nothing can be had by subtraction from the total; and
    where one group is left there is nothing to compare: every value is missing and nothing is reported.
    """
    given = tally.listeners[column].astype(object).where(tally.listeners[column].notna(), "not given").astype(str)
    sizes = given.value_counts().sort_index().sort_values(kind="stable")
    pooled, people = [], 0
    for name, size in sizes.items():
        if size >= smallest and not 0 < people < smallest:
            continue
        pooled, people = [*pooled, name], people + size
    names = given.where(~given.isin(pooled), "other")
    names = names if names.nunique() > 1 else pd.Series(pd.NA, index=names.index)
    return replace(tally, listeners=tally.listeners.assign(**{column: names}))


def _counted(table: pd.DataFrame, tally: Tally, *, by: Sequence[str]) -> pd.DataFrame:
    """`table` with how many clips and listeners each of its rows rests on."""
    table = table.assign(answers=table.answers.astype(int))
    known = tally.listeners is not None
    rows = pd.DataFrame({name: tally.column(name).to_numpy() for name in by})
    rows = rows.assign(clips=tally.column("path").to_numpy(), listeners=tally.rows.listener.to_numpy())
    if not len(by):
        numbers = pd.DataFrame({name: [rows[name].nunique()] for name in ("clips", "listeners")})
        table = pd.concat([table.reset_index(drop=True), numbers], axis=1)
    else:
        numbers = rows.groupby(list(by), observed=True)[["clips", "listeners"]].nunique().reset_index()
        table = table.merge(numbers, on=list(by), how="left")
    return table if known else table.assign(listeners=pd.NA)
