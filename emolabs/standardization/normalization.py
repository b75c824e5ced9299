"""The normalized waveform: mono, 16 kHz, no DC, no silent margins, one loudness, a bounded true peak (DESIGN, stage 1).

Conventions: waveforms are float32 [samples] with full scale 1.0; loudness in LUFS (ITU-R BS.1770-4), peaks in dBTP.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import pyloudnorm
import scipy.signal
import soxr

from emolabs.corpora import audio

#: Gating block of BS.1770-4 and the step between two, in seconds; a shorter clip is repeated until it fills a block.
BLOCK_S, STEP_S = 0.4, 0.1
#: Oversampling of the true-peak estimate, BS.1770-4 annex 2.
OVERSAMPLING = 4


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """Which steps are taken, and to what; a step that is off leaves the waveform as it is."""

    sample_rate_hz: int = 16_000
    remove_dc: bool = True
    trim: bool = True
    trim_db: float = 30.0  # margins whose frames stay this far under the loudest frame go
    equalize_loudness: bool = True
    loudness_lufs: float = -23.0
    bound_peak: bool = True
    true_peak_dbtp: float = -1.0


def normalize(samples: np.ndarray, *, sample_rate_hz: int, steps: Normalization) -> tuple[np.ndarray, dict]:
    """Take `samples` [frames, channels] at `sample_rate_hz` through the chain.

    Returns the waveform, float32 [samples] at `steps.sample_rate_hz`, and what was measured: `loudness_before_lufs`
    and `peak_before_dbtp` (mono, resampled, untrimmed), `loudness_lufs`, `peak_dbtp`, `duration_before_s`,
    `duration_s`, `bounded` (whether the peak bound lowered the gain).
    """
    rate = steps.sample_rate_hz
    wave = samples.mean(axis=1, dtype=np.float32) if samples.shape[1] > 1 else samples[:, 0]
    wave = soxr.resample(wave, sample_rate_hz, rate) if sample_rate_hz != rate else wave
    facts = {"duration_before_s": len(wave) / rate, "loudness_before_lufs": loudness(wave, sample_rate_hz=rate)}
    facts["peak_before_dbtp"] = true_peak(wave)
    wave = wave - wave.mean() if steps.remove_dc else wave
    if steps.trim:
        wave, _ = librosa.effects.trim(wave, top_db=steps.trim_db, frame_length=512, hop_length=128)
    level, peak = loudness(wave, sample_rate_hz=rate), true_peak(wave)
    gain = steps.loudness_lufs - level if steps.equalize_loudness and np.isfinite(level) else 0.0
    bounded = steps.bound_peak and peak + gain > steps.true_peak_dbtp
    if bounded:
        gain = steps.true_peak_dbtp - peak
    wave = np.asarray(wave * np.float32(10 ** (gain / 20)), dtype=np.float32)
    facts |= {"loudness_lufs": level + gain, "peak_dbtp": peak + gain, "duration_s": len(wave) / rate}
    return wave, facts | {"bounded": bool(bounded)}


def normalize_file(file: Path, *, steps: Normalization) -> tuple[np.ndarray, dict]:
    """`normalize` of what `audio.read` decodes from `file`; raises `ValueError` naming the file where it cannot."""
    try:
        samples, sample_rate_hz = audio.read(file)
    except ValueError as error:
        raise ValueError(f"{file} cannot be normalized ({error}): run notebooks/10_indexing.ipynb again") from None
    return normalize(samples, sample_rate_hz=sample_rate_hz, steps=steps)


def loudness(wave: np.ndarray, *, sample_rate_hz: int) -> float:
    """Integrated loudness of `wave` [samples] in LUFS, gated (ITU-R BS.1770-4); −inf for silence.

    A clip shorter than the 400 ms gating block is repeated until it fills one. An incomplete last block does not count.
    """
    block, step = BLOCK_S * sample_rate_hz, STEP_S * sample_rate_hz
    if len(wave) < block:
        wave = np.tile(wave, int(block // len(wave)) + 1)
    wave = wave[: int(np.ceil(block + (len(wave) - block) // step * step))]  # pyloudnorm takes half a step for a whole
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # log of zero for silence
        with np.errstate(divide="ignore"):
            return float(pyloudnorm.Meter(sample_rate_hz).integrated_loudness(wave))


def true_peak(wave: np.ndarray) -> float:
    """True peak of `wave` [samples] in dBTP: the largest magnitude at four times the rate (BS.1770-4, annex 2)."""
    peak = np.abs(scipy.signal.resample_poly(wave, OVERSAMPLING, 1)).max(initial=0.0)
    return float(20 * np.log10(max(peak, 1e-12)))
