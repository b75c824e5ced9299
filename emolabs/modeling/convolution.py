"""Stage 3: the convolutional networks. Every layer counts valid frames only and is masked after it.

Conventions: x [batch, channels, frames], zero after each clip's length; `lengths` [batch] counts valid frames. Every
part takes (x, lengths) and returns the same pair. A clip leaves a part with as many frames as it would alone and
unpadded, (length + 2 · padding - kernel) // stride + 1, and its kernels hear zeros beyond the length.

- cnn*N*: *N* times convolution 3×3, normalization, max pooling 2×2, ReLU, with `width` channels that double. Over time
  only: kernel 3, pooling 2, channels 4, 8, 16, 16 … times `width`, since no bands multiply what a frame says. Over
  waveforms: `WAVE` for the first kernel, pooling 4 in the first three layers.
- plain*N* and resnet*N*, *N* = 6n + 2 (He et al. 2016, section 4.2): a convolution 3×3 and three stages of n blocks of
  two, with 1, 2 and 4 times `width` channels, without and with skips. The skips have no parameters (option A), so both
  have the same. Over time only: kernel 3 and twice the channels, for about as many parameters. Over waveforms: `WAVE`
  and pooling 4 before the stages.
- resnet18 (He et al. 2016, table 1) over two dimensions; its channels are 64 to 512, whatever `width` is.

A waveform is what has one channel and is convolved over time only. 4 s of it, 64,000 samples, leave cnn3 as 62 frames
(stride 1,024), cnn5 as 15 (4,096), plain*N* and resnet*N* as 250 (256).
"""

import itertools
import math
import re

import torch
from torch import nn

from emolabs.modeling.masking import MaskedBatchNorm, frame_mask

