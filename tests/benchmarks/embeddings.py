"""Embeddings: the stores, against one clip after the other in its own length, and in 30 s as the library has it."""

import numpy as np
import torch
from torch.nn.functional import gelu
from transformers import WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from emolabs.extraction import embeddings
from emolabs.modeling import training, weights
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave, per_clip

CLIPS, LAYER = 200, 3
NAMES = {"own length": 1.5, "30 s": 8}  # and how much faster the store is to be


def run(settings: Settings) -> list[Row]:
    """Two rows, or one that says that the weights are not here; all sides read the same normalized clips."""
    try:
        folder = weights.find("whisper")
    except FileNotFoundError as error:
        return [Row(name="embeddings", ours="skipped", compared_to="", note=str(error))]
    with data.scratch(settings.folder / "embeddings"):
        clips = data.sample(settings.limit(CLIPS))
        waves = waveforms.build(clips, profile=data.PROFILE, steps=data.STEPS)
    place, stores, made = training.device(), iter(range(settings.repeats + 1)), {}
    options = {"profile": data.PROFILE, "branch": "whisper", "layer": LAYER, "device": place}
    model = WhisperEncoder.from_pretrained(folder, dtype=torch.float32).to(place).eval()
    extractor = WhisperFeatureExtractor.from_pretrained(folder)

    def build():
        with data.scratch(settings.folder / f"embeddings{next(stores)}"):
            made["ours"] = embeddings.build(waves, **options)

    def one_by_one(*, padded: bool):
        heard = [_obvious(waves.wave(i), model=model, extractor=extractor, padded=padded) for i in range(len(clips))]
        made[padded] = [np.concatenate([frames for frames, _ in heard]), np.stack([pooled for _, pooled in heard])]
        np.savez(settings.folder / "obvious.npz", *made[padded])

    build()
    rivals = {"own length": lambda: one_by_one(padded=False), "30 s": lambda: one_by_one(padded=True)}
    seconds = interleave({"ours": build} | rivals, repeats=settings.repeats)
    apart = _apart(made["ours"][1].values, made[False][1])
    return [
        Row(
            name=f"embeddings, against {name}",
            ours=per_clip(seconds["ours"], clips=len(clips)),
            compared_to=f"transformers clip by clip, {name}: {per_clip(seconds[name], clips=len(clips))}",
            ratio=seconds[name] / seconds["ours"],
            target=target,
            note=f"whisper-base, {len(clips)} clips on {place}, stores written"
            + (f"; statistics at most {apart:.1e} of a layer's largest apart" if name == "own length" else ""),
        )
        for name, target in NAMES.items()
    ]


@torch.no_grad()
def _obvious(wave: np.ndarray, *, model, extractor, padded: bool) -> tuple[np.ndarray, np.ndarray]:
    """What a notebook would write: frames of one layer [frames, size] and statistics of all [layers, 2 · size]."""
    padding = "max_length" if padded else False
    inputs = extractor(wave, sampling_rate=16_000, padding=padding, return_tensors="pt").input_features
    inputs = inputs.to(model.device)
    if padded:
        layers = list(model(inputs, output_hidden_states=True).hidden_states)
    else:  # its forward takes 30 s only
        x = gelu(model.conv2(gelu(model.conv1(inputs)))).transpose(1, 2)
        layers = [x + model.embed_positions.weight[: x.shape[1]]]
        for block in model.layers:
            layers.append(block(layers[-1], None))
        layers[-1] = model.layer_norm(layers[-1])
    statistics = [torch.cat([x[0].mean(dim=0), x[0].std(dim=0, correction=0)]).cpu().numpy() for x in layers]
    return layers[LAYER][0].half().cpu().numpy(), np.stack(statistics)


def _apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference of statistics [clips, layers, size] as a share of the largest value of the layer."""
    return float((np.abs(found - expected).max(axis=(0, 2)) / np.abs(expected).max(axis=(0, 2))).max())
