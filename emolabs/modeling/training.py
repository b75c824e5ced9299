"""The training engine: one loop for every network, with exact resume after each epoch.

The order of clips, the augmentation and the dropout of an epoch follow from (seed, epoch) alone, so an interrupted run
that is resumed and an uninterrupted one are the same run. Model selection sees the validation side only.
"""

import copy
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pandas as pd
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from emolabs import storage
from emolabs.modeling import checkpoint as checkpoints
from emolabs.modeling.masking import frame_mask
from emolabs.modeling.parameters import Training
from emolabs.modeling.recall import uar
from emolabs.modeling.sides import Side
from emolabs.progress import progress


@dataclass(frozen=True)
class History:
    """A row an epoch: `epoch, learning_rate, train_loss, validation_loss, validation_uar`, and in `gradients` the mean
    norm of each weight's gradient, a column a weight."""

    epochs: pd.DataFrame
    gradients: pd.DataFrame


def fit(
    model: nn.Module,
    *,
    train: Side,
    validation: Side,
    parameters: Training,
    seed: int,
    checkpoint: Path,
    made_from: dict,
) -> History:
    """Train `model` in place and leave in it the weights of the epoch with the best validation UAR.

    Resumes from `checkpoint` where an interrupted run of the same `made_from` left one, and of the same code. Beside it
    lies `tensorboard/` with the history. Where a GPU's memory does not hold a batch, it takes it in halves and says so.
    Raises `ValueError` where the checkpoint was made with other parameters, naming them, and `FloatingPointError` where
    a loss or a gradient is no number any more; the clips of the first such batch, or those of the validation side, are
    in `not_finite.csv` beside the checkpoint, which holds the last epoch whose weights are numbers.
    """
    run = _Run(model, train=train, parameters=parameters, seed=seed, folder=checkpoint.parent)
    state = checkpoints.resume(checkpoint, made_from=made_from) or {"history": [], "gradients": [], "best_uar": -1.0}
    if state["history"]:
        run.load(state)
    history = state["history"]
    writer = SummaryWriter(checkpoint.parent / "tensorboard", purge_step=len(history))
    with writer, progress((), label="training", total=parameters.epochs, unit="epoch") as bar:
        bar.update(len(history))
        while len(history) < parameters.epochs and not _exhausted(history, patience=parameters.patience):
            row, gradients = run.epoch(len(history))
            logits = predict(run.kept, validation)
            if not logits.isfinite().all():
                unheard = logits.isfinite().all(1).logical_not().nonzero()[:, 0]
                run.give_up(validation, unheard, "the answers to the validation side are no numbers", row["epoch"])
            row["validation_loss"] = float(run.loss(logits, validation.targets))
            row["validation_uar"] = uar(validation.targets.cpu().numpy(), logits.argmax(1).cpu().numpy())
            history.append(row)
            state["gradients"].append(gradients)
            if row["validation_uar"] > state["best_uar"]:
                best = {name: value.cpu().clone() for name, value in run.kept.state_dict().items()}
                state |= {"best": best, "best_uar": row["validation_uar"]}
            with storage.atomic(checkpoint) as temporary:
                torch.save(state | run.state() | {"made_from": made_from}, temporary)
            for name, value in row.items():
                writer.add_scalar(name, value, row["epoch"])
            bar.set_postfix(loss=f"{row['train_loss']:.3f}", uar=f"{row['validation_uar']:.3f}")
            bar.update()
    model.load_state_dict(state["best"])
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    return History(pd.DataFrame(history), pd.DataFrame(state["gradients"], columns=names))


@torch.inference_mode()
def predict(model: nn.Module, side: Side) -> torch.Tensor:
    """Logits [clips, classes] of one side."""
    model.eval()
    logits = torch.cat(list(side.heard(lambda x, lengths: model(x, lengths)[0].float())))
    return logits[torch.cat(side.ordered()).argsort()]


