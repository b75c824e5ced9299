"""The trained models behind results: opened only where they are the ones that the results came from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from emolabs import paths, storage
from emolabs.experiments import predictor
from emolabs.experiments.results import Result


def folds(found: Sequence[Result]) -> Iterator[tuple[Result, int]]:
    """Every result with each of its folds."""
    for result in found:
        for run in result.runs:
            yield result, run["made_from"]["fold"]


def digest(folder: Path) -> str:
    """What tells one training from another: a digest of what a run was made from and of what it predicted.

    `folder` is that of the run, or that of its results, which has the same files.
    """
    made_from = storage.read_json(folder / "run.json")["made_from"]
    return storage.digest({"made_from": made_from, "predictions": storage.file_digest(folder / "predictions.parquet")})


def load(result: Result, fold: int) -> predictor.Model:
    """The model of one fold of a result.

    Raises `FileNotFoundError` where the run is not on this machine, and `ValueError` where it is another than the
    result's, each with a sentence.
    """
    folder = result.row.folder(fold)
    shown = folder.relative_to(paths.ROOT)
    if not (folder / "metrics.json").is_file():
        raise FileNotFoundError(f"{shown} is not on this machine: train it again with `make retrain`, or copy it here")
    here, there = digest(folder), digest(result.row.results(fold))
    if here != there:
        raise ValueError(
            f"{shown} is another training ({here}) than the one whose results are in "
            f"{result.row.results(fold).relative_to(paths.ROOT)} ({there}): train it again, so that both are one"
        )
    return predictor.load(folder)
