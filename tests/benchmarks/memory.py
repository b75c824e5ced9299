"""Peak memory of every step on all clips, each in a process of its own, which loads what its step needs.

python -m tests.benchmarks.memory STEP FOLDER [--clips N]
"""

import argparse
import dataclasses
import importlib.util
import time
from pathlib import Path

from emolabs import paths
from emolabs.corpora import get, index
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings
from tests.benchmarks.processes import memory_row, peaks

LIMIT_GIB = 3


def indexing(clips: int | None) -> None:
    """The index of all corpora; with `clips`, as many of its rows are kept for the other steps."""
    found, rejected = index.build(get(sorted(data.recordings().corpus.unique())))
    index.save(found.sample(min(clips or len(found), len(found)), random_state=0), rejected, profile=data.PROFILE)


def normalization(_: int | None) -> None:
    """The store of waveforms."""
    waveforms.build(index.load(data.PROFILE), profile=data.PROFILE, steps=data.STEPS)


def near_duplicates(_: int | None) -> None:
    """The search for recordings that are there twice."""
    from emolabs.standardization.near_duplicates import search

    search(waveforms.load(data.PROFILE))


def logmel(_: int | None) -> None:
    """The store of log-mel spectrograms."""
    from emolabs.extraction import spectrograms
    from emolabs.modeling import training

    waves = waveforms.load(data.PROFILE)
    spectrograms.build(waves, profile=data.PROFILE, parameters=spectrograms.LogMel(), device=training.device())


def mfcc(_: int | None) -> None:
    """The functionals of librosa."""
    from emolabs.extraction import functionals

    functionals.build(waveforms.load(data.PROFILE), branch="mfcc", profile=data.PROFILE)


def egemaps(_: int | None) -> None:
    """The functionals of openSMILE."""
    from emolabs.extraction import functionals

    functionals.build(waveforms.load(data.PROFILE), branch="egemaps", profile=data.PROFILE)


def epoch(_: int | None) -> None:
    """One epoch of a network over all clips, and the evaluation."""
    from emolabs.corpora import labels
    from emolabs.experiments import learners, networks
    from emolabs.extraction import store
    from emolabs.modeling import get_pipeline
    from emolabs.standardization import manifest
    from tests.benchmarks import epochs

    clips = manifest(index.load(data.PROFILE), protocol="hash")
    folder = paths.interim(data.PROFILE) / "run"
    folder.mkdir()
    networks.network(
        get_pipeline("logmel-cnn3-mean"),
        learners.Data(clips, store.load(data.PROFILE, branch="logmel"), labels()),
        folder=folder,
        parameters=dataclasses.replace(epochs.PARAMETERS, augment=True),
        seed=0,
        made_from={},
    )


STEPS = {step.__name__: step for step in (indexing, normalization, near_duplicates, logmel, mfcc, egemaps, epoch)}


def run(settings: Settings) -> list[Row]:
    """A row a step; without `--full` and away from Linux nothing is measured, and the row says so."""
    if not settings.full or not Path("/proc/self/status").is_file():
        note = "needs Linux' /proc" if settings.full else "skipped; --full measures it on all clips"
        return [Row(name="peak memory", ours="", compared_to="", note=note)]
    rows = []
    for name in STEPS:
        if name == "egemaps" and not importlib.util.find_spec("opensmile"):
            rows.append(Row(name="peak memory: egemaps", ours="", compared_to="", note="skipped; openSMILE is missing"))
            continue
        began = time.perf_counter()
        folder = settings.folder / "memory"
        folder.mkdir(exist_ok=True)
        limit = ["--clips", str(settings.clips)] if settings.clips else []
        found = peaks(["tests.benchmarks.memory", name, str(folder), *limit], log=folder / f"{name}.log")
        note = f"{time.perf_counter() - began:.0f} s"
        rows.append(memory_row(f"peak memory: {name}", found, limit_gib=LIMIT_GIB, note=note))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory", description="Take one step.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int)
    chosen = parser.parse_args()
    with data.scratch(chosen.folder):
        STEPS[chosen.step](chosen.clips)
