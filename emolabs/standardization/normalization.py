"""The normalized waveform: mono, 16 kHz, no DC, no silent margins, one loudness, a bounded true peak (DESIGN, stage 1).

Conventions: waveforms are float32 [samples] with full scale 1.0; loudness in LUFS (ITU-R BS.1770-4), peaks in dBTP.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import pyloudnorm
import scipy.signal
import soxr

from emolabs.corpora import audio

#: Step between two gating blocks of BS.1770-4 in seconds, and the steps of a block (400 ms); a shorter clip is repeated
#: until it fills a block.
STEP_S, BLOCK_STEPS = 0.1, 4
#: The K-weighting forgets: so long after it started, what it was fed before is down by 200 dB.
MEMORY_S = 0.1
#: Gating blocks under this loudness do not count (BS.1770-4).
ABSOLUTE_GATE_LUFS = -70.0
#: Oversampling of the true-peak estimate, BS.1770-4 annex 2.
OVERSAMPLING = 4
#: Samples on each side that the oversampling filter reaches, and the sum of its magnitudes, rounded up.
CONTEXT, LARGEST_GAIN = 10, 2.3
_BLOCK = 64


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
    (mono, resampled, untrimmed), `loudness_lufs`, `peak_dbtp`, `duration_before_s`, `duration_s`, `bounded` (whether
    the peak bound lowered the gain).
    """
    rate = steps.sample_rate_hz
    wave = samples.mean(axis=1, dtype=np.float32) if samples.shape[1] > 1 else samples[:, 0]
    wave = soxr.resample(wave, sample_rate_hz, rate) if sample_rate_hz != rate else wave
    weighted = k_weight(wave, sample_rate_hz=rate)
    facts = {
        "duration_before_s": len(wave) / rate,
        "loudness_before_lufs": loudness(wave, sample_rate_hz=rate, weighted=weighted),
    }
    wave, start = wave - wave.mean() if steps.remove_dc else wave, 0
    if steps.trim:
        wave, (start, _) = librosa.effects.trim(wave, top_db=steps.trim_db, frame_length=512, hop_length=128)
    weighted = weighted[start : start + len(wave)]  # as if it started here, once the filter has forgotten
    head = round(MEMORY_S * rate)
    weighted[:head] = k_weight(wave[:head], sample_rate_hz=rate)
    level, peak = loudness(wave, sample_rate_hz=rate, weighted=weighted), true_peak(wave)
    gain = steps.loudness_lufs - level if steps.equalize_loudness and np.isfinite(level) else 0.0
    bounded = steps.bound_peak and peak + gain > steps.true_peak_dbtp
    if bounded:
        gain = steps.true_peak_dbtp - peak
    wave = np.asarray(wave * np.float32(10 ** (gain / 20)), dtype=np.float32)
    facts |= {"loudness_lufs": level + gain, "peak_dbtp": peak + gain, "duration_s": len(wave) / rate}
    return wave, facts | {"bounded": bool(bounded)}


def normalize_file(file: Path, *, steps: Normalization) -> tuple[np.ndarray, dict]:
    """`normalize` of what `decode` reads from `file`; raises as it does."""
    samples, sample_rate_hz = decode(file)
    return normalize(samples, sample_rate_hz=sample_rate_hz, steps=steps)


def decode(file: Path) -> tuple[np.ndarray, int]:
    """`audio.read` of an indexed file; raises `ValueError` naming the file where it cannot be read any more."""
    try:
        return audio.read(file)
    except ValueError as error:
        raise ValueError(f"{file} cannot be normalized ({error}): run notebooks/10_indexing.ipynb again") from None


def k_weight(wave: np.ndarray, *, sample_rate_hz: int) -> np.ndarray:
    """`wave` [samples] as loudness hears it: the two filters of BS.1770-4's K-weighting, float64 [samples]."""
    return scipy.signal.sosfilt(_k_weighting(sample_rate_hz), wave)


def loudness(wave: np.ndarray, *, sample_rate_hz: int, weighted: np.ndarray | None = None) -> float:
    """Integrated loudness of `wave` [samples] in LUFS, gated (ITU-R BS.1770-4); −inf for silence.

    `weighted` is its `k_weight` where that is known already. A clip shorter than the 400 ms gating block is repeated
    until it fills one. An incomplete last block does not count (pyloudnorm's meter counts it, which is up to 0.4 LU off
    on short clips; the weighting filters are pyloudnorm's).
    """
    step = round(STEP_S * sample_rate_hz)
    block = BLOCK_STEPS * step
    if len(wave) < block:
        wave, weighted = np.tile(wave, -(-block // len(wave))), None
    weighted = k_weight(wave, sample_rate_hz=sample_rate_hz) if weighted is None else weighted
    steps = weighted[: len(weighted) // step * step].reshape(-1, step)
    energy = np.einsum("ij,ij->i", steps, steps)  # of each step
    power = np.lib.stride_tricks.sliding_window_view(energy, BLOCK_STEPS).sum(axis=1) / block  # of each gating block
    kept = power[power > _power(ABSOLUTE_GATE_LUFS)]
    kept = kept[kept > 0.1 * kept.mean()] if len(kept) else kept  # relative gate, 10 LU under what is left
    return float(-0.691 + 10 * np.log10(kept.mean())) if len(kept) else -np.inf


def _power(loudness_lufs: float) -> float:
    return 10 ** ((loudness_lufs + 0.691) / 10)


@functools.cache
def _k_weighting(sample_rate_hz: int) -> np.ndarray:
    """The two filters of the K-weighting as second-order sections [2, 6]: a high shelf, then a high pass.

    BS.1770-4 states their coefficients at 48 kHz; at other rates they are those of the same analogue filters (De Man),
    whose gain (dB), quality and frequency (Hz) stand here. pyloudnorm's default filters are up to 0.13 LU off.
    """
    shelf = pyloudnorm.IIRfilter(
        3.99984385397, 0.7071752369554193, 1681.9744509555319, sample_rate_hz, "high_shelf_DeMan"
    )
    high_pass = pyloudnorm.IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, sample_rate_hz, "high_pass_DeMan")
    return np.array([np.concatenate([f.b, f.a]) / f.a[0] for f in (shelf, high_pass)])


def true_peak(wave: np.ndarray) -> float:
    """True peak of `wave` [samples] in dBTP: the largest magnitude at four times the rate (BS.1770-4, annex 2).

    Only blocks are oversampled that can hold it: between samples the filter gains at most `LARGEST_GAIN`.
    """
    peak = np.abs(wave).max(initial=0.0)
    if peak > 0:
        padded = np.pad(wave, (CONTEXT, CONTEXT + -len(wave) % _BLOCK))
        blocks = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK + 2 * CONTEXT)[::_BLOCK]
        loud = blocks[np.abs(blocks).max(axis=1) * LARGEST_GAIN >= peak]
        peak = np.abs(loud @ _oversampling()).max()
    return float(20 * np.log10(max(peak, 1e-12)))


@functools.cache
def _oversampling() -> np.ndarray:
    """The filter of `scipy.signal.resample_poly` as a matrix: a block with its context -> its samples at four times the
    rate, float32 [_BLOCK + 2 * CONTEXT, _BLOCK * OVERSAMPLING]."""
    impulses = np.eye(_BLOCK + 2 * CONTEXT, dtype=np.float32)
    response = scipy.signal.resample_poly(impulses, OVERSAMPLING, 1, axis=1)
    return np.ascontiguousarray(response[:, CONTEXT * OVERSAMPLING : -CONTEXT * OVERSAMPLING])
