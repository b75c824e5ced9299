"""A pipeline is one row of `params/pipelines.yaml`; its name and what it is fed with follow from its parts."""

import functools
import re
from dataclasses import dataclass, fields

import yaml

from emolabs import paths

#: Branches whose frames are those of a pretrained encoder, and those whose frames are a picture (bands by time).
ENCODERS = ("wav2vec2", "hubert", "whisper")
PICTURES = ("logmel", "mfcc")
#: Mel bands of the log-mel spectrogram where a row does not say.
BANDS = 64
#: Cepstral coefficients a frame of the mfcc branch.
COEFFICIENTS = 40

_PARTS = {
    "branch": r"none|waveform|logmel|mfcc|egemaps|wav2vec2|hubert|whisper",
    "backbone": r"constant|linear|direct|cnn[1-9]|(plain|resnet)(8|14|20)|resnet18",
    "bands": r"None|[1-9]\d*",
    "dims": r"None|1|2",
    "temporal": r"none|lstm",
    "aggregation": r"none|flatten|mean|attention",
    "tuning": r"frozen|partial|full|lora",
    "demo": r"True|False",
}


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The parts of a pipeline, as its row names them."""

    branch: str
    backbone: str
    bands: int | None = None  # of the log-mel spectrogram, where it is not 64
    dims: int | None = None  # 1: convolution over time only, where the branch is a picture
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
        for field, problem in self._contradictions():
            raise ValueError(f"params/pipelines.yaml, row {self.name}, {field}: {problem}")

    def _contradictions(self):
        """Pairs (field, sentence) of parts that cannot be together."""
        is_network = self.backbone not in ("constant", "linear")
        if (self.branch == "none") != (self.backbone == "constant"):
            yield "branch", "the constant class hears no branch, and everything else hears one"
        if self.backbone == "linear" and self.branch in ("waveform", "logmel"):
            yield "backbone", f"a linear model needs one vector a clip, and {self.branch} has none"
        if is_network and self.branch == "egemaps":
            yield "backbone", "egemaps is one vector a clip: expected linear"
        if is_network != (self.aggregation != "none"):
            yield "aggregation", "expected flatten, mean or attention for a network, and none for anything else"
        if not is_network and self.temporal != "none":
            yield "temporal", f"{self.backbone} has no frames for an LSTM"
        if self.tuning != "frozen" and (self.branch not in ENCODERS or self.backbone != "direct"):
            yield (
                "tuning",
                f"{self.tuning} tunes an encoder under backbone direct, found {self.branch}-{self.backbone}",
            )
        if self.backbone == "direct" and self.branch not in ENCODERS:
            yield "backbone", f"direct takes the frames of an encoder, and {self.branch} has none"
        if self.backbone == "direct" and self.aggregation == "flatten":
            yield "aggregation", "flatten is bound to a fixed length, and an encoder's frames are as many as the clip's"
        if self.bands is not None and (self.branch != "logmel" or self.bands == BANDS):
            yield "bands", f"expected for logmel, and where it is not {BANDS}"
        if self.dims is not None and (self.dims == 2 or self.branch not in PICTURES):
            yield "dims", "expected 1, for logmel and mfcc, whose convolutions have two dimensions otherwise"
        if self.backbone.startswith("cnn") and self.convolved == 2 and self.height < 2 ** int(self.backbone[3:]):
            yield "backbone", f"{self.height} bands cannot be halved {self.backbone[3:]} times"
        if self.backbone == "resnet18" and self.convolved != 2:
            yield "backbone", "resnet18 has two dimensions: expected branch logmel or mfcc, and no dims"

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
    def convolved(self) -> int:
        """Dimensions of its convolutions: two over a picture unless the row says otherwise, else one."""
        return self.dims or (2 if self.branch in PICTURES else 1)

    @property
    def height(self) -> int:
        """Bands of the picture that a picture branch is."""
        return {"mfcc": COEFFICIENTS}.get(self.branch, self.bands or BANDS)

    @property
    def store(self) -> tuple[str, str]:
        """Branch and variant of the feature store that it is fed with; ("", "") where it hears nothing.

        MFCC frames are a rotation of the log-mel frames, made on the way; a tuned encoder starts from the waveform; a
        frozen one comes as the frames of one layer, as those of all layers (to be summed), or as a vector a clip.
        """
        if self.backbone == "constant":
            return "", ""
        if self.branch in ENCODERS and self.tuning == "frozen":
            branch = f"{self.branch}-pooled" if self.backbone == "linear" else self.branch
            return branch, "layers" if self.backbone == "direct" else "current"
        if self.branch == "waveform" or self.tuning != "frozen":
            return "waveform", "current"
        if self.branch == "logmel" or self.backbone != "linear" and self.branch == "mfcc":
            return "logmel", f"bands{self.bands}" if self.bands else "current"
        return self.branch, "current"

    @property
    def notebook(self) -> str:
        """The family notebook that trains it."""
        if self.backbone in ("linear", "constant"):
            return "34_classical"
        if self.backbone == "direct":
            return "33_encoder_finetuning"
        if self.backbone.startswith(("plain", "resnet")):
            return "32_resnet_ablation"
        return "31_cnn_lstm" if self.temporal == "lstm" else "30_classic_cnn"


@functools.cache
def load_pipelines() -> dict[str, Pipeline]:
    """All rows of `params/pipelines.yaml` by name.

    Raises `ValueError` for an unknown part, an unknown or a missing key, parts that cannot be together, or a row that
    is there twice.
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
