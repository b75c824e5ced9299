"""Whether Whisper should hear a clip in its own length or in 30 s: accuracy of a linear model on the mean of a layer.

python -m tests.benchmarks.padding [--protocol ravdess-6fold] [--profile thesis] [--layer 3]

It needs the profile's normalized waveforms and the encoder's weights, and takes about ten minutes of two cores.
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from torch import nn

from emolabs.experiments import metrics
from emolabs.extraction import embeddings
from emolabs.modeling import classical, encoder
from emolabs.progress import progress
from emolabs.standardization import emobench, waveforms
from emolabs.standardization.waveforms import Waveforms

FULL = 30 * encoder.SAMPLE_RATE_HZ
#: What is averaged: over the frames of a clip heard by itself, or in 30 s over its own or over all 1500 frames.
WAYS = ("own length", "30 s, its own frames", "30 s, all frames")


@torch.inference_mode()
def means(waves: Waveforms, *, rows: np.ndarray, model: encoder.Encoder) -> tuple[dict[str, np.ndarray], dict]:
    """Mean frame [clips, size] of the last layer of `model` in each way; seconds, and how far frames are apart."""
    found, seconds, apart = {way: [] for way in WAYS}, dict.fromkeys(WAYS[:2], 0.0), []
    for row in progress(rows, label="both lengths"):
        wave = waves.wave(row)
        padded, began = np.zeros(FULL, np.float32), time.perf_counter()
        padded[: len(wave)] = wave
        own = embeddings.hear(wave, model=model)[:, -1]
        half = time.perf_counter()
        full = embeddings.hear(padded, model=model)[:, -1]
        seconds[WAYS[0]] += half - began
        seconds[WAYS[1]] += time.perf_counter() - half
        short = full[: len(own)]
        for way, frames in zip(WAYS, (own, short, full), strict=True):
            found[way].append(frames.mean(axis=0))
        apart.append(np.linalg.norm(own - short) / np.linalg.norm(short))
    return {way: np.stack(vectors) for way, vectors in found.items()}, {**seconds, "apart": float(np.mean(apart))}


def evaluate(vectors: np.ndarray, *, manifest: pd.DataFrame, ids: pd.Series) -> dict:
    """Scores of a linear model on vectors [clips, size] of the clips `ids` over all folds of a manifest."""
    labels, answers = sorted(manifest.emotion.unique()), []
    place = pd.Series(range(len(ids)), index=ids)
    for _, fold in manifest.groupby("fold"):
        sides = {
            name: (vectors[place[clips.id]], clips.emotion.map(labels.index).to_numpy())
            for name, clips in fold.groupby("split")
        }
        model, _ = classical.fit_linear(sides["train"], validation=sides["validation"], seed=0)
        chances = model.predict_proba(sides["evaluation"][0])
        table = fold[fold.split == "evaluation"].assign(prediction=[labels[i] for i in chances.argmax(axis=1)])
        answers.append(table.assign(**{f"p_{label}": chances[:, i] for i, label in enumerate(labels)}))
    return metrics.score(pd.concat(answers), labels=labels)


def main(arguments: list[str] | None = None) -> None:
    """Print a line per way: UAR and accuracy with their intervals, and the seconds that the encoder took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.padding")
    parser.add_argument("--protocol", default="ravdess-6fold")
    parser.add_argument("--profile", default="thesis")
    parser.add_argument("--layer", type=int, default=3)
    chosen = parser.parse_args(arguments)
    manifest, waves = emobench.load(chosen.protocol), waveforms.load(chosen.profile)
    manifest = manifest[manifest.id.isin(waves.clips.id)]
    rows = np.flatnonzero(waves.clips.id.isin(manifest.id))
    model = encoder.load("whisper")
    model.model.layers = model.model.layers[: chosen.layer]  # what comes after it is not needed
    model.model.layer_norm = nn.Identity()
    vectors, facts = means(waves, rows=rows, model=model)
    print(f"{chosen.protocol}, {len(rows):,} clips, layer {chosen.layer}; frames differ by {facts['apart']:.1%}")
    for way in WAYS:
        scores = evaluate(vectors[way], manifest=manifest, ids=waves.clips.id.iloc[rows])
        said = ", ".join(f"{n} {v:.3f} [{low:.3f}, {high:.3f}]" for n in metrics.SCORES for v, low, high in [scores[n]])
        print(f"{way}: {said}" + (f", {facts[way]:.0f} s" if way in facts else ""))


if __name__ == "__main__":
    main()
