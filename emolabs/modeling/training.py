"""The training engine: one loop for every pipeline, everything resident on the device, exact resume after each epoch.

The order of clips, the augmentation and the dropout of an epoch follow from (seed, epoch) alone, so an interrupted run
that is resumed and an uninterrupted one are the same run. Model selection sees the validation side only.
"""

import math
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from emolabs import storage
from emolabs.progress import progress

#: Batches are cut at multiples of so many frames: buffers of few sizes are reused, those of many fragment the heap.
_STRIDE = 32


@dataclass(frozen=True, kw_only=True)
class Training:
    """Parameters of a training run."""

    epochs: int  # most passes over the training side
    batch_size: int  # clips
    learning_rate: float  # peak, after the warm-up
    weight_decay: float
    warmup_epochs: int
    patience: int  # epochs without a better validation UAR before it stops
    label_smoothing: float
    dropout: float
    width: int  # channels of the first convolution
    augment: bool  # SpecAugment on the training side


@dataclass(frozen=True)
class Side:
    """One side of a partition on the device: x [clips, bands, frames] (float16), lengths [clips], targets [clips]."""

    x: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor

    def batches(self, batches: Sequence[torch.Tensor]):
        """Yield (x float32, lengths, targets) for each batch of row numbers, cut a little after its longest clip."""
        longest = torch.stack([self.lengths[rows].max() for rows in batches]).tolist()  # at once: a GPU is asked once
        for rows, frames in zip(batches, longest, strict=True):
            frames = -(-frames // _STRIDE) * _STRIDE
            yield self.x[rows, :, :frames].float(), self.lengths[rows], self.targets[rows]

    def ordered(self, size: int = 64) -> tuple[torch.Tensor, ...]:
        """Row numbers of all clips from the shortest to the longest, in batches of `size`."""
        return self.lengths.argsort(stable=True).split(size)

    def shuffled(self, size: int, *, generator: torch.Generator) -> list[torch.Tensor]:
        """Row numbers of all clips in random batches of `size`, each of similar lengths so that little is padded."""
        order = torch.randperm(len(self.targets), generator=generator).to(self.targets.device)
        pools = [pool[self.lengths[pool].argsort(stable=True)] for pool in order.split(16 * size)]
        batches = [batch for pool in pools for batch in pool.split(size)]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]


