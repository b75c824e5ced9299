"""How much of an encoder learns: nothing, its last blocks, all of it, or low-rank adapters; and which layers count."""

import torch
from torch import nn

#: What `tune` knows.
TUNINGS = ("frozen", "partial", "full", "lora")


class LoRA(nn.Module):
    """A fixed linear layer with a learnable low-rank addition: W x + alpha / rank · B A x (Hu et al. 2022).

    B begins at zero, so that nothing has changed before the first step. (Twenty lines, where the library `peft` would
    bring `accelerate` with it and wrap the encoder.)
    """

    def __init__(self, linear: nn.Linear, *, rank: int, alpha: float):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.down = nn.Linear(linear.in_features, rank, bias=False)
        self.up = nn.Linear(rank, linear.out_features, bias=False)
        nn.init.zeros_(self.up.weight)
        self.scale = alpha / rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., inputs] -> [..., outputs]."""
        return self.linear(x) + self.scale * self.up(self.down(x))


class LayerSum(nn.Module):
    """A weighted sum over layers, weights by softmax and equal at first, as of SUPERB (Yang et al. 2021)."""

    def __init__(self, *, layers: int):
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(layers))

    @property
    def weights(self) -> torch.Tensor:
        """What each layer counts [layers], with sum 1."""
        return self.scores.softmax(dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, layers, size, frames] -> [batch, size, frames]."""
        return torch.einsum("l,blsf->bsf", self.weights.to(x.dtype), x)


def tune(encoder: nn.Module, tuning: str, *, blocks: int = 2, rank: int = 8, alpha: float = 16) -> int:
    """Set which parameters of an encoder learn; returns how many.

    `frozen`: none; `partial`: the last `blocks` blocks and the normalization after them; `full`: all but what the
    encoder keeps fixed; `lora`: adapters of `rank` on the query and value projections of every block.
    Raises `ValueError` for any other tuning.
    """
    if tuning not in TUNINGS:
        raise ValueError(f"expected a tuning among {', '.join(TUNINGS)}, found {tuning!r}")
    encoder.requires_grad_(tuning == "full")
    if tuning == "full":
        for module in encoder.fixed:
            module.requires_grad_(False)
    elif tuning == "partial":
        for module in [*encoder.blocks[-blocks:], encoder.norm]:
            module.requires_grad_(True)
    elif tuning == "lora":
        for attention in [m for block in encoder.blocks for m in block.modules() if hasattr(m, "q_proj")]:
            attention.q_proj = LoRA(attention.q_proj, rank=rank, alpha=alpha)
            attention.v_proj = LoRA(attention.v_proj, rank=rank, alpha=alpha)
    encoder.train(encoder.training)
    return sum(parameter.numel() for parameter in encoder.parameters() if parameter.requires_grad)
