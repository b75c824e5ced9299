"""The layer probe: which layer of a frozen encoder carries emotion.

The linear row of the table of pipelines (`learners.linear`, the same settings) hears the mean frame of one layer after
the other; layer 0 is the input of the first block. Every fit is kept, so that an interrupted probe goes on where it
was. `python -m emolabs.experiments.layers thesis` measures what is missing or rests on other code or features by now.
"""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from emolabs import dependencies, params, paths, storage
from emolabs.experiments import kept, learners, metrics
from emolabs.experiments.runs import code_digest, features_code, features_of
from emolabs.extraction.store import Features
from emolabs.modeling.pipeline import get_pipeline
from emolabs.progress import progress
from emolabs.standardization import split

PROTOCOLS = ("hash", "speaker")
#: What stands for a layer where each fold takes the one that its own validation side chose.
CHOSEN = "chosen"
_COLUMNS = ["id", "path", "corpus", "speaker", "emotion"]


def probe(profile: str, *, branch: str = "whisper", keeps: bool | None = None) -> kept.Kept:
    """UAR of a linear model on each layer of `branch`, measured where it is not there yet: the lines of `scores`.

    `keeps` says whether a table stands that rests on other code or features by now; by default the profile does.
    Raises `FileNotFoundError` naming the command where there is neither a table nor what makes it.
    """
    command = f"python -m emolabs.experiments.layers {profile} --branch {branch}"
    keeps = params.load_profile(profile).keep_results if keeps is None else keeps
    try:
        features = features_of(get_pipeline(f"{branch}-linear"), profile=profile)
        manifests = {protocol: split.load(profile, protocol=protocol) for protocol in PROTOCOLS}
    except FileNotFoundError:
        made, make = None, list
    else:
        made = {name: _made_from(features, branch=branch, clips=clips) for name, clips in manifests.items()}
        made["scores"] = dependencies.own_digest([Path(__file__)])
        made["encoder"] = features.parameters["encoder"]["name"]
        make = partial(_measure, features, profile=profile, branch=branch, manifests=manifests, command=command)
    file = paths.results(profile) / "inside" / f"layers_{branch}.csv"
    return kept.measured(file, made_from=made, make=make, command=command, keeps=keeps)


def scores(answers: pd.DataFrame) -> pd.DataFrame:
    """A line per protocol, set of clips (`overall` or a corpus) and layer, and one for the layer that is `CHOSEN` in
    each fold by its own validation side.

    `answers` are predictions without probabilities, with `protocol, fold, layer, validation_uar`. Columns: `protocol,
    on, layer, uar, low, high, below, below_low, below_high` (how far under the highest layer's UAR, on the same draws
    of speakers), `validation_uar` (mean over folds), `folds` (how many; of a layer also `chosen_in`), `clips`,
    `speakers`, `interval_over`.
    """
    lines = []
    for protocol, every in answers.groupby("protocol"):
        tried = every.groupby(["fold", "layer"]).validation_uar.first().unstack()
        best = tried.idxmax(axis=1)  # of equal layers the lower
        sides = {str(layer): clips for layer, clips in every.groupby("layer")}
        sides[CHOSEN] = every[every.layer == every.fold.map(best)]
        validation = {str(layer): tried[layer].mean() for layer in tried} | {CHOSEN: tried.max(axis=1).mean()}
        counts = best.astype(str).value_counts()
        for on in ["overall", *sorted(every.corpus.unique())]:
            scored = {name: c if on == "overall" else c[c.corpus == on] for name, c in sides.items()}
            group = _compared(scored).assign(protocol=protocol, on=on, folds=len(best))
            group["validation_uar"] = group.layer.map(validation)
            lines.append(group.assign(chosen_in=group.layer.map(counts).fillna(0).astype(int)))
    table = pd.concat(lines, ignore_index=True)
    return table[["protocol", "on", *[c for c in table if c not in ("protocol", "on")]]]


