"""Branch C: log-mel spectrograms, computed in batches on the device with torchaudio.

Conventions: waveforms float32 [batch, samples]; spectrograms float32 [batch, bands, frames] in dB relative to full
scale squared, floor −100 dB; frame t is centred on sample t · hop.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
import torchaudio

from emolabs.extraction import store
from emolabs.progress import progress
from emolabs.standardization.waveforms import FULL_SCALE, Waveforms

FLOOR_POWER = 1e-10
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """Parameters of the spectrogram; Slaney's mel scale and area normalization, as librosa's default."""

    bands: int = 64
    window_s: float = 0.064
    hop_s: float = 0.016
    crop_s: float = 4.0  # longer clips are cropped around their centre, shorter ones padded on the right


def fit(wave: np.ndarray, *, samples: int) -> tuple[np.ndarray, int]:
    """Crop `wave` [n] around its centre or pad it with zeros on the right to `samples`; also the true length left."""
    if len(wave) >= samples:
        start = (len(wave) - samples) // 2
        return wave[start : start + samples], samples
    return np.pad(wave, (0, samples - len(wave))), len(wave)


class MelPower(torch.nn.Module):
    """Mel power spectrogram [..., samples] -> [..., bands, frames] with `frames = 1 + samples // hop`.

    The same as torchaudio's `MelSpectrogram` with zero padding, without its copies, which cost more than the transform.
    """

    def __init__(self, parameters: LogMel, *, sample_rate_hz: int):
        super().__init__()
        self.size = round(parameters.window_s * sample_rate_hz)
        self.hop = round(parameters.hop_s * sample_rate_hz)
        self.register_buffer("window", torch.hann_window(self.size))
        bins, bands = self.size // 2 + 1, parameters.bands
        filters = torchaudio.functional.melscale_fbanks(
            bins, 0.0, sample_rate_hz / 2, bands, sample_rate_hz, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", filters)  # [bins, bands]

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Waveforms [..., samples] -> mel power [..., bands, frames]."""
        padded = torch.nn.functional.pad(waves, (self.size // 2, self.size // 2))
        frames = padded.unfold(-1, self.size, self.hop) * self.window  # [..., frames, size]
        spectrum = torch.fft.rfft(frames)  # [..., frames, bins]
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        return (power @ self.filters).transpose(-1, -2)


def extract(waves: torch.Tensor, *, mel: MelPower) -> torch.Tensor:
    """Log-mel spectrogram in dB of `waves` [..., samples] on their device."""
    return mel(waves).clamp_min_(FLOOR_POWER).log10_().mul_(10)


def build(
    waveforms: Waveforms, *, profile: str, parameters: LogMel, device: str = "cpu", variant: str = "current"
) -> store.Features:
    """The log-mel store of a profile, float16 [clips, bands, frames]; `length` counts the frames before the padding.

    `variant` is what it is found by, as for waveforms.
    """
    samples, hop = (round(s * waveforms.sample_rate_hz) for s in (parameters.crop_s, parameters.hop_s))
    return store.build(
        _batches(waveforms, parameters=parameters, samples=samples, device=device),
        clips=_clips(waveforms, samples=samples, hop=hop),
        shape=(parameters.bands, 1 + samples // hop),
        dtype="float16",
        branch="logmel",
        profile=profile,
        made_from=store.made_from("logmel", waveforms=waveforms, source=__file__, **asdict(parameters)),
        variant=variant,
    )


def compute(waveforms: Waveforms, *, parameters: LogMel) -> tuple[pd.DataFrame, np.ndarray]:
    """What `build` would store of a few clips, without a store: their table and values [clips, bands, frames]."""
    rate = waveforms.sample_rate_hz
    samples, mel = round(parameters.crop_s * rate), MelPower(parameters, sample_rate_hz=rate)
    values = _extract(waveforms, range(len(waveforms.clips)), mel=mel, samples=samples, device="cpu")
    return _clips(waveforms, samples=samples, hop=mel.hop), values


def _clips(waveforms: Waveforms, *, samples: int, hop: int) -> pd.DataFrame:
    """The clips of a store whose spectrograms are of at most so many `samples`."""
    clips = waveforms.clips[["id", "path", "corpus"]].copy()
    clips["length"] = 1 + waveforms.clips.length.clip(upper=samples) // hop
    clips["cropped"] = waveforms.clips.length > samples
    return clips


def _batches(waveforms: Waveforms, *, parameters: LogMel, samples: int, device: str) -> Iterator[np.ndarray]:
    """Spectrograms in batches: on a GPU many clips at once, on a CPU clip by clip, a thread per core."""
    mel = MelPower(parameters, sample_rate_hz=waveforms.sample_rate_hz).to(device)
    clips = len(waveforms.clips)
    chunks = [range(i, min(i + _BATCH, clips)) for i in range(0, clips, _BATCH)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            ThreadPoolExecutor(threads if device == "cpu" else 1) as pool,
            progress((), label="log-mel", total=clips) as bar,
        ):
            for values in pool.map(
                lambda rows: _extract(waveforms, rows, mel=mel, samples=samples, device=device), chunks
            ):
                yield values
                bar.update(len(values))
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def _extract(waveforms: Waveforms, rows: range, *, mel: MelPower, samples: int, device: str) -> np.ndarray:
    """Spectrograms, float16 [rows, bands, frames]; frames of padding alone are the floor and are not computed."""
    starts, lengths = waveforms.clips.start.to_numpy(), waveforms.clips.length.to_numpy()
    values = np.full((len(rows), mel.filters.shape[1], 1 + samples // mel.hop), 10 * np.log10(FLOOR_POWER), np.float16)
    for some in [rows] if device != "cpu" else [range(i, i + 1) for i in rows]:
        waves = [fit(waveforms.samples[starts[i] : starts[i] + lengths[i]], samples=samples) for i in some]
        heard = max(length for _, length in waves) + mel.size // 2  # the last window that reaches a sample
        frames = min(values.shape[2], 1 + heard // mel.hop)
        batch = torch.from_numpy(np.stack([wave[: (frames - 1) * mel.hop] for wave, _ in waves])).to(device)
        spectrograms = extract(batch / FULL_SCALE, mel=mel).cpu().numpy()
        values[some[0] - rows[0] :][: len(some), :, :frames] = spectrograms
    return values
