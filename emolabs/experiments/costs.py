"""What a pipeline costs: parameters, operations for one clip, and the seconds that its training took.

A row is counted from what it hears to its answer: its own part (a network, or the linear model), and for rows on the
frames of a pretrained encoder that encoder as far as the layer they hear. Operations are multiplications and additions
for one clip of `CLIP_S` seconds, by `architecture.parts` (PyTorch's FlopCounterMode); the signal processing before a
network (spectrograms, functionals) counts nothing. Seconds are those of run.json, over all folds, on the machine it
names. That machine did other work as well, so that they compare neither between machines nor between rows.

    python -m emolabs.experiments.costs thesis     writes the committed table of parameters and operations
"""

import copy
import sys
from collections.abc import Sequence

import pandas as pd
import torch
from matplotlib.axes import Axes
from torch.utils.flop_counter import FlopCounterMode

from emolabs import params, paths, storage
from emolabs.experiments import architecture, learners, networks, partitions, runs
from emolabs.experiments.comparison import labels
from emolabs.experiments.results import Result
from emolabs.extraction import encoders
from emolabs.extraction.store import Features
from emolabs.modeling import encoder
from emolabs.modeling.encoder import SAMPLE_RATE_HZ
from emolabs.modeling.pipeline import ENCODERS, Pipeline, get_pipeline, load_pipelines
from emolabs.modeling.training import Training
from emolabs.reporting import interval, pipeline_look

CLIP_S = networks.CROP_S
COLUMNS = ["pipeline", "parameters", "trained", "operations", "encoder_parameters", "encoder_operations", "missing"]


