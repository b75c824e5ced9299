"""The network of a pipeline, assembled from the parts its row names: convolution, temporal modelling, aggregation."""

import torch
from torch import nn

from emolabs.modeling import convolution
from emolabs.modeling.aggregation import AGGREGATIONS
from emolabs.modeling.masking import frame_mask
from emolabs.modeling.pipeline import Pipeline
from emolabs.modeling.temporal import LSTM


class Classifier(nn.Module):
    """Convolution, temporal modelling, aggregation and a linear layer over standardized log-mel frames.

    `mean` and `std` [bands] standardize the input; they come from the training side.
    Raises `ValueError` for a pipeline with a part that this network does not have.
    """

    def __init__(
        self, pipeline: Pipeline, *, bands: int, frames: int, classes: int, width: int = 16, dropout: float = 0.3
    ):
        super().__init__()
        _check(pipeline, bands=bands)
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("std", torch.ones(bands))
        self.convolution = convolution.build(pipeline.backbone, channels=bands, dims=2, width=width)
        features = self.convolution.features
        self.temporal = LSTM(features=features, hidden=4 * width) if pipeline.temporal == "lstm" else None
        features = self.temporal.features if self.temporal else features
        self.aggregation = AGGREGATIONS[pipeline.aggregation](
            features=features, frames=self.convolution.outgoing(frames)
        )
        self.shortest = self.convolution.shortest  # frames
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.aggregation.size, classes)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Log-mel x [batch, bands, frames] in dB and lengths [batch] -> logits [batch, classes] and frame weights."""
        x = (x - self.mean[:, None]) / self.std[:, None] * frame_mask(lengths, frames=x.shape[-1])[:, None]
        x = nn.functional.pad(x, (0, max(0, self.shortest - x.shape[-1])))
        lengths = lengths.clamp_min(self.shortest)  # a shorter clip is filled up with the mean of the training side
        x, lengths = self.convolution(x, lengths)  # [batch, frames / stride, features]
        if self.temporal:
            x = self.temporal(x, lengths)
        pooled, weights = self.aggregation(x, frame_mask(lengths, frames=x.shape[1]))
        return self.output(self.dropout(pooled)), weights


def _check(pipeline: Pipeline, *, bands: int) -> None:
    """Refuse a part that would only be named but not built."""
    is_built = pipeline.backbone.startswith("cnn") and pipeline.aggregation in AGGREGATIONS
    if not is_built or pipeline.dims == 1 or pipeline.tuning != "frozen":
        raise ValueError(
            f"{pipeline.name}: expected backbone cnn<N> over two dimensions, frozen, with aggregation "
            f"{', '.join(AGGREGATIONS)}; no other network can be built from a row of params/pipelines.yaml"
        )
    depth = int(pipeline.backbone.removeprefix("cnn"))
    if pipeline.bands not in (None, bands) or bands < 2**depth:
        raise ValueError(
            f"{pipeline.name}: expected {pipeline.bands or f'{2**depth} or more'} mel bands, found {bands}: "
            "run notebooks/22_spectrograms.ipynb with other bands"
        )
