"""Scores of listeners and pipelines on the same clips, their differences, and tests of them.

Conventions. A *judge* is whoever answers: `LISTENERS` (each answer counts), `MAJORITY` (the answer of most listeners,
as if it were one listener), `INFORMED` (what the votes say to someone who knows the priors) or a pipeline. What a judge
answered is a table of confusions per listener and clip, [listeners, clips, truth, answer], from which every score
follows.

Intervals are those of `emolabs.listening.intervals`: over listeners and clips, or over speakers and their clips where
listeners are not told apart. One draw serves all judges, so that differences are paired. What listeners are one judge
for (the majority, the informed votes) is not drawn anew: such an interval covers other clips, not other listeners.
"""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from emolabs.experiments import metrics
from emolabs.listening import bias, intervals
from emolabs.listening.intervals import Draws, with_bounds
from emolabs.listening.machine import ANOTHER, Shared
from emolabs.listening.tally import Tally

LISTENERS, MAJORITY, INFORMED = "listeners", "majority", "informed votes"
SWAPS = 9999
SCORES = ("accuracy", "uar")
_FOLDS = 5


def draw(shared: Shared, *, seed: int = 0) -> Draws:
    """Bootstrap weights of the clips and, where they are known, of the listeners."""
    people = pd.DataFrame(index=range(len(shared.given))) if shared.are_known else None
    return intervals.draw(Tally(shared.choices, pd.DataFrame(), shared.clips, people, (), False), seed=seed)


def units(shared: Shared) -> np.ndarray:
    """What the swap test moves as a whole, a number per clip [clips]: a speaker, or a clip where the intervals are over
    clips."""
    few = shared.clips.speaker.nunique() < metrics.FEWEST_SPEAKERS
    return np.arange(len(shared.clips)) if few or shared.are_known else pd.factorize(shared.clips.speaker)[0]


def tables(shared: Shared, *, against: str = "intended") -> dict[str, np.ndarray]:
    """The confusions [listeners, clips, truth, answer] of every judge, against the `intended` or the `perceived` label.

    The perceived label is the answer of most listeners; a clip on which several are tied has none and is left out. A
    listener is scored against the others alone: an answer against the label that the clip would have without it.
    """
    if against == "intended":
        truth = np.eye(len(shared.choices))[shared.truth]
        listeners = truth[None, :, :, None] * shared.given[:, :, None, :]
        one = {MAJORITY: truth[:, :, None] * shared.majority[:, None, :]}
        if ANOTHER not in shared.choices and shared.clips.speaker.nunique() >= _FOLDS:
            one[INFORMED] = truth[:, :, None] * informed(shared)[:, None, :]
    else:
        truth = np.vstack([np.eye(len(shared.choices)), np.zeros(len(shared.choices))])[shared.perceived]
        listeners = np.einsum("lca,cat->lcta", shared.given, _others(shared.counts))
        one = {}
    answers = {name: np.eye(len(shared.choices))[shared.predicted(name)] for name in shared.machines}
    one |= {name: truth[:, :, None] * answer[:, None, :] for name, answer in answers.items()}
    return {LISTENERS: listeners} | {name: confusions[None] for name, confusions in one.items()}


def informed(shared: Shared) -> np.ndarray:
    """The most probable intended emotion given a clip's votes [clips, choices], one 1 a clip.

    The votes of other speakers (in five parts) say how often listeners give each answer to each emotion, and how many
    clips each emotion has; Bayes' rule with independent votes does the rest. This is what the votes are worth to a
    judge who, like a trained pipeline, knows the priors and the labels of other speakers.
    """
    part = pd.factorize(shared.clips.speaker, sort=True)[0] % _FOLDS
    truth, answers = np.eye(len(shared.choices))[shared.truth], np.zeros((len(part), len(shared.choices)))
    for held_out in np.unique(part):
        known, asked = part != held_out, part == held_out
        votes = truth[known].T @ shared.counts[known] + 1  # [truth, answer]; none is impossible
        prior = truth[known].sum(axis=0) + 1
        belief = np.log(prior / prior.sum()) + shared.counts[asked] @ np.log(votes / votes.sum(axis=1, keepdims=True)).T
        answers[asked] = np.eye(len(shared.choices))[belief.argmax(axis=1)]
    return answers


