"""A toy project: seven "emotions" that each raise two bands of noise, spoken by twelve and by two speakers.

Run as a program it trains one row of such a project and kills itself on the way: `python toy.py ROOT BATCH`.
"""

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from emolabs import modeling, paths
from emolabs.corpora import audio, labels
from emolabs.corpora import index as corpus_index
from emolabs.experiments import Row, digests, learners, networks, train
from emolabs.extraction import embeddings, functionals, spectrograms, store
from emolabs.modeling.sides import Dense, Side
from emolabs.modeling.training import Training
from emolabs.standardization import normalization, split, waveforms

torch.set_num_threads(1)  # faster for so little, and the same sums in every process

_PACKAGE = Path(modeling.__file__).parent.parent
#: The modules beside modelling whose code decides what a run says, by where they lie in the package.
MODULES = {
    module: Path(module.__file__).relative_to(_PACKAGE)
    for module in (learners, networks, audio, normalization, waveforms, spectrograms, functionals, embeddings)
}
BANDS, FRAMES = 64, 24
#: Speakers by corpus; the second has no clip of surprise and, under `speaker`, no validation side of its own.
SPEAKERS = {"emosynth-en": 12, "emosynth-de": 2}
NETWORK = Row(profile="toy", protocol="hash", scope="pooled", pipeline="logmel-cnn3-attention", seed=0)
LINEAR = Row(profile="toy", protocol="hash", scope="pooled", pipeline="mfcc-linear", seed=0)


def training(**changes) -> Training:
    """Parameters that suit a toy, with `changes`."""
    values = {
        "epochs": 4,
        "batch_size": 16,
        "learning_rate": 0.02,
        "weight_decay": 0.05,
        "warmup_epochs": 1,
        "patience": 10,
        "label_smoothing": 0.1,
        "dropout": 0.1,
        "width": 4,
        "augment": True,
    }
    return Training(**values | changes)


def side(clips: int, *, classes: int, seed: int, learnable: bool = True) -> Side:
    """Spectrograms [clips, 8, 20] in dB of 9 to 20 valid frames; a class raises two bands, unless it cannot be told."""
    generator = np.random.default_rng(seed)
    x = generator.normal(-60, 5, (clips, 8, 20)).astype(np.float16)
    lengths, targets = generator.integers(9, 21, clips), np.arange(clips) % classes
    for clip, length, target in zip(x, lengths, targets, strict=True):
        if learnable:
            clip[2 * target : 2 * target + 2] += 20
        clip[:, length:] = -100
    return dense(torch.from_numpy(x), torch.from_numpy(lengths), torch.from_numpy(targets))


def dense(x: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor) -> Side:
    """A side of clips [clips, channels, frames]."""
    return Side(Dense(x, torch.arange(len(x)), lengths), targets)


def index() -> pd.DataFrame:
    """An index as stage 1 leaves it."""
    rows = []
    for corpus, speakers in SPEAKERS.items():
        emotions = labels()[: 7 if corpus == "emosynth-en" else 6]
        for speaker, emotion, text, take in itertools.product(range(speakers), emotions, "ab", "12"):
            name = f"{speaker:02}_{text}_{emotion}_{take}"
            row = {"path": f"{corpus}/{name}", "file": f"{corpus}/{name}.wav", "corpus": corpus, "text": text}
            row |= {"speaker": f"{corpus}/{speaker:02}", "sex": "female" if speaker % 2 else "male", "intensity": ""}
            row |= {"language": corpus[-2:], "emotion": emotion, "source_emotion": emotion, "subtype": "PCM_16"}
            row |= {"sample_rate": 16000, "channels": 1, "duration_s": 0.4, "pcm_sha256": name}
            rows.append(row)
    return pd.DataFrame(rows, columns=corpus_index.COLUMNS)


def features(clips: pd.DataFrame, *, profile: str = "toy") -> None:
    """The stores of log-mel spectrograms and of functionals (here their means) of `clips`."""
    generator = np.random.default_rng(0)
    kept = clips[["path", "corpus"]].assign(id=clips.path.map(split.sample_id), length=generator.integers(12, FRAMES))
    x = generator.normal(-60, 6, (len(clips), BANDS, FRAMES)).astype(np.float16)
    for clip, emotion in zip(x, clips.emotion, strict=True):
        first = 2 * labels().index(emotion)
        clip[first : first + 2] += 8
    made = {"clips": len(clips)}
    for branch, values in {"logmel": x, "mfcc": x.astype(np.float32).mean(axis=2)}.items():
        store.build([values], clips=kept, shape=values.shape[1:], dtype=values.dtype.name, branch=branch,
                    profile=profile, made_from={"branch": branch, **made})  # fmt: skip


def sources(root: Path) -> list[tuple[object, str, object]]:
    """What has to be set, as (object, attribute, value), for `root` to be the project, with a copy of its code."""
    package = root / "emolabs"
    return [
        (paths, "ROOT", root),
        (digests, "PACKAGE", package),
        (modeling, "__file__", str(package / "modeling" / "__init__.py")),
        *((module, "__file__", str(package / file)) for module, file in MODULES.items()),
    ]


def edit(module: str, line: str) -> None:
    """Add a line to the project's copy of a module."""
    with open(paths.ROOT / "emolabs" / module, "a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def point(patch: pytest.MonkeyPatch, root: Path) -> None:
    """Let `root` be the project for as long as `patch` holds."""
    for place, attribute, value in sources(root):
        patch.setattr(place, attribute, value)


def project() -> None:
    """Write the code that trains, and index, manifests and stores of the profile `toy` under `paths.ROOT`."""
    clips = index()
    corpus_index.save(clips, clips.head(0).assign(reason=""), profile="toy")
    for protocol in ("hash", "speaker"):
        split.save(split.manifest(clips, protocol=protocol), profile="toy", protocol=protocol)
    features(clips)
    shutil.copytree(_PACKAGE / "modeling", paths.ROOT / "emolabs" / "modeling")
    for file in MODULES.values():
        (paths.ROOT / "emolabs" / file).parent.mkdir(exist_ok=True)
        shutil.copy(_PACKAGE / file, paths.ROOT / "emolabs" / file)


def _train_and_die(root: Path, *, batch: int) -> None:
    """Train `NETWORK` in `root` and send SIGKILL to this process within the training batch of this number."""
    for place, name, value in sources(root):
        setattr(place, name, value)
    batches = itertools.count(1)

    def count(module: torch.nn.Module, _arguments, _output):
        if isinstance(module, torch.nn.Dropout) and module.training and next(batches) == batch:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.nn.modules.module.register_module_forward_hook(count)
    train(NETWORK, parameters=training())


if __name__ == "__main__":
    _train_and_die(Path(sys.argv[1]), batch=int(sys.argv[2]))
