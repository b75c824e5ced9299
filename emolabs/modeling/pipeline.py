"""A pipeline is one row of `params/pipelines.yaml`; its name follows from its parts."""

import functools
import re
from dataclasses import dataclass, fields

import yaml

from emolabs import paths

_PARTS = {
    "branch": r"none|waveform|logmel|mfcc|egemaps|wav2vec2|hubert|whisper",
    "backbone": r"constant|linear|direct|(cnn|plain|resnet)\d+",
    "temporal": r"none|lstm",
    "aggregation": r"none|flatten|mean|attention",
    "tuning": r"frozen|partial|full|lora",
}


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The parts of a pipeline, as its row names them."""

    branch: str
    backbone: str
    bands: int | None = None  # of the log-mel spectrogram, where it is not 64
    dims: int | None = None
    temporal: str = "none"
    aggregation: str = "none"
    tuning: str = "frozen"
    demo: bool = False

    def __post_init__(self):
        for part, pattern in _PARTS.items():
            if not re.fullmatch(pattern, str(getattr(self, part))):
                raise ValueError(
                    f"params/pipelines.yaml: expected {part} to be {pattern}, found {getattr(self, part)!r}"
                )

    @property
    def name(self) -> str:
        """The row in one word: `<branch>[<bands>]-<backbone>[-1d][-lstm]-<aggregation>[-partial|-full|-lora]`."""
        if self.backbone == "constant":
            return "constant"
        parts = [f"{self.branch}{self.bands or ''}", self.backbone]
        parts += ["1d"] * (self.dims == 1) + ["lstm"] * (self.temporal == "lstm")
        parts += [part for part in (self.aggregation,) if part != "none"]
        parts += [part for part in (self.tuning,) if part != "frozen"]
        return "-".join(parts)

    @property
    def notebook(self) -> str:
        """The family notebook that trains it."""
        if self.backbone in ("linear", "constant"):
            return "34_classical"
        return "31_cnn_lstm" if self.temporal == "lstm" else "30_classic_cnn"


@functools.cache
def load_pipelines() -> dict[str, Pipeline]:
    """All rows of `params/pipelines.yaml` by name.

    Raises `ValueError` for an unknown part, an unknown or a missing key, or a row that is there twice.
    """
    known = {field.name for field in fields(Pipeline)}
    pipelines = {}
    for row in yaml.safe_load(paths.PIPELINES.read_text(encoding="utf-8")):
        if set(row) - known:
            raise ValueError(f"params/pipelines.yaml: unknown key {sorted(set(row) - known)}, expected {sorted(known)}")
        if not {"branch", "backbone"} <= set(row):
            raise ValueError(f"params/pipelines.yaml: expected branch and backbone in every row, found {row}")
        pipeline = Pipeline(**row)
        if pipeline.name in pipelines:
            raise ValueError(f"params/pipelines.yaml: {pipeline.name} is there twice")
        pipelines[pipeline.name] = pipeline
    return pipelines


def get_pipeline(name: str) -> Pipeline:
    """The row of this name; raises `ValueError` naming the rows there are."""
    pipelines = load_pipelines()
    if name not in pipelines:
        raise ValueError(f"unknown pipeline {name!r}: expected a row of params/pipelines.yaml: {', '.join(pipelines)}")
    return pipelines[name]
