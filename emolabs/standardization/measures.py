"""What a waveform is like before and after normalization: loudness, true peak, silence, bandwidth, clipping, length.

Conventions: waveforms float [samples] with full scale 1.0; a table has a row per clip and state (`before`: mono at the
file's own rate; `after`: what the chain returns).
"""

import os
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.fft
import scipy.signal
from joblib import Parallel, delayed

from emolabs import paths
from emolabs.progress import progress
from emolabs.standardization.normalization import Normalization, decode, loudness, normalize, true_peak

#: A frame this far under the loudest one counts as silence, a band this far under the strongest one as empty.
SILENCE_DB, EMPTY_DB = 30.0, 60.0
#: Samples at or above this magnitude touch full scale (16-bit audio ends one step under 1.0).
FULL_SCALE = 1 - 2**-15
#: Length of a frame in seconds.
FRAME_S = 0.032
_CHUNK = 16


def measure(wave: np.ndarray, *, sample_rate_hz: int) -> dict:
    """`loudness_lufs` and `peak_dbtp` (ITU-R BS.1770-4), `silence_share` (0–1), `bandwidth_hz`, `clipped` (samples at
    full scale) and `duration_s` of `wave` [samples].

    Silence is the share of frames of 32 ms whose level lies `SILENCE_DB` or more under the loudest frame; the bandwidth
    is the highest frequency whose power density (Welch 1967) is within `EMPTY_DB` of the strongest one.
    """
    return {
        "loudness_lufs": loudness(wave, sample_rate_hz=sample_rate_hz),
        "peak_dbtp": true_peak(np.asarray(wave, np.float32)),
        "silence_share": silence_share(wave, sample_rate_hz=sample_rate_hz),
        "bandwidth_hz": bandwidth(wave, sample_rate_hz=sample_rate_hz),
        "clipped": int((np.abs(wave) >= FULL_SCALE).sum()),
        "duration_s": len(wave) / sample_rate_hz,
    }


def silence_share(wave: np.ndarray, *, sample_rate_hz: int) -> float:
    """Share (0–1) of 32 ms frames that lie `SILENCE_DB` or more under the loudest one."""
    size = min(len(wave), round(FRAME_S * sample_rate_hz))
    frames = wave[: len(wave) // size * size].reshape(-1, size)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64)
    return float((power <= power.max() * 10 ** (-SILENCE_DB / 10)).mean())


def bandwidth(wave: np.ndarray, *, sample_rate_hz: int) -> float:
    """Highest frequency in Hz whose power density is within `EMPTY_DB` of the strongest one; 0 for silence."""
    frequency_hz, density = power_density(wave, sample_rate_hz=sample_rate_hz)
    heard = np.flatnonzero((density > 0) & (density >= density.max() * 10 ** (-EMPTY_DB / 10)))
    return float(frequency_hz[heard[-1]]) if len(heard) else 0.0


def power_density(wave: np.ndarray, *, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and power density (Welch 1967) of frames of 32 ms, each without its mean, under a Hann window.

    It is that of `scipy.signal.welch`, which takes the frames one by one, in Python; here they are taken at once.
    """
    size = min(len(wave), round(FRAME_S * sample_rate_hz))
    frames = wave[: len(wave) // size * size].reshape(-1, size)
    window = scipy.signal.get_window("hann", size)
    spectra = scipy.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window)
    density = np.square(np.abs(spectra)).mean(axis=0) / (sample_rate_hz * np.square(window).sum())
    density[1 : (size + 1) // 2] *= 2  # what lies at negative frequencies; neither 0 nor half the rate has a twin
    return scipy.fft.rfftfreq(size, 1 / sample_rate_hz), density


def variants(steps: Normalization) -> dict[str, Normalization]:
    """`steps` as a whole (`all`), without each of its switches in turn, and with none of them (`none`)."""
    switches = [field.name for field in fields(Normalization) if getattr(steps, field.name) is True]
    one_off = {f"without {name}": replace(steps, **{name: False}) for name in switches}
    return {"all": steps, **one_off, "none": replace(steps, **dict.fromkeys(switches, False))}


def compare(index: pd.DataFrame, *, steps: Normalization, workers: int | None = None) -> pd.DataFrame:
    """`measure` each clip of `index` before and after `steps`, in `workers` processes (default: all cores).

    Returns two rows a clip: `path, corpus, state` (before, after), what `measure` measures, and `drift_s`: how much
    longer the resampled clip is than the file, before anything is trimmed.
    Raises `ValueError` naming a file that cannot be read.
    """
    files = [paths.raw(corpus) / file for corpus, file in zip(index.corpus, index.file, strict=True)]
    rows = [row for both in _compared(files, steps=steps, workers=workers) for row in both]
    keys = index.loc[index.index.repeat(2), ["path", "corpus"]].reset_index(drop=True)
    return pd.concat([keys, pd.DataFrame(rows)], axis=1)


def _compared(files: list[Path], *, steps: Normalization, workers: int | None) -> Iterator[list[dict]]:
    pool = Parallel(n_jobs=workers or os.cpu_count(), return_as="generator")
    chunks = (files[i : i + _CHUNK] for i in range(0, len(files), _CHUNK))
    with progress((), label="measuring", total=len(files)) as bar:
        for chunk in pool(delayed(_compare)(chunk, steps) for chunk in chunks):
            yield from chunk
            bar.update(len(chunk))


def _compare(files: list[Path], steps: Normalization) -> list[list[dict]]:
    results = []
    for file in files:
        samples, rate = decode(file)
        wave, facts = normalize(samples, sample_rate_hz=rate, steps=steps)
        drift_s = facts["duration_before_s"] - len(samples) / rate
        before = measure(samples.mean(axis=1), sample_rate_hz=rate)
        after = measure(wave, sample_rate_hz=steps.sample_rate_hz)
        pair = [("before", before), ("after", after)]
        results.append([{"state": state, **values, "drift_s": drift_s} for state, values in pair])
    return results
