"""Training: an epoch over resident features, against a DataLoader that prepares every clip when it is asked for."""

import itertools
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from emolabs.corpora import labels
from emolabs.extraction import spectrograms
from emolabs.modeling import get_pipeline, training
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.sides import Dense, Side
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave, per_clip

CLIPS = 512
VALIDATION_CLIPS = 32
LOGMEL = spectrograms.LogMel()
PARAMETERS = training.Training(
    epochs=1,
    batch_size=32,
    learning_rate=0.002,
    weight_decay=0.01,
    warmup_epochs=0,
    patience=1,
    label_smoothing=0.1,
    dropout=0.3,
    width=16,
    augment=False,
)


class Clips(Dataset):
    """Log-mel spectrograms computed from the audio file whenever a clip is asked for."""

    def __init__(self, files: list[Path], *, targets: list[int]):
        self.files, self.targets = files, targets

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        samples = round(LOGMEL.crop_s * data.STEPS.sample_rate_hz)
        wave = data.obvious_waveform(self.files[i])
        start = max(0, (len(wave) - samples) // 2)
        return torch.from_numpy(data.obvious_logmel(wave[start : start + samples], like=LOGMEL)), self.targets[i]


def run(settings: Settings) -> list[Row]:
    """One row; the obvious side keeps its workers alive between the epochs."""
    place = training.device()
    clips = data.sample(settings.limit(CLIPS))
    clips = clips[clips.emotion.isin(labels())].reset_index(drop=True)
    targets = clips.emotion.map(labels().index).to_list()
    side = _resident(clips, targets=targets, settings=settings, place=place)
    resident, obvious = (_model(side, place=place) for _ in range(2))
    some = replace(side.x, rows=side.x.rows[:VALIDATION_CLIPS], lengths=side.lengths[:VALIDATION_CLIPS])
    held_out = Side(some, side.targets[:VALIDATION_CLIPS])
    number = itertools.count()

    def ours():
        training.fit(
            resident,
            train=side,
            validation=held_out,
            parameters=PARAMETERS,
            seed=0,
            checkpoint=settings.folder / f"checkpoint{next(number)}.pt",
            made_from={},
        )

    dataset = Clips(data.files(clips), targets=targets)
    options = {"num_workers": 2, "persistent_workers": True, "collate_fn": _pad}
    loader = DataLoader(dataset, batch_size=PARAMETERS.batch_size, shuffle=True, **options)
    optimizer = torch.optim.AdamW(obvious.parameters(), weight_decay=PARAMETERS.weight_decay)
    candidates = {"ours": ours, "DataLoader": lambda: _epoch(obvious, optimizer, loader, place=place)}
    interleave(candidates, repeats=1)  # starts the workers
    seconds = interleave(candidates, repeats=settings.repeats)
    return [
        Row(
            name="training, an epoch",
            ours=per_clip(seconds["ours"], clips=len(clips)),
            compared_to=f"DataLoader, two workers: {per_clip(seconds['DataLoader'], clips=len(clips))}",
            ratio=seconds["DataLoader"] / seconds["ours"],
            target=5 if place == "cuda" else 2,
            note=f"logmel-cnn3-mean, {len(clips):,} clips on {place}; ours validates and writes a checkpoint, too",
        )
    ]


def _resident(clips: pd.DataFrame, *, targets: list[int], settings: Settings, place: str) -> Side:
    with data.scratch(settings.folder / "training"):
        waves = waveforms.build(clips, profile=data.PROFILE, steps=data.STEPS)
        features = spectrograms.build(waves, profile=data.PROFILE, parameters=LOGMEL)
    values, lengths = torch.tensor(features.values), torch.tensor(features.clips.length.to_numpy())
    return Side(Dense(values, torch.arange(len(values)), lengths).resident(place), torch.tensor(targets, device=place))


def _model(side: Side, *, place: str) -> Classifier:
    torch.manual_seed(0)
    bands, frames = side.x.values.shape[1:]
    shape = {"channels": bands, "frames": frames, "width": PARAMETERS.width, "dropout": PARAMETERS.dropout}
    model = Classifier(get_pipeline("logmel-cnn3-mean"), classes=len(labels()), **shape).to(place)
    training.standardize(model, side)
    return model


def _pad(items: list[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, ...]:
    lengths = torch.tensor([x.shape[1] for x, _ in items])
    frames = int(lengths.max())
    batch = torch.stack([nn.functional.pad(x, (0, frames - x.shape[1]), value=-100.0) for x, _ in items])
    return batch, lengths, torch.tensor([target for _, target in items])


def _epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader, *, place: str) -> None:
    model.train()
    loss = nn.CrossEntropyLoss(label_smoothing=PARAMETERS.label_smoothing)
    for batch in loader:
        x, lengths, targets = (tensor.to(place) for tensor in batch)
        optimizer.zero_grad()
        loss(model(x, lengths)[0], targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
