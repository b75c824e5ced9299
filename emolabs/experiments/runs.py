"""Runs: one training of one pipeline on one fold, complete or absent, and the compact results that outlive it.

A run's folder `runs/<profile>/<protocol>/<scope>/<pipeline>/fold<f>/seed<k>/` holds `predictions.parquet`,
`history.csv`, the model, `run.json` and, written last, `metrics.json`. All but the model are copied to the same place
under `data/results/<profile>/`; a summary `seed<k>.json` of the row follows when all its folds are there.
"""

import resource
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from emolabs import dependencies, modeling, paths, storage
from emolabs.corpora import audio
from emolabs.corpora import index as corpus_index
from emolabs.experiments import learners, metrics
from emolabs.extraction import functionals, spectrograms, store
from emolabs.modeling import training
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.pipeline import Pipeline, get_pipeline
from emolabs.standardization import audit, normalization, split, waveforms

RESULT_FILES = ("predictions.parquet", "history.csv", "run.json", "metrics.json")
PACKAGES = ("torch", "torchaudio", "numpy", "scikit-learn", "librosa", "soundfile", "pyloudnorm", "soxr")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a row of results is about: a pipeline under a protocol within a scope, from one seed."""

    profile: str
    protocol: str
    scope: str  # pooled, or the key of the one corpus it trains and evaluates on
    pipeline: str
    seed: int

    def folder(self, fold: int) -> Path:
        """The run's folder of one fold."""
        return paths.run(self.profile, self.protocol, self.scope, self.pipeline, fold, self.seed)

    def results(self, fold: int) -> Path:
        """Where the compact results of one fold go."""
        return paths.results(self.profile) / self.folder(fold).relative_to(paths.ROOT / "runs" / self.profile)

    @property
    def summary(self) -> Path:
        """The file that says that every fold of the row is there."""
        return self.results(0).parent.parent / f"seed{self.seed}.json"


def train(row: Row, *, parameters: training.Training | None = None) -> list[Path]:
    """Train every fold of `row` that is not finished, and write its results.

    `parameters` are needed for networks. A finished fold whose parameters, code and data are the same is left alone;
    an interrupted one continues after its last epoch.
    Returns the run folders, in the order of the folds.
    Raises `ValueError` where the scope has no clips on one side, and as `training.fit` does.
    """
    pipeline = get_pipeline(row.pipeline)
    manifest = scoped(split.load(row.profile, protocol=row.protocol), scope=row.scope, protocol=row.protocol)
    index = corpus_index.load(row.profile)
    features = store.load(row.profile, branch=pipeline.branch) if pipeline.branch != "none" else None
    code = {"code": code_digest()}  # read once, so that no later edit is taken for what trains now
    torch.use_deterministic_algorithms(torch.cuda.is_available(), warn_only=True)
    overlaps = audit.overlap(manifest, index=index).set_index("fold")
    for fold, clips in manifest.groupby("fold"):
        made_from = _made_from(row, pipeline, fold=fold, clips=clips, features=features, parameters=parameters) | code
        if _finished(row.folder(fold), made_from=made_from):
            _publish(row.folder(fold), row.results(fold))  # a run may have been killed between the two
            continue
        row.summary.unlink(missing_ok=True)  # a fold that is made anew is not pooled with older ones
        used = index[index.path.isin(clips.path)]
        data = {
            "corpora": sorted(used.corpus.unique()),
            "clips": clips.split.value_counts().to_dict(),
            "speakers": int(used.speaker.nunique()),
            "opus": float((used.subtype == "OPUS").mean()),
            "overlap": {key: float(value) for key, value in overlaps.loc[fold].items()},
        }
        about = {"made_from": made_from, "data": data}
        _run(row, pipeline, fold=fold, clips=clips, features=features, parameters=parameters, about=about)
    folds = [int(fold) for fold in sorted(manifest.fold.unique())]
    storage.write_json(row.summary, {**asdict(row), "folds": folds})
    return [row.folder(fold) for fold in folds]


