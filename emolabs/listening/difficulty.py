"""Difficulty: the share of listeners who name the intended emotion of a clip, and what a model says of the same clip.

The share is an anchor of how hard a clip is that owes nothing to any model. It rests on as many answers as the clip
has, so that even a model that knew the clips' true difficulty would not correlate fully with it: `reliability` is the
share of its variance that is not chance of who happened to listen.
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from emolabs.listening.intervals import Draws, bounds
from emolabs.listening.tally import Tally


def clips(tally: Tally) -> pd.DataFrame:
    """The items of `tally` with `hits`, `answers` and `share`: of the answers to it, those that name its emotion."""
    counts = tally.counts()
    hits = counts[np.arange(len(counts)), tally.items.emotion.map(tally.labels.index).to_numpy(int)]
    return tally.items.assign(
        hits=hits.astype(int), answers=counts.sum(axis=1).astype(int), share=hits / counts.sum(axis=1)
    )


def spread(table: pd.DataFrame) -> dict[str, float]:
    """How much clips differ in difficulty, beyond the chance of who listened, from `clips`.

    With p the share of a clip and n its answers, p (1 − p) / (n − 1) estimates the variance of p around the clip's own
    difficulty without bias; what is left of the variance between clips within an emotion is `sd`, in shares, and
    `reliability` its part of the whole. Clips with one answer do not count.
    """
    several = table[table.answers > 1]
    noise = (several.share * (1 - several.share) / (several.answers - 1)).mean()
    within = several.groupby("emotion").share
    freedom = len(several) - several.emotion.nunique()
    total = ((several.share - within.transform("mean")) ** 2).sum() / freedom if freedom > 0 else np.nan
    own = max(total - noise, 0.0)
    return {"sd": float(np.sqrt(own)), "reliability": float(own / total) if total > 0 else float("nan")}


def beside(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Those rows of `clips` of which a model has a prediction, with `model`: the probability it gives the intended
    emotion, and `named`: its answer. `item` is the row's number in `table`."""
    scored = predictions.drop_duplicates("path")
    probability = [row[f"p_{row['emotion']}"] for row in scored.to_dict("records")]
    scored = pd.DataFrame({"path": scored.path.to_numpy(), "model": probability, "named": scored.prediction.to_numpy()})
    return table.assign(item=np.arange(len(table))).merge(scored, on="path").sort_values("item", ignore_index=True)


def relation(both: pd.DataFrame, draws: Draws) -> dict[str, float]:
    """Spearman's correlation of the listeners' share and the model's probability of `beside`, over clips (and speakers,
    where `draws` has them): `correlation, low, high, clips`. The ranks are those of all clips in every draw."""
    share, model = rankdata(both.share), rankdata(both.model)
    value = _correlation(share, model, np.ones((1, len(both))))[0]
    low, high = bounds(_correlation(share, model, draws.items[:, both["item"].to_numpy()]))
    return {"correlation": float(value), "low": float(low), "high": float(high), "clips": len(both)}


def _correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted correlations [draws] of x and y [clips]."""
    total = weights.sum(axis=1)
    mx, my = weights @ x / total, weights @ y / total
    covariance = weights @ (x * y) / total - mx * my
    variances = (weights @ (x * x) / total - mx**2) * (weights @ (y * y) / total - my**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return covariance / np.sqrt(variances)
