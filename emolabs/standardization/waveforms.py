"""The store of normalized waveforms: one flat array of 16-bit samples for all clips, and where each begins.

A store is `waveforms/<digest>/` with `samples.npy` (int16 [all samples], full scale 32,767), `clips.parquet` (`id,
path, corpus, start, length` in samples, and what the normalization measured) and `store.json` (how it was made).
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.lib import format as npy

from emolabs import dependencies, paths, storage
from emolabs.corpora import audio
from emolabs.progress import progress
from emolabs.standardization import normalization
from emolabs.standardization.normalization import Normalization, normalize_file
from emolabs.standardization.split import sample_id

FULL_SCALE = 32_767
_CHUNK = 8


@dataclass(frozen=True)
class Waveforms:
    """An opened store; `wave(i)` reads clip `i` from the disk, nothing else is held in memory."""

    folder: Path
    clips: pd.DataFrame
    samples: np.ndarray  # int16 [all samples], memory-mapped
    sample_rate_hz: int

    def wave(self, i: int) -> np.ndarray:
        """Waveform of the clip in row `i`: float32 [samples], full scale 1.0."""
        start, length = self.clips.start.iloc[i], self.clips.length.iloc[i]
        return self.samples[start : start + length].astype(np.float32) / FULL_SCALE


def build(
    index: pd.DataFrame, *, profile: str, steps: Normalization, workers: int | None = None, variant: str = "current"
) -> Waveforms:
    """Normalize every clip of `index` in `workers` processes (default: all cores) into a store, or open the one there.

    Samples go to the disk as they come, so that memory does not grow with the corpus; the store takes its name when
    it is complete. `variant` is what it is found by: `current` is what every later stage reads, any other name a store
    beside it, such as that of an ablation.
    """
    made_from = {
        "steps": asdict(steps),
        "clips": storage.digest(index[["path", "pcm_sha256"]].values.tolist()),
        "code": dependencies.own_digest([Path(__file__), Path(normalization.__file__), Path(audio.__file__)]),
    }
    folder = paths.waveforms(profile) / storage.digest(made_from)
    if not folder.is_dir():
        with storage.atomic(folder) as temporary:
            temporary.mkdir()
            clips = _write_samples(index, folder=temporary, steps=steps, workers=workers)
            clips.to_parquet(temporary / "clips.parquet", index=False)
            storage.write_json(temporary / "store.json", made_from)
    storage.write_json(paths.waveforms(profile) / f"{variant}.json", {"store": folder.name})
    return load(profile, variant=variant)


def load(profile: str, *, variant: str = "current") -> Waveforms:
    """Open a store of a profile; raises `FileNotFoundError` saying what makes it."""
    folder = storage.current(paths.waveforms(profile), notebook="12_normalization", variant=variant)
    steps = storage.read_json(folder / "store.json")["steps"]
    samples = np.load(folder / "samples.npy", mmap_mode="r")
    return Waveforms(folder, pd.read_parquet(folder / "clips.parquet"), samples, steps["sample_rate_hz"])


def _write_samples(index: pd.DataFrame, *, folder: Path, steps: Normalization, workers: int | None) -> pd.DataFrame:
    files = [paths.raw(corpus) / file for corpus, file in zip(index.corpus, index.file, strict=True)]
    chunks = [files[i : i + _CHUNK] for i in range(0, len(files), _CHUNK)]
    pool = Parallel(n_jobs=workers or os.cpu_count(), return_as="generator")
    measured, lengths = [], []
    with open(folder / "samples.npy", "wb") as stream, progress((), label="normalizing", total=len(files)) as bar:
        _write_header(stream, samples=0)  # a full disk kills who maps memory, so the array is written as it comes
        for chunk in pool(delayed(_normalize)(chunk, steps) for chunk in chunks):
            for wave, facts in chunk:
                stream.write(wave.data)
                lengths.append(len(wave))
                measured.append(facts)
            bar.update(len(chunk))
        stream.seek(0)
        _write_header(stream, samples=sum(lengths))
    clips = index[["path", "corpus"]].reset_index(drop=True)
    clips.insert(0, "id", clips.path.map(sample_id))
    clips["start"] = np.cumsum([0, *lengths[:-1]])
    clips["length"] = lengths
    return pd.concat([clips, pd.DataFrame(measured).round(4)], axis=1)


def _write_header(stream: BinaryIO, *, samples: int) -> None:
    """The head of an array [samples]; numpy leaves room for its length to grow, so it is as long for any number."""
    npy.write_array_header_1_0(stream, {"descr": "<i2", "fortran_order": False, "shape": (samples,)})


def _normalize(files: list[Path], steps: Normalization) -> list[tuple[np.ndarray, dict]]:
    results = []
    for file in files:
        wave, facts = normalize_file(file, steps=steps)
        results.append((np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE - 1, FULL_SCALE).astype("<i2"), facts))
    return results