def scoped(manifest: pd.DataFrame, *, scope: str, protocol: str) -> pd.DataFrame:
    """The part of a manifest that a scope trains and evaluates on: all of it, or one corpus in the folds it evaluates.

    Raises `ValueError` where a side is left without clips.
    """
    clips = manifest if scope == "pooled" else manifest[manifest.corpus == scope]
    evaluated = clips[clips.split == "evaluation"].fold.unique()
    clips = clips[clips.fold.isin(evaluated)]
    for fold in sorted(clips.fold.unique()) or ["any"]:
        for side in split.SPLITS:
            if not (clips[clips.fold == fold].split == side).any():
                hint = "; tess-actress is the protocol for TESS alone" if scope == "tess" else ""
                raise ValueError(f"scope {scope} under protocol {protocol}: fold {fold} has no {side} clips{hint}")
    return clips


def load_model(folder: Path) -> Classifier:
    """The trained network of a run, in evaluation mode."""
    config = storage.read_json(folder / "config.json")
    shape = {key: config[key] for key in ("bands", "frames", "width", "dropout")}
    model = Classifier(get_pipeline(config["pipeline"]), classes=len(config["labels"]), **shape)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()


def code_digest() -> str:
    """Digest of the code that decides what a run learns and predicts: the modelling package and the learners."""
    return dependencies.own_digest([*Path(modeling.__file__).parent.glob("*.py"), Path(learners.__file__)])


def features_code(branch: str) -> str:
    """Digest of the code that decides what a branch hears, from reading a file to its features; empty for none."""
    modules = {"logmel": spectrograms, "mfcc": functionals, "egemaps": functionals}
    if branch not in modules:
        return ""
    chain = [audio, normalization, waveforms, modules[branch]]
    return dependencies.own_digest(Path(module.__file__) for module in chain)


def _made_from(row: Row, pipeline: Pipeline, *, fold, clips, features, parameters) -> dict:
    return {
        **asdict(row),
        "fold": int(fold),
        "parameters": asdict(parameters) if parameters else {},
        "parts": asdict(pipeline) | {"demo": None},
        "manifest": storage.digest(clips[["id", "split", "emotion"]].values.tolist()),
        "features": features.digest if features else "",
        "features_code": features_code(pipeline.branch),
    }


def _finished(folder: Path, *, made_from: dict) -> bool:
    if not (folder / "metrics.json").is_file():
        return False
    return storage.read_json(folder / "run.json")["made_from"] == made_from


def _run(row: Row, pipeline: Pipeline, *, fold: int, clips: pd.DataFrame, features, parameters, about: dict) -> None:
    folder, labels, started = row.folder(fold), split.get(row.protocol).labels, time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").unlink(missing_ok=True)
    data = learners.Data(clips, features, labels)
    if pipeline.backbone in learners.CLASSICAL:
        probabilities, history = learners.CLASSICAL[pipeline.backbone](data, folder=folder, seed=row.seed)
    else:
        probabilities, history = learners.network(
            pipeline, data, folder=folder, parameters=parameters, seed=row.seed, made_from=about["made_from"]
        )
    predictions = clips.loc[clips.split == "evaluation", ["id", "path", "corpus", "speaker", "emotion"]]
    predictions = predictions.assign(prediction=np.array(labels)[probabilities.argmax(axis=1)], fold=fold)
    predictions[[f"p_{label}" for label in labels]] = probabilities.astype(np.float32)
    scores = metrics.evaluate(predictions, labels=labels)
    scores["validation"] = {"uar": float(history.validation_uar.max())}
    with storage.atomic(folder / "predictions.parquet") as temporary:
        predictions.to_parquet(temporary, index=False)
    with storage.atomic(folder / "history.csv") as temporary:
        history.round(6).to_csv(temporary, index=False, lineterminator="\n")
    spent = {"seconds": round(time.perf_counter() - started, 1), "peak_memory_gib": round(_peak_memory_gib(), 2)}
    machine = {"device": training.device(), "python": sys.version.split()[0], **{p: version(p) for p in PACKAGES}}
    storage.write_json(folder / "run.json", {**about, **spent, "machine": machine})
    storage.write_json(folder / "metrics.json", {"labels": labels, **scores})
    _publish(folder, row.results(fold))
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def _publish(folder: Path, results: Path) -> None:
    for name in RESULT_FILES:
        with storage.atomic(results / name) as temporary:
            shutil.copyfile(folder / name, temporary)


def _peak_memory_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
