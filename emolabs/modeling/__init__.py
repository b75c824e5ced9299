"""Stages 3 to 5: convolution, temporal modelling, aggregation; the pipelines made of them and their training."""

import pkgutil

from emolabs.modeling.pipeline import Pipeline, get_pipeline, load_pipelines

__all__ = ["Pipeline", "get_pipeline", "load", "load_pipelines"]


def load(run, *, weights=""):
    """The model of a finished run's folder, ready for files and arrays: `emolabs.experiments.predictor.load`."""
    # named, not imported: it rests on every stage, and what uses a part of this package does not
    return pkgutil.resolve_name("emolabs.experiments.predictor:load")(run, weights=weights)
