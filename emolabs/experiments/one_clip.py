"""One clip that belongs to no corpus: read as an index would read it, and held as a store would hold it."""

from pathlib import Path

import numpy as np
import pandas as pd

from emolabs.corpora import audio
from emolabs.standardization.normalization import Normalization
from emolabs.standardization.waveforms import FULL_SCALE, Waveforms


def read(source: str | Path | np.ndarray, *, sample_rate_hz: int | None) -> tuple[np.ndarray, int]:
    """Samples [frames, channels] and their rate, of a file or of an array [frames(, channels)] with full scale 1.

    Raises `OSError` where a file is not there, and `ValueError` for an array without its rate and, with the same
    reasons, for what an index would refuse.
    """
    if isinstance(source, str | Path):
        if sample_rate_hz is not None:
            raise ValueError(
                f"{source} states its own sample rate: expected none beside a file, found {sample_rate_hz}"
            )
        samples, sample_rate_hz = audio.read(Path(source))
    else:
        samples = np.asarray(source)
        if sample_rate_hz is None or sample_rate_hz <= 0:
            raise ValueError(f"an array needs its sample rate in Hz: expected sample_rate_hz=…, found {sample_rate_hz}")
        if samples.ndim not in (1, 2) or samples.dtype.kind != "f":
            raise ValueError(
                "expected samples [frames] or [frames, channels] as floats with full scale 1, found "
                f"{samples.dtype} {list(samples.shape)}: divide 16-bit integers by 32768"
            )
        samples = (samples if samples.ndim == 2 else samples[:, None]).astype(np.float32)
        if not np.isfinite(samples).all():
            raise ValueError(
                f"not finite: {int((~np.isfinite(samples)).sum())} of {samples.size} samples are NaN or infinite"
            )
    if len(samples) < audio.SHORTEST_S * sample_rate_hz:
        raise ValueError(
            f"too short: {len(samples)} samples at {sample_rate_hz} Hz are less than {audio.SHORTEST_S:g} s"
        )
    if np.abs(samples).max() < 10 ** (audio.SILENCE_DBFS / 20):
        raise ValueError(f"silent: the peak is below {audio.SILENCE_DBFS:.0f} dBFS")
    return samples, sample_rate_hz


def stored(wave: np.ndarray, steps: Normalization) -> Waveforms:
    """`wave`, float [samples], as a store of this one clip has it: in 16 bits, at the rate of `steps`."""
    samples = np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE - 1, FULL_SCALE).astype("<i2")
    clips = pd.DataFrame({"id": [""], "path": [""], "corpus": [""], "start": [0], "length": [len(samples)]})
    return Waveforms(Path(), clips, samples, steps.sample_rate_hz)
