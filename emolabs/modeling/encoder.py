"""Branch B: pretrained speech encoders on the clip's own length, masked, with one frame every 20 ms.

Conventions: waves float32 [batch, samples], 16 kHz, full scale 1, whose padding is on the right and of no effect;
layers [batch, frames, size], the input embedding first, with zeros after a clip's last frame. All run the modules of
transformers in a loop of their own, because its forward leaves Whisper's padding unmasked and its length fixed.

What differs from transformers on purpose: no SpecAugment of the encoder's own and no LayerDrop (the training engine
augments); group normalization over time (the base wav2vec 2.0 and HuBERT) counts a clip's own frames only.
"""

from pathlib import Path

import torch
import torchaudio
from torch import nn
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from emolabs.modeling import weights
from emolabs.modeling.adapters import LayerSum, tune

__all__ = ["Encoder", "LayerSum", "build", "load", "tune"]

SAMPLE_RATE_HZ = 16_000
_AS = {"attn_implementation": "sdpa", "dtype": torch.float32}


class Encoder(nn.Module):
    """What all encoders share: `model` (transformers' modules), masked transformer blocks and the list of layers.

    `size` is that of a frame; `layers` counts the input embedding and every block; `hop` are the samples from frame to
    frame; clips under `shortest` samples are filled up with silence, clips over `longest` (None: any) are refused.
    """

    size: int
    hop: int
    shortest: int
    longest: int | None = None

    @property
    def layers(self) -> int:
        """Number of layers that `forward` returns."""
        return len(self.blocks) + 1

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer blocks, in their order."""
        raise NotImplementedError

    @property
    def norm(self) -> nn.Module:
        """What comes after the last block."""
        raise NotImplementedError

    @property
    def fixed(self) -> list[nn.Module]:
        """What is not even trained in full."""
        raise NotImplementedError

    def frames(self, samples):
        """Number of frames of a clip of so many samples (an int, an array or a tensor)."""
        return self._frames(samples + (self.shortest - samples) * (samples < self.shortest))

    def _frames(self, samples):
        raise NotImplementedError

    def embed(self, waves: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The input of the first block [batch, frames, size]."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> "Encoder":
        """As of PyTorch, but an encoder of which nothing is trained stays as it evaluates: without dropout."""
        return super().train(mode and any(parameter.requires_grad for parameter in self.parameters()))

    def forward(self, waves: torch.Tensor, lengths: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Waves and their `lengths` [batch] in samples -> layers, each [batch, frames, size], and frames [batch]."""
        waves = nn.functional.pad(waves, (0, max(0, self.shortest - waves.shape[1])))
        waves = waves * _valid(lengths, waves.shape[1])
        lengths = lengths.clamp_min(self.shortest)
        if self.longest and waves.shape[1] > self.longest:
            raise ValueError(
                f"expected clips of at most {self.longest / SAMPLE_RATE_HZ:g} s, for which this encoder has positions, "
                f"found {waves.shape[1] / SAMPLE_RATE_HZ:.1f} s: crop them first"
            )
        x, lengths = self.embed(waves, lengths), self.frames(lengths)
        valid = _valid(lengths, x.shape[1])
        attended = valid[:, None, None, :]  # over heads and queries
        states = [x]
        for block in self.blocks:
            states.append(block(states[-1], attention_mask=attended))
        states[-1] = self.norm(states[-1])
        return [state * valid[..., None] for state in states], lengths