#: First layer over waveforms, in samples at 16 kHz: 10 ms every 1 ms, in whole strides (Dai et al. 2017 take 80 samples
#: every 4 at 8 kHz: 10 ms every 0.5 ms). Pooling 4 follows, there as here.
WAVE = {"kernel": 160, "stride": 16, "padding": (160 - 16) // 2}

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
_POOLINGS = {1: nn.functional.max_pool1d, 2: nn.functional.max_pool2d}


class Layer(nn.Module):
    """Convolution and masked batch normalization."""

    def __init__(
        self, inputs: int, outputs: int, *, dims: int, kernel: int = 3, stride: int = 1, padding: int | None = None
    ):
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.convolution = _CONVOLUTIONS[dims](inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.norm = MaskedBatchNorm(outputs)
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def outgoing(self, frames: int | torch.Tensor) -> int | torch.Tensor:
        """Frames that come out of so many."""
        return (frames + 2 * self.padding - self.kernel) // self.stride + 1

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, inputs, ..., frames] and lengths [batch] -> [batch, outputs, ..., frames'], zero after the lengths,
        which come out with it."""
        x, lengths = self.convolution(x), self.outgoing(lengths)
        return self.norm(x, frame_mask(lengths, frames=x.shape[-1])), lengths


class Pooling(nn.Module):
    """Max pooling, then ReLU, with which it commutes: so the zeros beyond a clip's length win nowhere."""

    def __init__(self, *, dims: int, kernel: int, stride: int | None = None, padding: int = 0):
        super().__init__()
        self.dims, self.kernel, self.stride, self.padding = dims, kernel, stride or kernel, padding

    outgoing = Layer.outgoing

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, channels, ..., frames] and lengths -> the pooled frames, and how many are valid."""
        x = _POOLINGS[self.dims](x, self.kernel, self.stride, self.padding)
        lengths = self.outgoing(lengths)
        mask = frame_mask(lengths, frames=x.shape[-1])
        return (x * mask.view(len(mask), *(1,) * self.dims, -1)).relu_(), lengths


class Rectifier(nn.Module):
    """ReLU, where no pooling brings it."""

    stride = 1

    def outgoing(self, frames: int | torch.Tensor) -> int | torch.Tensor:
        """As many frames as go in."""
        return frames

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x of any shape and lengths [batch] -> the same, nothing negative; zero stays zero."""
        return x.relu(), lengths


class Block(nn.Module):
    """Two layers and a skip around them: `none`, `identity` (option A of He et al. 2016: strided, zeros for channels
    that are new) or `projection` (option B: a layer of kernel 1 where the shape changes)."""

    def __init__(self, inputs: int, outputs: int, *, dims: int, stride: int, skip: str):
        super().__init__()
        self.first = Layer(inputs, outputs, dims=dims, stride=stride)
        self.second = Layer(outputs, outputs, dims=dims)
        self.stride, self.skips, self.changes = stride, skip != "none", stride > 1 or inputs != outputs
        projects = skip == "projection" and self.changes
        self.projection = Layer(inputs, outputs, dims=dims, kernel=1, stride=stride) if projects else None
        self.steps = (..., *(slice(None, None, stride),) * dims)
        self.new_channels = (0, 0) * dims + (0, outputs - inputs)

    def outgoing(self, frames: int | torch.Tensor) -> int | torch.Tensor:
        """Frames that come out of so many; the second layer keeps their number."""
        return self.first.outgoing(frames)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, channels, ..., frames] and lengths -> the block's frames, and how many are valid."""
        out, shorter = self.first(x, lengths)
        out, _ = self.second(out.relu_(), shorter)
        if self.skips:
            out += self._around(x, lengths)
        return out.relu_(), shorter

    def _around(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if self.projection:
            return self.projection(x, lengths)[0]
        return nn.functional.pad(x[self.steps], self.new_channels) if self.changes else x


class Backbone(nn.Module):
    """Named parts one after the other. `features` is the size of an outgoing frame, `stride` the frames that go into
    one, `shortest` the fewest frames it takes.

    Of two dimensions the bands end side by side in a frame, or as their mean where `averages`.
    """

    def __init__(self, parts: dict[str, nn.Module], *, dims: int, features: int, averages: bool):
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.dims, self.features, self.averages = dims, features, averages
        self.stride = math.prod(part.stride for part in self.parts.values())
        self.shortest = next(frames for frames in itertools.count(1) if self.outgoing(frames) > 0)

    def outgoing(self, frames: int | torch.Tensor) -> int | torch.Tensor:
        """Frames that come out of so many."""
        for part in self.parts.values():
            frames = part.outgoing(frames)
        return frames

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x [batch, channels, frames] -> frames [batch, frames', features], zero after their lengths, and these."""
        x = x[:, None] if self.dims == 2 else x  # [batch, 1, bands, frames]
        for part in self.parts.values():
            x, lengths = part(x, lengths)
        if self.dims == 2:
            x = x.mean(dim=2) if self.averages else x.flatten(1, 2)  # [batch, features, frames]
        return x.transpose(1, 2), lengths


def build(name: str, *, channels: int, dims: int, width: int) -> Backbone:
    """The network of this name over `channels`: mel bands, the size of an embedding, or 1 for waveforms.

    `dims` 2 takes the channels as the height of a picture, 1 convolves over time only; `width` scales the channels
    within. Raises `ValueError` for a name, or a name over such an input, for which there is no network.
    """
    match = re.fullmatch(r"(cnn|plain|resnet)(\d+)", name) if dims in _CONVOLUTIONS else None
    family, depth = (match[1], int(match[2])) if match else ("", 0)
    if family == "cnn" and depth:
        return _cnn(depth, channels=channels, dims=dims, width=width)
    if family != "cnn" and depth >= 8 and depth % 6 == 2:
        skip = "identity" if family == "resnet" else "none"
        return _residual((depth - 2) // 6, channels=channels, dims=dims, width=width, skip=skip)
    if name == "resnet18" and dims == 2:
        return _resnet18()
    raise ValueError(
        "expected cnn<N>, plain<N> or resnet<N> with N = 6n + 2 over 1 or 2 dimensions, or resnet18 over 2, found "
        f"{name} over {dims}: change backbone or dims in params/pipelines.yaml"
    )


def _cnn(depth: int, *, channels: int, dims: int, width: int) -> Backbone:
    is_wave = dims == 1 and channels == 1
    bands = channels // 2**depth if dims == 2 else 1
    if not bands:
        raise ValueError(
            f"cnn{depth}: expected {2**depth} bands or more over two dimensions, since each of its layers halves them, "
            f"found {channels}: take more bands, or fewer layers"
        )
    within = [width * 2**k for k in range(depth)] if dims == 2 else [width * min(4 * 2**k, 16) for k in range(depth)]
    parts = {}
    for k, (inputs, outputs) in enumerate(itertools.pairwise([channels if dims == 1 else 1, *within])):
        kernel = WAVE if is_wave and k == 0 else {}
        parts[f"layer{k + 1}"] = Layer(inputs, outputs, dims=dims, **kernel)
        parts[f"pooling{k + 1}"] = Pooling(dims=dims, kernel=4 if is_wave and k < 3 else 2)
    return Backbone(parts, dims=dims, features=within[-1] * bands, averages=False)


def _residual(blocks: int, *, channels: int, dims: int, width: int, skip: str) -> Backbone:
    is_wave = dims == 1 and channels == 1
    width *= 2 if dims == 1 else 1
    stem = Layer(channels if dims == 1 else 1, width, dims=dims, **(WAVE if is_wave else {}))
    parts = {"stem": stem, "rectifier": Pooling(dims=dims, kernel=4) if is_wave else Rectifier()}
    parts |= _stages([width, 2 * width, 4 * width], blocks=blocks, dims=dims, skip=skip)
    return _initialized(Backbone(parts, dims=dims, features=4 * width, averages=True))


def _resnet18() -> Backbone:
    parts = {"stem": Layer(1, 64, dims=2, kernel=7, stride=2)}
    parts["pooling"] = Pooling(dims=2, kernel=3, stride=2, padding=1)
    parts |= _stages([64, 128, 256, 512], blocks=2, dims=2, skip="projection")
    return _initialized(Backbone(parts, dims=2, features=512, averages=True))


def _stages(widths: list[int], *, blocks: int, dims: int, skip: str) -> dict[str, Block]:
    """Blocks by name; each stage but the first begins with stride 2 and its new number of channels."""
    parts, inputs = {}, widths[0]
    for (stage, outputs), block in itertools.product(enumerate(widths, start=1), range(1, blocks + 1)):
        stride = 2 if stage > 1 and block == 1 else 1
        parts[f"stage{stage}_block{block}"] = Block(inputs, outputs, dims=dims, stride=stride, skip=skip)
        inputs = outputs
    return parts


def _initialized(backbone: Backbone) -> Backbone:
    """The kernels drawn as He et al. (2015) do: normal, with the variance 2 / (outputs · kernel size)."""
    for layer in backbone.modules():
        if isinstance(layer, Layer):
            nn.init.kaiming_normal_(layer.convolution.weight, mode="fan_out", nonlinearity="relu")
    return backbone
