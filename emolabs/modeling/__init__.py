"""Stages 3 to 5: convolution, temporal modelling, aggregation; the pipelines made of them and their training."""

from emolabs.modeling.pipeline import Pipeline, get_pipeline, load_pipelines

__all__ = ["Pipeline", "get_pipeline", "load_pipelines"]
