"""Stage 3: the classic CNN. Every normalization counts valid frames only and every layer is masked after it.

Conventions: spectrograms x [batch, channels, bands, frames]; `lengths` [batch] counts valid frames, 1 or more.
"""

import torch
from torch import nn


def frame_mask(lengths: torch.Tensor, *, frames: int) -> torch.Tensor:
    """Which frames are valid: float [batch, frames], 1 before each length and 0 from there on."""
    return (torch.arange(frames, device=lengths.device) < lengths[:, None]).float()


class MaskedBatchNorm(nn.Module):
    """Batch normalization (Ioffe & Szegedy 2015) whose statistics leave padded frames out.

    It takes x [batch, channels, bands, frames] that is zero on padded frames; what it returns there is arbitrary.
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
        if self.training:
            # moments over all frames, rescaled to the valid ones: the padded ones add nothing to either sum
            variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
            share = mask.numel() / mask.sum()
            second, mean = (variance + mean.square()) * share, mean * share
            variance = (second - mean.square()).clamp_min(0)
            with torch.no_grad():
                count = mask.sum() * x.shape[2]
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        else:
            mean, variance = self.running_mean, self.running_var
        scale = self.weight * (variance + self.epsilon).rsqrt()
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])


class ClassicCNN(nn.Module):
    """`depth` times convolution 3×3, masked batch normalization, max pooling 2×2 and ReLU; channels double each time.

    A clip needs 2^depth frames; `Classifier` sees to it.
    """

    def __init__(self, *, depth: int, bands: int, width: int):
        super().__init__()
        channels = [1] + [width * 2**k for k in range(depth)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, kernel_size=3, padding=1, bias=False) for a, b in zip(channels, channels[1:], strict=False)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(b) for b in channels[1:])
        self.features = channels[-1] * (bands // 2**depth)  # per frame that comes out

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-mel frames x [batch, bands, frames] -> frames [batch, frames // 2^depth, features] and their lengths."""
        x = x[:, None]  # [batch, 1, bands, frames]
        mask = frame_mask(lengths, frames=x.shape[-1])
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = norm(convolution(x) * mask[:, None, None, :], mask)
            # a pooled frame is valid where both of its frames are, so masking can wait; ReLU and maximum commute
            x = nn.functional.max_pool2d(x, 2).relu()  # [batch, channels, bands / 2, frames / 2]
            lengths = lengths // 2
            mask = frame_mask(lengths, frames=x.shape[-1])
            x = x * mask[:, None, None, :]
        return x.flatten(1, 2).transpose(1, 2), lengths  # [batch, frames, channels · bands]
