"""Clips of different lengths in one batch: which frames are valid, and a normalization that counts no others.

Conventions: x [batch, channels, ..., frames], such as waveforms and embeddings [batch, channels, frames] or
spectrograms [batch, channels, bands, frames]; `lengths` [batch] counts valid frames.
"""

import torch
from torch import nn


def frame_mask(lengths: torch.Tensor, *, frames: int) -> torch.Tensor:
    """Which frames are valid: float [batch, frames], 1 before each length and 0 from there on."""
    return (torch.arange(frames, device=lengths.device) < lengths[:, None]).float()


class MaskedBatchNorm(nn.Module):
    """Batch normalization (Ioffe & Szegedy 2015) whose statistics leave padded frames out.

    It takes x [batch, channels, ..., frames] with anything on padded frames and returns zero there.
    """

    def __init__(self, channels: int, *, momentum: float = 0.1, epsilon: float = 1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.momentum, self.epsilon = momentum, epsilon

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`mask` [batch, frames] as of `frame_mask`; returns the shape of `x`."""
        between = (1,) * (x.dim() - 3)  # dimensions between channels and frames
        mask = mask.view(len(mask), 1, *between, -1)
        x = x * mask
        if self.training:
            # two sums, which are fast, to which padded frames add nothing; var_mean would take a quarter of an epoch
            count, dims = mask.sum() * x[0, 0, ..., 0].numel(), [0, *range(2, x.dim())]
            mean = x.sum(dim=dims) / count
            variance = (x.square().sum(dim=dims) / count - mean.square()).clamp_min(0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        else:
            mean, variance = self.running_mean, self.running_var
        scale = self.weight * (variance + self.epsilon).rsqrt()
        shift = self.bias - mean * scale
        scale, shift = (number.view(-1, *between, 1) for number in (scale, shift))
        return torch.addcmul(shift * mask, x, scale)
