"""Saliency: what of a clip speaks for the emotion that a network names, by integrated gradients (captum).

Sundararajan, Taly & Yan (2017, ICML, PMLR 70) sum the gradient on the straight line from a baseline to the input; here
the baseline is the mean of the training side in each channel, at all frames, and what is explained is the margin of the
named emotion: its logit less the mean of all logits, because adding a number to all of them changes no answer. What all
channels and frames are given adds up to the change of the margin (completeness), which is checked for every clip.

Whether a map shows what was learned, it says by how much it changes when the network's weights are drawn anew, from the
output back to the input (Adebayo et al. 2018, NeurIPS 31). Conventions: a map is [channels, frames]; shares are of the
sum of its absolute values; ranks are compared by Spearman's coefficient.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from scipy.stats import spearmanr

from emolabs import dependencies, params, paths, storage
from emolabs.experiments import kept, networks, predictor
from emolabs.experiments.averages import averages
from emolabs.experiments.runs import Row, features_of
from emolabs.extraction.store import Features
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.masking import MaskedBatchNorm
from emolabs.progress import progress

#: Parts of a clip's length over which time is averaged.
PARTS = 20
#: Share of the margin's change by which a map's sum may miss it before the clip is counted.
LARGE = 0.05
#: Points of the straight line that are computed at once.
_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Explained:
    """One clip: `map` [channels, frames], the network's `weights` [frames'] of its aggregation or None, the margin's
    `change` from the baseline to the clip, and the `error` of the map's sum."""

    map: np.ndarray
    weights: np.ndarray | None
    change: float
    error: float


def opened(row: Row, *, fold: int = 0) -> tuple[predictor.Model, Features]:
    """The model of a finished run and the store it was trained on.

    Raises `FileNotFoundError` where one is not here and `ValueError` where they do not belong together.
    """
    model = predictor.load(row.folder(fold))
    features = features_of(model.pipeline, profile=row.profile)
    if features.digest != model.made_from["features"]:
        raise ValueError(
            f"{row.folder(fold)} was trained on the features {model.made_from['features']}, found {features.digest}: "
            "train it again, or make these features"
        )
    return model, features


