"""The network of a pipeline, assembled from the parts its row names: convolution, temporal modelling, aggregation."""

import torch
from torch import nn

from emolabs.modeling import augmentation, convolution
from emolabs.modeling.aggregation import AGGREGATIONS
from emolabs.modeling.encoder import Encoder, LayerSum
from emolabs.modeling.frontend import Cepstrum, Standardization
from emolabs.modeling.masking import frame_mask
from emolabs.modeling.pipeline import COEFFICIENTS, Pipeline
from emolabs.modeling.temporal import LSTM


class Direct(nn.Module):
    """No convolution: the frames as they come."""

    stride, shortest = 1, 1

    def __init__(self, *, channels: int):
        super().__init__()
        self.features = channels

    def outgoing(self, frames):
        """Frames that come out of so many."""
        return frames

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, channels, frames] -> [batch, frames, channels] and the same lengths."""
        return x.transpose(1, 2), lengths


class Classifier(nn.Module):
    """What a pipeline's row names, from a branch's frames to one logit a class.

    It takes x [batch, channels, frames] and `lengths` [batch] in valid frames; with `layers` x [batch, layers,
    channels, frames], which a learnable sum makes one; with an `encoder`, which the row tunes, waveforms [batch, 1,
    samples]. `frames` is the longest clip where the aggregation is bound to it. A convolution is `width` channels wide.
    Raises `ValueError` where row and input disagree.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        channels: int,
        classes: int,
        frames: int = 0,
        layers: int = 0,
        width: int = 16,
        dropout: float = 0.3,
        encoder: Encoder | None = None,
    ):
        super().__init__()
        _check(pipeline, channels=channels, frames=frames, encoder=encoder)
        self.hears_waves = pipeline.branch == "waveform" or encoder is not None
        self.encoder = encoder
        self.transform = Cepstrum(bands=channels, coefficients=COEFFICIENTS) if pipeline.branch == "mfcc" else None
        channels = encoder.size if encoder else COEFFICIENTS if self.transform else channels
        self.standardization = None if encoder else Standardization((layers, channels) if layers else (channels,))
        self.layer_sum = LayerSum(layers=layers) if layers else None
        if pipeline.backbone == "direct":
            self.backbone = Direct(channels=channels)
        else:
            self.backbone = convolution.build(
                pipeline.backbone, channels=channels, dims=pipeline.convolved, width=width
            )
        features = self.backbone.features
        self.temporal = LSTM(features=features, hidden=4 * width) if pipeline.temporal == "lstm" else None
        features = self.temporal.features if self.temporal else features
        out = self.backbone.outgoing(max(frames, self.backbone.shortest))
        self.aggregation = AGGREGATIONS[pipeline.aggregation](features=features, frames=out)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.aggregation.size, classes)

    def hear(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is standardized and convolved: the encoder's last frames, cepstra, or x itself, and its lengths."""
        if self.encoder:
            layers, lengths = self.encoder(x[:, 0, : self.encoder.longest], lengths)  # of a batch cut at round numbers
            return layers[-1].transpose(1, 2), lengths
        return (self.transform(x) if self.transform else x), lengths

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor, *, augment: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits [batch, classes], and the weight that the aggregation gave to each frame [batch, frames'] or None.

        A generator to `augment` with alters what is heard: waveforms before, anything else after standardization.
        """
        if augment and self.hears_waves:
            x = augmentation.alter_waves(x, lengths, generator=augment)
        x, lengths = self.hear(x, lengths)
        if self.standardization:
            x = self.standardization(x)
        if augment and not self.hears_waves:
            x = augmentation.hide(x, lengths, generator=augment)
        x = self.layer_sum(x) if self.layer_sum else x
        x = x * frame_mask(lengths, frames=x.shape[-1])[:, None]
        x = nn.functional.pad(x, (0, max(0, self.backbone.shortest - x.shape[-1])))
        lengths = lengths.clamp_min(self.backbone.shortest)  # a shorter clip is filled up with the training mean
        x, lengths = self.backbone(x, lengths)  # [batch, frames', features]
        if self.temporal:
            x = self.temporal(x, lengths)
        pooled, weights = self.aggregation(x, frame_mask(lengths, frames=x.shape[1]))
        return self.output(self.dropout(pooled)), weights


def _check(pipeline: Pipeline, *, channels: int, frames: int, encoder: Encoder | None) -> None:
    if pipeline.backbone in ("linear", "constant"):
        raise ValueError(f"{pipeline.name} is no network: it is fitted by emolabs.modeling.classical")
    if (pipeline.tuning != "frozen") != (encoder is not None):
        raise ValueError(f"{pipeline.name}: expected an encoder where the row tunes one, and only there")
    if pipeline.branch == "logmel" and channels != pipeline.height:
        raise ValueError(
            f"{pipeline.name}: expected {pipeline.height} mel bands, found {channels}: "
            "run notebooks/22_spectrograms.ipynb with these bands"
        )
    if pipeline.aggregation == "flatten" and frames < 1:
        raise ValueError(f"{pipeline.name}: flatten is bound to a number of frames: expected frames, found {frames}")
