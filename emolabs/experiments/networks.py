"""How a network learns one fold: what it hears of each side, where that lies, and what the run leaves behind."""

import copy
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from emolabs import storage
from emolabs.experiments.learners import Data
from emolabs.extraction.store import Features
from emolabs.modeling import training
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.encoder import Encoder, tune
from emolabs.modeling.pipeline import Pipeline
from emolabs.modeling.sides import Dense, Flat, Side, resident
from emolabs.standardization import waveforms

#: Longest clip in seconds where a length is fixed; a longer one is cropped around its centre.
CROP_S = 4.0


def network(
    pipeline: Pipeline,
    data: Data,
    *,
    folder: Path,
    parameters: training.Training,
    seed: int,
    made_from: dict,
    pretrained: Encoder | None = None,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Train the network of `pipeline`, on a copy of the `pretrained` encoder where it tunes one.

    Leaves `model.safetensors`, `config.json` and, beside the history, the norms of the gradients: `gradients.csv`.
    """
    device, longest = training.device(), pretrained.longest if pretrained else None
    sides = _sides(pipeline, data, device=device, longest=longest)
    torch.manual_seed(seed)
    model, options = build(
        pipeline, data.features, classes=len(data.labels), parameters=parameters, pretrained=pretrained
    )
    model.to(device)
    training.standardize(model, sides["train"])
    history = training.fit(
        model,
        train=sides["train"],
        validation=sides["validation"],
        parameters=parameters,
        seed=seed,
        checkpoint=folder / "checkpoint.pt",
        made_from=made_from,
    )
    with storage.atomic(folder / "model.safetensors") as temporary:
        tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
        save_file(tensors, temporary, metadata={"pipeline": pipeline.name})
    with storage.atomic(folder / "gradients.csv") as temporary:
        history.gradients.to_csv(temporary, index_label="epoch", float_format="%.4g", lineterminator="\n")
    config = {"pipeline": pipeline.name, "labels": data.labels, "options": options}
    config |= {"features": data.features.parameters, "encoder": pretrained.config if pretrained else None}
    storage.write_json(folder / "config.json", config)
    return training.predict(model, sides["evaluation"]).softmax(dim=1).cpu().numpy(), history.epochs


def build(
    pipeline: Pipeline,
    features: Features,
    *,
    classes: int,
    parameters: training.Training,
    pretrained: Encoder | None = None,
) -> tuple[Classifier, dict]:
    """The untrained network of a row over what its store holds, and the options that build it again."""
    encoder = copy.deepcopy(pretrained)
    if encoder:
        tune(encoder, pipeline.tuning)
    options = shape(pipeline, features, longest=pretrained.longest if pretrained else None)
    options |= {"width": parameters.width, "dropout": parameters.dropout}
    return Classifier(pipeline, classes=classes, encoder=encoder, **options), options


def shape(pipeline: Pipeline, features: Features, *, longest: int | None = None) -> dict:
    """The shape of what `pipeline` hears: channels, layers (0: no such dimension) and the most frames, 0 for any."""
    values = features.values
    if "start" not in features.clips:
        return {"channels": values.shape[1], "layers": 0, "frames": values.shape[2]}
    layers, channels = (0, 1) if values.ndim == 1 else ((0, *values.shape[1:])[-2:])
    return {"channels": channels, "layers": layers, "frames": _most_frames(pipeline, features) or longest or 0}


def source(pipeline: Pipeline, features: Features, *, rows: np.ndarray, longest: int | None = None) -> Dense | Flat:
    """What `pipeline` hears of these rows of a store, as it lies on the disk; cropped around the centre to `longest`
    frames, or to `CROP_S` where its length is fixed."""
    clips, values = features.clips, _tensor(features.values)
    lengths = torch.from_numpy(clips.length.to_numpy()[rows])
    if "start" not in clips:
        return Dense(values, torch.from_numpy(rows), lengths)
    starts, most = torch.from_numpy(clips.start.to_numpy()[rows]), _most_frames(pipeline, features) or longest
    kept = lengths.clamp(max=most) if most else lengths
    return Flat(values, starts + (lengths - kept) // 2, kept, waveforms.FULL_SCALE if values.ndim == 1 else 1.0)


def hop_s(model: Classifier, features: Features) -> float:
    """Seconds between two frames that a network aggregates."""
    parameters = features.parameters
    if model.encoder:
        frame_s = model.encoder.hop / parameters["frame_rate_hz"]
    else:
        frame_s = parameters["hop_s"] if "hop_s" in parameters else 1 / parameters["frame_rate_hz"]
    return frame_s * model.backbone.stride


def _sides(pipeline: Pipeline, data: Data, *, device: str, longest: int | None) -> dict[str, Side]:
    chosen = {name: data.side(name) for name in ("train", "validation", "evaluation")}
    parts = [source(pipeline, data.features, rows=rows, longest=longest) for rows, _ in chosen.values()]
    ids = data.features.clips.id.to_numpy()
    return {
        name: Side(part, torch.tensor(targets, device=device), ids[rows])
        for part, (name, (rows, targets)) in zip(resident(parts, device=device), chosen.items(), strict=True)
    }


def _most_frames(pipeline: Pipeline, features: Features) -> int | None:
    """Where clips are cropped: waveforms that are convolved, and frames of an encoder that are to be flattened."""
    is_cropped = pipeline.branch == "waveform" or pipeline.aggregation == "flatten"
    return round(CROP_S * features.parameters["frame_rate_hz"]) if is_cropped else None


def _tensor(values: np.ndarray) -> torch.Tensor:
    """A store's array as it lies on the disk."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nobody writes
        return torch.from_numpy(values)
