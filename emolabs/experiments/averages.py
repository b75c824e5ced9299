"""Means over clips of anything that is measured on each, with intervals over speakers."""

import warnings

import numpy as np
import pandas as pd

from emolabs.experiments import metrics


def averages(clips: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The mean of each of `columns` over `clips`, and its 95 % interval: a line per column.

    `clips` has `id, corpus, speaker` beside them; a clip without a value does not count. Speakers are drawn within
    their corpora, or clips where speakers are too few, as for scores (`metrics.units_of`). Returns `measure, value,
    low, high, clips, speakers, interval_over`.
    """
    over, units = metrics.units_of(clips)
    _, first, number = np.unique(units.to_numpy(), return_index=True, return_inverse=True)
    values = clips[columns].to_numpy(float)
    there = ~np.isnan(values)
    sums = np.zeros((len(first), 2, len(columns)))
    np.add.at(sums, number, np.stack([np.where(there, values, 0), there], axis=1))
    strata = pd.factorize(clips.corpus.iloc[first], sort=True)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        value, drawn = (s[..., 0, :] / s[..., 1, :] for s in (sums.sum(axis=0), metrics.drawn(sums, strata=strata)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN slice encountered")  # of what no clip here has
        low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    speakers = [clips.speaker[known].nunique() for known in there.T]
    facts = {"clips": there.sum(axis=0), "speakers": speakers, "interval_over": over}
    return pd.DataFrame({"measure": columns, "value": value, "low": low, "high": high, **facts})
