"""Response bias: a recall that takes into account how often an emotion is answered at all.

Who answers «neutral» to everything recognizes every neutral clip. Wagner's unbiased hit rate (1993, Journal of
Nonverbal Behavior 17(1), doi 10.1007/BF00987006) multiplies the recall of an emotion with its precision:

    Hu = hits² / (answers to clips of the emotion × answers that name it)

and is compared with the product of the two shares, which is what answers without any hearing would reach:

    chance = (answers to clips of the emotion / all) × (answers that name it / all)
"""

import numpy as np
import pandas as pd

from emolabs.listening.intervals import Draws, bounds, confusions
from emolabs.listening.tally import Tally


def unbiased(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wagner's unbiased hit rate and its chance level, both [..., classes], of counts [..., intended, answer].

    An emotion that was never meant has neither (NaN); one that is never named has a hit rate of 0.
    """
    confusion = np.asarray(confusion, float)
    meant, named = confusion.sum(axis=-1), confusion.sum(axis=-2)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    total = confusion.sum(axis=(-2, -1))[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(meant > 0, np.where(named > 0, hits**2 / (meant * named), 0.0), np.nan)
        chance = np.where(meant > 0, meant * named / total**2, np.nan)
    return rate, chance


def table(tally: Tally, draws: Draws, *, by: str | None = None) -> pd.DataFrame:
    """Per emotion (and value of `by`): `recall, precision`, `unbiased, low, high, chance`, `meant` and `named` (shares
    of all answers) and `above, above_low, above_high`: the unbiased hit rate less its chance, with its interval."""
    found = confusions(tally, draws, by=[by] if by else [])
    rate, chance = unbiased(found.total)
    drawn, drawn_chance = unbiased(found.samples)
    (low, high), above = bounds(drawn), bounds(drawn - drawn_chance)
    rows = []
    for group in range(len(found.groups)):
        confusion = found.total[group]
        meant, named, total = confusion.sum(axis=1), confusion.sum(axis=0), confusion.sum()
        for k in np.flatnonzero(meant):
            hits = confusion[k, k]
            row = {"recall": hits / meant[k], "precision": hits / named[k] if named[k] else np.nan}
            row |= {"unbiased": rate[group, k], "low": low[group, k], "high": high[group, k]}
            row |= {"chance": chance[group, k], "above": rate[group, k] - chance[group, k]}
            row |= {"above_low": above[0][group, k], "above_high": above[1][group, k]}
            row |= {"meant": meant[k] / total, "named": named[k] / total}
            rows.append(dict(found.groups.iloc[group]) | {"emotion": tally.labels[k]} | row)
    return pd.DataFrame(rows)
