"""Peak memory of every step on all clips, each in a process of its own.

The peak is what Linux keeps for each process (`VmHWM` in `/proc/<pid>/status`). `ru_maxrss` says the same but is
inherited from the process that started it. Pages that processes share, such as memory-mapped stores, count in each.

    python -m tests.benchmarks.memory STEP FOLDER [--clips N]
"""

import argparse
import dataclasses
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import psutil

from emolabs import paths
from emolabs.corpora import get, index, labels
from emolabs.experiments import learners
from emolabs.extraction import functionals, spectrograms, store
from emolabs.modeling import get_pipeline, training
from emolabs.standardization import manifest, waveforms
from tests.benchmarks import data, epochs
from tests.benchmarks.measure import Row, Settings

LIMIT_GIB = 3
_LOOK_EVERY_S = 0.05


def indexing(clips: int | None) -> None:
    """The index of all corpora; with `clips`, as many of its rows are kept for the other steps."""
    found, rejected = index.build(get(sorted(data.recordings().corpus.unique())))
    index.save(found.sample(min(clips or len(found), len(found)), random_state=0), rejected, profile=data.PROFILE)


def normalization(_: int | None) -> None:
    """The store of waveforms."""
    waveforms.build(index.load(data.PROFILE), profile=data.PROFILE, steps=data.STEPS)


def logmel(_: int | None) -> None:
    """The store of log-mel spectrograms."""
    waves = waveforms.load(data.PROFILE)
    spectrograms.build(waves, profile=data.PROFILE, parameters=data.LOGMEL, device=training.device())


def mfcc(_: int | None) -> None:
    """The functionals of librosa."""
    functionals.build(waveforms.load(data.PROFILE), branch="mfcc", profile=data.PROFILE)


def egemaps(_: int | None) -> None:
    """The functionals of openSMILE."""
    functionals.build(waveforms.load(data.PROFILE), branch="egemaps", profile=data.PROFILE)


def epoch(_: int | None) -> None:
    """One epoch of a network over all clips, and the evaluation."""
    clips = manifest(index.load(data.PROFILE), protocol="hash")
    folder = paths.interim(data.PROFILE) / "run"
    folder.mkdir()
    learners.network(
        get_pipeline("logmel-cnn3-mean"),
        learners.Data(clips, store.load(data.PROFILE, branch="logmel"), labels()),
        folder=folder,
        parameters=dataclasses.replace(epochs.PARAMETERS, augment=True),
        seed=0,
        made_from={},
    )


STEPS = {step.__name__: step for step in (indexing, normalization, logmel, mfcc, egemaps, epoch)}


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
        own, others = _peaks(name, settings=settings)
        rows.append(
            Row(
                name=f"peak memory: {name}",
                ours=f"{own:.2f} GiB, largest of its {len(others)} workers {max(others, default=0.0):.2f} GiB",
                compared_to="the sum of all peaks",
                ratio=own + sum(others),
                target=LIMIT_GIB,
                at_most=True,
                unit="GiB",
                note=f"{time.perf_counter() - began:.0f} s",
            )
        )
    return rows


def _peaks(step: str, *, settings: Settings) -> tuple[float, list[float]]:
    """Peak GiB of the process that takes `step` and of each process it started.

    Raises `RuntimeError` with the last lines it wrote where the step fails.
    """
    folder = settings.folder / "memory"
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.memory", step, str(folder)]
    command += ["--clips", str(settings.clips)] if settings.clips else []
    peaks = {}
    with open(folder / f"{step}.log", "w+", encoding="utf-8") as log:
        with subprocess.Popen(command, cwd=paths.ROOT, stderr=log) as process:
            while process.poll() is None:
                for pid in [process.pid, *_descendants(process.pid)]:
                    peaks[pid] = max(peaks.get(pid, 0.0), _high_water_gib(pid))
                time.sleep(_LOOK_EVERY_S)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"the step {step} failed: {' '.join(log.read().splitlines()[-3:])}")
    own = peaks.pop(process.pid)
    return own, [peak for peak in peaks.values() if peak > 0.05]  # smaller ones are the workers' book-keepers


def _descendants(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _high_water_gib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("VmHWM:")), 0.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory", description="Take one step.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int)
    chosen = parser.parse_args()
    with data.scratch(chosen.folder):
        STEPS[chosen.step](chosen.clips)
