"""Branch C: log-mel spectrograms, computed in batches on the device with torchaudio.

Conventions: waveforms float32 [batch, samples]; spectrograms float32 [batch, bands, frames] in dB relative to full
scale squared, floor −100 dB; frame t is centred on sample t · hop.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torchaudio

from emolabs.extraction import store
from emolabs.progress import progress
from emolabs.standardization.waveforms import Waveforms

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


def transform(parameters: LogMel, *, sample_rate_hz: int) -> torch.nn.Module:
    """Mel power spectrogram [batch, samples] -> [batch, bands, frames] with `frames = 1 + samples // hop`."""
    window = round(parameters.window_s * sample_rate_hz)
    return torchaudio.transforms.MelSpectrogram(
        sample_rate_hz,
        n_fft=window,
        hop_length=round(parameters.hop_s * sample_rate_hz),
        n_mels=parameters.bands,
        pad_mode="constant",
        mel_scale="slaney",
        norm="slaney",
    )


def extract(waves: torch.Tensor, *, mel: torch.nn.Module) -> torch.Tensor:
    """Log-mel spectrogram in dB of `waves` [batch, samples] on their device."""
    return 10 * mel(waves).clamp_min(FLOOR_POWER).log10()


def build(waveforms: Waveforms, *, profile: str, parameters: LogMel, device: str = "cpu") -> store.Features:
    """The log-mel store of a profile, float16 [clips, bands, frames]; `length` counts the frames before the padding."""
    rate = waveforms.sample_rate_hz
    samples, hop = round(parameters.crop_s * rate), round(parameters.hop_s * rate)
    clips = waveforms.clips[["id", "path", "corpus"]].copy()
    clips["length"] = 1 + waveforms.clips.length.clip(upper=samples) // hop
    clips["cropped"] = waveforms.clips.length > samples
    return store.build(
        _batches(waveforms, parameters=parameters, samples=samples, device=device),
        clips=clips,
        shape=(parameters.bands, 1 + samples // hop),
        dtype="float16",
        branch="logmel",
        profile=profile,
        made_from=store.made_from("logmel", waveforms=waveforms, source=__file__, **asdict(parameters)),
    )


def _batches(waveforms: Waveforms, *, parameters: LogMel, samples: int, device: str) -> Iterator[np.ndarray]:
    mel = transform(parameters, sample_rate_hz=waveforms.sample_rate_hz).to(device)
    with torch.inference_mode(), progress((), label="log-mel", total=len(waveforms.clips)) as bar:
        for start in range(0, len(waveforms.clips), _BATCH):
            rows = range(start, min(start + _BATCH, len(waveforms.clips)))
            waves = np.stack([fit(waveforms.wave(i), samples=samples)[0] for i in rows])
            yield extract(torch.from_numpy(waves).to(device), mel=mel).cpu().half().numpy()
            bar.update(len(rows))
