"""The validation side: temperatures and thresholds of finished runs, chosen where nothing is evaluated.

What a model says of its validation clips is no result and is not kept with it. It is computed once, where the runs are,
and what follows from it is a line a fold in `data/results/<profile>/reliability/validation.csv`, with the digest of the
run that it belongs to.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emolabs import paths, storage
from emolabs.experiments import runs
from emolabs.experiments.results import Result
from emolabs.progress import progress
from emolabs.reliability import abstention, calibration, models
from emolabs.standardization import split

KEY = ["protocol", "scope", "pipeline", "seed", "fold"]
#: Evaluated clips that a model has to say again what it said, and by how much a probability may differ: a GPU adds in
#: another order.
_PROBED, _TOLERANCE = 25, 0.02


def measure(found: Sequence[Result], *, profile: str) -> list[str]:
    """Complete the table of a profile by what it lacks of these results; constant rows have nothing to calibrate.

    Returns what could not be measured, a sentence each: runs that are not here, or are others than the results'.
    """
    lines = _stored(profile)
    there = set(lines.run)
    missing = [pair for pair in models.folds(found) if models.digest(pair[0].row.results(pair[1])) not in there]
    missing = [pair for pair in missing if pair[0].row.pipeline != "constant"]
    reasons = []
    for result, fold in progress(missing, label="validation", unit="fold") if missing else ():
        try:
            line = {**_key(result, fold), **_measured(result, fold)}
        except (FileNotFoundError, ValueError) as error:
            reasons.append(str(error))
            continue
        others = lines[(lines[KEY] != pd.Series(_key(result, fold))[KEY]).any(axis=1)] if len(lines) else lines
        lines = pd.DataFrame([*others.to_dict("records"), line]).sort_values(KEY)
        with storage.atomic(_file(profile)) as temporary:
            lines.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    return reasons


def load(result: Result) -> pd.DataFrame:
    """The lines of a result's folds, by fold: `temperature`, `threshold_<target>` and what was measured.

    Raises `LookupError` with a sentence where a fold has no line, or one that belongs to another training.
    """
    row, lines = result.row, _stored(result.row.profile)
    chosen = lines[(lines[KEY[:4]] == [row.protocol, row.scope, row.pipeline, row.seed]).all(axis=1)].set_index("fold")
    command = f"`python -m emolabs.reliability {row.profile}` measures it where the runs are"
    name = f"{row.pipeline} under {row.protocol}"
    for _, fold in models.folds([result]):
        wanted = models.digest(row.results(fold))
        if fold not in chosen.index:
            raise LookupError(f"{name}, fold {fold}, has no temperature: {command}")
        if chosen.run[fold] != wanted:
            raise LookupError(
                f"{name}, fold {fold}: the temperature in {_file(row.profile).relative_to(paths.ROOT)} is that of "
                f"another training ({chosen.run[fold]}) than the results ({wanted}): {command}"
            )
    return chosen


def choose(probabilities: np.ndarray, truth: np.ndarray) -> dict:
    """What is chosen on a validation side, probabilities [clips, labels]: the temperature and, at that temperature, a
    threshold for each of `abstention.TARGETS`; with the measures before and after."""
    temperature = calibration.fit(probabilities, truth)
    after = calibration.scaled(probabilities, temperature=temperature)
    hits, confidence = after.argmax(axis=1) == truth, after.max(axis=1)
    line = {"accuracy": hits.mean(), "temperature": temperature}
    line |= {f"{name}_before": value for name, value in calibration.scores(probabilities, truth).items()}
    line |= {f"{name}_after": value for name, value in calibration.scores(after, truth).items()}
    for target in abstention.TARGETS:
        line[f"threshold_{target}"] = abstention.threshold(confidence, hits, target=target)
    return line


def _measured(result: Result, fold: int) -> dict:
    model, row = models.load(result, fold), result.row
    manifest = runs.scoped(split.load(row.profile, protocol=row.protocol), scope=row.scope, protocol=row.protocol)
    clips = manifest[manifest.fold == fold]
    features = runs.features_of(model.pipeline, profile=row.profile)
    found = {"manifest": storage.digest(clips[["id", "split", "emotion"]].values.tolist())}
    found["features"] = features.digest if features else ""
    for name, value in found.items():
        if value != model.made_from[name]:
            raise ValueError(
                f"{row.pipeline} under {row.protocol}, fold {fold}, was trained on the {name} "
                f"{model.made_from[name]}, found {value}: make both anew, then train it again"
            )
    _probe(model, features, result.predictions[result.predictions.fold == fold].iloc[:_PROBED])
    heard = clips[clips.split == "validation"]
    probabilities = model.probabilities(features, _rows(features, heard.id))
    truth = heard.emotion.map(model.labels.index).to_numpy()
    about = {"run": models.digest(row.results(fold)), "clips": len(heard), "speakers": heard.speaker.nunique()}
    return about | {"corpora": " ".join(sorted(heard.corpus.unique()))} | choose(probabilities, truth)


def _probe(model, features, said: pd.DataFrame) -> None:
    """Refuse a model that does not say of evaluated clips what its predictions have."""
    expected = said[[f"p_{label}" for label in model.labels]].to_numpy()
    apart = np.abs(model.probabilities(features, _rows(features, said.id)) - expected).max()
    if apart > _TOLERANCE:
        raise ValueError(
            f"{model.folder.relative_to(paths.ROOT)} does not say again what its predictions have, probabilities "
            f"differ by up to {apart:.2f}: the model or the features are others; train it again"
        )


def _rows(features, ids: pd.Series) -> np.ndarray:
    return pd.Series(np.arange(len(features.clips)), index=features.clips.id)[ids].to_numpy()


def _key(result: Result, fold: int) -> dict:
    row = result.row
    return dict(zip(KEY, (row.protocol, row.scope, row.pipeline, row.seed, fold), strict=True))


def _stored(profile: str) -> pd.DataFrame:
    file = _file(profile)
    return pd.read_csv(file, dtype={"run": str}) if file.is_file() else pd.DataFrame(columns=[*KEY, "run"])


def _file(profile: str):
    return paths.reliability(profile) / "validation.csv"