def uar(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Unweighted average recall over the classes present in `targets`; both are class numbers [clips]."""
    return float(np.mean([(predicted[targets == label] == label).mean() for label in np.unique(targets)]))


def fit(
    model: nn.Module,
    *,
    train: Side,
    validation: Side,
    parameters: Training,
    seed: int,
    checkpoint: Path,
    made_from: dict,
) -> pd.DataFrame:
    """Train `model` in place and leave in it the weights of the epoch with the best validation UAR.

    Resumes from `checkpoint` where an interrupted run of the same `made_from` left one, and of the same code.
    Returns the history, a row an epoch: `epoch, learning_rate, train_loss, validation_loss, validation_uar`.
    Raises `ValueError` where the checkpoint was made with other parameters, naming them.
    """
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=parameters.weight_decay)
    weights = _class_weights(train.targets, classes=model.output.out_features)
    loss = nn.CrossEntropyLoss(weight=weights, label_smoothing=parameters.label_smoothing)
    state = _resume(checkpoint, made_from=made_from) or {"history": [], "best": None, "best_uar": -1.0}
    if state["history"]:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    history = state["history"]
    with progress((), label="training", total=parameters.epochs, unit="epoch") as bar:
        bar.update(len(history))
        while len(history) < parameters.epochs and not _exhausted(history, patience=parameters.patience):
            epoch = len(history)
            row = {"epoch": epoch, "learning_rate": _learning_rate(epoch, parameters)}
            row["train_loss"] = _epoch(model, optimizer, loss, train, row["learning_rate"], parameters, seed, epoch)
            logits = predict(model, validation)
            row["validation_loss"] = float(loss(logits, validation.targets))
            row["validation_uar"] = uar(validation.targets.cpu().numpy(), logits.argmax(1).cpu().numpy())
            history.append(row)
            if row["validation_uar"] > state["best_uar"]:
                best = {name: value.cpu().clone() for name, value in model.state_dict().items()}
                state |= {"best": best, "best_uar": row["validation_uar"]}
            state |= {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "made_from": made_from}
            with storage.atomic(checkpoint) as temporary:
                torch.save(state, temporary)
            bar.set_postfix(loss=f"{row['train_loss']:.3f}", uar=f"{row['validation_uar']:.3f}")
            bar.update()
    model.load_state_dict(state["best"])
    return pd.DataFrame(history)


@torch.inference_mode()
def predict(model: nn.Module, side: Side) -> torch.Tensor:
    """Logits [clips, classes] of one side."""
    model.eval()
    order = side.ordered()
    logits = torch.cat([model(x, lengths)[0] for x, lengths, _ in side.batches(order)])
    return logits[torch.cat(order).argsort()]


def standardize(model: nn.Module, train: Side) -> None:
    """Set the model's input `mean` and `std` [bands] from the valid frames of the training side."""
    count, total, squares = 0, 0, 0
    for x, lengths, _ in train.batches(train.ordered()):
        mask = (torch.arange(x.shape[-1], device=x.device) < lengths[:, None])[:, None].double()
        count += mask.sum()
        total = total + (x * mask).sum(dim=(0, 2))
        squares = squares + (x.double().square() * mask).sum(dim=(0, 2))
    mean = total / count
    model.mean.copy_(mean)
    model.std.copy_((squares / count - mean.square()).clamp_min(1e-6).sqrt())


def device() -> str:
    """`cuda` where a GPU can be used, else `cpu`."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic cuBLAS asks for
    return "cuda" if torch.cuda.is_available() else "cpu"


def _epoch(model, optimizer, loss, train: Side, learning_rate: float, parameters: Training, seed: int, epoch: int):
    model.train()
    torch.manual_seed(seed * 100_003 + epoch)
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    total = torch.zeros((), device=train.x.device)  # read once, at the end, so that a GPU never waits for it
    for x, lengths, targets in train.batches(train.shuffled(parameters.batch_size, generator=generator)):
        if parameters.augment:
            x = augment(x, lengths, fill=model.mean, generator=generator)
        step = loss(model(x, lengths)[0], targets)
        optimizer.zero_grad()
        step.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += step.detach() * len(targets)
    return float(total) / len(train.targets)


def augment(x: torch.Tensor, lengths: torch.Tensor, *, fill: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """SpecAugment (Park et al. 2019) without warping: per clip one band of up to an eighth of the bands and one stretch
    of up to an eighth of its frames take the training mean `fill` [bands]; x [batch, bands, frames]."""
    clips, bands, frames = x.shape
    draw = torch.rand(4, clips, generator=generator).to(x.device)
    height, width = draw[0] * bands / 8, draw[1] * lengths / 8
    low, left = draw[2] * (bands - height), draw[3] * (lengths - width)
    band, frame = torch.arange(bands, device=x.device), torch.arange(frames, device=x.device)
    hidden = ((band >= low[:, None]) & (band < (low + height)[:, None]))[:, :, None]
    hidden = hidden | ((frame >= left[:, None]) & (frame < (left + width)[:, None]))[:, None, :]
    return torch.where(hidden, fill[:, None], x)


def _learning_rate(epoch: int, parameters: Training) -> float:
    """Linear warm-up, then half a cosine (Loshchilov & Hutter 2017); constant within an epoch."""
    if epoch < parameters.warmup_epochs:
        return parameters.learning_rate * (epoch + 1) / (parameters.warmup_epochs + 1)
    done = (epoch - parameters.warmup_epochs) / max(1, parameters.epochs - parameters.warmup_epochs)
    return parameters.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _exhausted(history: list[dict], *, patience: int) -> bool:
    scores = [row["validation_uar"] for row in history]
    return bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= patience


def _class_weights(targets: torch.Tensor, *, classes: int) -> torch.Tensor:
    """Inverse class frequency with mean 1 over the clips; a class without clips weighs nothing."""
    counts = torch.bincount(targets, minlength=classes).float()
    return torch.where(counts > 0, len(targets) / (counts.clamp_min(1) * (counts > 0).sum()), 0)


def _resume(checkpoint: Path, *, made_from: dict) -> dict | None:
    if not checkpoint.is_file():
        return None
    try:
        state = torch.load(checkpoint, weights_only=True)
        then, now = _flat(state["made_from"]), _flat(made_from)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, LookupError, TypeError, ValueError):
        raise ValueError(
            f"the checkpoint {checkpoint} cannot be read: it is damaged or none of ours; delete it to start anew"
        ) from None
    if then.pop("code", "") != now.pop("code", ""):
        print(f"the code has changed since {checkpoint} was written: the run starts anew")
        return None
    changed = [
        f"{key} was {then.get(key)!r}, is {now.get(key)!r}"
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    if changed:
        raise ValueError(
            f"the checkpoint {checkpoint} comes from an interrupted run with other parameters: {'; '.join(changed)}. "
            "Restore them to continue that run, or delete the checkpoint to start anew."
        )
    return state


def _flat(made_from: dict) -> dict:
    """Parts of parts by their own names, so that a sentence can name the one that changed."""
    pairs = ((key, value if isinstance(value, dict) else {"": value}) for key, value in made_from.items())
    return {f"{key} {part}".strip(): value for key, parts in pairs for part, value in parts.items()}
