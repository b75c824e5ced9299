"""The model in a finished run's folder: read again, or a sentence that names the file which is missing or damaged.

`model.safetensors` holds the weights, `config.json` what they are of. Nothing is unpickled.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from emolabs.modeling import classical, encoder
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.pipeline import Pipeline

WEIGHTS = "model.safetensors"
#: Files of a run that its model is not used without.
NEEDED = ("metrics.json", "run.json", "config.json", WEIGHTS)


def check(folder: Path) -> None:
    """Raises `FileNotFoundError` naming what a run's folder lacks, and the runs there are below it."""
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not missing:
        return
    there = sorted(file.parent for file in folder.glob("**/metrics.json"))
    if missing == ["config.json"]:
        hint = "it was made before runs said how they are used, or was moved without it: train it again"
    elif missing == [WEIGHTS] and (folder / "model.joblib").is_file():
        hint = "model.joblib is a pickle, which can run code and is not read any more: train the row again"
    elif there:
        hint = f"these runs are below it: {', '.join(map(str, there[:5]))}"
    else:
        hint = "name a folder runs/<profile>/<protocol>/<scope>/<pipeline>/fold<f>/seed<k>"
    raise FileNotFoundError(f"{folder} is no finished run, it lacks {', '.join(missing)}: {hint}")


def pipeline(folder: Path, *, parts: Mapping) -> Pipeline:
    """The pipeline of these `parts`, which `run.json` names; raises `ValueError` where there is no such one."""
    try:
        return Pipeline(**parts | {"demo": False})
    except ValueError as error:
        reason = "; ".join(str(error).splitlines())
        raise ValueError(f"{folder}/run.json names parts that are no pipeline ({reason}): train it again") from None


def fitted(folder: Path, config: Mapping, *, kind: str):
    """The classical model of this `kind`, linear or constant; raises `ValueError` where its weights do not fit."""
    tensors, _ = _read(folder / WEIGHTS)
    size = tensors["mean"].numel() if "mean" in tensors else 0
    shapes = classical.shapes(kind, classes=len(config["classes"]), size=size)
    _refuse_misfits(folder / WEIGHTS, expected=shapes, found=tensors)
    return classical.restore({name: value.numpy() for name, value in tensors.items()}, classes=config["classes"])


def network(folder: Path, config: Mapping, *, pipeline: Pipeline) -> Classifier:
    """The network of a run of `pipeline`, for prediction; raises `ValueError` where its weights are those of another
    pipeline or do not fit."""
    tuned = encoder.build(config["encoder"]) if config["encoder"] else None
    if tuned:
        encoder.tune(tuned, pipeline.tuning)
    model = Classifier(pipeline, classes=len(config["labels"]), encoder=tuned, **config["options"])
    tensors, about = _read(folder / WEIGHTS)
    expected = {name: value.shape for name, value in model.state_dict().items()}
    _refuse_misfits(folder / WEIGHTS, expected=expected, found=tensors)
    for file, name in (("config.json", config.get("pipeline")), (WEIGHTS, about.get("pipeline"))):
        if name not in (None, pipeline.name):  # which shapes do not tell: plain8 and resnet8 have the same
            raise ValueError(
                f"{folder / file} is of {name}, and {folder}/run.json of {pipeline.name}: put the run's own file back, "
                "or train it again"
            )
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False)


def _read(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors by name, and the metadata."""
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{file} is no complete safetensors file ({error}): copy it anew, or train the row again"
        ) from None


def _refuse_misfits(file: Path, *, expected: Mapping[str, Sequence], found: Mapping[str, torch.Tensor]) -> None:
    others = [
        f"{name} (expected {[*shape]}, found {[*found[name].shape]})"
        for name, shape in expected.items()
        if name in found and found[name].shape != torch.Size(shape)
    ]
    missing, unexpected = sorted({*expected} - {*found}), sorted({*found} - {*expected})
    problems = {"missing": missing, "unexpected": unexpected, "of another shape": others}
    if said := "; ".join(f"{what}: {_first(names)}" for what, names in problems.items() if names):
        raise ValueError(
            f"the weights in {file} do not fit its config.json, or the code has changed since: train it again ({said})"
        )


def _first(names: list[str], *, most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
