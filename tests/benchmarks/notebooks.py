"""What a notebook costs beyond its work: one whose work is done, executed from the command line."""

import os
import shutil
import subprocess
import sys

from emolabs import paths
from emolabs.corpora import get, index
from emolabs.extraction import spectrograms
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave

NOTEBOOK = "22_spectrograms"
LIMIT_S = 12


def run(settings: Settings) -> list[Row]:
    """One row; the notebook opens a finished store, so that all its seconds are start, imports and figures."""
    project = settings.folder / "project"
    for name in ("emolabs", "notebooks", "params"):
        shutil.copytree(paths.ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "data").mkdir()
    (project / "data" / "raw").symlink_to(paths.RAW)
    clips = _one_speaker(settings)
    command = [sys.executable, "-m", "emolabs.execute", f"notebooks/{NOTEBOOK}.ipynb", "executed.ipynb"]
    command += ["-p", "profile", data.PROFILE]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def execute():
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{NOTEBOOK} failed: {done.stderr.strip()[-300:]}")

    execute()
    seconds = interleave({"whole": execute}, repeats=settings.repeats)["whole"]
    return [
        Row(
            name="notebook overhead",
            ours=f"{seconds:.1f} s",
            compared_to="nothing to do",
            ratio=seconds,
            target=LIMIT_S,
            at_most=True,
            unit="s",
            note=f"{NOTEBOOK}, {clips} clips, store finished; Python, papermill, kernel, imports and figures",
        )
    ]


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
