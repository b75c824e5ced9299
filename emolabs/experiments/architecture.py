"""What a network is made of: its parts with their shapes, parameters and operations, as a table and as a drawing."""

import functools

import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from emolabs.modeling.classifier import Classifier
from emolabs.modeling.pipeline import Pipeline

#: Parts in the order in which a clip goes through them.
PARTS = ("encoder", "transform", "standardization", "layer_sum", "backbone", "temporal", "aggregation", "output")


@torch.no_grad()
def parts(model: Classifier, *, x: torch.Tensor, pipeline: Pipeline) -> pd.DataFrame:
    """One line a part of `model` for one clip x [1, …, channels, frames]: `part`, `kind` (what it is, as the row of
    `pipeline` names it), `out` (the shape that comes out), `parameters`, `trained` (how many of them learn) and
    `operations` (multiplications and additions).

    Operations are counted by PyTorch's FlopCounterMode: matrix products, convolutions and attention; those of an LSTM,
    of which it sees nothing on a GPU, by their formula.
    """
    shapes, hooks, model = {}, [], model.eval()
    for name, part in model.named_children():
        hooks.append(part.register_forward_hook(functools.partial(_note, shapes, name)))
    counter = FlopCounterMode(display=False)
    with counter:
        model(x, torch.tensor([x.shape[-1]]))
    for hook in hooks:
        hook.remove()
    counts = counter.get_flop_counts()
    said = {"backbone": pipeline.backbone, "encoder": f"{pipeline.branch}, {pipeline.tuning}"}
    lines = []
    for name in PARTS:
        part = getattr(model, name)
        if part is None:
            continue
        numbers = [p.numel() for p in part.parameters()], [p.numel() for p in part.parameters() if p.requires_grad]
        counted = sum(counts.get(f"{type(model).__name__}.{name}", {}).values())
        operations = _recurrent(part, shapes[name]) if name == "temporal" else counted
        kind = said.get(name, type(part).__name__)
        lines.append([name, kind, shapes.get(name, ""), sum(numbers[0]), sum(numbers[1]), operations])
    return pd.DataFrame(lines, columns=["part", "kind", "out", "parameters", "trained", "operations"])


def draw(axis: Axes, table: pd.DataFrame) -> None:
    """The parts of `table` as boxes from left to right, with what comes out of each between them."""
    axis.set_axis_off()
    axis.set(xlim=(-0.5, len(table) - 0.5), ylim=(-1, 1))
    for i, line in enumerate(table.itertuples()):
        learned = line.trained > 0
        box = {"boxstyle": "round,pad=0.4", "facecolor": "0.92" if learned else "white", "edgecolor": "black"}
        text = f"{line.kind}\n{short(line.parameters)}" if line.parameters else line.kind
        axis.text(i, 0.25, text, ha="center", va="center", fontsize=7, bbox=box)
        axis.text(i, -0.55, " × ".join(map(str, line.out)), ha="center", va="center", fontsize=6.5)
        if i:
            axis.annotate("", (i - 0.36, 0.25), (i - 0.64, 0.25), arrowprops={"arrowstyle": "->", "linewidth": 0.8})


def _note(shapes: dict, name: str, _module, _inputs, out) -> None:
    shapes[name] = _shape(out)


def _shape(out) -> tuple[int, ...]:
    """Without the batch: of the last layer where a part returns all of them, of the frames where it returns a pair."""
    while not isinstance(out, torch.Tensor):
        out = out[-1] if isinstance(out, list) else out[0]
    return tuple(out.shape[1:])


def _recurrent(part: nn.Module, out: tuple[int, ...]) -> int:
    """Operations of the bidirectional LSTM in `part` over `out[0]` frames: 2 · 8 · hidden · (inputs + hidden) each."""
    lstm = next(module for module in part.modules() if isinstance(module, nn.LSTM))
    return 2 * 8 * lstm.hidden_size * (lstm.input_size + lstm.hidden_size) * out[0]


def short(count: int) -> str:
    """A count to three digits: 12,345 is 12.3 k."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
