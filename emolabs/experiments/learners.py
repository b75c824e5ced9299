"""How a pipeline learns one fold: a network with the training engine, or a classical model with scikit-learn.

Each learner leaves its model in the run's folder and returns the probabilities of the evaluated clips, float
[clips, labels] in the order of the partition, and the history of what was tried, with a column `validation_uar`.
"""

from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from emolabs import storage
from emolabs.extraction.store import Features
from emolabs.modeling import classical, training
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.pipeline import Pipeline


@dataclass(frozen=True)
class Data:
    """One fold: its clips (a manifest's rows), their features (None where the model hears nothing) and the labels."""

    clips: pd.DataFrame
    features: Features | None
    labels: list[str]

    def side(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers in the feature store [clips] and class numbers [clips] of one side.

        Raises `ValueError` where the store lacks clips of the manifest.
        """
        clips = self.clips[self.clips.split == name]
        targets = clips.emotion.map(self.labels.index).to_numpy()
        if self.features is None:
            return np.arange(len(clips)), targets
        rows = pd.Series(np.arange(len(self.features.clips)), index=self.features.clips.id).reindex(clips.id)
        if rows.isna().any():
            raise ValueError(
                f"the feature store {self.features.folder} lacks {int(rows.isna().sum())} clips of the manifest: it "
                "was made from another index; run the normalization and extraction notebooks again"
            )
        return rows.to_numpy(int), targets


def network(
    pipeline: Pipeline, data: Data, *, folder: Path, parameters: training.Training, seed: int, made_from: dict
) -> tuple[np.ndarray, pd.DataFrame]:
    """Train the network of `pipeline`; leaves `model.safetensors` and `config.json`."""
    place = training.device()
    sides = {name: _resident(data, name, place=place) for name in ("train", "validation", "evaluation")}
    torch.manual_seed(seed)
    bands, frames = data.features.values.shape[1:]
    shape = {"bands": bands, "frames": frames, "width": parameters.width, "dropout": parameters.dropout}
    model = Classifier(pipeline, classes=len(data.labels), **shape).to(place)
    training.standardize(model, sides["train"])
    history = training.fit(
        model,
        train=sides["train"],
        validation=sides["validation"],
        parameters=parameters,
        seed=seed,
        checkpoint=folder / "checkpoint.pt",
        made_from=made_from,
    )
    with storage.atomic(folder / "model.safetensors") as temporary:
        save_file({name: value.cpu().contiguous() for name, value in model.state_dict().items()}, temporary)
    storage.write_json(folder / "config.json", {"pipeline": pipeline.name, "labels": data.labels, **shape})
    return training.predict(model, sides["evaluation"]).softmax(dim=1).cpu().numpy(), history


def linear(data: Data, *, folder: Path, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Fit a linear model on functionals; leaves `model.joblib`."""
    sides = {name: data.side(name) for name in ("train", "validation", "evaluation")}
    vectors = {name: (np.asarray(data.features.values[rows]), targets) for name, (rows, targets) in sides.items()}
    model, scores = classical.fit_linear(vectors["train"], validation=vectors["validation"], seed=seed)
    joblib.dump(model, folder / "model.joblib")
    return _spread(model, vectors["evaluation"][0], labels=data.labels), pd.DataFrame(scores)


def constant(data: Data, *, folder: Path, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """The most frequent class of the training side; leaves `model.joblib`."""
    rows, targets = data.side("train")
    model = classical.fit_constant((rows[:, None], targets))
    joblib.dump(model, folder / "model.joblib")
    heard, truth = data.side("validation")
    history = pd.DataFrame([{"validation_uar": training.uar(truth, model.predict(heard[:, None]))}])
    return _spread(model, data.side("evaluation")[0][:, None], labels=data.labels), history


#: Learners by the backbone they stand for; every other backbone is a network.
CLASSICAL = {"linear": linear, "constant": constant}


def _resident(data: Data, name: str, *, place: str) -> training.Side:
    rows, targets = data.side(name)
    x = torch.from_numpy(data.features.values[rows]).to(place)
    lengths = torch.from_numpy(data.features.clips.length.to_numpy()[rows]).to(place)
    return training.Side(x, lengths, torch.tensor(targets, device=place))


def _spread(model, vectors: np.ndarray, *, labels: list[str]) -> np.ndarray:
    """Probabilities with a column for every label, 0 for those the training side lacked."""
    probabilities = np.zeros((len(vectors), len(labels)))
    probabilities[:, model.classes_] = model.predict_proba(vectors)
    return probabilities
