"""Agreement of listeners on what they hear, right or wrong: Fleiss, Randolph, Krippendorff.

With n[i, k] the answers k to item i, n[i] their number, and N the items with two or more (the others say nothing):

- observed agreement of an item: P[i] = Σ_k n[i, k] (n[i, k] − 1) / (n[i] (n[i] − 1)), the share of pairs that agree;
- *Fleiss' kappa* (1971, Psychological Bulletin 76(5)): (P − Pe) / (1 − Pe), where P is the mean of P[i] over items and
  Pe = Σ_k p[k]² with p[k] the share of k among all answers, pooled. With equal n[i] this is Fleiss' formula; with
  unequal numbers every item counts the same in P and every answer the same in Pe;
- *Randolph's free-marginal kappa* (2005): the same with Pe = 1 / classes, for listeners who need not use each answer
  a given number of times. Fleiss' Pe falls as answers spread evenly, Randolph's does not depend on them;
- *Krippendorff's alpha*, nominal (2011): 1 − Do / De, where an item counts in Do with its number of answers and
  De = 1 − Σ_k n[k] (n[k] − 1) / (n (n − 1)); answers may be missing.

Where listeners are drawn, a listener that is drawn twice is not compared with itself: an item's agreeing pairs are
(Σ w)² − Σ w² of the weights w of those who gave the same answer.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from emolabs.listening.answers import MODALITIES
from emolabs.listening.intervals import Draws, bounds
from emolabs.listening.tally import Tally

#: Measure → what it is called.
MEASURES = {
    "fleiss": "Fleiss' kappa",
    "randolph": "Randolph's kappa (free-marginal)",
    "krippendorff": "Krippendorff's alpha (nominal)",
    "observed": "observed agreement",
}


def measure(counts: np.ndarray, *, squares: np.ndarray | None = None, weights: np.ndarray | None = None) -> dict:
    """Every row of `MEASURES` for `counts` [items, classes]: a number each, or an array [draws].

    `counts` may hold sums of listeners' weights, then `squares` [items, classes] holds the sums of their squares;
    `weights` [items] or [draws, items] are those of the items. NaN where nobody can be compared, or all answer alike.
    """
    counts = np.asarray(counts, float)
    squares = counts if squares is None else squares
    number = counts.sum(axis=1)
    pairs = number**2 - squares.sum(axis=1)
    kept = pairs > 1e-9
    weights = kept * (1.0 if weights is None else weights)
    agreeing = (counts**2 - squares).sum(axis=1)
    share = np.divide(agreeing, pairs, out=np.zeros_like(pairs), where=kept)
    named = weights @ counts
    with np.errstate(invalid="ignore", divide="ignore"):
        total, observed = named.sum(axis=-1), weights @ share / weights.sum(axis=-1)
        expected = ((named / total[..., None]) ** 2).sum(axis=-1)
        disagreement = 1 - weights @ (number * share) / total
        by_chance = 1 - (named * (named - 1)).sum(axis=-1) / (total * (total - 1))
        alpha = np.where(by_chance > 1e-12, 1 - disagreement / by_chance, np.nan)
    return {
        "fleiss": _beyond(observed, expected),
        "randolph": _beyond(observed, np.asarray(1 / counts.shape[1])),
        "krippendorff": alpha[()],
        "observed": observed,
    }


def table(tally: Tally, draws: Draws, *, by: str | None = None) -> pd.DataFrame:
    """Every row of `MEASURES` with its interval, for all items or for each value of their column `by`:
    `by, measure, value, low, high, items, answers`."""
    counts, groups = tally.counts(), _groups(tally, by)
    samples = {name: [] for name in groups}
    for drawn, squares, weights in _drawn(tally, draws, counts):
        for name, here in groups.items():
            found = measure(drawn[here], squares=squares[here], weights=weights[:, here])
            samples[name].append(np.column_stack([found[key] for key in MEASURES]))
    rows = []
    for name, here in groups.items():
        found, (low, high) = measure(counts[here]), bounds(np.concatenate(samples[name]))
        facts = {"items": int((counts[here].sum(axis=1) > 1).sum()), "answers": int(counts[here].sum())}
        for key, below, above in zip(MEASURES, low, high, strict=True):
            line = {"measure": key, "value": found[key], "low": below, "high": above}
            rows.append(({by: name} if by else {}) | line | facts)
    return pd.DataFrame(rows)


def majority(tally: Tally, draws: Draws, *, by: str | None = None) -> pd.DataFrame:
    """How often the answer that most listeners gave is the intended emotion.

    A tie is decided by lot: of t emotions that share the most answers, the intended one counts 1 / t. Columns: `by`,
    `accuracy, low, high`, `tied` (share of items with a tie), `tie_lost` and `tie_won` (the accuracy where a tie always
    counts against the intended emotion, and for it), `items`. The listeners are those who were there: the interval is
    over clips, and speakers where votes allow it, as `attrs["over"]` says.
    """
    counts = tally.counts()
    truth = tally.items.emotion.map(tally.labels.index).to_numpy(int)
    most = counts.max(axis=1)
    winners = (counts == most[:, None]).sum(axis=1)
    among = counts[np.arange(len(counts)), truth] == most
    right = np.where(among, 1 / winners, 0.0)
    rows = []
    for group, here in _groups(tally, by).items():
        weights = draws.items[:, here]
        samples = weights @ right[here] / weights.sum(axis=1)
        low, high = bounds(samples)
        sides = {"tie_lost": (among & (winners == 1))[here].mean(), "tie_won": among[here].mean()}
        facts = {"accuracy": right[here].mean(), "low": low, "high": high, "tied": (winners > 1)[here].mean()}
        rows.append(({by: group} if by else {}) | facts | sides | {"items": int(here.sum())})
    table = pd.DataFrame(rows)
    table.attrs["over"] = draws.over if draws.listeners is None else "clips, of the listeners who were there"
    return table


def _groups(tally: Tally, by: str | None) -> dict[str, np.ndarray]:
    """Which items belong to each value of `by` [items]; all to one where that is None."""
    if by is None:
        return {"": np.ones(len(tally.items), bool)}
    values = MODALITIES if by == "modality" else sorted(tally.items[by].dropna().unique())
    found = {name: (tally.items[by] == name).fillna(False).to_numpy(bool) for name in values}
    return {name: here for name, here in found.items() if here.any()}


def _beyond(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(1 - expected > 1e-12, (observed - expected) / (1 - expected), np.nan)[()]


def _drawn(tally: Tally, draws: Draws, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Counts and sums of squares [items, classes] with the items' weights [draws, items]: draw by draw, or, where no
    listeners are drawn and the counts stay as they are, at once."""
    if draws.listeners is None:
        yield counts, counts, draws.items
        return
    cells = tally.rows.item.to_numpy() * len(tally.labels) + tally.rows.answer.to_numpy()
    for weights, items in zip(draws.listeners, draws.items, strict=True):
        each = weights.take(tally.rows.listener.to_numpy())
        sums = [np.bincount(cells, w, minlength=counts.size).reshape(counts.shape) for w in (each, each**2)]
        yield *sums, items[None]