def load(profile: str, found: Sequence[Result]) -> pd.DataFrame:
    """`measure` of these results: of those in the committed table what it says, of the others as counted here."""
    known = _committed(profile)
    known = known[known.pipeline.isin({result.row.pipeline for result in found})]
    others = [result for result in found if result.row.pipeline not in set(known.pipeline)]
    tables = [table for table in (known, measure(profile, others)) if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else known


def measure(profile: str, found: Sequence[Result]) -> pd.DataFrame:
    """A line per pipeline of these results, `COLUMNS`: `parameters` and `operations` of the row's own part, of which
    `trained` parameters learn, and what the frozen encoder before it adds. `missing` says what cannot be counted here.
    Of several results of a pipeline, which may differ in their classes, the one under `hash` on all corpora counts.
    """
    last = sorted(found, key=lambda result: (result.row.protocol, result.row.scope) == ("hash", "pooled"))
    by_name = {result.row.pipeline: result for result in last}
    lines = []
    for name in sorted(by_name, key=list(load_pipelines()).index):
        try:
            line = _count(by_name[name], profile=profile) | {"missing": ""}
        except (FileNotFoundError, ValueError) as error:
            line = {
                "missing": f"{error}; `python -m emolabs.experiments.costs {profile}` counts it where this is there"
            }
        lines.append({"pipeline": name} | line)
    return pd.DataFrame(lines, columns=COLUMNS)


def _count(result: Result, *, profile: str) -> dict:
    pipeline = get_pipeline(result.row.pipeline)
    if pipeline.backbone == "constant":
        return dict.fromkeys(COLUMNS[1:6], 0)
    if pipeline.backbone == "linear":
        features = runs.features_of(pipeline, profile=profile)
        size, classes = learners.vectors(features, slice(0, 1)).shape[1], len(result.labels)
        line = {"parameters": (size + 1) * classes, "trained": (size + 1) * classes, "operations": 2 * size * classes}
    else:
        weights = params.load(profile, pipeline.notebook).get("weights", "")
        try:
            parameters = Training(**result.runs[0]["made_from"]["parameters"])
        except TypeError as error:
            raise ValueError(f"its parameters are not those that training takes now ({error})") from None
        model, features, x = runs.example(result.row, parameters=parameters, weights=weights)
        parts = architecture.parts(model, x=x, pipeline=pipeline)
        line = parts[["parameters", "trained", "operations"]].sum().to_dict()
    return line | _heard(pipeline, features, profile=profile)


def _heard(pipeline: Pipeline, features: Features, *, profile: str) -> dict:
    """What the frozen encoder costs up to the layer that a row hears; nothing where it hears none, or tunes it."""
    if pipeline.branch not in ENCODERS or pipeline.tuning != "frozen":
        return {"encoder_parameters": 0, "encoder_operations": 0}
    weights = params.load(profile, "21_embeddings").get("weights", "untrained")
    model = copy.deepcopy(encoder.load(encoders.choose(pipeline.branch, given=weights, profile=profile)))
    layer = features.parameters.get("layer", learners.LAYER)
    if layer != "all":
        del model.blocks[layer:]
    samples = round(CLIP_S * SAMPLE_RATE_HZ)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(torch.zeros(1, samples).normal_(), torch.tensor([samples]))
    numbers = sum(parameter.numel() for parameter in model.parameters())
    return {"encoder_parameters": numbers, "encoder_operations": counter.get_total_flops()}


def table(overall: pd.DataFrame, counted: pd.DataFrame, *, devices: dict[str, str]) -> pd.DataFrame:
    """Lines of `results.table` with what each costs: `all_parameters` and `all_operations` (with the encoder's) beside
    the columns of `measure`, and the `device` on which its seconds were measured."""
    lines = overall.merge(counted, on="pipeline", how="left")
    for name in ("parameters", "operations"):
        lines[f"all_{name}"] = lines[name] + lines[f"encoder_{name}"]
    return lines.assign(device=lines.pipeline.map(devices))


#: What the seconds are worth.
SECONDS = "Seconds: training of all folds, on a machine shared with other work; they do not compare between rows."
#: The axes of the figure: column of `table`, what it is, and how it is called.
AXES = (
    ("all_parameters", "parameters"),
    ("all_operations", f"operations for {CLIP_S:g} s"),
    ("seconds", "seconds of training (machine\nshared: rows do not compare)"),
)


def draw(axes: Sequence[Axes], lines: pd.DataFrame) -> None:
    """Accuracy with its interval over each of `AXES`, on logarithmic axes, in the pipeline's look: filled where the
    training ran on a GPU, open on a CPU."""
    names = labels(lines[lines.pipeline != "constant"])
    lines = lines.set_index("pipeline").loc[list(names)]
    for axis, (column, title) in zip(axes, AXES, strict=True):
        there = lines.dropna(subset=column)
        for name, line in there.iterrows():
            look = pipeline_look(name) | {"linestyle": "", "capsize": 2, "markersize": 6, "label": names[name]}
            look |= {} if line.device == "cuda" else {"markerfacecolor": "none"}
            errors = [[100 * (line.accuracy - line.accuracy_low)], [100 * (line.accuracy_high - line.accuracy)]]
            axis.errorbar(line[column], 100 * line.accuracy, yerr=errors, **look)
        axis.set(xscale="log", xlabel=title)


def caption(lines: pd.DataFrame) -> str:
    """What stands above the figure: what was trained on, what is counted, and what filled means, where it occurs."""
    gpu = "; filled: trained on a GPU, open: on a CPU" if (lines.device == "cuda").any() else ""
    return (
        f"hash, all corpora{gpu}. Parameters and operations: with a frozen encoder's, as far as the layer that is\n"
        f"heard. Not counted: spectrograms and functionals, and in seconds the making of any features.\n"
        f"{SECONDS}"
    )


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading, the cheapest in operations first."""
    lines = lines.sort_values(["all_operations", "pipeline"], na_position="last")
    table = pd.DataFrame({"pipeline": lines.pipeline})
    counts = {"trained parameters": "trained", "all parameters": "all_parameters"}
    for title, column in (counts | {"operations": "all_operations"}).items():
        table[title] = ["–" if pd.isna(v) else architecture.short(v) for v in lines[column]]
    table["seconds"] = lines.seconds.map("{:,.0f}".format)
    table["on"] = lines.device.map({"cuda": "GPU", "cpu": "CPU"})
    bounds = lines[["accuracy", "accuracy_low", "accuracy_high"]].itertuples(index=False)
    table["accuracy (%)"] = [interval(*values) for values in bounds]
    return table.reset_index(drop=True)


#: What the columns of the table mean.
LEGEND = (
    f"Accuracy under hash on all corpora, 95 % interval over speakers. Operations: multiplications and additions for "
    f"one clip of {CLIP_S:g} s; spectrograms and functionals are not counted. All parameters: with the pretrained "
    f"encoder as far as the layer that is heard. {SECONDS}"
)


def missing(lines: pd.DataFrame) -> list[str]:
    """Which rows of `table` could not be counted, and why."""
    return [f"`{line.pipeline}`: {line.missing}" for line in lines[lines.missing != ""].itertuples()]


def devices(found: Sequence[Result]) -> dict[str, str]:
    """On what each row was trained, by pipeline: cpu or cuda."""
    return {result.row.pipeline: result.runs[0]["machine"]["device"] for result in found}


def _file(profile: str):
    return paths.results(profile) / "costs.csv"


def _committed(profile: str) -> pd.DataFrame:
    file = _file(profile)
    return pd.read_csv(file).assign(missing="") if file.is_file() else pd.DataFrame(columns=COLUMNS)


def main() -> None:
    """Count every row of a profile that has a result, and write the table that is committed.

    A row that cannot be counted here keeps the line that the table has of it.
    """
    if len(sys.argv) != 2:
        sys.exit("usage: python -m emolabs.experiments.costs PROFILE")
    profile = sys.argv[1]
    try:
        found = partitions.read(profile).found
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    counted = measure(profile, found)
    known = _committed(profile)
    kept = known[known.pipeline.isin(counted[counted.missing != ""].pipeline)]
    for line in counted[counted.missing != ""].itertuples():
        fate = "keeps its line" if line.pipeline in set(kept.pipeline) else "is left out"
        print(f"{line.pipeline} {fate}: {line.missing}", file=sys.stderr)
    counted = pd.concat([counted[counted.missing == ""], kept])
    counted = counted.sort_values("pipeline", key=lambda names: names.map([*load_pipelines()].index))
    counted = counted.drop(columns="missing").astype(dict.fromkeys(COLUMNS[1:6], int))
    with storage.atomic(_file(profile)) as temporary:
        counted.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
