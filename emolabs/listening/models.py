"""A mixed-effects logistic model of right answers, as a check on the bootstrap: other assumptions, the same question.

    logit P(right) = β[emotion] + γ · (position − mean) / 10 + listener + clip,   listener ~ N(0, σ²), clip ~ N(0, τ²)

with crossed random intercepts. Its posterior (priors N(0, 3²) on β and γ, N(0, 1) on log σ and log τ) is found by
nested Laplace approximations (Rue, Martino & Chopin 2009, JRSS B 71(2)): at each point of a grid over (log σ, log τ)
the effects are normal around their mode, and the points count with their approximate marginal likelihood. The joint
mode over effects and deviations, which some packages report, collapses to σ = τ = 0, and a mean-field approximation
takes β for far more certain than ten clips an emotion let it be.

What the model shares with the bootstrap is the recall of an emotion over new listeners and new clips: the mean of the
logistic function over both normals, which is nearer to one half than the logistic function of β.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit

from emolabs.listening.quadrature import mean_chance
from emolabs.listening.tally import Tally

PRIOR_SD, SPREAD_PRIOR_SD = 3.0, 1.0
SAMPLES = 4000
#: Points of the grid in each direction, which reaches three standard deviations to both sides of the mode.
GRID = 9


@dataclass(frozen=True)
class Mixed:
    """A fitted model. `recall`: `emotion, recall, low, high`; `effects`: `effect, value, low, high` with the standard
    deviations of listeners and of clips and, where positions are known, the log-odds per ten trials; all 95 %."""

    recall: pd.DataFrame
    effects: pd.DataFrame


def fit(tally: Tally, *, seed: int = 0) -> Mixed:
    """Fit the model to the answers of a tally whose listeners are known.

    Raises `ValueError` where they are not: of votes nobody knows which came from one listener.
    """
    if tally.listeners is None:
        raise ValueError("expected answers whose listeners are known, found votes: a model of listeners needs them")
    present = np.flatnonzero(np.bincount(tally.rows.truth, minlength=len(tally.labels)))
    fixed = (tally.rows.truth.to_numpy()[:, None] == present).astype(float)
    place = tally.rows.position.to_numpy(float)
    if not np.isnan(place).any() and place.std() > 0:
        fixed = np.column_stack([fixed, (place - place.mean()) / 10])
    right = (tally.rows.truth == tally.rows.answer).to_numpy(float)
    problem = _Problem.of(
        right, fixed, [(tally.rows.listener, len(tally.listeners)), (tally.rows.item, len(tally.items))]
    )
    spreads, effects = _sample(problem, generator=np.random.default_rng(seed))
    return _summary(spreads, effects, labels=[tally.labels[k] for k in present])


@dataclass(frozen=True)
class _Problem:
    """Right or wrong [answers], the design of fixed and random effects [answers, effects], and the effects' kinds."""

    right: np.ndarray
    design: csr_matrix
    fixed: int  # how many of the effects are fixed; then come the listeners, then the clips
    sizes: tuple[int, int]

    @classmethod
    def of(cls, right, fixed, random) -> "_Problem":
        design = hstack([csr_matrix(fixed), *(_indicators(number, size=size) for number, size in random)]).tocsr()
        return cls(right, design, fixed.shape[1], tuple(size for _, size in random))

    def at(self, log_spreads: np.ndarray, start: np.ndarray | None = None) -> tuple[float, np.ndarray, np.ndarray]:
        """Approximate log marginal posterior at (log σ, log τ), the mode of the effects, and the Cholesky factor of
        their precision."""
        precision = np.repeat([PRIOR_SD**-2, *np.exp(-2 * log_spreads)], [self.fixed, *self.sizes])
        mode = np.zeros(self.design.shape[1]) if start is None else start
        for _ in range(50):  # Newton's method on a concave function
            chance = expit(self.design @ mode)
            slope = self.design.T @ (self.right - chance) - precision * mode
            weighted = self.design.multiply((chance * (1 - chance))[:, None]).tocsr()
            curvature = (self.design.T @ weighted).toarray()
            curvature[np.diag_indices_from(curvature)] += precision
            factor = cho_factor(curvature, lower=True)
            step = cho_solve(factor, slope)
            mode = mode + step
            if np.abs(step).max() < 1e-6:
                break
        logits = self.design @ mode
        likelihood = (self.right * logits - np.logaddexp(0, logits)).sum()
        prior = 0.5 * (np.log(precision).sum() - (precision * mode**2).sum())
        prior -= 0.5 * (log_spreads**2).sum() / SPREAD_PRIOR_SD**2
        lower = np.tril(factor[0])
        return likelihood + prior - np.log(np.diag(lower)).sum(), mode, lower


def _sample(problem: _Problem, *, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`SAMPLES` draws from the posterior: (σ, τ) [samples, 2] and the fixed effects [samples, effects]."""
    found = minimize(lambda x: -problem.at(x)[0], np.log([0.5, 0.8]), method="Nelder-Mead", options={"xatol": 0.02})
    steps = [2 * _deviation(problem, found.x, axis) * 3 / (GRID - 1) for axis in range(2)]
    axes = [found.x[axis] + steps[axis] * (np.arange(GRID) - GRID // 2) for axis in range(2)]
    points = np.array(np.meshgrid(*axes, indexing="ij")).reshape(2, -1).T
    fits, start = [], None
    for point in points:
        fits.append(problem.at(point, start))
        start = fits[-1][1]
    heights = np.array([height for height, *_ in fits])
    weights = np.exp(heights - heights.max())
    chosen = generator.choice(len(points), SAMPLES, p=weights / weights.sum())
    spreads = np.exp(points[chosen] + generator.uniform(-0.5, 0.5, (SAMPLES, 2)) * steps)
    effects = np.empty((SAMPLES, problem.fixed))
    for point in np.unique(chosen):
        _, mode, lower = fits[point]
        here = chosen == point
        normal = generator.standard_normal((len(mode), here.sum()))
        effects[here] = (mode[:, None] + solve_triangular(lower.T, normal))[: problem.fixed].T
    return spreads, effects


def _deviation(problem: _Problem, mode: np.ndarray, axis: int, *, step: float = 0.25) -> float:
    """The standard deviation of a log spread around its mode, from the curvature there; at most one."""
    offset = step * np.eye(2)[axis]
    middle, *sides = (problem.at(point)[0] for point in (mode, mode - offset, mode + offset))
    curvature = (2 * middle - sum(sides)) / step**2
    return float(min(1.0, curvature**-0.5)) if curvature > 0 else 1.0


def _summary(spreads: np.ndarray, effects: np.ndarray, *, labels: list[str]) -> Mixed:
    samples = mean_chance(effects[:, : len(labels)], sd=np.hypot(*spreads.T)[:, None])  # over new listeners and clips
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    recall = pd.DataFrame({"emotion": labels, "recall": samples.mean(axis=0), "low": low, "high": high})
    rows = [("listeners (sd, logits)", spreads[:, 0]), ("clips (sd, logits)", spreads[:, 1])]
    rows += [("ten trials later (log-odds)", values) for values in effects[:, len(labels) :].T]
    lines = [(name, np.median(values), *np.percentile(values, [2.5, 97.5])) for name, values in rows]
    return Mixed(recall, pd.DataFrame(lines, columns=["effect", "value", "low", "high"]))


def _indicators(number: pd.Series, *, size: int) -> csr_matrix:
    """[answers, size] with a one where an answer belongs."""
    rows = np.arange(len(number))
    return csr_matrix((np.ones(len(rows)), (rows, number.to_numpy())), shape=(len(rows), size))
