"""The recordings that are measured, a scratch profile that leaves no trace, and the obvious way to prepare a clip."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import librosa
import numpy as np
import pandas as pd
import pyloudnorm

from emolabs import paths
from emolabs.corpora import REGISTRY, index
from emolabs.standardization import Normalization, sample_id

if TYPE_CHECKING:  # torch would weigh on every process whose memory is measured
    from emolabs.extraction import LogMel

#: The profile that the benchmarks write to; it exists in a scratch folder only.
PROFILE = "bench"
STEPS = Normalization()


@functools.cache
def recordings() -> pd.DataFrame:
    """Every recording whose name is understood: as `index.describe` has them, in the order of sample ids.

    The real corpora under `EMOLABS_RAW` or `data/raw` where there are any, else the embedded ones.
    Raises `FileNotFoundError` where there are none either.
    """
    found = {key: index.files(corpus) for key, corpus in REGISTRY.items()}
    real = [key for key, files in found.items() if files and not key.startswith("emosynth")]
    keys = real or [key for key, files in found.items() if files]
    if not keys:
        raise FileNotFoundError(REGISTRY["emosynth-en"].missing())
    parsers = {key: REGISTRY[key].parser() for key in keys}
    described = (index.describe(REGISTRY[key], file, parse=parsers[key]) for key in keys for file in found[key])
    clips = pd.DataFrame([clip for clip, reason in described if not reason]).drop_duplicates("path")
    return clips.sort_values("path", key=lambda paths: paths.map(sample_id), ignore_index=True)


def sample(clips: int) -> pd.DataFrame:
    """The first decodable `clips` recordings by sample id (at random, but the same ones everywhere), as an index."""
    candidates = recordings().head(clips + 16)
    facts = index.examine(files(candidates))
    kept = candidates[["reason" not in fact for fact in facts]].head(clips).reset_index(drop=True)
    hashes = {path: fact.get("pcm_sha256") for path, fact in zip(candidates.path, facts, strict=True)}
    return kept.assign(pcm_sha256=kept.path.map(hashes))


def files(clips: pd.DataFrame) -> list[Path]:
    """Where the recordings lie."""
    return [paths.raw(corpus) / file for corpus, file in zip(clips.corpus, clips.file, strict=True)]


def description() -> str:
    """Which corpora are measured, in words."""
    counts = recordings().corpus.value_counts().sort_index()
    synthetic = counts.index.str.startswith("emosynth").all()
    return ("embedded: " if synthetic else "real: ") + ", ".join(f"{key} {n:,}" for key, n in counts.items())


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """For a while everything the package derives lies under `folder`."""
    interim = paths.interim
    paths.interim = lambda profile: folder / "data" / "interim" / profile
    try:
        yield folder
    finally:
        paths.interim = interim


def obvious_waveform(file: Path) -> np.ndarray:
    """What a notebook would write: decode and resample, trim, measure the loudness, scale."""
    wave, rate = librosa.load(file, sr=STEPS.sample_rate_hz)
    wave, _ = librosa.effects.trim(wave, top_db=STEPS.trim_db)
    block = int(0.4 * rate) + 1
    level = pyloudnorm.Meter(rate).integrated_loudness(np.pad(wave, (0, max(0, block - len(wave)))))
    return (wave * 10 ** ((STEPS.loudness_lufs - level) / 20)).astype(np.float32) if np.isfinite(level) else wave


def obvious_logmel(wave: np.ndarray, *, like: "LogMel") -> np.ndarray:
    """What a notebook would write: librosa's mel spectrogram of one clip, in dB: float32 [bands, frames]."""
    rate = STEPS.sample_rate_hz
    power = librosa.feature.melspectrogram(
        y=wave,
        sr=rate,
        n_fft=round(like.window_s * rate),
        hop_length=round(like.hop_s * rate),
        n_mels=like.bands,
        pad_mode="constant",
    )
    return 10 * np.log10(np.maximum(1e-10, power))
