"""What is altered on the training side, drawn from a generator, so that an epoch can be repeated.

Conventions: frames x [batch, …, channels, frames], standardized, so that 0 is the training mean; `lengths` [batch].
"""

import torch

#: Largest share of the channels, and of a clip's frames, that is hidden.
HIDDEN = 1 / 8
#: Largest turn of a waveform as a share of its length, and the bounds of the noise under it in dB.
TURN, NOISE_DB = 1 / 10, (20.0, 50.0)


def hide(x: torch.Tensor, lengths: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    """SpecAugment (Park et al. 2019) without warping: per clip one band of up to an eighth of the channels and one
    stretch of up to an eighth of its frames take the training mean."""
    clips, channels, frames = len(x), x.shape[-2], x.shape[-1]
    draw = torch.rand(4, clips, generator=generator).to(x.device)
    height, width = draw[0] * channels * HIDDEN, draw[1] * lengths * HIDDEN
    low, left = draw[2] * (channels - height), draw[3] * (lengths - width)
    channel, frame = torch.arange(channels, device=x.device), torch.arange(frames, device=x.device)
    hidden = ((channel >= low[:, None]) & (channel < (low + height)[:, None]))[:, :, None]
    hidden = hidden | ((frame >= left[:, None]) & (frame < (left + width)[:, None]))[:, None, :]
    return x.masked_fill(hidden.reshape(clips, *[1] * (x.ndim - 3), channels, frames), 0.0)


def alter_waves(x: torch.Tensor, lengths: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    """Waveforms x [batch, 1, samples]: each is turned by up to a tenth of its length (what leaves at one end comes in
    at the other; clips begin and end at low level) and gets white noise 20 to 50 dB under its own level."""
    draw = torch.rand(2, len(x), generator=generator).to(x.device)
    turn = ((2 * draw[0] - 1) * TURN * lengths).long()
    steps = torch.arange(x.shape[-1], device=x.device)
    valid = steps < lengths[:, None]
    moved = torch.where(valid, (steps + turn[:, None]) % lengths[:, None], steps)
    x = x.gather(-1, moved[:, None])
    power = (x[:, 0].square() * valid).sum(dim=1) / lengths
    low, high = NOISE_DB
    level = (power * 10 ** (-(low + draw[1] * (high - low)) / 10)).sqrt()
    noise = torch.randn_like(x)  # from the device's own generator, which the engine seeds for each epoch
    return x + noise * (level[:, None] * valid)[:, None]
