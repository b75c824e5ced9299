"""Digests of the code that a run rests on, as `run.json` has them; where they differ from those of now, it is stale."""

from pathlib import Path

from emolabs import dependencies, modeling
from emolabs.corpora import audio
from emolabs.experiments import learners, networks
from emolabs.extraction import embeddings, functionals, spectrograms
from emolabs.modeling.pipeline import ENCODERS, Pipeline
from emolabs.standardization import normalization, waveforms

#: Modules of the modelling package that only pipelines with an encoder rest on.
_OF_ENCODERS = ("adapters.py", "encoder.py", "untrained.py", "weights.py")


def code_digest(pipeline: Pipeline) -> str:
    """Digest of the code that decides what a run learns and predicts: for a classical row its few modules, for a
    network the modelling package."""
    package = Path(modeling.__file__).parent
    files = [Path(learners.__file__), package / "classical.py", package / "recall.py"]
    if pipeline.backbone not in learners.CLASSICAL:
        unheard = () if pipeline.branch in ENCODERS else _OF_ENCODERS
        files += [file for file in package.glob("*.py") if file not in files and file.name not in unheard]
        files.append(Path(networks.__file__))
    return dependencies.own_digest(files)


def features_code(pipeline: Pipeline) -> str:
    """Digest of the code that decides what a pipeline hears, from reading a file to its features; empty for none."""
    if pipeline.backbone == "constant":
        return ""
    extractors = {"waveform": [], "logmel": [spectrograms], "mfcc": [functionals], "egemaps": [functionals]}
    modules = [audio, normalization, waveforms, *extractors.get(pipeline.store[0], [embeddings])]
    files = [Path(module.__file__) for module in modules]
    if pipeline.branch in ENCODERS:
        files += [Path(modeling.__file__).parent / name for name in _OF_ENCODERS]
    return dependencies.own_digest(files)
