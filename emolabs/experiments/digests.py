"""Digests of the code that a run rests on, as `run.json` has them; where they differ from those of now, it is stale."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from emolabs import dependencies, paths
from emolabs.experiments.learners import CLASSICAL
from emolabs.modeling.pipeline import ENCODERS, Pipeline

if TYPE_CHECKING:  # what is named below, so that who reads results is stamped with it
    from emolabs.corpora import audio  # noqa: F401
    from emolabs.experiments import networks  # noqa: F401
    from emolabs.extraction import embeddings, functionals, spectrograms  # noqa: F401

#: Where the code lies. Files are named, not imported: who reads results loads nothing of what makes them.
PACKAGE = Path(__file__).resolve().parents[1]
_CHAIN = ("corpora/audio.py", "standardization/normalization.py", "standardization/waveforms.py")
_EXTRACTORS = {
    "waveform": (),
    "logmel": ("extraction/spectrograms.py",),
    "mfcc": ("extraction/functionals.py",),
    "egemaps": ("extraction/functionals.py",),
}
#: Modules of the modelling package that only pipelines with an encoder rest on.
_OF_ENCODERS = ("adapters.py", "encoder.py", "untrained.py", "weights.py")


def code_digest(pipeline: Pipeline) -> str:
    """What `raw_digest` counts as: what a run of now says of its code, and a result that stands."""
    return counts_as(raw_digest(pipeline))


def counts_as(code: str) -> str:
    """The digest of the older code that code of this digest was shown to compute the same as (`same_code`), or itself.

    Read from the disk every time: the table has a few lines.
    """
    file = paths.same_code()
    if not file.is_file():
        return code
    with open(file, encoding="utf-8", newline="") as lines:
        same = {line["code"]: line["same_as"] for line in csv.DictReader(lines)}
    while code in same:
        code = same.pop(code)
    return code


def raw_digest(pipeline: Pipeline) -> str:
    """Digest of the code that decides what a run learns and predicts: for a classical row its few modules, for a
    network the modelling package."""
    modeling = PACKAGE / "modeling"
    files = [PACKAGE / "experiments" / "learners.py", modeling / "classical.py", modeling / "recall.py"]
    if pipeline.backbone not in CLASSICAL:
        unheard = () if pipeline.branch in ENCODERS else _OF_ENCODERS
        files += [file for file in modeling.glob("*.py") if file not in files and file.name not in unheard]
        files.append(PACKAGE / "experiments" / "networks.py")
    return dependencies.own_digest(files)


def features_code(pipeline: Pipeline) -> str:
    """Digest of the code that decides what a pipeline hears, from reading a file to its features; empty for none."""
    if pipeline.backbone == "constant":
        return ""
    names = [*_CHAIN, *_EXTRACTORS.get(pipeline.store[0], ["extraction/embeddings.py"])]
    if pipeline.branch in ENCODERS:
        names += [f"modeling/{name}" for name in _OF_ENCODERS]
    return dependencies.own_digest(PACKAGE / name for name in names)
