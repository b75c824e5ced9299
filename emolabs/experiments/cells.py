"""Cells: small trainings of classical rows beside the runs, each kept as its counts, so that a design can be resumed.

A cell is one row of a design (a subset of the training side, a step of the normalization left out) over all folds of a
protocol within a scope. `data/results/<profile>/stability/<design>.parquet` (committed) holds the counts of all cells:
what names the cell, `train_clips` and `train_speakers` (means over the folds), the counts (see `counts`), and digests
of the `code` and of the `data` that it rests on. A cell is written when it is complete.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from emolabs import params, paths, storage
from emolabs.experiments import counts, digests, learners
from emolabs.extraction.store import Features
from emolabs.modeling.pipeline import get_pipeline
from emolabs.progress import progress
from emolabs.standardization import split

#: What stands beside the names of a cell.
COLUMNS = ["train_clips", "train_speakers", *counts.UNITS, "clips", "hits", "code", "data"]


def file(profile: str, design: str) -> Path:
    """Where the cells of a design are kept."""
    return paths.results(profile) / "stability" / f"{design}.parquet"


def load(profile: str, design: str, *, names: Sequence[str]) -> pd.DataFrame:
    """The counts of all cells of a design with `stale` (whether the code has changed since); `names` are the columns
    that name a cell, the first of them `pipeline`. Without any cell the table is empty."""
    kept = file(profile, design)
    table = pd.read_parquet(kept) if kept.is_file() else pd.DataFrame(columns=[*names, *COLUMNS])
    now = {pipeline: code_of(pipeline) for pipeline in table.pipeline.unique()}
    return table.assign(stale=table.code != table.pipeline.map(now))


def code_of(pipeline: str) -> str:
    """Digest of the code that decides what a row learns and hears."""
    row = get_pipeline(pipeline)
    return storage.digest([digests.code_digest(row), digests.features_code(row)])


def vectors(features: Features) -> Features:
    """The store with one vector a clip, held in memory: read once for many cells."""
    return replace(features, values=learners.vectors(features, np.arange(len(features.clips))))


def data_of(manifest: pd.DataFrame, features: Features) -> str:
    """Digest of a partition and of the features that are heard."""
    return storage.digest([manifest[["fold", "id", "split", "emotion"]].values.tolist(), features.digest])


def train(pipeline: str, manifest: pd.DataFrame, *, features: Features, protocol: str) -> pd.DataFrame:
    """Train a classical row on every fold of `manifest`, with the project's own learner, and count the evaluated clips.

    Returns counts with `train_clips` and `train_speakers`. Raises as the learner does.
    """
    learner, labels = learners.CLASSICAL[get_pipeline(pipeline).backbone], split.get(protocol).labels
    answered, sizes = [], []
    for _, clips in manifest.groupby("fold"):
        # Its model is not kept; one thread is faster for so little, and sums alike however many cores there are.
        with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
            probabilities, _ = learner(learners.Data(clips, features, labels), folder=Path(folder), seed=0)
        evaluated = clips[clips.split == "evaluation"]
        answered.append(evaluated.assign(prediction=np.array(labels)[probabilities.argmax(axis=1)]))
        heard = clips[clips.split == "train"]
        sizes.append((len(heard), heard.speaker.nunique()))
    clips, speakers = np.mean(sizes, axis=0)
    return counts.count(pd.concat(answered)).assign(train_clips=clips, train_speakers=speakers)


def measure(
    profile: str, design: str, *, wanted: Sequence[tuple[dict, str, Callable[[], pd.DataFrame]]], names: Sequence[str]
) -> None:
    """Compute the cells that are missing and keep each when it is complete.

    `wanted` are cells as (what names it, digest of its data, function that computes its counts). Where the profile
    keeps results, a cell stands whatever became of its code and of the design; else it is computed again after a
    change, and dropped when the design has it no more.
    """
    keeps, kept = params.load_profile(profile).keep_results, load(profile, design, names=names)
    cells = {tuple(name[key] for key in names): (name, data, compute) for name, data, compute in wanted}
    known = {row[:-2]: row[-2:] for row in kept[[*names, "code", "data"]].itertuples(index=False, name=None)}
    if not keeps and set(known) - set(cells):
        _write(
            kept[[cell in cells for cell in kept[[*names]].itertuples(index=False, name=None)]], profile, design, names
        )
    waiting = []
    for cell, (name, data, compute) in cells.items():
        rests_on = code_of(name["pipeline"]), data
        if cell not in known or (not keeps and known[cell] != rests_on):
            waiting.append((name, rests_on, compute))
    for name, (code, data), compute in progress(waiting, label=design, unit="cell"):
        lines = compute().assign(**name, code=code, data=data)
        kept = load(profile, design, names=names)
        same = np.logical_and.reduce([kept[key] == name[key] for key in names])
        _write(pd.concat([kept[~same], lines]) if len(kept) else lines, profile, design, names)


def _write(table: pd.DataFrame, profile: str, design: str, names: Sequence[str]) -> None:
    table = table[[*names, *COLUMNS]].sort_values([*names, *counts.UNITS], ignore_index=True)
    with storage.atomic(file(profile, design)) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")
