"""Whether Whisper should hear a clip in its own length or in 30 s: accuracy of a linear model on the mean of a layer.

python -m tests.benchmarks.padding [--corpus emodb] [--profile thesis] [--layer 3] [--short]

One speaker after the other is left out for evaluation, the next one for validation; RAVDESS has the six folds of the
protocol `ravdess-6fold`. It needs the index and waveforms of the profile and the weights of the encoder; with `--short`
clips are heard in their own length only, which is some twenty times faster.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import nn

from emolabs.corpora import index
from emolabs.experiments import metrics
from emolabs.extraction import embeddings
from emolabs.modeling import classical, encoder
from emolabs.progress import progress
from emolabs.standardization import emobench, waveforms
from emolabs.standardization.split import sample_id
from emolabs.standardization.waveforms import Waveforms

FULL = 30 * encoder.SAMPLE_RATE_HZ
#: What is averaged: over the frames of a clip heard by itself, or in 30 s over its own or over all 1500 frames.
WAYS = ("own length", "30 s, its own frames", "30 s, all frames")


def folds(clips: pd.DataFrame, *, corpus: str) -> pd.DataFrame:
    """A manifest of the clips (an index) of one corpus."""
    if corpus == "ravdess":
        manifest = emobench.load("ravdess-6fold")
        return manifest[manifest.path.isin(clips.path)]
    speakers, rows = sorted(clips.speaker.unique()), []
    for fold, speaker in enumerate(speakers):
        following = speakers[(fold + 1) % len(speakers)]
        sides = clips.speaker.map({speaker: "evaluation", following: "validation"}).fillna("train")
        rows.append(clips.assign(id=clips.path.map(sample_id), fold=fold, split=sides))
    return pd.concat(rows)


def means(waves: Waveforms, *, rows: np.ndarray, model: encoder.Encoder, ways: Sequence[str]) -> dict[str, np.ndarray]:
    """Mean frame [clips, size] of the last layer of `model` in each way."""
    found, apart = {way: [] for way in ways}, []
    for row in progress(rows, label="hearing"):
        wave = waves.wave(row)
        own = embeddings.hear(wave, model=model)[:, -1]
        frames = [own]
        if len(ways) > 1:
            full = embeddings.hear(np.pad(wave, (0, FULL - len(wave))), model=model)[:, -1]
            frames += [full[: len(own)], full]
            apart.append(np.linalg.norm(own - frames[1]) / np.linalg.norm(frames[1]))
        for way, heard in zip(ways, frames, strict=True):
            found[way].append(heard.mean(axis=0))
    if apart:
        print(f"frames differ by {np.mean(apart):.1%} of their norm")
    return {way: np.stack(vectors) for way, vectors in found.items()}


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
    """Print a line per way: accuracy, UAR and macro-F1 with their intervals."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.padding")
    parser.add_argument("--corpus", default="emodb")
    parser.add_argument("--profile", default="thesis")
    parser.add_argument("--layer", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="own length only")
    chosen = parser.parse_args(arguments)
    clips, waves = index.load(chosen.profile), waveforms.load(chosen.profile)
    manifest = folds(clips[clips.corpus == chosen.corpus], corpus=chosen.corpus)
    rows = np.flatnonzero(waves.clips.id.isin(manifest.id))
    model = encoder.load("whisper")
    model.model.layers = model.model.layers[: chosen.layer]  # what comes after it is not needed
    model.model.layer_norm = nn.Identity()
    print(f"{chosen.corpus}, {len(rows):,} clips, layer {chosen.layer}")
    vectors = means(waves, rows=rows, model=model, ways=WAYS[:1] if chosen.short else WAYS)
    for way, values in vectors.items():
        scores = evaluate(values, manifest=manifest, ids=waves.clips.id.iloc[rows])
        said = ", ".join(f"{n} {v:.3f} [{low:.3f}, {high:.3f}]" for n in metrics.SCORES for v, low, high in [scores[n]])
        print(f"{way}: {said} (intervals over {scores['interval_over']})")


if __name__ == "__main__":
    main()
