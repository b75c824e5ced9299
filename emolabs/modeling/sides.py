"""What a network hears of one side of a partition, resident on its device or streamed from a memory-mapped store.

Conventions: a batch is float32 [batch, …, channels, frames]; of a waveform the frames are its samples and it has one
channel. What stands behind a clip's length is arbitrary: the network masks it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

#: Batches are cut at multiples of so many frames, or of an eighth of their length where that is more: buffers of few
#: sizes are reused, those of many fragment the heap.
STRIDE = 32
#: Share of a device's free memory that a run's data may take; what is more is streamed.
SHARE = 0.6


@dataclass(frozen=True)
class Dense:
    """Clips of one shape: `values` [clips, …, channels, frames], of which row `rows[i]` is clip `i`."""

    values: torch.Tensor
    rows: torch.Tensor
    lengths: torch.Tensor  # valid frames of each clip

    def take(self, chosen: torch.Tensor, *, frames: int) -> torch.Tensor:
        """The first `frames` frames of the chosen clips."""
        return self.values[self.rows[chosen], ..., :frames].float()

    def resident(self, device: str) -> "Dense":
        """The same with its own clips only, on `device`."""
        rows = torch.arange(len(self.rows), device=device)
        return Dense(self.values[self.rows].to(device), rows, self.lengths.to(device))

    @property
    def size(self) -> int:
        """Bytes that `resident` would take."""
        return len(self.rows) * self.values[0].numel() * self.values.element_size()


@dataclass(frozen=True)
class Flat:
    """Clips end to end: `values` [all frames, …], clip `i` from `starts[i]` on; a frame is a number or a vector.

    `scale` divides what is stored: 32,767 for 16-bit samples.
    """

    values: torch.Tensor
    starts: torch.Tensor
    lengths: torch.Tensor  # frames of each clip
    scale: float = 1.0

    def take(self, chosen: torch.Tensor, *, frames: int) -> torch.Tensor:
        """The first `frames` frames of the chosen clips; behind a clip's length its last frame stands again."""
        steps = torch.arange(frames, device=chosen.device)
        steps = torch.minimum(steps, self.lengths[chosen, None] - 1)
        x = self.values[self.starts[chosen, None] + steps].float() / self.scale  # [batch, frames, …]
        return x[:, None] if x.ndim == 2 else x.movedim(1, -1)

    def resident(self, device: str) -> "Flat":
        """The same with its own clips only, on `device`."""
        parts = [self.values[a : a + n] for a, n in zip(self.starts.tolist(), self.lengths.tolist(), strict=True)]
        starts = self.lengths.cumsum(0) - self.lengths
        return Flat(torch.cat(parts).to(device), starts.to(device), self.lengths.to(device), self.scale)

    @property
    def size(self) -> int:
        """Bytes that `resident` would take."""
        return int(self.lengths.sum()) * self.values[0].numel() * self.values.element_size()


@dataclass(frozen=True)
class Side:
    """One side of a partition: what is heard, class numbers [clips] on the network's device, and the clips' ids."""

    x: Dense | Flat
    targets: torch.Tensor
    ids: Sequence[str] = ()

    @cached_property
    def lengths(self) -> torch.Tensor:
        """Valid frames of each clip, on the network's device."""
        return self.x.lengths.to(self.targets.device)

    def batches(self, batches: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield (x float32, lengths, targets) for each batch of row numbers, cut a little after its longest clip."""
        longest = torch.stack([self.lengths[rows].max() for rows in batches]).tolist()  # at once: a GPU is asked once
        for rows, frames in zip(batches, longest, strict=True):
            stride = max(STRIDE, 2 ** (frames.bit_length() - 4))
            x = self.x.take(rows.to(self.x.lengths.device), frames=-(-frames // stride) * stride)
            yield x.to(self.lengths.device), self.lengths[rows], self.targets[rows]

    def heard(self, hear: Callable) -> Iterator:
        """Yield what `hear` makes of (x float32, lengths) of each batch of `ordered`.

        Where a GPU's memory does not hold a batch, it and those after it are halved; this is said, and the side knows
        it from then on. Raises `torch.OutOfMemoryError` for a clip that does not fit alone.
        """
        rest = torch.cat(self.ordered())
        while True:
            try:
                for x, lengths, _ in self.batches(rest.split(self._at_once["clips"])):
                    yield hear(x, lengths)
                    rest = rest[len(lengths) :]
                return
            except torch.OutOfMemoryError:
                clips = min(self._at_once["clips"], len(rest))
                if clips == 1:
                    raise
            x, self._at_once["clips"] = None, clips // 2  # what did not fit gives its place to the halves
            torch.cuda.empty_cache()
            print(f"{clips} clips at once do not fit into the memory: going on with {clips // 2}", flush=True)

    @cached_property
    def _at_once(self) -> dict[str, int]:
        """The most clips that the memory holds, as far as is known."""
        return {"clips": 64}

    def ordered(self, size: int = 64) -> tuple[torch.Tensor, ...]:
        """Row numbers of all clips from the shortest to the longest, in batches of `size`."""
        return self.lengths.argsort(stable=True).split(size)

    def shuffled(self, size: int, *, generator: torch.Generator) -> list[torch.Tensor]:
        """Row numbers of all clips in random batches of `size`, each of similar lengths so that little is padded."""
        order = torch.randperm(len(self.targets), generator=generator).to(self.targets.device)
        pools = [pool[self.lengths[pool].argsort(stable=True)] for pool in order.split(16 * size)]
        batches = [batch for pool in pools for batch in pool.split(size)]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]


def resident(parts: Sequence[Dense | Flat], *, device: str) -> list[Dense | Flat]:
    """`parts` on a GPU where all of them fit, else as they are: to be streamed from the disk.

    On a CPU the store stays mapped: the system holds its pages in memory once, and a copy would hold them twice.
    """
    fits = device != "cpu" and sum(part.size for part in parts) <= SHARE * torch.cuda.mem_get_info()[0]
    return [part.resident(device) for part in parts] if fits else list(parts)
