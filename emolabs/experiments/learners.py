"""How a classical pipeline learns one fold, with scikit-learn; `networks` says how the others do.

Each learner leaves its model in the run's folder and returns the probabilities of the evaluated clips, float
[clips, labels] in the order of the partition, and the history of what was tried, with a column `validation_uar`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from emolabs import storage
from emolabs.extraction.store import Features
from emolabs.modeling import classical
from emolabs.modeling.recall import uar

#: The layer of an encoder whose mean a linear model hears, 0 being the input of the first block; or else the last one.
LAYER = 3


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


def linear(data: Data, *, folder: Path, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Fit a linear model on functionals; leaves `model.safetensors` and `config.json`."""
    sides = {name: data.side(name) for name in ("train", "validation", "evaluation")}
    heard = {name: (vectors(data.features, rows), targets) for name, (rows, targets) in sides.items()}
    model, scores = classical.fit_linear(heard["train"], validation=heard["validation"], seed=seed)
    _keep(model, data, folder=folder)
    return spread(model, heard["evaluation"][0], labels=data.labels), pd.DataFrame(scores)


def constant(data: Data, *, folder: Path, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """The most frequent class of the training side; leaves `model.safetensors` and `config.json`."""
    rows, targets = data.side("train")
    model = classical.fit_constant((rows[:, None], targets))
    _keep(model, data, folder=folder)
    heard, truth = data.side("validation")
    history = pd.DataFrame([{"validation_uar": uar(truth, model.predict(heard[:, None]))}])
    return spread(model, data.side("evaluation")[0][:, None], labels=data.labels), history


def vectors(features: Features, rows: np.ndarray) -> np.ndarray:
    """One vector a clip, float32 [clips, size]: functionals, or the mean of one layer where a store has statistics of
    all layers of an encoder [clips, layers, 2 · size]."""
    values = np.asarray(features.values[rows])
    if values.ndim == 2:
        return values
    layer = min(LAYER, values.shape[1] - 1)
    return values[:, layer, : values.shape[2] // 2]


#: Learners by the backbone they stand for.
CLASSICAL = {"linear": linear, "constant": constant}


def spread(model, vectors: np.ndarray, *, labels: list[str]) -> np.ndarray:
    """Probabilities with a column for every label, 0 for those the training side lacked."""
    probabilities = np.zeros((len(vectors), len(labels)))
    probabilities[:, model.classes_] = model.predict_proba(vectors)
    return probabilities


def _keep(model, data: Data, *, folder: Path) -> None:
    with storage.atomic(folder / "model.safetensors") as temporary:
        save_file(classical.tensors(model), temporary)
    features = data.features.parameters if data.features else None
    config = {"labels": data.labels, "classes": model.classes_.tolist(), "features": features}
    storage.write_json(folder / "config.json", config)
