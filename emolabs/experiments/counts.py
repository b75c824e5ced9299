"""Hits by speaker and emotion: all that a UAR, its interval and a paired difference need of a side's predictions.

Conventions: counts are a table with a row per evaluated speaker and emotion: `corpus, speaker, emotion, clips, hits`.
Several measurements of the same clips are resampled together, as in `paired`: every draw takes the same speakers,
within their corpora, for all of them. Scores are shares in 0–1.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emolabs.experiments import metrics, paired

UNITS = ["corpus", "speaker", "emotion"]


def count(predictions: pd.DataFrame) -> pd.DataFrame:
    """Counts of predictions with the columns `corpus, speaker, emotion, prediction`, sorted."""
    hits = (predictions.prediction == predictions.emotion).groupby([predictions[unit] for unit in UNITS])
    return hits.agg(["size", "sum"]).set_axis(["clips", "hits"], axis=1).astype("int32").reset_index()


def bootstrap(measurements: Sequence[pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    """UAR of each of several counts of the same clips: values [measurements], bootstrap [resamples, measurements].

    Under `metrics.FEWEST_SPEAKERS` speakers there is nothing to resample, and the bootstrap is NaN.
    Raises `ValueError` where the measurements are not of the same clips.
    """
    tables = [table.set_index(UNITS)[["clips", "hits"]].sort_index() for table in measurements]
    support = tables[0].clips
    for table in tables[1:]:
        if not table.clips.equals(support):
            raise ValueError("expected counts of the same evaluated clips, found others: compare within one partition")
    columns = np.stack([support, *(table.hits for table in tables)], axis=1)  # [rows, 1 + measurements]
    emotion, names = pd.factorize(support.index.get_level_values("emotion"), sort=True)
    units = pd.MultiIndex.from_arrays([support.index.get_level_values(unit) for unit in UNITS[1::-1]])
    speaker, speakers = pd.factorize(units, sort=True)
    matrices = np.zeros((len(speakers), len(names), columns.shape[1]))
    np.add.at(matrices, (speaker, emotion), columns)
    values = _uar(matrices.sum(axis=0))
    if len(speakers) < metrics.FEWEST_SPEAKERS:
        return values, np.full((metrics.RESAMPLES, len(values)), np.nan)
    strata = pd.factorize(speakers.get_level_values(1), sort=True)[0]
    return values, _uar(metrics.resampled(matrices, strata=strata))


def _uar(totals: np.ndarray) -> np.ndarray:
    """UAR [..., measurements] of totals [..., emotions, 1 + measurements], of which the first are the clips."""
    support, hits = totals[..., :1], totals[..., 1:]
    there = support > 0
    recall = np.divide(hits, support, out=np.zeros_like(hits), where=there)
    return recall.sum(axis=-2) / there.sum(axis=-2)


def bounds(samples: np.ndarray) -> tuple[float, float]:
    """Ends of the 95 % interval of bootstrap samples [resamples]; NaN where there are none."""
    drawn = paired.bounds(samples)
    return float(drawn["low"]), float(drawn["high"])


def difference(value: float, drawn: np.ndarray, *, clips: int) -> dict:
    """`low`, `high`, `p` and `interval_over` of a difference and its bootstrap [resamples] of so many clips, as
    `paired.spread` has them; NaN where too few speakers were there to resample."""
    if np.isnan(drawn).any():
        return dict.fromkeys(("low", "high", "p"), float("nan")) | {"interval_over": "speakers"}
    return paired.spread(np.append(value, drawn), clips=clips, over="speakers")
