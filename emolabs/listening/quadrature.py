"""The chance to be right on average over listeners and clips: the mean of the logistic function over a normal.

Listeners and clips differ by normals in logits, so that their average is an integral, which is nearer to one half than
the chance of an average listener on an average clip. It is computed by Gauss–Hermite quadrature with 120 nodes, which
is exact to 1e-7 for standard deviations up to four logits and to 1e-4 up to eight.
"""

import numpy as np
from scipy.special import expit

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(120)


def mean_chance(logits: np.ndarray | float, *, sd: np.ndarray | float) -> np.ndarray:
    """The mean of `expit(logits + x)` over x ~ N(0, sd²), elementwise [...]; 0 ≤ `sd` in logits, of a shape that
    broadcasts with `logits` (sd of two independent normals: `np.hypot` of theirs)."""
    return expit(np.asarray(logits)[..., None] + np.asarray(sd)[..., None] * _NODES) @ _WEIGHTS / _WEIGHTS.sum()
