"""Feature stores: arrays that are memory-mapped, true lengths, ids, and how they were made; complete or absent.

A store is `features/<branch>/<digest>/` with `features.npy` [clips, …], `clips.parquet` (`id, path, corpus, length`;
length in frames) and `store.json` (parameters and the digest of the waveforms it was made from). Where every clip has
its own number of frames, `features.npy` is flat, [all frames, …], and `start` in `clips.parquet` is where each begins.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from emolabs import dependencies, paths, storage
from emolabs.standardization.waveforms import Waveforms

#: Which notebook makes the store of a branch; the others are functionals.
_NOTEBOOKS = {"logmel": "22_spectrograms"} | dict.fromkeys(("whisper", "wav2vec2", "hubert"), "21_embeddings")


@dataclass(frozen=True)
class Features:
    """An opened store: `values` [clips, …] (flat: [all frames, …]) is memory-mapped, `clips` has a row for each."""

    folder: Path
    clips: pd.DataFrame
    values: np.ndarray
    parameters: dict
    digest: str

    @property
    def is_flat(self) -> bool:
        """Whether `values` holds the frames of all clips one after the other."""
        return "start" in self.clips

    def frames(self, i: int) -> np.ndarray:
        """The frames of clip `i` of a flat store: [length, …], read from the disk."""
        start, length = self.clips.start.iloc[i], self.clips.length.iloc[i]
        return self.values[start : start + length]


def made_from(branch: str, *, waveforms: Waveforms, source: str, **parameters: object) -> dict:
    """What a store is made from and named by: its waveforms, its parameters and the code of its module `source`."""
    code = dependencies.own_digest([Path(source)])
    return {"branch": branch, "waveforms": waveforms.folder.name, "code": code, **parameters}


def build(
    batches: Iterable[np.ndarray],
    *,
    clips: pd.DataFrame,
    shape: tuple[int, ...],
    dtype: str,
    branch: str,
    profile: str,
    made_from: dict,
    variant: str = "current",
) -> Features:
    """Write the store that `made_from` (parameters and input) names, or open it where it is complete.

    `variant` is what it is found by, as for waveforms.

    `batches` yields arrays [some clips, *shape] in the order of `clips`; it is not touched where the store exists.
    Raises `ValueError` where the batches do not add up to `clips`.
    """
    folder = path(branch, profile=profile, made_from=made_from)
    if not folder.is_dir():
        with writing(folder, clips=clips, shape=(len(clips), *shape), dtype=dtype, made_from=made_from) as put:
            done = 0
            for batch in batches:
                put(done, batch)
                done += len(batch)
    point(folder, variant=variant)
    return load(profile, branch=branch, variant=variant)


def path(branch: str, *, profile: str, made_from: dict) -> Path:
    """The folder of the store that `made_from` names."""
    return paths.features(profile, branch) / storage.digest(made_from)


def point(folder: Path, *, variant: str = "current") -> None:
    """Let a complete store be found as `variant` of its branch."""
    storage.write_json(folder.parent / f"{variant}.json", {"store": folder.name})


@contextmanager
def writing(
    folder: Path, *, clips: pd.DataFrame, shape: tuple[int, ...], dtype: str, made_from: dict
) -> Iterator[Callable[[int, np.ndarray], None]]:
    """Yield `put(start, values)`, which writes `values` [some rows, …] as the rows from `start` on, in any order.

    The store [rows, …] of this `shape` takes its name at the end of the block; after an error nothing is left of it.
    Raises `ValueError` where rows have another shape or do not add up. A full disk is an error here, but kills who maps
    memory.
    """
    dtype, rows, done = np.dtype(dtype), shape[0], 0
    noun = "frames" if "start" in clips else "clips"
    with storage.atomic(folder) as temporary:
        temporary.mkdir()
        with open(temporary / "features.npy", "wb") as stream:
            about = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(stream, about)
            begin, row = stream.tell(), dtype.itemsize * math.prod(shape[1:])

            def put(start: int, values: np.ndarray) -> None:
                """Write `values` [some rows, …] as the rows from `start` on."""
                nonlocal done
                if values.shape[1:] != shape[1:]:
                    raise ValueError(
                        f"expected features of shape {shape[1:]} a row, got {values.shape[1:]} after {done} {noun}"
                    )
                stream.seek(begin + start * row)
                stream.write(np.ascontiguousarray(values, dtype))
                done += len(values)

            yield put
        if done != rows:
            raise ValueError(f"the {folder.parent.name} store expected {rows} {noun} and got {done}")
        clips.to_parquet(temporary / "clips.parquet", index=False)
        storage.write_json(temporary / "store.json", made_from)


def load(profile: str, *, branch: str, variant: str = "current") -> Features:
    """Open a store of a branch; raises `FileNotFoundError` saying which notebook makes it."""
    notebook = _NOTEBOOKS.get(branch.removesuffix("-pooled"), "23_functionals")
    folder = storage.current(paths.features(profile, branch), notebook=notebook, variant=variant)
    return Features(
        folder,
        pd.read_parquet(folder / "clips.parquet"),
        np.load(folder / "features.npy", mmap_mode="r"),
        storage.read_json(folder / "store.json"),
        folder.name,
    )
