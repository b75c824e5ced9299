"""Stage 3: every backbone against the clips one by one, the classic CNN and resnet18 against plain PyTorch."""

import math

import pytest
import torch
import torchvision
from torch import nn

from emolabs.modeling import convolution
from emolabs.modeling.convolution import Backbone, Block, Layer, Pooling
from emolabs.modeling.masking import MaskedBatchNorm, frame_mask

NAMES = [f"{family}{depth}" for family, depths in
         {"cnn": (1, 2, 3, 5), "plain": (8, 14, 20), "resnet": (8, 14, 20)}.items() for depth in depths]  # fmt: skip
#: What is heard: channels and dimensions of convolution.
INPUTS = {"logmel": (32, 2), "bands": (32, 1), "embeddings": (24, 1), "waveform": (1, 1)}
CASES = [pytest.param(name, *shape, id=f"{name}-{heard}") for heard, shape in INPUTS.items() for name in NAMES]
CASES.append(pytest.param("resnet18", 32, 2, id="resnet18-logmel"))


def network(name: str, channels: int, dims: int, *, width: int = 2) -> Backbone:
    """A small backbone in evaluation mode whose normalizations differ from their defaults, as after training."""
    torch.manual_seed(0)
    backbone = convolution.build(name, channels=channels, dims=dims, width=width)
    for norm in (module for module in backbone.modules() if isinstance(module, MaskedBatchNorm)):
        for number, low, high in [(norm.weight, 0.5, 1.5), (norm.bias, -0.5, 0.5), (norm.running_var, 0.5, 2)]:
            nn.init.uniform_(number, low, high)
        norm.running_mean.normal_(0, 0.2)
    return backbone.eval()


