"""Stage 5: from frames to one vector a clip: flatten, global average pooling, global attention pooling.

Conventions: frames x [batch, frames, features]; mask [batch, frames], 1 where a frame is valid. Each returns the
vector [batch, size] and the weights [batch, frames] it gave to the frames (None where it has none).
"""

import torch
from torch import nn


class Flatten(nn.Module):
    """All frames side by side: bound to position, so it needs the fixed number of `frames`; padding stays zero."""

    def __init__(self, *, features: int, frames: int):
        super().__init__()
        self.frames, self.size = frames, features * frames

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, None]:
        """x [batch, frames, features], up to `self.frames` long -> [batch, features · self.frames], and no weights."""
        x = nn.functional.pad(x * mask[..., None], (0, 0, 0, self.frames - x.shape[1]))
        return x.flatten(1), None


class Mean(nn.Module):
    """Global average pooling over the valid frames."""

    def __init__(self, *, features: int, frames: int):
        super().__init__()
        self.size = features

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, frames, features] -> [batch, features], and the weights, alike on all valid frames of a clip."""
        weights = mask / mask.sum(dim=1, keepdim=True)
        return (x * weights[..., None]).sum(dim=1), weights


class Attention(nn.Module):
    """Global attention pooling: weights softmax(vᵀ tanh(W x)) over the valid frames (Bahdanau et al. 2015)."""

    def __init__(self, *, features: int, frames: int, hidden: int = 64):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))
        self.size = features

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, frames, features] -> [batch, features], and the weights, which sum to one in each clip."""
        scores = self.score(x)[..., 0].masked_fill(mask == 0, float("-inf"))  # [batch, frames]
        weights = scores.softmax(dim=1)
        return (x * weights[..., None]).sum(dim=1), weights


AGGREGATIONS = {"flatten": Flatten, "mean": Mean, "attention": Attention}