def confusion(judge: np.ndarray, *, draws: Draws | None = None) -> np.ndarray:
    """The confusion matrix [truth, answer] of a judge, or with `draws` one a sample [draws, truth, answer].

    Of a judge that is one for all listeners, the listeners' weights do not count.
    """
    if draws is None:
        return judge.sum(axis=(0, 1))
    *_, clips, choices, _ = judge.shape
    flat = judge.reshape(len(judge), clips, choices**2)
    if len(judge) == 1 or draws.listeners is None:
        samples = draws.items @ flat.sum(axis=0)
    else:
        samples = np.array([w @ np.tensordot(v, flat, 1) for w, v in zip(draws.items, draws.listeners, strict=True)])
    return samples.reshape(-1, choices, choices)


def scores(shared: Shared, *, against: str = "intended", seed: int = 0) -> pd.DataFrame:
    """Scores of every judge with intervals: `judge, score, emotion, value, low, high, clips, answers, over`.

    `score` is accuracy, uar, recall, named (the share of all answers that name the emotion) or hu (the unbiased hit
    rate, Wagner 1993: recall times the share of an emotion's answers that are right); the last three are per emotion,
    the last two only where it is published what listeners chose.
    """
    per_emotion = ("recall",) if ANOTHER in shared.choices else ("recall", "named", "hu")
    draws, lines = draw(shared, seed=seed), []
    for name, judge in tables(shared, against=against).items():
        total, samples = confusion(judge), confusion(judge, draws=draws)
        values, spread = _statistics(total), _statistics(samples)
        facts = {"judge": name, "answers": float(total.sum()), "over": draws.over}
        for score in SCORES:
            facts_ = facts | {"score": score, "emotion": "", "clips": int((judge.sum(axis=(0, 2, 3)) > 0).sum())}
            lines.append(facts_ | with_bounds(values[score], spread[score]))
        for i, emotion in enumerate(shared.choices):
            clips = int((judge.sum(axis=(0, 3))[:, i] > 0).sum())
            for score in per_emotion if emotion != ANOTHER else ():
                line = facts | {"score": score, "emotion": emotion, "clips": clips}
                lines.append(line | with_bounds(values[score][..., i], spread[score][:, i]))
    return pd.DataFrame(lines)


def differences(shared: Shared, *, seed: int = 0) -> pd.DataFrame:
    """How much better listeners are than each pipeline, against the intended emotion; a row a pipeline and score.

    Columns: `pipeline, score, listeners, machine, difference, low, high` (paired bootstrap), `p_swap`, `over`. `p_swap`
    is two-sided: how often a difference as large comes about where a toss decides, unit by unit (`units`), which side
    is called the listeners'.
    """
    draws, answered = draw(shared, seed=seed), tables(shared)
    human = answered[LISTENERS]
    samples = _statistics(confusion(human, draws=draws))
    lines = []
    for name in shared.machines:
        machine = answered[name]
        other = _statistics(confusion(machine, draws=draws))
        for score in SCORES:
            values = [float(_statistics(confusion(judge))[score]) for judge in (human, machine)]
            spread = with_bounds(values[0] - values[1], samples[score] - other[score])
            line = {"pipeline": name, "score": score, "listeners": values[0], "machine": values[1]}
            line |= {"difference": spread.pop("value")} | spread
            lines.append(line | {"p_swap": swap_test(shared, name, score=score, seed=seed), "over": draws.over})
    return pd.DataFrame(lines)


def swap_test(shared: Shared, pipeline: str, *, score: str, seed: int = 0) -> float:
    """Two-sided p of a randomization test: units (`units`) swap all their answers between listeners and pipeline.

    Each clip counts once on either side, with the shares of its listeners' answers. The observed assignment is one of
    the `SWAPS` + 1 (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).
    """
    unit = units(shared)
    truth = np.eye(len(shared.choices))[shared.truth]
    human = truth[:, :, None] * (shared.counts / shared.counts.sum(axis=1, keepdims=True))[:, None, :]
    machine = tables(shared)[pipeline][0]
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
    shares = confusions.sum(axis=-2) / confusions.sum(axis=(-2, -1))[..., None]
    return {**values, "named": shares, "hu": bias.unbiased(confusions)[0]}


def _others(counts: np.ndarray) -> np.ndarray:
    """For each clip and answer the label of the clip without that answer [clips, answer, truth]: one 1, or none."""
    rest = counts[:, None, :] - np.eye(counts.shape[1])  # [clips, answer, choices]
    most = rest == rest.max(axis=2, keepdims=True)
    return np.where(most.sum(axis=2, keepdims=True) == 1, most, 0).astype(float)
