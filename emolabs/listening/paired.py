"""Scores of listeners and pipelines on the same clips, their differences, and tests of them.

Conventions. A *judge* is whoever answers: `LISTENERS` (each answer counts), `MAJORITY` (the answer of most listeners,
as if it were one listener) or a pipeline. What a judge answered is a table of confusions per listener and clip,
[listeners, clips, truth, answer], from which every score follows.

Intervals are 95 % percentile intervals of a bootstrap that draws speakers with all their clips, within corpora, and
independently of them the listeners, where these are told apart (Owen and Eckles 2012, doi 10.1214/12-AOAS547: the
weights of a product bootstrap are products); one draw serves all judges, so that differences are paired. Under
`metrics.FEWEST_SPEAKERS` speakers it draws clips, and the interval does not cover new speakers.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from emolabs.experiments import metrics
from emolabs.listening.machine import ANOTHER, Shared

LISTENERS, MAJORITY = "listeners", "majority"
RESAMPLES, SWAPS = 1000, 9999
SCORES = ("accuracy", "uar")


@dataclass(frozen=True)
class Weights:
    """How often the bootstrap drew each clip [resamples, clips] and each listener [resamples, listeners]."""

    clips: np.ndarray
    listeners: np.ndarray
    over: str  # speakers or clips, and listeners where they were drawn


def draw(shared: Shared, *, seed: int = 0) -> Weights:
    """The weights of `RESAMPLES` bootstrap samples."""
    random = np.random.default_rng(seed)
    unit, name = units(shared)
    strata = pd.factorize(shared.clips.corpus)[0]
    clips = np.zeros((RESAMPLES, len(shared.clips)), dtype=np.float32)
    for stratum in np.unique(strata):
        members = np.unique(unit[strata == stratum])
        drawn = random.multinomial(len(members), np.full(len(members), 1 / len(members)), RESAMPLES)
        inside = strata == stratum
        clips[:, inside] = drawn[:, np.searchsorted(members, unit[inside])]
    number = len(shared.given)
    listeners = np.ones((RESAMPLES, number), dtype=np.float32)
    if shared.are_known:
        listeners = random.multinomial(number, np.full(number, 1 / number), RESAMPLES).astype(np.float32)
    return Weights(clips, listeners, f"{name} and listeners" if shared.are_known else name)


def units(shared: Shared) -> tuple[np.ndarray, str]:
    """What is drawn or swapped as a whole: a number per clip [clips], and the word for it (speakers or clips)."""
    many = shared.clips.speaker.nunique() >= metrics.FEWEST_SPEAKERS
    return (pd.factorize(shared.clips.speaker)[0], "speakers") if many else (np.arange(len(shared.clips)), "clips")


def judges(shared: Shared, *, against: str = "intended") -> dict[str, np.ndarray]:
    """The confusions [listeners, clips, truth, answer] of every judge, against the `intended` or the `perceived` label.

    The perceived label is the answer of most listeners; a clip on which several are tied has none and is left out. A
    listener is scored against the others alone: an answer against the label that the clip would have without it.
    """
    if against == "intended":
        truth = np.eye(len(shared.choices))[shared.truth]
        listeners = truth[None, :, :, None] * shared.given[:, :, None, :]
        one = {MAJORITY: truth[:, :, None] * shared.majority[:, None, :]}
    else:
        truth = np.vstack([np.eye(len(shared.choices)), np.zeros(len(shared.choices))])[shared.perceived]
        listeners = np.einsum("lca,cat->lcta", shared.given, _others(shared.counts))
        one = {}
    answers = {name: np.eye(len(shared.choices))[shared.predicted(name)] for name in shared.machines}
    one |= {name: truth[:, :, None] * answer[:, None, :] for name, answer in answers.items()}
    return {LISTENERS: listeners} | {name: confusions[None] for name, confusions in one.items()}


def confusion(judge: np.ndarray, *, weights: Weights | None = None) -> np.ndarray:
    """The confusion matrix [truth, answer] of a judge, or with `weights` one a sample [resamples, truth, answer].

    Of a judge that is one for all listeners, the listeners' weights do not count.
    """
    if weights is None:
        return judge.sum(axis=(0, 1))
    *_, clips, choices, _ = judge.shape
    flat = judge.reshape(len(judge), clips * choices**2).astype(np.float32)
    if len(judge) == 1:
        return (weights.clips @ flat.reshape(clips, -1)).reshape(-1, choices, choices).astype(float)
    samples = [w @ (v @ flat).reshape(clips, -1) for w, v in zip(weights.clips, weights.listeners, strict=True)]
    return np.array(samples, dtype=float).reshape(-1, choices, choices)


def scores(shared: Shared, *, against: str = "intended", seed: int = 0) -> pd.DataFrame:
    """Scores of every judge with intervals: `judge, score, emotion, value, low, high, clips, answers, over`.

    `score` is accuracy, uar, recall, named (the share of all answers that name the emotion) or hu (the unbiased hit
    rate, Wagner 1993: recall times the share of an emotion's answers that are right); the last three are per emotion,
    the last two only where it is published what listeners chose.
    """
    per_emotion = ("recall",) if ANOTHER in shared.choices else ("recall", "named", "hu")
    weights, lines = draw(shared, seed=seed), []
    for name, judge in judges(shared, against=against).items():
        total, samples = confusion(judge), confusion(judge, weights=weights)
        values, spread = _statistics(total), _statistics(samples)
        facts = {"judge": name, "answers": float(total.sum()), "over": weights.over}
        for score in SCORES:
            facts_ = facts | {"score": score, "emotion": "", "clips": int((judge.sum(axis=(0, 2, 3)) > 0).sum())}
            lines.append(facts_ | _with_interval(values[score], spread[score]))
        for i, emotion in enumerate(shared.choices):
            clips = int((judge.sum(axis=(0, 3))[:, i] > 0).sum())
            for score in per_emotion if emotion != ANOTHER else ():
                line = facts | {"score": score, "emotion": emotion, "clips": clips}
                lines.append(line | _with_interval(values[score][..., i], spread[score][:, i]))
    return pd.DataFrame(lines)


def differences(shared: Shared, *, seed: int = 0) -> pd.DataFrame:
    """How much better listeners are than each pipeline, against the intended emotion; a row a pipeline and score.

    Columns: `pipeline, score, listeners, machine, difference, low, high` (paired bootstrap), `p_swap`, `over`. `p_swap`
    is two-sided: how often a difference as large comes about where it is tossed up, speaker by speaker (under six of
    them clip by clip), which side is called the listeners'.
    """
    weights, all_judges = draw(shared, seed=seed), judges(shared)
    human = all_judges[LISTENERS]
    samples = _statistics(confusion(human, weights=weights))
    lines = []
    for name in shared.machines:
        machine = all_judges[name]
        other = _statistics(confusion(machine, weights=weights))
        for score in SCORES:
            values = [float(_statistics(confusion(judge))[score]) for judge in (human, machine)]
            spread = _with_interval(values[0] - values[1], samples[score] - other[score])
            line = {"pipeline": name, "score": score, "listeners": values[0], "machine": values[1]}
            line |= {"difference": spread.pop("value")} | spread
            lines.append(line | {"p_swap": swap_test(shared, name, score=score, seed=seed), "over": weights.over})
    return pd.DataFrame(lines)


def swap_test(shared: Shared, pipeline: str, *, score: str, seed: int = 0) -> float:
    """Two-sided p of a randomization test: units (`units`) swap all their answers between listeners and pipeline.

    Each clip counts once on either side, with the shares of its listeners' answers. The observed assignment is one of
    the `SWAPS` + 1 (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).
    """
    unit, _ = units(shared)
    truth = np.eye(len(shared.choices))[shared.truth]
    human = truth[:, :, None] * (shared.counts / shared.counts.sum(axis=1, keepdims=True))[:, None, :]
    machine = judges(shared)[pipeline][0]
    sums = np.zeros((2, unit.max() + 1, human[0].size))
    for side, table in enumerate((human, machine)):
        np.add.at(sums[side], unit, table.reshape(len(table), -1))
    swapped = np.random.default_rng(seed).integers(0, 2, (SWAPS, unit.max() + 1))
    swapped = np.vstack([np.zeros(unit.max() + 1), swapped])
    first = sums[0].sum(axis=0) + swapped @ (sums[1] - sums[0])
    second = sums.sum(axis=(0, 1)) - first
    shape = (-1, *human[0].shape)
    gaps = _statistics(first.reshape(shape))[score] - _statistics(second.reshape(shape))[score]
    return float((np.abs(gaps) >= abs(gaps[0]) - 1e-12).mean())


def mcnemar(first: np.ndarray, second: np.ndarray) -> tuple[int, int, float]:
    """How many clips only the first and only the second has right (bool [clips] each), and the exact two-sided p.

    McNemar 1947: under equal error rates the discordant clips fall on either side like tosses of a coin. It takes clips
    as independent, which those of one speaker are not.
    """
    only = int((first & ~second).sum()), int((second & ~first).sum())
    return *only, float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0


def _statistics(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """`accuracy`, `uar` [...], `recall`, `named` and `hu` [..., choices] of confusions [..., truth, answer]."""
    values = metrics.from_confusion(confusions)
    named = confusions.sum(axis=-2)
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    precision = np.divide(hits, named, out=np.zeros_like(hits, dtype=float), where=named > 0)
    shares = named / confusions.sum(axis=(-2, -1))[..., None]
    return {**values, "named": shares, "hu": values["recall"] * precision}


def _with_interval(value: float, samples: np.ndarray) -> dict[str, float]:
    value = float(value)
    if np.isnan(value):
        return dict.fromkeys(("value", "low", "high"), np.nan)
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}


def _others(counts: np.ndarray) -> np.ndarray:
    """For each clip and answer the label of the clip without that answer [clips, answer, truth]: one 1, or none."""
    rest = counts[:, None, :] - np.eye(counts.shape[1])  # [clips, answer, choices]
    most = rest == rest.max(axis=2, keepdims=True)
    return np.where(most.sum(axis=2, keepdims=True) == 1, most, 0).astype(float)