def standardize(model: nn.Module, train: Side) -> None:
    """Measure the model's standardization, where it has one, on the valid frames of the training side."""
    if not model.standardization:
        return

    def sums(x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x, lengths = model.hear(x, lengths)
        return model.standardization.sums(x, frame_mask(lengths, frames=x.shape[-1]))

    model.standardization.measure(train.heard(sums))


def device() -> str:
    """`cuda` where a GPU can be used, else `cpu`."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic cuBLAS asks for
    return "cuda" if torch.cuda.is_available() else "cpu"


class _Run:
    """What changes while a model is trained: its weights, their average, the optimizer, the share of a batch."""

    def __init__(self, model: nn.Module, *, train: Side, parameters: Training, seed: int, folder: Path):
        self.model, self.train, self.parameters, self.seed, self.folder = model, train, parameters, seed, folder
        self.kept = copy.deepcopy(model) if parameters.averaging else model  # what is validated
        encoder = {id(weight) for weight in model.encoder.parameters()} if model.encoder else set()
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        groups = [
            {"params": [w for w in weights if (id(w) in encoder) == tuned], "peak": peak}
            for tuned, peak in [(False, parameters.learning_rate), (True, parameters.encoder_learning_rate)]
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], weight_decay=parameters.weight_decay)
        self.weights, self.pieces = weights, 1
        self.class_weights = _class_weights(train.targets, classes=model.output.out_features)
        if not parameters.class_weights:
            self.class_weights = torch.ones_like(self.class_weights)
        self.loss = nn.CrossEntropyLoss(weight=self.class_weights, label_smoothing=parameters.label_smoothing)

    @property
    def _parts(self) -> dict:
        parts = {"model": self.model, "optimizer": self.optimizer}
        return parts if self.kept is self.model else parts | {"kept": self.kept}

    def state(self) -> dict:
        """What the next epoch rests on."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load(self, state: dict) -> None:
        """Go on from a `state`."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])

    def epoch(self, number: int) -> tuple[dict, list[float]]:
        """One pass over the training side; the epoch's row of the history and the mean norms of the gradients."""
        self.model.train()
        torch.manual_seed(self.seed * 100_003 + number)
        generator = torch.Generator().manual_seed(self.seed * 100_003 + number)
        share = _learning_rate(number, self.parameters)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        batches = self.train.shuffled(self.parameters.batch_size, generator=generator)
        losses, is_finite, norms = [], [], torch.zeros(len(self.weights), device=self.train.targets.device)
        for x, lengths, targets in self.train.batches(batches):
            losses.append(self._gradients(x, lengths, targets, generator=generator) * len(targets))
            step = torch.stack([w.grad.norm() if w.grad is not None else norms.new_zeros(()) for w in self.weights])
            norms += step
            is_finite.append(losses[-1].isfinite() & step.isfinite().all())
            nn.utils.clip_grad_norm_(self.weights, self.parameters.clip_norm)
            self.optimizer.step()
            self._average()
        # read once an epoch, so that a GPU never waits for it
        losses, is_finite = torch.stack(losses).cpu(), torch.stack(is_finite).tolist()
        if not all(is_finite):
            first = batches[is_finite.index(False)]
            self.give_up(self.train, first, "the training loss or its gradient is no number any more", number)
        row = {"epoch": number, "learning_rate": self.parameters.learning_rate * share}
        row["train_loss"] = float(losses.sum()) / len(self.train.targets)
        return row, (norms / len(batches)).tolist()

    def _gradients(self, x, lengths, targets, *, generator: torch.Generator) -> torch.Tensor:
        """The gradients of one batch, in as many pieces as the memory asks for; returns the loss."""
        augment = generator if self.parameters.augment else None
        while True:
            self.optimizer.zero_grad()
            total, before = 0.0, generator.get_state()
            try:
                for piece in torch.arange(len(targets), device=targets.device).chunk(self.pieces):
                    part = self.class_weights[targets[piece]].sum() / self.class_weights[targets].sum()
                    with torch.autocast("cuda", torch.bfloat16, enabled=self.parameters.mixed_precision and x.is_cuda):
                        logits, _ = self.model(x[piece], lengths[piece], augment=augment)
                    loss = self.loss(logits.float(), targets[piece]) * part
                    loss.backward()
                    total = total + loss.detach()
                return total
            except torch.OutOfMemoryError:
                if self.pieces >= len(targets):
                    raise
            self.pieces *= 2
            generator.set_state(before)
            torch.cuda.empty_cache()
            print(f"a batch of {len(targets)} clips does not fit into the memory: taken in {self.pieces} pieces")

    @torch.no_grad()
    def _average(self) -> None:
        if self.kept is self.model:
            return
        ours, kept = self.model.state_dict(), self.kept.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                kept[name].lerp_(value, 1 - self.parameters.averaging)

    def give_up(self, side: Side, rows: torch.Tensor, problem: str, epoch: int) -> NoReturn:
        """Name the clips of these rows of a side in a file, and raise `FloatingPointError`."""
        file = self.folder / "not_finite.csv"
        ids = [side.ids[i] if len(side.ids) else i for i in rows.tolist()]
        with storage.atomic(file) as temporary:
            pd.DataFrame({"id": ids}).to_csv(temporary, index=False)
        raise FloatingPointError(
            f"{problem} in epoch {epoch}: the clips concerned are in {file}; lower the learning rate, or "
            "look at these clips"
        )


def _learning_rate(epoch: int, parameters: Training) -> float:
    """Share of the peak: linear warm-up, then half a cosine (Loshchilov & Hutter 2017); constant within an epoch."""
    if epoch < parameters.warmup_epochs:
        return (epoch + 1) / (parameters.warmup_epochs + 1)
    done = (epoch - parameters.warmup_epochs) / max(1, parameters.epochs - parameters.warmup_epochs)
    return 0.5 * (1 + math.cos(math.pi * done))


def _exhausted(history: list[dict], *, patience: int) -> bool:
    scores = [row["validation_uar"] for row in history]
    return bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= patience


def _class_weights(targets: torch.Tensor, *, classes: int) -> torch.Tensor:
    """Inverse class frequency with mean 1 over the clips; a class without clips weighs nothing."""
    counts = torch.bincount(targets, minlength=classes).float()
    return torch.where(counts > 0, len(targets) / (counts.clamp_min(1) * (counts > 0).sum()), 0)