class Whisper(Encoder):
    """The encoder of Whisper (Radford et al. 2023) over as many positions as a clip has frames, not always over 30 s.

    The log-mel front end is part of it: 80 bands (128 in large-v3), window 25 ms, hop 10 ms, the clip's own ends
    mirrored, log10 with everything lower than 8 under the clip's maximum raised to there, then (x + 4) / 4.
    """

    hop, shortest = 320, 400

    def __init__(self, config: dict):
        super().__init__()
        self.model = WhisperEncoder._from_config(WhisperConfig(**config), **_AS)
        config = self.model.config
        self.size, self.longest = config.d_model, config.max_source_positions * self.hop
        self.register_buffer("window", torch.hann_window(400), persistent=False)
        mel = {"norm": "slaney", "mel_scale": "slaney"}
        filters = torchaudio.functional.melscale_fbanks(201, 0.0, 8000.0, config.num_mel_bins, SAMPLE_RATE_HZ, **mel)
        self.register_buffer("filters", filters, persistent=False)  # [bins, bands]

    @property
    def blocks(self) -> nn.ModuleList:
        return self.model.layers

    @property
    def norm(self) -> nn.Module:
        return self.model.layer_norm

    @property
    def fixed(self) -> list[nn.Module]:
        return [self.model.embed_positions]  # sinusoids

    def _frames(self, samples):
        return (samples // 160 + 1) // 2

    def log_mel(self, waves: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Whisper's input [batch, bands, samples // 160] of each clip by itself; zero after its last frame."""
        with torch.autocast(waves.device.type, enabled=False):
            reach = torch.arange(200, device=waves.device)
            mirrored = waves.gather(1, lengths[:, None] - 2 - reach)
            waves = nn.functional.pad(waves, (0, 200)).scatter(1, lengths[:, None] + reach, mirrored)
            waves = torch.cat([waves[:, 1:201].flip(1), waves], dim=1)
            frames = waves.unfold(1, 400, 160)[:, : (waves.shape[1] - 400) // 160]  # [batch, frames, window]
            spectrum = torch.fft.rfft(frames * self.window)
            power = spectrum.real.square() + spectrum.imag.square()  # half the time of the square of abs()
            mel = (power @ self.filters).clamp_min(1e-10).log10()
            valid = _valid(lengths // 160, mel.shape[1])[..., None]
            floor = mel.masked_fill(~valid, float("-inf")).amax(dim=(1, 2), keepdim=True) - 8
            return ((torch.maximum(mel, floor) + 4) / 4 * valid).transpose(1, 2)

    def embed(self, waves: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log-mel, two convolutions and the positions: [batch, frames, size]."""
        x = self.log_mel(waves, lengths)
        valid = _valid(lengths // 160, x.shape[2])[:, None]
        x = nn.functional.gelu(self.model.conv1(x)) * valid  # or the next convolution would hear the padding
        x = nn.functional.gelu(self.model.conv2(x)).transpose(1, 2)
        x = x + self.model.embed_positions.weight[: x.shape[1]]
        return nn.functional.dropout(x, self.model.dropout, self.training)


class SelfSupervised(Encoder):
    """wav2vec 2.0 (Baevski et al. 2020) and HuBERT (Hsu et al. 2021), which read the waveform itself.

    The clip is brought to zero mean and unit variance where its preprocessor_config.json asks for it, as both base
    encoders do. The convolutional feature encoder stays fixed in fine-tuning, as in the papers.
    """

    def __init__(self, config: dict, *, model: type, configuration: type):
        super().__init__()
        self.normalize = config.get("do_normalize", True)
        quiet = {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}  # SpecAugment of its own would come with a parameter
        self.model = model._from_config(configuration(**config | quiet), **_AS)
        config = self.model.config
        self.steps = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.size, self.shortest, self.hop = config.hidden_size, 1, 1
        for kernel, stride in reversed(self.steps):
            self.shortest = (self.shortest - 1) * stride + kernel
            self.hop *= stride

    @property
    def blocks(self) -> nn.ModuleList:
        return self.model.encoder.layers

    @property
    def norm(self) -> nn.Module:
        return self.model.encoder.layer_norm if self.model.config.do_stable_layer_norm else nn.Identity()

    @property
    def fixed(self) -> list[nn.Module]:
        return [self.model.feature_extractor]

    def _frames(self, samples):
        for kernel, stride in self.steps:
            samples = (samples - kernel) // stride + 1
        return samples

    def embed(self, waves: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The convolutional feature encoder, its projection and the positional convolution: [batch, frames, size]."""
        x = (_standardized(waves, lengths, epsilon=1e-7) if self.normalize else waves)[:, None]
        frames = lengths
        for layer, (kernel, stride) in zip(self.model.feature_extractor.conv_layers, self.steps, strict=True):
            frames = (frames - kernel) // stride + 1
            group = getattr(layer, "layer_norm", None)
            if isinstance(group, nn.GroupNorm):  # a group per channel: over a clip's own frames
                x = _standardized(layer.conv(x), frames[:, None], epsilon=group.eps)
                x = layer.activation(x * group.weight[:, None] + group.bias[:, None])
            else:
                x = layer(x)  # without padding, so that no valid frame hears it
        valid = _valid(frames, x.shape[2])[..., None]
        x = self.model.feature_projection(x.transpose(1, 2))
        x = (x[0] if isinstance(x, tuple) else x) * valid  # wav2vec 2.0 returns its input, too
        x = x + self.model.encoder.pos_conv_embed(x)
        if not self.model.config.do_stable_layer_norm:
            x = self.model.encoder.layer_norm(x)
        return self.model.encoder.dropout(x)


#: The encoder of each `model_type` that a config.json may name.
KINDS = {
    "whisper": Whisper,
    "wav2vec2": lambda config: SelfSupervised(config, model=Wav2Vec2Model, configuration=Wav2Vec2Config),
    "hubert": lambda config: SelfSupervised(config, model=HubertModel, configuration=HubertConfig),
}


def build(config: dict) -> Encoder:
    """An encoder with random weights, from what config.json says (and `do_normalize` of preprocessor_config.json).

    Raises `ValueError` for a kind of model that is none of `KINDS`.
    """
    kind = config.get("model_type")
    if kind not in KINDS:
        raise ValueError(f"expected an encoder of model_type {', '.join(KINDS)}, found {kind!r}")
    encoder = KINDS[kind](config)
    encoder.config = config
    return encoder.eval()


def load(name: str | Path, revision: str | None = None) -> Encoder:
    """The pretrained encoder of a branch (a row of `weights.ENCODERS`), of a local folder or of a hub id, in float32.

    Only safetensors are read and no code of a repository is ever run. `encoder.source` says what it is: its name,
    revision and the digest of its files.
    Raises `FileNotFoundError` with the ways to provide the weights where there are none, and `ValueError` naming every
    key that is missing, unexpected or of another shape.
    """
    folder = weights.find(name, revision=revision)
    config = weights.read_config(folder)
    encoder = build(config)
    weights.fill(encoder.model, folder, kind=config["model_type"])
    encoder.source = weights.describe(name, revision=revision, folder=folder)
    return encoder


def _valid(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """Which frames are before each length: bool [batch, frames]."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]


def _standardized(x: torch.Tensor, lengths: torch.Tensor, *, epsilon: float) -> torch.Tensor:
    """x [..., frames] with zero mean and unit variance over the first `lengths` [...] frames, and zero after them."""
    x, count = x.float(), lengths[..., None]
    valid = torch.arange(x.shape[-1], device=x.device) < count
    x = (x - (x * valid).sum(-1, keepdim=True) / count) * valid
    return x * (x.square().sum(-1, keepdim=True) / count + epsilon).rsqrt()