def _compared(sides: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """UAR of the same clips by layer, and how far each is under the highest, resampled together."""
    lines, drawn = [], []
    for name, clips in sides.items():
        clips = clips.sort_values("id")
        labels = sorted({*clips.emotion, *clips.prediction})
        truth, answer = (clips[column].map(labels.index).to_numpy() for column in ("emotion", "prediction"))
        over, units = metrics.units_of(clips)
        matrices, strata = metrics.unit_confusions(
            truth, answer, units=units, corpora=clips.corpus, classes=len(labels)
        )
        drawn.append(metrics.from_confusion(metrics.resampled(matrices, strata=strata))["uar"])
        facts = {"clips": len(clips), "speakers": clips.speaker.nunique(), "interval_over": over}
        lines.append({"layer": name, "uar": metrics.from_confusion(matrices.sum(axis=0))["uar"], **facts})
    table, drawn = pd.DataFrame(lines), np.stack(drawn)  # [layers, draws]
    top = table.uar[table.layer != CHOSEN].idxmax()
    table["below"] = table.uar[top] - table.uar
    for name, values in {"": drawn, "below_": drawn[top] - drawn}.items():
        table[f"{name}low"], table[f"{name}high"] = np.percentile(values, [2.5, 97.5], axis=1)
    return table


def answers(
    features: Features, *, profile: str, branch: str, manifests: dict[str, pd.DataFrame], command: str, seed: int = 0
) -> pd.DataFrame:
    """What a linear model on each layer answers to every evaluated clip: predictions without probabilities, with
    `protocol, fold, layer`, the `strength` C that validation chose, and `validation_uar`.

    Each fit is kept under `runs/<profile>/layers/`.
    """
    jobs = []
    for protocol, manifest in manifests.items():
        for fold, clips in manifest.groupby("fold"):
            jobs += [(protocol, fold, layer, clips) for layer in range(features.values.shape[1])]
    tables = []
    for protocol, fold, layer, clips in progress(jobs, label=f"layers of {branch}", unit="fit"):
        folder = paths.executed(profile) / "layers" / branch / protocol / f"fold{fold}" / f"layer{layer}"
        made = _made_from(features, branch=branch, clips=clips) | {"layer": layer, "seed": seed}
        labels = split.get(protocol).labels
        make = partial(_fit, features, layer=layer, clips=clips, labels=labels, folder=folder, seed=seed)
        table = kept.measured(folder / "answers.csv", made_from=made, make=make, command=command).table
        tables.append(table.assign(protocol=protocol, fold=fold, layer=layer))
    return pd.concat(tables, ignore_index=True)


def _measure(features: Features, **options) -> pd.DataFrame:
    return scores(answers(features, **options))


def _made_from(features: Features, *, branch: str, clips: pd.DataFrame) -> dict:
    """What answers rest on: code, features, partition."""
    pipeline = get_pipeline(f"{branch}-linear")
    made = {"code": code_digest(pipeline), "features": features.digest, "features_code": features_code(pipeline)}
    return made | {"manifest": storage.digest(clips[["id", "split", "emotion"]].values.tolist())}


def _fit(
    features: Features, *, layer: int, clips: pd.DataFrame, labels: list[str], folder: Path, seed: int
) -> pd.DataFrame:
    size = features.values.shape[2] // 2  # of the statistics the first half is the mean
    one = replace(features, values=np.ascontiguousarray(features.values[:, layer, :size]))  # [clips, size]
    folder.mkdir(parents=True, exist_ok=True)
    probabilities, tried = learners.linear(learners.Data(clips, one, labels), folder=folder, seed=seed)
    best = tried.loc[tried.validation_uar.idxmax()]
    table = clips.loc[clips.split == "evaluation", _COLUMNS]
    table = table.assign(prediction=np.array(labels)[probabilities.argmax(axis=1)])
    return table.assign(strength=best.C, validation_uar=best.validation_uar)


def main() -> None:
    """Measure the layers of a branch in a profile and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.experiments.layers", description="The layer probe.")
    parser.add_argument("profile")
    parser.add_argument("--branch", default="whisper")
    chosen = parser.parse_args()
    try:
        lines = probe(chosen.profile, branch=chosen.branch, keeps=False).table
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(lines[lines.on == "overall"].drop(columns="on").to_string(index=False))


if __name__ == "__main__":
    main()
