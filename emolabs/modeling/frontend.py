"""What happens to a branch's frames before they are convolved: a fixed transform, and standardization.

Conventions: x [batch, …, channels, frames].
"""

from collections.abc import Iterable

import torch
import torchaudio
from torch import nn


class Cepstrum(nn.Module):
    """Log-mel bands -> cepstral coefficients by the orthonormal DCT-II (Davis & Mermelstein 1980), which are MFCC."""

    def __init__(self, *, bands: int, coefficients: int):
        super().__init__()
        dct = torchaudio.functional.create_dct(coefficients, bands, "ortho")  # [bands, coefficients]
        self.register_buffer("dct", dct.T.contiguous(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, bands, frames] -> [batch, coefficients, frames]."""
        return self.dct @ x


class Standardization(nn.Module):
    """Mean 0 and deviation 1 per channel (and layer), as measured on the valid frames of the training side."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [batch, *shape, frames]."""
        return (x - self.mean[..., None]) / self.std[..., None]

    @staticmethod
    def sums(x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Of x [batch, *shape, frames] and mask [batch, frames] the valid frames, their sum and sum of squares
        [*shape], all float64."""
        mask = mask.double().reshape(len(mask), *[1] * (x.ndim - 2), -1)
        return mask.sum(), (x * mask).sum(dim=(0, -1)), (x.double().square() * mask).sum(dim=(0, -1))

    @torch.no_grad()
    def measure(self, batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        """Set mean and deviation from the `sums` of all batches."""
        count, total, squares = map(sum, zip(*batches, strict=True))
        mean = total / count
        self.mean.copy_(mean)
        self.std.copy_((squares / count - mean.square()).clamp_min(1e-6).sqrt())
