"""Intervals for answers of listeners: a bootstrap that draws listeners *and* clips.

Answers of one listener resemble each other, and so do answers to one clip; an interval that takes answers for
independent draws (Wilson's, below, for the contrast) says nothing about other listeners or other clips. Here every draw
gives each listener and each clip a weight, and an answer counts with the product of both: the pigeonhole bootstrap of
Owen (2007, Annals of Applied Statistics 1(2), doi 10.1214/07-AOAS122), which errs on the wide side where neither
listeners nor clips differ, because no bootstrap of two crossed factors is exact (McCullagh 2000, Bernoulli 6(2)).

Clips are drawn within emotion × corpus, since the design fixes how many there are of each. Of the n units of a stratum
n − 1 are drawn and weighted by n / (n − 1), which keeps the variance of a mean of few units unbiased (Rao & Wu 1988,
JASA 83(401)). Where nobody knows the listeners (votes), speakers are drawn within their corpus, and the clips of each
speaker within an emotion: an interval for other speakers with other clips of theirs, and for the same crowd. Of too
few speakers clips are drawn, as in `emolabs.experiments.metrics`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from emolabs.experiments.metrics import FEWEST_SPEAKERS
from emolabs.listening.answers import MODALITIES
from emolabs.listening.tally import Tally

DRAWS = 1000
_NORMAL_97_5 = 1.959963984540054


@dataclass(frozen=True)
class Draws:
    """Bootstrap weights: `items` [draws, items], `listeners` [draws, listeners] or None; `over` says of whom."""

    over: str
    items: np.ndarray
    listeners: np.ndarray | None

    def answers(self, tally: Tally) -> Iterator[np.ndarray]:
        """The weight of each row of `tally`, its count included, draw by draw."""
        item, listener, count = (tally.rows[name].to_numpy() for name in ("item", "listener", "count"))
        for number, weights in enumerate(self.items):
            each = weights.take(item) * count
            yield each if self.listeners is None else each * self.listeners[number].take(listener)


def draw(tally: Tally, *, draws: int = DRAWS, seed: int = 0) -> Draws:
    """Weights for `draws` bootstrap samples of a tally; an item's clip has the same weight in every modality."""
    generator = np.random.default_rng(seed)
    clips, item_clip = np.unique(tally.items.path.astype(str), return_inverse=True)
    facts = tally.items.assign(unit=item_clip).drop_duplicates("unit").sort_values("unit")
    if tally.listeners is not None:
        people = resample(len(tally.listeners), draws=draws, generator=generator)
        weights = _stratified(_strata(facts), draws=draws, generator=generator)
        return Draws("listeners and clips", weights[:, item_clip], people)
    if facts.speaker.isna().any() or facts.speaker.nunique() < FEWEST_SPEAKERS:
        return Draws("clips", _stratified(_strata(facts), draws=draws, generator=generator)[:, item_clip], None)
    return Draws("speakers and clips", _nested(facts, draws=draws, generator=generator)[:, item_clip], None)


