"""Power: which differences a study can detect, by simulation, before anyone recruits.

Answers are simulated as the mixed model has them: right with probability sigmoid(logit + listener + clip), both normal.
A difference between two halves of the answers, in shares of right answers, is detected where the crossed bootstrap
interval of the very analysis does not hold zero. The rate at which it is detected where there is none must stay near
5 %, or the power is worth nothing; both are reported.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit

from emolabs.listening.intervals import bounds, resample, wilson
from emolabs.listening.quadrature import mean_chance
from emolabs.progress import progress

POWER = 0.8


@dataclass(frozen=True)
class Plan:
    """A study to come: its size, and how much its listeners and clips differ (`listener_sd`, `clip_sd` in logits)
    around the share `base` of right answers."""

    listeners: int = 12
    clips: int = 60
    emotions: int = 6
    base: float = 0.6
    listener_sd: float = 0.5
    clip_sd: float = 1.0


#: Contrast → what it compares.
CONTRASTS = {
    "sources": "all listeners, one half of the clips against the other",
    "emotions": "all listeners, the clips of one emotion against those of another",
    "groups": "all clips, one half of the listeners against the other",
    "machine": "all listeners against the answers of one model to the same clips",
}


def curve(
    plan: Plan, *, contrast: str, differences: np.ndarray, studies: int = 400, draws: int = 400, seed: int = 0
) -> pd.DataFrame:
    """How often a true difference is detected: `contrast, difference, power, low, high` (Wilson's interval over the
    simulated studies); at the difference 0 that is the rate of false alarms.

    Raises `ValueError` for an unknown contrast, or a difference that leaves no share between 0 and 1.
    """
    if contrast not in CONTRASTS:
        raise ValueError(f"expected a contrast among {', '.join(CONTRASTS)}, found {contrast!r}")
    generator = np.random.default_rng(seed)
    clips = 2 * (plan.clips // plan.emotions) if contrast == "emotions" else plan.clips
    heard = _weights(plan.listeners, halves=contrast == "groups", draws=draws, generator=generator)
    played = _weights(clips, halves=contrast in ("sources", "emotions"), draws=draws, generator=generator)
    rows = []
    for difference in differences:
        first, second = _simulate(plan, contrast, difference, shape=(studies, clips), generator=generator)
        low, high = bounds(_means(second, heard, played) - _means(first, heard, played))
        found = (low > 0) | (high < 0)
        rows.append({"contrast": contrast, "difference": float(difference), "power": found.mean()})
    table = pd.DataFrame(rows)
    table["low"], table["high"] = wilson(table.power * studies, np.full(len(table), studies))
    return table


def curves(plan: Plan, *, differences: np.ndarray, studies: int = 400, draws: int = 400) -> pd.DataFrame:
    """`curve` of every contrast."""
    found = [
        curve(plan, contrast=name, differences=differences, studies=studies, draws=draws)
        for name in progress(list(CONTRASTS), label="simulating studies", unit="contrast")
    ]
    return pd.concat(found, ignore_index=True)


def detectable(table: pd.DataFrame) -> pd.DataFrame:
    """The smallest difference that is detected with a power of `POWER`, between the differences that were simulated
    (linearly): `contrast, compares, difference, false_alarms`; missing where none of them is detected so often."""
    rows = []
    for name, group in table.groupby("contrast", sort=False):
        power = np.maximum.accumulate(group.power.to_numpy())
        reached = np.flatnonzero(power >= POWER)
        smallest = np.nan
        if len(reached) and reached[0]:
            i = reached[0]
            share = (POWER - power[i - 1]) / (power[i] - power[i - 1])
            smallest = group.difference.iloc[i - 1] + share * (group.difference.iloc[i] - group.difference.iloc[i - 1])
        alarms = group.power[group.difference == 0]
        rows.append([name, CONTRASTS[name], smallest, alarms.iloc[0] if len(alarms) else np.nan])
    return pd.DataFrame(rows, columns=["contrast", "compares", "difference", "false_alarms"])


def _weights(size: int, *, halves: bool, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Bootstrap weights [draws, size], drawn within each half where the design fixes the halves."""
    parts = [size // 2, size - size // 2] if halves else [size]
    return np.concatenate([resample(part, draws=draws, generator=generator) for part in parts], axis=1)


def _simulate(plan, contrast, difference, *, shape, generator) -> tuple[np.ndarray, np.ndarray]:
    """Right answers [studies, listeners, clips] of the two sides; NaN where an answer is none of the side's."""
    sd = float(np.hypot(plan.listener_sd, plan.clip_sd))
    logits = [_logit(plan.base + sign * difference / 2, sd=sd) for sign in (-1, 1)]
    people = generator.normal(0, plan.listener_sd, (shape[0], plan.listeners, 1))
    clips = generator.normal(0, plan.clip_sd, (shape[0], 1, shape[1]))
    if contrast == "machine":  # one answer to each clip, and an ability that stays as it is
        model = expit(clips + _logit(plan.base + difference / 2, sd=plan.clip_sd))
        chances = expit(people + clips + logits[0]), np.broadcast_to(model, clips.shape)
        return tuple(generator.random(chance.shape) < chance for chance in chances)
    if contrast == "groups":
        second = (np.arange(plan.listeners) >= plan.listeners // 2)[:, None]
    else:
        second = np.arange(shape[1]) >= shape[1] // 2
    right = generator.random((shape[0], plan.listeners, shape[1])) < expit(
        people + clips + np.where(second, *logits[::-1])
    )
    return np.where(second, np.nan, right), np.where(second, right, np.nan)


def _means(right: np.ndarray, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
    """Weighted shares of right answers [draws, studies]; a side with one answer to each clip has no listeners."""
    there, heard = ~np.isnan(right), heard if right.shape[1] > 1 else np.ones((len(heard), 1))
    weights = (heard[:, :, None] * played[:, None, :]).reshape(len(heard), -1).astype(np.float32)
    right, there = (part.reshape(len(right), -1).astype(np.float32) for part in (np.where(there, right, 0), there))
    return (weights @ right.T) / (weights @ there.T)


def _logit(share: float, *, sd: float) -> float:
    """The logit whose mean chance over listeners and clips is `share`."""
    if not 0.001 < share < 0.999:
        raise ValueError(f"expected shares of right answers between 0 and 1, found {share:.3f}: lessen the difference")
    return brentq(lambda middle: mean_chance(middle, sd=sd) - share, logit(share) - 20, logit(share) + 20)