def clips(backbone: Backbone, *, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise that is zero after each length, and the lengths: the fewest frames, odd ones, and all there are."""
    one = max(backbone.stride, backbone.shortest)
    lengths = torch.tensor([backbone.shortest, one + 1, 2 * one - 1, 3 * one, 3 * one + one // 2 + 3])
    frames = -(-int(lengths.max()) // 32) * 32
    x = torch.randn(len(lengths), channels, frames, generator=torch.Generator().manual_seed(1))
    return x * frame_mask(lengths, frames=frames)[:, None], lengths


def one_by_one(backbone: Backbone, x: torch.Tensor, lengths: torch.Tensor) -> tuple[list[torch.Tensor], dict]:
    """What `backbone` should make of the clips [features, frames], from plain PyTorch and without any padding: all is
    heard clip by clip, but PyTorch's batch normalization counts all clips' frames. Also the running statistics."""
    running = {}

    def layer(part: Layer, heard: list[torch.Tensor]) -> list[torch.Tensor]:
        heard = [part.convolution(clip) for clip in heard]
        norm, widths = part.norm, [clip.shape[-1] for clip in heard]
        running[norm] = norm.running_mean.clone(), norm.running_var.clone()
        together = nn.functional.batch_norm(
            torch.cat(heard, dim=-1), *running[norm], norm.weight, norm.bias, backbone.training, 0.1, 1e-5
        )
        return list(together.split(widths, dim=-1))

    def block(part: Block, heard: list[torch.Tensor]) -> list[torch.Tensor]:
        out = layer(part.second, [clip.relu() for clip in layer(part.first, heard)])
        around = layer(part.projection, heard) if part.projection else heard
        for clip, other in zip(out, around, strict=True):
            if part.skips:
                other = other if part.projection else other[(..., *(slice(None, None, part.stride),) * backbone.dims)]
                clip[:, : other.shape[1]] += other
        return [clip.relu() for clip in out]

    def other(part: nn.Module, heard: list[torch.Tensor]) -> list[torch.Tensor]:
        pool = {1: nn.MaxPool1d, 2: nn.MaxPool2d}[backbone.dims]
        if isinstance(part, Pooling):
            heard = [pool(part.kernel, part.stride, part.padding)(clip) for clip in heard]
        return [clip.relu() for clip in heard]

    heard = [clip[None, :, :length] for clip, length in zip(x, lengths.tolist(), strict=True)]
    heard = [clip[None] for clip in heard] if backbone.dims == 2 else heard
    for part in backbone.parts.values():
        heard = {Layer: layer, Block: block}.get(type(part), other)(part, heard)
    if backbone.dims == 2:
        heard = [clip.mean(dim=2) if backbone.averages else clip.flatten(1, 2) for clip in heard]
    return [clip[0] for clip in heard], running


@pytest.mark.parametrize(("name", "channels", "dims"), CASES)
class TestBackbone:
    @pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
    @torch.no_grad()
    def test_hears_in_a_batch_what_plain_pytorch_hears_clip_by_clip(self, name, channels, dims, training):
        backbone = network(name, channels, dims).double().train(training)
        x, lengths = clips(backbone, channels=channels)
        expected, running = one_by_one(backbone, x.double(), lengths)
        frames, valid = backbone(x.double(), lengths)
        assert valid.tolist() == [clip.shape[-1] for clip in expected]
        for clip, other, length in zip(frames, expected, valid.tolist(), strict=True):
            torch.testing.assert_close(clip[:length], other.T, rtol=1e-6, atol=1e-6)
            assert (clip[length:] == 0).all()
        for norm, (mean, variance) in running.items():
            torch.testing.assert_close(norm.running_mean, mean, rtol=1e-6, atol=1e-6)
            torch.testing.assert_close(norm.running_var, variance, rtol=1e-6, atol=1e-6)

    @torch.no_grad()
    def test_a_clip_is_heard_alone_as_in_a_batch(self, name, channels, dims):
        backbone = network(name, channels, dims)
        x, lengths = clips(backbone, channels=channels)
        together, valid = backbone(x, lengths)
        assert together[-1].std() > 1e-3
        for i, length in enumerate(lengths.tolist()):
            alone, frames = backbone(nn.functional.pad(x[i : i + 1, :, :length], (0, 33)), lengths[i : i + 1])
            assert frames.tolist() == [valid[i]]
            torch.testing.assert_close(alone[0, : valid[i]], together[i, : valid[i]], rtol=0, atol=1e-4)
            assert (alone[0, valid[i] :] == 0).all()

    @torch.no_grad()
    def test_says_what_comes_out(self, name, channels, dims):
        backbone = network(name, channels, dims)
        x, lengths = clips(backbone, channels=channels)
        frames, valid = backbone(x, lengths)
        assert frames.shape == (len(x), backbone.outgoing(x.shape[-1]), backbone.features)
        assert valid.tolist() == [backbone.outgoing(length) for length in lengths.tolist()]
        assert backbone.outgoing(backbone.shortest) == 1 and backbone.outgoing(backbone.shortest - 1) == 0
        assert backbone.outgoing(1000 * backbone.stride) == 1000

    def test_learns_in_all_its_parameters(self, name, channels, dims):
        backbone = network(name, channels, dims).train()
        x, lengths = clips(backbone, channels=channels)
        frames, _ = backbone(x, lengths)
        (frames * torch.randn_like(frames)).sum().backward()
        for parameter_name, parameter in backbone.named_parameters():
            assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, parameter_name


class TestCNN:
    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("dims", [1, 2])
    def test_without_padding_is_the_plain_one(self, dims, training):
        ours = network("cnn3", 24, dims, width=4)
        norm_type, pool = {1: (nn.BatchNorm1d, nn.MaxPool1d), 2: (nn.BatchNorm2d, nn.MaxPool2d)}[dims]
        plain = nn.Sequential()
        for layer in (part for part in ours.parts.values() if isinstance(part, Layer)):
            reference = norm_type(layer.norm.weight.numel())
            reference.load_state_dict(layer.norm.state_dict(), strict=False)
            plain.extend([layer.convolution, reference, pool(2), nn.ReLU()])
        ours.train(training), plain.train(training)
        x = torch.randn(5, 24, 40)
        frames, lengths = ours(x, torch.full((5,), 40))
        expected = plain(x[:, None] if dims == 2 else x)
        expected = expected.flatten(1, 2) if dims == 2 else expected  # [batch, features, frames]
        torch.testing.assert_close(frames, expected.transpose(1, 2), rtol=1e-4, atol=1e-4)
        assert lengths.tolist() == [5] * 5
        for name, value in plain.state_dict().items():
            if "running" in name:
                index, key = name.split(".")
                layer = ours.parts[f"layer{int(index) // 4 + 1}"]
                torch.testing.assert_close(layer.norm.state_dict()[key], value, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        ("heard", "name", "features", "channels"),
        [
            ((64, 2), "cnn3", 64 * 8, [1, 16, 32, 64]),
            ((64, 2), "cnn5", 256 * 2, [1, 16, 32, 64, 128, 256]),
            ((32, 2), "cnn5", 256, [1, 16, 32, 64, 128, 256]),
            ((64, 1), "cnn3", 256, [64, 64, 128, 256]),
            ((768, 1), "cnn5", 256, [768, 64, 128, 256, 256, 256]),
            ((1, 1), "cnn3", 256, [1, 64, 128, 256]),
        ],
    )
    def test_golden_shapes(self, heard, name, features, channels):
        backbone = convolution.build(name, channels=heard[0], dims=heard[1], width=16)
        kernels = [m for m in backbone.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
        assert backbone.features == features
        assert [kernels[0].in_channels, *(kernel.out_channels for kernel in kernels)] == channels


@pytest.mark.parametrize(
    ("name", "stride", "frames"), [("cnn3", 1024, 62), ("cnn5", 4096, 15), ("plain8", 256, 250), ("resnet20", 256, 250)]
)
def test_golden_frames_of_4_s_of_waveform(name, stride, frames):
    backbone = convolution.build(name, channels=1, dims=1, width=2)
    assert (backbone.stride, backbone.outgoing(64_000)) == (stride, frames)
    assert isinstance(backbone.parts[next(iter(backbone.parts))].convolution, nn.Conv1d)


class TestResidual:
    @pytest.mark.parametrize("heard", INPUTS)
    @pytest.mark.parametrize("depth", [8, 14, 20])
    def test_plain_and_residual_have_the_same_parameters(self, depth, heard):
        plain, residual = (network(f"{family}{depth}", *INPUTS[heard]) for family in ("plain", "resnet"))
        shapes = [[(name, p.shape) for name, p in net.named_parameters()] for net in (plain, residual)]
        assert shapes[0] == shapes[1]
        assert sum(isinstance(module, Layer) for module in residual.modules()) == depth - 1  # the last is the output

    def test_golden_parameters_of_resnet20(self):
        """Those that He et al. (2016) count as 0.27 M, without the output and with one channel of input."""
        backbone = convolution.build("resnet20", channels=64, dims=2, width=16)
        kernels = 9 * (16 + 6 * 16**2 + (16 * 32 + 5 * 32**2) + (32 * 64 + 5 * 64**2))
        norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
        assert sum(parameter.numel() for parameter in backbone.parameters()) == kernels + norms == 268_784
        assert (backbone.features, backbone.stride) == (64, 4)

    @pytest.mark.parametrize("dims", [1, 2])
    @torch.no_grad()
    def test_a_skip_carries_what_came_in(self, dims):
        x, lengths = torch.rand(2, 3, *(6, 8)[2 - dims :]), torch.full((2,), 8)
        for skip, share in [("identity", 1), ("none", 0)]:
            block = Block(3, 5, dims=dims, stride=2, skip=skip)
            block.second.norm.weight.zero_()
            out, shorter = block(x, lengths)
            strided = x[..., ::2] if dims == 1 else x[..., ::2, ::2]
            assert torch.equal(out[:, :3], share * strided) and (out[:, 3:] == 0).all()
            assert shorter.tolist() == [4, 4]

    def test_gradients_with_padding(self):
        backbone, lengths = network("resnet8", 2, 2, width=1).double().train(), torch.tensor([3, 6])
        mask = frame_mask(lengths, frames=6)[:, None]
        x = torch.randn(2, 2, 6, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: backbone(x * mask, lengths)[0], x)


class TestResNet18:
    @pytest.mark.parametrize("training", [True, False])
    @torch.no_grad()
    def test_is_that_of_torchvision_after_every_stage(self, training):
        torch.manual_seed(0)
        theirs = torchvision.models.resnet18()
        theirs.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        for name, value in theirs.state_dict().items():
            if name.endswith("running_var") or "bn" in name and name.endswith("weight"):
                value.uniform_(0.5, 1.5)
        ours = convolution.build("resnet18", channels=64, dims=2, width=4)
        source = {k: v for k, v in theirs.state_dict().items() if "num_batches" not in k and not k.startswith("fc")}
        for (name, value), (other, weights) in zip(ours.state_dict().items(), source.items(), strict=True):
            assert value.shape == weights.shape, (name, other)
            value.copy_(weights)
        ours.train(training), theirs.train(training)
        x, lengths = torch.randn(4, 64, 129), torch.full((4,), 129)
        heard, other = x[:, None], theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x[:, None]))))
        stages = {"pooling": lambda x: x} | {
            f"stage{n}_block2": stage for n, stage in enumerate((theirs.layer1, theirs.layer2, theirs.layer3,
                                                                 theirs.layer4), start=1)}  # fmt: skip
        n = lengths
        for name, part in ours.parts.items():
            heard, n = part(heard, n)
            if name in stages:
                other = stages.pop(name)(other)
                torch.testing.assert_close(heard, other, rtol=0, atol=1e-4, msg=lambda text, name=name: name + text)
        assert not stages and n.tolist() == [math.ceil(129 / 32)] * 4
        for (name, value), weights in zip(ours.state_dict().items(), source.values(), strict=True):
            torch.testing.assert_close(value, weights, rtol=1e-4, atol=1e-4, msg=lambda text, name=name: name + text)
        ours.eval(), theirs.eval()
        pooled = ours(x, lengths)[0].mean(dim=1)
        torch.testing.assert_close(theirs.fc(pooled), theirs(x[:, None]), rtol=0, atol=1e-4)

    def test_standard_widths_whatever_the_width(self):
        backbone = convolution.build("resnet18", channels=64, dims=2, width=4)
        assert (backbone.features, backbone.stride) == (512, 32)
        outputs = torchvision.models.resnet18().fc.weight.numel() + 1000
        expected = sum(p.numel() for p in torchvision.models.resnet18().parameters()) - outputs - 2 * 64 * 49
        assert sum(p.numel() for p in backbone.parameters()) == expected


@pytest.mark.parametrize(
    ("name", "dims"),
    [("vgg16", 2), ("cnn", 2), ("cnn0", 1), ("plain18", 2), ("resnet18", 1), ("resnet2", 2), ("cnn3", 3), ("cnn3x", 2)],
)
def test_a_network_that_there_is_not_is_refused(name, dims):
    with pytest.raises(ValueError, match=f"expected cnn<N>, plain<N> .*found {name} over {dims}: change backbone"):
        convolution.build(name, channels=64, dims=dims, width=4)


def test_too_few_bands_are_refused():
    with pytest.raises(ValueError, match="cnn5: expected 32 bands or more .* found 31: take more bands"):
        convolution.build("cnn5", channels=31, dims=2, width=4)


@pytest.mark.parametrize("between", [(), (5,), (2, 3)])
class TestMaskedBatchNorm:
    lengths = torch.tensor([7, 2, 12, 1])
    mask = frame_mask(lengths, frames=12)

    def valid(self, x: torch.Tensor) -> torch.Tensor:
        """The valid frames of all clips, side by side: [1, channels, ..., frames]."""
        return torch.cat([clip[..., :n] for clip, n in zip(x, self.lengths.tolist(), strict=True)], dim=-1)[None]

    def test_equals_batch_norm_on_the_valid_frames(self, between):
        torch.manual_seed(0)
        reference = {0: nn.BatchNorm1d, 1: nn.BatchNorm2d, 2: nn.BatchNorm3d}[len(between)](3)
        ours = MaskedBatchNorm(3)
        for a, b in [(ours.weight, reference.weight), (ours.bias, reference.bias)]:
            nn.init.normal_(a)
            b.data.copy_(a.data)
        for step in range(4):
            if step == 3:
                ours.eval(), reference.eval()
            x = torch.randn(4, 3, *between, 12) * 2 + 3 * step  # in the padding, too
            a, b = x.clone().requires_grad_(), self.valid(x).requires_grad_()
            whole = ours(a, self.mask)
            out, expected = self.valid(whole), reference(b)
            torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(ours.running_mean, reference.running_mean)
            torch.testing.assert_close(ours.running_var, reference.running_var, rtol=1e-4, atol=1e-4)
            slope = torch.randn_like(expected)
            for module, result in [(reference, expected), (ours, out)]:
                module.zero_grad()
                (result * slope).sum().backward()
            torch.testing.assert_close(self.valid(a.grad), b.grad, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(ours.weight.grad, reference.weight.grad, rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(ours.bias.grad, reference.bias.grad, rtol=1e-3, atol=1e-3)
            padded = (self.mask == 0).view(4, 1, *(1,) * len(between), 12).expand_as(x)
            assert (whole[padded] == 0).all() and (a.grad[padded] == 0).all()

    def test_gradients(self, between):
        torch.manual_seed(0)
        norm = MaskedBatchNorm(2).double()
        x = torch.randn(4, 2, *between, 12, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: norm(x, self.mask.double()), x)
