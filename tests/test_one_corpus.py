"""A profile of one corpus: the notebooks that compare corpora, sides and clips run to their end on it, too."""

import itertools
import os
import shutil
import subprocess
import sys

import conftest
import pandas as pd
import pytest
import yaml

from emolabs import paths

PROTOCOLS = ["hash", "random", "speaker", "ravdess-6fold"]
#: What the profile sets; anything else is as the notebooks have it.
PARAMETERS = {
    "11_split": {"profile": "one", "protocols": PROTOCOLS, "benchmark": None},
    "13_near_duplicates": {"profile": "one", "clips": 2, "pairs": 5},
    "24_identity": {"profile": "one", "branches": ["mfcc"]},
}
#: Makes what the notebooks come in with, then executes them in order; one process, because each costs its imports.
SCRIPT = """
import sys
from emolabs import execute, params, paths
from emolabs.corpora import get, index
from emolabs.extraction import functionals
from emolabs.standardization import waveforms
from emolabs.standardization.normalization import Normalization

clips, rejected = index.build(get(["ravdess"]), workers=1)
index.save(clips, rejected, profile="one")
store = waveforms.build(clips, profile="one", steps=Normalization(), workers=1)
functionals.build(store, branch="mfcc", profile="one", workers=1)
for name in sys.argv[1:]:
    notebook = paths.NOTEBOOKS / f"{name}.ipynb"
    execute.execute(notebook, output=paths.ROOT / "runs" / notebook.name, parameters=params.load("one", name))
"""


@pytest.fixture
def root(tmp_path, raw):
    """A copy of the project with a profile of one corpus, and a small RAVDESS: twelve actors, four emotions."""
    root = tmp_path / "project"
    for folder in ("emolabs", "notebooks", "params"):
        shutil.copytree(paths.ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    profile = {"corpora": ["ravdess"], "protocols": PROTOCOLS, "keep_results": False, "runs": []}
    for name, values in {"profile": profile, **PARAMETERS}.items():
        file = root / "params" / "one" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(values))
    for seed, (actor, emotion, text, take) in enumerate(itertools.product(range(1, 25, 2), "1356", "1", "12")):
        wave = conftest.voice(seed, duration_s=0.6 + 0.1 * int(emotion))
        raw.write(f"ravdess/03-01-0{emotion}-01-0{text}-0{take}-{actor:02d}.wav", wave)
    return root


def test_split_near_duplicates_and_identity_run_to_their_end(root):
    command = [sys.executable, "-c", SCRIPT, *PARAMETERS]
    done = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    interim, figures = root / "data" / "interim" / "one", root / "figures" / "one"
    overlap = pd.read_csv(figures / "11_overlap.csv")
    assert list(overlap.protocol.unique()) == PROTOCOLS
    assert (overlap.speakers[overlap.protocol.isin(["speaker", "ravdess-6fold"])] == 0).all()
    assert sorted(file.stem for file in (interim / "manifests").iterdir()) == sorted(PROTOCOLS)
    assert {"first", "second", *PROTOCOLS} <= set(pd.read_csv(interim / "near_duplicates.csv").columns)
    asked = pd.read_csv(figures / "24_identity.csv")
    assert sorted(asked.question.unique()) == ["emotion", "speaker"]  # there is no corpus to be told from another
    for name in ("11_overlap", "11_composition", "13_near_duplicates", "24_identity"):
        assert (figures / f"{name}.pdf").is_file()