def resample(size: int, *, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Bootstrap weights [draws, size] of the units of a stratum, of mean one and variance one (Rao & Wu 1988).

    A single unit keeps its weight, since nothing says how it would vary.
    """
    if size < 2:
        return np.ones((draws, size))
    return generator.multinomial(size - 1, np.full(size, 1 / size), draws) * (size / (size - 1))


def bounds(samples: np.ndarray) -> np.ndarray:
    """The 95 % percentile interval [2, ...] of values [draws, ...]; a NaN (an empty cell) does not count."""
    empty = np.isnan(samples).all(axis=0)
    filled = np.where(empty, 0.0, samples)
    if np.isnan(filled).any():
        found = np.nanpercentile(filled, [2.5, 97.5], axis=0)
    else:
        found = np.percentile(filled, [2.5, 97.5], axis=0)
    return np.where(empty, np.nan, found)


def with_bounds(value: float, samples: np.ndarray, *, name: str = "") -> dict[str, float]:
    """A value and the `bounds` of its `samples` [draws]: `value, low, high`, or with a `name` `<name>, <name>_low,
    <name>_high`; all missing where the value is."""
    keys = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    values = [np.nan] * 3 if np.isnan(value) else map(float, (value, *bounds(samples)))
    return dict(zip(keys, values, strict=True))


def wilson(hits: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of Wilson's 95 % score interval (1927, JASA 22(158)) for `hits` of independent `answers`."""
    hits, answers = np.asarray(hits, float), np.asarray(answers, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share, z2 = hits / answers, _NORMAL_97_5**2
        middle = (share + z2 / (2 * answers)) / (1 + z2 / answers)
        half = _NORMAL_97_5 * np.sqrt(share * (1 - share) / answers + z2 / (4 * answers**2)) / (1 + z2 / answers)
    return middle - half, middle + half


@dataclass(frozen=True)
class Sums:
    """Weighted sums by group: `groups` has a row per group, `total` [groups, ...], `samples` [draws, groups, ...]."""

    groups: pd.DataFrame
    total: np.ndarray
    samples: np.ndarray


def confusions(tally: Tally, draws: Draws, *, by: Sequence[str] = ()) -> Sums:
    """Confusion matrices [..., truth, answer] of each group of equal values in the columns `by`, as they are and drawn.

    Rows with a missing value in a column of `by` belong to no group.
    """
    classes = len(tally.labels)
    groups, number = _groups(tally, by)
    cells = (number * classes + tally.rows.truth.to_numpy()) * classes + tally.rows.answer.to_numpy()
    shape = len(groups), classes, classes
    return Sums(groups, *_sums(tally, draws, cells=np.where(number < 0, -1, cells), shape=shape))


def means(tally: Tally, draws: Draws, values: np.ndarray, *, by: Sequence[str] = ()) -> Sums:
    """Means of `values` [rows] over the answers of each group; a missing value does not count."""
    groups, number = _groups(tally, by)
    there = ~np.isnan(values)
    cells = np.where((number < 0) | ~there, -1, number)
    weights, drawn = _sums(tally, draws, cells=cells, shape=(len(groups),))
    total, samples = _sums(tally, draws, cells=cells, shape=(len(groups),), values=np.where(there, values, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Sums(groups, total / weights, samples / drawn)


def _sums(tally: Tally, draws: Draws, *, cells: np.ndarray, shape: tuple, values=1.0) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums of `values` in cells 0 …, as they are and drawn; a cell of -1 is no cell."""
    size, cells = int(np.prod(shape)), cells + 1
    counted = tally.rows["count"].to_numpy() * values
    total = np.bincount(cells, counted, minlength=size + 1)[1:]
    if draws.listeners is None:  # rows of one item have one weight: a product of matrices
        there = np.flatnonzero(cells)
        places = cells[there] - 1, tally.rows.item.to_numpy()[there]
        matrix = csr_matrix((counted[there], places), shape=(size, len(tally.items)))
        return total.reshape(shape), (matrix @ draws.items.T).T.reshape(len(draws.items), *shape)
    samples = np.empty((len(draws.items), size))
    for number, weights in enumerate(draws.answers(tally)):
        samples[number] = np.bincount(cells, weights * values, minlength=size + 1)[1:]
    return total.reshape(shape), samples.reshape(len(samples), *shape)


def _groups(tally: Tally, by: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """The groups, sorted, and the group of each row (-1: none)."""
    if not len(by):
        return pd.DataFrame(index=[0]), np.zeros(len(tally.rows), int)
    table = pd.DataFrame({name: tally.column(name).to_numpy() for name in by})
    if "modality" in table:
        table["modality"] = pd.Categorical(table.modality, MODALITIES)
    grouped = table.groupby(list(by), sort=True, dropna=True, observed=True)
    number = grouped.ngroup().fillna(-1).to_numpy(int)
    groups = grouped.size().reset_index()[list(by)]
    return groups.astype({"modality": str}) if "modality" in groups else groups, number


def _strata(clips: pd.DataFrame) -> np.ndarray:
    """Emotion × corpus of each clip; the emotion alone, where one of its cells has a single clip."""
    cell = clips.emotion.astype(str) + "/" + clips.corpus.astype(str)
    lonely = set(clips.emotion[cell.map(cell.value_counts()) < 2])
    return np.where(clips.emotion.isin(lonely), clips.emotion.astype(str), cell)


def _stratified(strata: np.ndarray, *, draws: int, generator: np.random.Generator) -> np.ndarray:
    weights = np.empty((draws, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        weights[:, members] = resample(len(members), draws=draws, generator=generator)
    return weights


def _nested(clips: pd.DataFrame, *, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Weights of clips where speakers are drawn within corpora, and of each drawn speaker the clips of each emotion."""
    speakers, speaker = np.unique(clips.speaker.astype(str), return_inverse=True)
    corpus = clips.groupby(speaker).corpus.first().astype(str).to_numpy()
    drawn, scale = np.empty((draws, len(speakers)), int), np.ones(len(speakers))
    for name in np.unique(corpus):
        members = np.flatnonzero(corpus == name)
        size = len(members)
        drawn[:, members] = generator.multinomial(max(size - 1, 1), np.full(size, 1 / size), draws)
        scale[members] = size / max(size - 1, 1)
    weights = np.empty((draws, len(clips)))
    cells = clips.assign(speaker=speaker, place=np.arange(len(clips))).groupby(["speaker", "emotion"], sort=True).place
    for (who, _), places in cells:
        size = len(places)
        copies = generator.multinomial(size * drawn[:, who], np.full(size, 1 / size))
        weights[:, places] = copies * scale[who]
    return weights
