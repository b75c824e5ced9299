"""Feature stores: arrays that are memory-mapped, true lengths, ids, and how they were made; complete or absent.

A store is `features/<branch>/<digest>/` with `features.npy` [clips, …], `clips.parquet` (`id, path, corpus, length`;
length in frames) and `store.json` (parameters and the digest of the waveforms it was made from).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from emolabs import dependencies, paths, storage
from emolabs.standardization.waveforms import Waveforms


@dataclass(frozen=True)
class Features:
    """An opened store: `values` [clips, …] is memory-mapped, `clips` has a row for each."""

    folder: Path
    clips: pd.DataFrame
    values: np.ndarray
    parameters: dict
    digest: str


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
    folder = paths.features(profile, branch) / storage.digest(made_from)
    if not folder.is_dir():
        with storage.atomic(folder) as temporary:
            temporary.mkdir()
            with open(temporary / "features.npy", "wb") as stream:
                done = _write(stream, batches, shape=(len(clips), *shape), dtype=np.dtype(dtype))
            if done != len(clips):
                raise ValueError(f"the {branch} store expected {len(clips)} clips and got {done}")
            clips.to_parquet(temporary / "clips.parquet", index=False)
            storage.write_json(temporary / "store.json", made_from)
    storage.write_json(paths.features(profile, branch) / f"{variant}.json", {"store": folder.name})
    return load(profile, branch=branch, variant=variant)


def load(profile: str, *, branch: str, variant: str = "current") -> Features:
    """Open a store of a branch; raises `FileNotFoundError` saying which notebook makes it."""
    notebook = {"logmel": "22_spectrograms"}.get(branch, "23_functionals")
    folder = storage.current(paths.features(profile, branch), notebook=notebook, variant=variant)
    return Features(
        folder,
        pd.read_parquet(folder / "clips.parquet"),
        np.load(folder / "features.npy", mmap_mode="r"),
        storage.read_json(folder / "store.json"),
        folder.name,
    )


def _write(stream: BinaryIO, batches: Iterable[np.ndarray], *, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Write `batches` as one .npy file, count their clips; a full disk is an error here, but kills who maps memory."""
    npy.write_array_header_1_0(stream, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
    done = 0
    for batch in batches:
        if batch.shape[1:] != shape[1:]:
            raise ValueError(f"expected features of shape {shape[1:]} a clip, got {batch.shape[1:]} after {done} clips")
        stream.write(np.ascontiguousarray(batch, dtype))
        done += len(batch)
    return done
