"""Calibration: whether a probability is how often it is right, before and after temperature scaling.

Conventions: probabilities are float [clips, labels], rows sum to 1; truth is class numbers [clips]. Logits are only
needed up to a constant per clip, which log p is: no network has to run again. NLL is the mean negative log-likelihood
in nats with probabilities of at least `LEAST`, Brier the mean squared distance to the truth (0–2), ECE the expected
calibration error in `metrics.BINS` equal-width bins (0–1). An ECE of few clips lies too high, before and after alike,
and that of a resample once more: samples of a bootstrap are moved so that their mean is the value of the clips.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.special
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from emolabs.experiments import metrics
from emolabs.experiments.results import Result

#: Smaller probabilities count as this one, whose negative logarithm is 27.6.
LEAST = 1e-12
#: Temperatures that can be found, as logarithms.
_RANGE = (-4.0, 4.0)
MEASURES = ("nll", "brier", "ece")


def scaled(probabilities: np.ndarray, *, temperature: float) -> np.ndarray:
    """Probabilities at another temperature: softmax(log p / T) (Guo et al. 2017, equation 9)."""
    return scipy.special.softmax(np.log(np.maximum(probabilities, LEAST)) / temperature, axis=1)


def fit(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with the least NLL on these clips; over 1 where the probabilities are too sure of themselves."""

    def loss(logarithm: float) -> float:
        return nll(scaled(probabilities, temperature=np.exp(logarithm)), truth).mean()

    return float(np.exp(minimize_scalar(loss, bounds=_RANGE, method="bounded", options={"xatol": 1e-6}).x))


def nll(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of each clip in nats: [clips]."""
    return -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], LEAST))


def brier(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Brier score of each clip (Brier 1950), summed over the classes, 0–2: [clips]."""
    return np.square(probabilities - np.eye(probabilities.shape[1])[truth]).sum(axis=1)


def scores(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`nll`, `brier` and `ece` of a set of clips."""
    hits = probabilities.argmax(axis=1) == truth
    ece = metrics.calibration_error(probabilities.max(axis=1), hits)
    return {
        "nll": float(nll(probabilities, truth).mean()),
        "brier": float(brier(probabilities, truth).mean()),
        "ece": ece,
    }


@dataclass(frozen=True)
class Answers:
    """What a result answered, before or after scaling: `clips` as its predictions have them, and its probabilities."""

    clips: pd.DataFrame
    probabilities: np.ndarray
    truth: np.ndarray

    @property
    def confidence(self) -> np.ndarray:
        """The largest probability of each clip."""
        return self.probabilities.max(axis=1)

    @property
    def hits(self) -> np.ndarray:
        """Whether the most probable emotion is the true one, of each clip."""
        return self.probabilities.argmax(axis=1) == self.truth

    def of(self, chosen: np.ndarray) -> "Answers":
        """Those of the clips that `chosen` (bool [clips]) marks."""
        return Answers(self.clips[chosen], self.probabilities[chosen], self.truth[chosen])


def answers(result: Result, *, temperatures: dict[int, float] | None = None) -> Answers:
    """The evaluated clips of a result; with `temperatures`, by fold, what it says at these."""
    clips = result.predictions
    probabilities = clips[[f"p_{label}" for label in result.labels]].to_numpy(float)
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)  # they are stored in single precision
    if temperatures is not None:
        probabilities = scaled(probabilities, temperature=clips.fold.map(temperatures).to_numpy()[:, None])
    return Answers(clips, probabilities, clips.emotion.map(result.labels.index).to_numpy())


@dataclass(frozen=True)
class Draws:
    """A bootstrap over speakers (clips where they are too few) within corpora: the number of each clip's unit
    [clips], and how often each resample draws each unit [resamples, units]."""

    over: str
    unit: np.ndarray
    weights: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the clips of each resample of `values` [clips, columns]: [resamples, columns]."""
        clips = np.arange(len(self.unit))
        members = csr_array((np.ones(len(clips)), (self.unit, clips)), shape=(self.weights.shape[1], len(clips)))
        return self.weights @ (members @ values)


def draw(clips: pd.DataFrame) -> Draws:
    """The resamples that all intervals of a set of clips rest on; the same clips are drawn the same way."""
    over, units = metrics.units_of(clips)
    names, first, number = np.unique(units.to_numpy(), return_index=True, return_inverse=True)
    strata = pd.factorize(clips.corpus.iloc[first], sort=True)[0]
    return Draws(over, number, metrics.drawn(np.eye(len(names)), strata=strata))


def bounds(samples: np.ndarray, *, value: float | None = None) -> tuple[float, float]:
    """The 95 % interval of a bootstrap's samples, those that are no number left out; moved to `value` where given."""
    low, high = np.nanpercentile(samples, [2.5, 97.5]) + (0 if value is None else value - samples.mean())
    return float(low), float(high)


def compare(before: Answers, after: Answers) -> dict:
    """The measures of the same clips before and after scaling, with their 95 % intervals and that of the change."""
    draws, line, samples = draw(before.clips), {}, {}
    for name, side in (("before", before), ("after", after)):
        values = scores(side.probabilities, side.truth)
        samples[name] = _samples(side, draws=draws)
        for measure in MEASURES:
            low, high = bounds(samples[name][measure], value=values[measure])
            line |= {f"{measure}_{name}": values[measure], f"{measure}_{name}_low": max(0.0, low)}
            line |= {f"{measure}_{name}_high": high}
    for measure in MEASURES:
        change = line[f"{measure}_after"] - line[f"{measure}_before"]
        low, high = bounds(samples["after"][measure] - samples["before"][measure], value=change)
        line |= {f"{measure}_change": change, f"{measure}_change_low": low, f"{measure}_change_high": high}
    return line | {"clips": len(before.clips), "speakers": before.clips.speaker.nunique(), "interval_over": draws.over}


def diagram(said: Answers) -> pd.DataFrame:
    """The reliability diagram: of each bin that has clips its mean `confidence`, its `accuracy` with `low` and `high`,
    and the number of `clips`."""
    draws, hits, confidence = draw(said.clips), said.hits, said.confidence
    members = _members(confidence)
    counted, right = draws.sums(members), draws.sums(members * hits[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = right / counted
    lines = []
    for b in np.flatnonzero(members.any(axis=0)):
        chosen = members[:, b] > 0
        low, high = bounds(samples[:, b])
        line = {"bin": b, "confidence": confidence[chosen].mean(), "accuracy": hits[chosen].mean(), "low": low}
        lines.append(line | {"high": high, "clips": int(chosen.sum())})
    return pd.DataFrame(lines)


def _samples(said: Answers, *, draws: Draws) -> dict[str, np.ndarray]:
    """The measures of each resample: [resamples]."""
    gaps = _members(said.confidence) * (said.hits - said.confidence)[:, None]
    values = np.column_stack([nll(said.probabilities, said.truth), brier(said.probabilities, said.truth)])
    total = draws.sums(np.ones((len(values), 1)))
    means = draws.sums(values) / total
    ece = np.abs(draws.sums(gaps)).sum(axis=1) / total[:, 0]
    return {"nll": means[:, 0], "brier": means[:, 1], "ece": ece}


def _members(confidence: np.ndarray) -> np.ndarray:
    """Which bin each clip falls into: 0 or 1, [clips, bins]."""
    return np.eye(metrics.BINS)[np.minimum((confidence * metrics.BINS).astype(int), metrics.BINS - 1)]