def explain(network: Classifier, x: torch.Tensor, *, target: int | None = None, steps: int) -> Explained:
    """Integrated gradients of x [1, channels, frames] for the class `target`, or for the one that is named."""

    def margins(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        logits, _ = network(x, lengths)
        return logits - logits.mean(dim=1, keepdim=True)

    lengths = torch.tensor([x.shape[-1]])
    baseline = network.standardization.mean[None, ..., None].expand_as(x).contiguous()
    with torch.no_grad():
        logits, weights = network(x, lengths)
        target = int(logits.argmax()) if target is None else target
        change = (margins(x, lengths) - margins(baseline, lengths))[0, target].item()
    given, error = IntegratedGradients(margins).attribute(
        x,
        baseline,
        target=target,
        additional_forward_args=(lengths,),
        n_steps=steps,
        internal_batch_size=_AT_ONCE,
        return_convergence_delta=True,
    )
    weights = None if weights is None else weights[0].numpy()
    return Explained(given[0].detach().float().numpy(), weights, change, error.item())


def drawn_anew(network: Classifier, *, seed: int = 0) -> Iterator[tuple[str, Classifier]]:
    """Copies of a network in which ever more is random: its output, then also its aggregation, and so on to the first
    layer; with the name of what was drawn last. What the training side's frames were standardized by stays."""
    network = copy.deepcopy(network)
    parts = {"output": network.output, "aggregation": network.aggregation, "temporal": network.temporal}
    parts |= dict(reversed(network.backbone.parts.items()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, part in parts.items():
            drawn = [m for m in (part.modules() if part else ()) if _draw(m)]
            if drawn:
                yield name, network


def _draw(module: torch.nn.Module) -> bool:
    """Give a module the parameters of a new one; returns whether it has any of its own."""
    if isinstance(module, MaskedBatchNorm):
        fresh = MaskedBatchNorm(len(module.weight))
        module.load_state_dict(fresh.state_dict())
    elif hasattr(module, "reset_parameters"):
        with torch.no_grad():
            module.reset_parameters()
    else:
        return False
    return True


def shares_over_time(values: np.ndarray, *, parts: int = PARTS) -> np.ndarray:
    """Shares [parts] of the sum of `values` [frames] in equal parts of the time; a frame may lie in several."""
    whole = np.concatenate([[0.0], np.cumsum(values)])
    edges = np.interp(np.linspace(0, len(values), parts + 1), np.arange(len(whole)), whole)
    return np.diff(edges) / whole[-1]


def by_frame(values: np.ndarray, *, frames: int, stride: int) -> np.ndarray:
    """Sums of `values` [heard frames] over those that lie under each of the aggregated `frames`: [frames]."""
    kept = values[: frames * stride]
    return np.pad(kept, (0, frames * stride - len(kept))).reshape(frames, stride).sum(axis=1)


def ranks(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's coefficient of two arrays of one shape; NaN where one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(np.ravel(one), np.ravel(other)).statistic)


def measures(x: torch.Tensor, explained: Explained, *, network: Classifier, is_picture: bool) -> dict[str, float]:
    """What is kept of a clip: shares by band (of a picture) and over time, and how ranks agree with what else is known.

    `x` [1, channels, frames] is what was explained.
    """
    size = np.abs(explained.map)
    over_time = size.sum(axis=0)
    row = {"change": abs(explained.change), "error": abs(explained.error) / max(abs(explained.change), 1e-9)}
    row["large error"] = float(row["error"] > LARGE)
    row |= {f"saliency_{i}": share for i, share in enumerate(shares_over_time(over_time))}
    apart = (x[0] - network.standardization.mean[:, None]).abs() / network.standardization.std[:, None]
    row["saliency and input"] = ranks(size, apart.numpy())
    if is_picture:
        row |= {f"band_{i}": share for i, share in enumerate(size.sum(axis=1) / size.sum())}
    if explained.weights is not None:
        frames = len(explained.weights)
        under = partial(by_frame, frames=frames, stride=network.backbone.stride)
        row |= {f"attention_{i}": share for i, share in enumerate(shares_over_time(explained.weights))}
        row["attention and saliency"] = ranks(explained.weights, under(over_time))
        if is_picture:  # in dB, so that the mean over the bands says how loud a frame is
            level = under(x[0].mean(dim=0).numpy())
            row["attention and level"] = ranks(explained.weights, level)
            row["saliency and level"] = ranks(under(over_time), level)
    return row


def table(row: Row, *, steps: int, most: int, checked: int, keeps: bool | None = None) -> kept.Kept:
    """What `summary` says of clips that the network of a run names rightly, measured where it is not there yet.

    Of each emotion the first `most` by their ids are taken, which are as good as drawn; of all these `checked` clips
    are also explained with networks of random weights. A stale table stands where `keeps`, by default where the
    profile keeps results. Raises `FileNotFoundError` saying what is missing.
    """
    try:
        model, features = opened(row)
    except (FileNotFoundError, ValueError):
        made, make = None, list
    else:
        made = {"run": storage.digest(model.made_from), "steps": steps, "most": most, "checked": checked}
        made["code"] = dependencies.own_digest([Path(__file__)])
        make = partial(_measure, row, model=model, features=features, made=made)
    file = paths.results(row.profile) / "inside" / f"saliency_{row.protocol}_{row.scope}_{row.pipeline}.csv"
    keeps = params.load_profile(row.profile).keep_results if keeps is None else keeps
    command = f"notebooks/43_inside.ipynb, where the run {row.folder(0).relative_to(paths.ROOT)} is,"
    return kept.measured(file, made_from=made, make=make, command=command, keeps=keeps)


def summary(clips: pd.DataFrame) -> pd.DataFrame:
    """Averages of `clips` (a row per clip: `id, corpus, speaker, emotion` and measures), of all and by emotion.

    Columns: those of `averages`, and `emotion` (`all` or one).
    """
    columns = [c for c in clips if c not in ("id", "corpus", "speaker", "emotion")]
    groups = {"all": clips, **dict(list(clips.groupby("emotion")))}
    return pd.concat([averages(g, columns).assign(emotion=name) for name, g in groups.items()], ignore_index=True)


def _measure(row: Row, *, model: predictor.Model, features: Features, made: dict) -> pd.DataFrame:
    """The summary of a run's rightly named clips; what was measured of an emotion is kept under `runs/`."""
    answers = pd.read_parquet(row.folder(0) / "predictions.parquet")
    right = answers[answers.prediction == answers.emotion].sort_values("id").groupby("emotion").head(made["most"])
    checked = set(right.groupby("emotion").head(-(-made["checked"] // right.emotion.nunique())).id)
    place = paths.executed(row.profile) / "inside" / row.protocol / row.scope / row.pipeline
    parts = []
    for emotion, clips in right.groupby("emotion"):
        make = partial(_explained, clips, model=model, features=features, steps=made["steps"], checked=checked)
        part = kept.measured(place / f"{emotion}.csv", made_from=made, make=make, command="")
        parts.append(part.table.assign(emotion=emotion))
    return summary(pd.concat(parts, ignore_index=True))


def _explained(
    clips: pd.DataFrame, *, model: predictor.Model, features: Features, steps: int, checked: set
) -> pd.DataFrame:
    """Measures of each clip, of the `checked` ones also how their maps agree with those of random networks."""
    rows = pd.Series(np.arange(len(features.clips)), features.clips.id)[clips.id].to_numpy()
    side, lines = networks.source(model.pipeline, features, rows=rows), []
    for i, clip in enumerate(progress(clips.itertuples(), label=clips.emotion.iloc[0], total=len(clips))):
        x = side.take(torch.tensor([i]), frames=int(side.lengths[i]))
        target = model.labels.index(clip.emotion)
        explained = explain(model.network, x, target=target, steps=steps)
        line = {"id": clip.id, "corpus": clip.corpus, "speaker": clip.speaker}
        line |= measures(x, explained, network=model.network, is_picture=model.pipeline.branch == "logmel")
        if clip.id in checked:
            for name, network in drawn_anew(model.network):
                other = explain(network, x, target=target, steps=steps).map
                line[f"signed, random to {name}"] = ranks(explained.map, other)
                line[f"absolute, random to {name}"] = ranks(np.abs(explained.map), np.abs(other))
        lines.append(line)
    return pd.DataFrame(lines)
