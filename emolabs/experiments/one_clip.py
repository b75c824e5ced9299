"""One clip that belongs to no corpus: read as an index would read it, and held as a store would hold it."""

import numbers
from pathlib import Path

import numpy as np
import pandas as pd

from emolabs.corpora import audio
from emolabs.standardization.normalization import Normalization
from emolabs.standardization.waveforms import FULL_SCALE, Waveforms

#: Lowest and highest rate that an array is taken at.
RATES_HZ = (1_000, 768_000)
#: Largest sample that is taken, 32-bit integers as floats; far beyond it sums of squares overflow in the normalization.
LARGEST = 2.0**31


def read(source: str | Path | np.ndarray, *, sample_rate_hz: float | None) -> tuple[np.ndarray, float]:
    """Samples [samples, channels] and their rate, of a file or of an array [samples(, channels)] with full scale 1.

    Raises `OSError` where a file is not there, and `ValueError` for an array of another shape or type, or without a
    rate within `RATES_HZ`, for samples beyond `LARGEST` and, with the same reasons, for what an index would refuse.
    """
    if isinstance(source, str | Path):
        if sample_rate_hz is not None:
            raise ValueError(
                f"{source} states its own sample rate: expected none beside a file, found {sample_rate_hz}"
            )
        samples, sample_rate_hz = audio.read(Path(source))
    else:
        sample_rate_hz, samples = _rate(sample_rate_hz), _samples(np.asarray(source))
    if len(samples) < audio.SHORTEST_S * sample_rate_hz:
        raise ValueError(
            f"too short: {len(samples)} samples at {sample_rate_hz} Hz are less than {audio.SHORTEST_S:g} s"
        )
    peak = float(np.abs(samples).max())
    if peak > LARGEST:
        raise ValueError(f"too large: the peak is {peak:g} where full scale 1 is expected; divide by what it was")
    samples = samples.astype(np.float32)
    if np.abs(samples).max() < 10 ** (audio.SILENCE_DBFS / 20):
        raise ValueError(f"silent: the peak is below {audio.SILENCE_DBFS:.0f} dBFS")
    return samples, sample_rate_hz


def _rate(sample_rate_hz: object) -> float:
    """The rate of an array, Hz, as a number of Python's own."""
    lowest, highest = RATES_HZ
    is_number = isinstance(sample_rate_hz, numbers.Real) and not isinstance(sample_rate_hz, bool)
    if not is_number or not lowest <= sample_rate_hz <= highest:
        raise ValueError(
            "an array needs its sample rate in Hz: expected sample_rate_hz as a number from "
            f"{lowest:,} to {highest:,}, found {sample_rate_hz!r}"
        )
    return int(sample_rate_hz) if sample_rate_hz == int(sample_rate_hz) else float(sample_rate_hz)


def _samples(given: np.ndarray) -> np.ndarray:
    """An array as [samples, channels], in its own precision."""
    found = f"{given.dtype} {list(given.shape)}"
    if given.ndim not in (1, 2) or given.dtype.kind != "f":
        raise ValueError(
            "expected samples [samples] or [samples, channels] as floats with full scale 1, found "
            f"{found}: divide 16-bit integers by 32768"
        )
    if given.ndim == 2 and not given.size:
        raise ValueError(f"empty: expected [samples, channels] with one of each or more, found {found}")
    if given.ndim == 2 and given.shape[1] > len(given):
        raise ValueError(f"expected [samples, channels], found {found}: more channels than samples; transpose it")
    if not np.isfinite(given).all():
        bad = int((~np.isfinite(given)).sum())
        raise ValueError(f"not finite: {bad} of {given.size} samples are NaN or infinite")
    return given if given.ndim == 2 else given[:, None]


def stored(wave: np.ndarray, steps: Normalization) -> Waveforms:
    """`wave`, float [samples], as a store of this one clip has it: in 16 bits, at the rate of `steps`."""
    samples = np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE - 1, FULL_SCALE).astype("<i2")
    clips = pd.DataFrame({"id": [""], "path": [""], "corpus": [""], "start": [0], "length": [len(samples)]})
    return Waveforms(Path(), clips, samples, steps.sample_rate_hz)
