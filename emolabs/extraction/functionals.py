"""Functionals for the classical rows: statistics over a whole clip, one vector each.

`mfcc`: mean and standard deviation of 20 MFCC and of their first and second differences (librosa), 120 values.
`egemaps`: the 88 functionals of eGeMAPSv02 (Eyben et al. 2016) by openSMILE, an optional package whose licence allows
research and private use only.
"""

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import librosa
import numpy as np
from joblib import Parallel, delayed

from emolabs.extraction import store
from emolabs.progress import progress
from emolabs.standardization.waveforms import Waveforms

MFCC = 20
_CHUNK = 32


def mfcc(wave: np.ndarray, *, sample_rate_hz: int) -> np.ndarray:
    """Mean and standard deviation over time of MFCC, delta and delta-delta: float32 [120]."""
    coefficients = librosa.feature.mfcc(y=wave, sr=sample_rate_hz, n_mfcc=MFCC, n_fft=512, hop_length=160, n_mels=40)
    frames = coefficients.shape[1]
    width = min(9, frames if frames % 2 else frames - 1)
    deltas = [librosa.feature.delta(coefficients, order=k, width=width) for k in (1, 2)] if width >= 3 else []
    deltas = deltas or [np.zeros_like(coefficients)] * 2
    series = np.concatenate([coefficients, *deltas])
    return np.concatenate([series.mean(axis=1), series.std(axis=1)]).astype(np.float32)


def egemaps(wave: np.ndarray, *, sample_rate_hz: int) -> np.ndarray:
    """The 88 functionals of eGeMAPSv02: float32 [88]; what is undefined for a clip (no voiced frame) is 0."""
    values = _smile().process_signal(wave, sample_rate_hz).to_numpy(np.float32)[0]
    return np.nan_to_num(values, posinf=0, neginf=0)


@functools.cache
def _smile():
    try:
        import opensmile
    except ImportError:
        raise ImportError(
            "eGeMAPS needs openSMILE: pip install -e '.[egemaps]' (its licence allows research and private use only)"
        ) from None
    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


@dataclass(frozen=True)
class Functionals:
    """A set of functionals: its branch, its size and the function that computes it."""

    branch: str
    size: int
    compute: Callable
    package: str  # what has to be importable


SETS = {
    functionals.branch: functionals
    for functionals in [
        Functionals("mfcc", 6 * MFCC, mfcc, "librosa"),
        Functionals("egemaps", 88, egemaps, "opensmile"),
    ]
}


def build(
    waveforms: Waveforms, *, branch: str, profile: str, workers: int | None = None, variant: str = "current"
) -> store.Features:
    """The store of a set of functionals, float32 [clips, size], over the whole of each clip, in `workers` processes.

    `variant` is that of `store.build`.
    """
    chosen = SETS[branch]
    clips = waveforms.clips[["id", "path", "corpus"]].assign(length=1)
    return store.build(
        _batches(waveforms, compute=chosen.compute, label=branch, workers=workers),
        clips=clips,
        shape=(chosen.size,),
        dtype="float32",
        branch=branch,
        profile=profile,
        made_from=store.made_from(branch, waveforms=waveforms, source=__file__, size=chosen.size),
        variant=variant,
    )


def _batches(waveforms: Waveforms, *, compute: Callable, label: str, workers: int | None) -> Iterator[np.ndarray]:
    rows = range(len(waveforms.clips))
    pool = Parallel(n_jobs=workers or os.cpu_count(), return_as="generator")
    with progress((), label=label, total=len(rows)) as bar:
        chunks = (rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK))
        for chunk in pool(
            delayed(_compute)([waveforms.wave(i) for i in chunk], compute, waveforms.sample_rate_hz) for chunk in chunks
        ):
            yield chunk
            bar.update(len(chunk))


def _compute(waves: list[np.ndarray], compute: Callable, sample_rate_hz: int) -> np.ndarray:
    return np.stack([compute(wave, sample_rate_hz=sample_rate_hz) for wave in waves])
