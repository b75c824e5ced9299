"""What a notebook costs beyond its work: one whose work is done, by hand and as `make reproduce` executes it."""

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from emolabs import paths
from emolabs.corpora import get, index
from emolabs.extraction import spectrograms
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings

NOTEBOOK = "22_spectrograms"
LIMIT_S = 12
#: Runs a command so many times and prints how many seconds each took.
TIMED = """
import subprocess, sys, time
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
    print(time.perf_counter() - began)
"""
#: Who starts the kernel: the command line alone, or the server that `make reproduce` has for all notebooks.
STARTED = {"by hand": [], "as make reproduce runs it": ["-m", "emolabs.kernels", sys.executable]}


def run(settings: Settings) -> list[Row]:
    """A row for each of `STARTED`; the notebook opens a finished store: all its seconds are start, imports, figures."""
    project = settings.folder / "project"
    for name in ("emolabs", "notebooks", "params"):
        shutil.copytree(paths.ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "data").mkdir()
    (project / "data" / "raw").symlink_to(paths.RAW)
    clips = _one_speaker(settings)
    rows = []
    for name, prefix in STARTED.items():
        seconds = _seconds(prefix, project=project, repeats=settings.repeats)
        rows.append(
            Row(
                name=f"notebook overhead, {name}",
                ours=f"{seconds:.1f} s",
                compared_to="nothing to do",
                ratio=seconds,
                target=LIMIT_S,
                at_most=True,
                unit="s",
                note=f"{NOTEBOOK}, {clips} clips, store finished; Python, papermill, kernel, imports and figures",
            )
        )
    return rows


def _seconds(prefix: list[str], *, project: Path, repeats: int) -> float:
    """Median seconds of an execution in `project`, with the one thread of a step, after one that does not count."""
    execution = [sys.executable, "-m", "emolabs.execute", f"notebooks/{NOTEBOOK}.ipynb", "executed.ipynb"]
    execution += ["-p", "profile", data.PROFILE]
    command = [sys.executable, *prefix, "-c", TIMED, str(1 + repeats), *execution]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{NOTEBOOK} failed: {done.stderr.strip()[-300:]}")
    return statistics.median(map(float, done.stdout.split()[1:]))


def _one_speaker(settings: Settings) -> int:
    """Index, waveforms and spectrograms of a speaker of the smallest corpus, in the copy; the number of clips."""
    recordings = data.recordings()
    corpus = recordings.corpus.value_counts().idxmin()
    speaker = recordings.speaker[recordings.corpus == corpus].min()
    with data.scratch(settings.folder / "project"):
        found, rejected = index.build(get([corpus]))
        clips = found[found.speaker == speaker].reset_index(drop=True)
        index.save(clips, rejected, profile=data.PROFILE)
        waves = waveforms.build(clips, profile=data.PROFILE, steps=data.STEPS)
        spectrograms.build(waves, profile=data.PROFILE, parameters=spectrograms.LogMel())
    return len(clips)
