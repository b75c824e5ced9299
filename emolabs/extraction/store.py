"""Feature stores: arrays that are memory-mapped, true lengths, ids, and how they were made; complete or absent.

A store is `features/<branch>/<digest>/` with `features.npy` [clips, …], `clips.parquet` (`id, path, corpus, length`;
length in frames) and `store.json` (parameters and the digest of the waveforms it was made from).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap

from emolabs import paths, storage


@dataclass(frozen=True)
class Features:
    """An opened store: `values` [clips, …] is memory-mapped, `clips` has a row for each."""

    folder: Path
    clips: pd.DataFrame
    values: np.ndarray
    parameters: dict
    digest: str


def build(
    batches: Iterable[np.ndarray],
    *,
    clips: pd.DataFrame,
    shape: tuple[int, ...],
    dtype: str,
    branch: str,
    profile: str,
    made_from: dict,
) -> Features:
    """Write the store that `made_from` (parameters and input) names, or open it where it is complete.

    `batches` yields arrays [some clips, *shape] in the order of `clips`; it is not touched where the store exists.
    Raises `ValueError` where the batches do not add up to `clips`.
    """
    folder = paths.features(profile, branch) / storage.digest(made_from)
    if not folder.is_dir():
        with storage.atomic(folder) as temporary:
            temporary.mkdir()
            values = open_memmap(temporary / "features.npy", mode="w+", dtype=dtype, shape=(len(clips), *shape))
            done = 0
            for batch in batches:
                values[done : done + len(batch)] = batch
                done += len(batch)
            if done != len(clips):
                raise ValueError(f"the {branch} store expected {len(clips)} clips and got {done}")
            values.flush()
            clips.to_parquet(temporary / "clips.parquet", index=False)
            storage.write_json(temporary / "store.json", made_from)
    storage.write_json(paths.features(profile, branch) / "current.json", {"store": folder.name})
    return load(profile, branch=branch)


def load(profile: str, *, branch: str) -> Features:
    """Open the current store of a branch; raises `FileNotFoundError` saying which notebook makes it."""
    notebook = {"logmel": "22_spectrograms"}.get(branch, "23_functionals")
    folder = storage.current(paths.features(profile, branch), notebook=notebook)
    return Features(
        folder,
        pd.read_parquet(folder / "clips.parquet"),
        np.load(folder / "features.npy", mmap_mode="r"),
        storage.read_json(folder / "store.json"),
        folder.name,
    )
