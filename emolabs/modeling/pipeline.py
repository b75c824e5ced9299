"""A pipeline is one row of `params/pipelines.yaml`; its name and what it is fed with follow from its parts."""

import functools
import math
import re
from dataclasses import dataclass

import yaml

from emolabs import paths, types

#: Branches whose frames are those of a pretrained encoder, and those whose frames are a picture (bands by time).
ENCODERS = ("wav2vec2", "hubert", "whisper")
PICTURES = ("logmel", "mfcc")
#: Mel bands of the log-mel spectrogram where a row does not say.
BANDS = 64
#: Cepstral coefficients a frame of the mfcc branch.
COEFFICIENTS = 40

#: The depths of plain*N* and resnet*N*, 6n + 2, up to the deepest of He et al. (2016) for CIFAR-10.
_DEPTHS = "|".join(str(depth) for depth in range(8, 111, 6))
#: Of each part its type, the pattern of its values and, where no list of them says it, what is expected.
_PARTS = {
    "branch": ("str", "none|waveform|logmel|mfcc|egemaps|wav2vec2|hubert|whisper", ""),
    "backbone": (
        "str",
        rf"constant|linear|direct|cnn[1-9]|(plain|resnet)({_DEPTHS})|resnet18",
        "one of constant, linear, direct, cnn1 to cnn9, plain<N> or resnet<N> with N = 8, 14, 20, … 110, resnet18",
    ),
    "bands": ("int | None", r"None|[1-9]\d*", "a whole number without quotes, or no such key"),
    "dims": ("int | None", "None|1", "1 without quotes, or no such key"),
    "temporal": ("str", "none|lstm", ""),
    "aggregation": ("str", "none|flatten|mean|attention", ""),
    "tuning": ("str", "frozen|partial|full|lora", ""),
    "demo": ("bool", "True|False", "true or false without quotes"),
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
        """Raises `ValueError` with a line for each part that is unknown, or else for each that cannot be."""
        faults = [*self._unknown()] or [f"{field}: {problem}" for field, problem in self._contradictions()]
        if faults:
            raise ValueError("\n".join(faults))

    def _unknown(self):
        """Sentences on parts whose value is of another type, or none of those there are."""
        for part, (type_, pattern, _) in _PARTS.items():
            value = getattr(self, part)
            try:
                is_known = re.fullmatch(pattern, str(types.convert(value, type=type_)))
            except TypeError:
                is_known = False
            if not is_known:
                yield f"{part}: expected {_expected(part)}, found {types.describe(value)}"

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
        if self.dims is not None and self.branch not in PICTURES:
            yield "dims", "expected for logmel and mfcc, whose convolutions have two dimensions otherwise"
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

    Raises `ValueError` where the file is no list of rows, and naming by row and field every unknown part, unknown or
    missing key, part that cannot be with the others, and row that is there twice.
    """
    pipelines, places, problems = {}, {}, []
    for number, row in enumerate(_rows(), 1):
        place = f"row {number}"
        faults = _faults(row)
        if isinstance(row, dict):
            shown = yaml.safe_dump(row, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf)
            place += f", {shown.strip()}"
        try:
            pipeline = None if faults else Pipeline(**row)
        except ValueError as error:
            pipeline, faults = None, str(error).splitlines()
        if pipeline and pipeline.name in pipelines:
            faults.append(f"{pipeline.name} is there twice, first as row {places[pipeline.name]}: delete one")
        elif pipeline:
            pipelines[pipeline.name], places[pipeline.name] = pipeline, number
        problems += [f"{place}, {fault}" for fault in faults]
    types.refuse(problems, where="params/pipelines.yaml has rows to correct")
    return pipelines


def _rows() -> list:
    """What the file lists, of whatever kind."""
    try:
        with open(paths.PIPELINES, encoding="utf-8") as file:
            rows = yaml.safe_load(file)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"params/pipelines.yaml is no YAML: {' '.join(str(error).split())}; correct it") from None
    if not isinstance(rows, list) or not rows:
        found = f"a {type(rows).__name__}" if rows else "nothing"
        raise ValueError(
            f"params/pipelines.yaml: expected a list of rows, `- {{branch: …, backbone: …}}`, found {found}; restore it"
        )
    return rows


def _faults(row: object) -> list[str]:
    """Sentences on what is no row: another kind of thing, and keys that are unknown or missing."""
    if not isinstance(row, dict):
        return [f"expected {{branch: …, backbone: …}}, found {types.describe(row)}"]
    unknown = [types.unknown(key, known=_PARTS, noun="key") for key in row if key not in _PARTS]
    missing = [key for key in ("branch", "backbone") if key not in row]
    return unknown + [f"{key}: expected {_expected(key)}, found nothing; add the key" for key in missing]


def _expected(part: str) -> str:
    """What a part can be, for reading."""
    _, pattern, said = _PARTS[part]
    return said or f"one of {pattern.replace('|', ', ')}"


def get_pipeline(name: str) -> Pipeline:
    """The row of this name; raises `ValueError` naming the rows there are."""
    pipelines = load_pipelines()
    if name not in pipelines:
        raise ValueError(f"unknown pipeline {name!r}: expected a row of params/pipelines.yaml: {', '.join(pipelines)}")
    return pipelines[name]
