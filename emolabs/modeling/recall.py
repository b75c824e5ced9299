"""The score that models are selected by."""

import numpy as np


def uar(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Unweighted average recall over the classes present in `targets`; both are class numbers [clips]."""
    return float(np.mean([(predicted[targets == label] == label).mean() for label in np.unique(targets)]))
