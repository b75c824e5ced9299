"""Runs: one training of one pipeline on one fold, complete or absent, and the compact results that outlive it.

A run's folder `runs/<profile>/<protocol>/<scope>/<pipeline>/fold<f>/seed<k>/` holds `predictions.parquet`,
`history.csv`, the model, `run.json` and, written last, `metrics.json`. All but the model are copied to the same place
under `data/results/<profile>/`; a summary `seed<k>.json` of the row follows when all its folds are there.
"""

import resource
import shutil
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emolabs import paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.experiments import elapsed, learners, memory, metrics, utilization
from emolabs.experiments.digests import code_digest, counts_as, features_code
from emolabs.extraction import store
from emolabs.modeling.pipeline import Pipeline, get_pipeline
from emolabs.standardization import audit, split, waveforms

if TYPE_CHECKING:  # what networks need is loaded by networks
    import torch

    from emolabs.modeling import classifier, encoder, training

RESULT_FILES = ("predictions.parquet", "history.csv", "gradients.csv", "run.json", "metrics.json")
_HINTS = {"speaker": "; too few speakers: take hash or random, or a profile of one corpus with three or more speakers"}
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
    def variant(self) -> str:
        """The row within its profile, in the names of its figures; seed 0 goes without saying."""
        return f"{self.pipeline}_{self.protocol}_{self.scope}" + (f"_seed{self.seed}" if self.seed else "")

    @property
    def summary(self) -> Path:
        """The file that says that every fold of the row is there."""
        return self.results(0).parent.parent / f"seed{self.seed}.json"


def train(row: Row, *, parameters: "training.Training | None" = None, weights: str = "") -> list[Path]:
    """Train every fold of `row` that is not finished, and write its results.

    `parameters` are needed for networks, `weights` where the row tunes an encoder (as `given` of `pretrained_of`). A
    finished fold whose parameters, code and data are the same is left alone; an interrupted one continues after its
    last epoch.
    Returns the run folders, in the order of the folds.
    Raises `ValueError` where the scope has no clips on one side, and as `training.fit` does.
    """
    from emolabs.experiments import model_cards, results  # which read what is written here

    pipeline = get_pipeline(row.pipeline)
    manifest = scoped(split.load(row.profile, protocol=row.protocol), scope=row.scope, protocol=row.protocol)
    labels = split.get(row.protocol).labels
    index = corpus_index.load(row.profile)
    features = features_of(pipeline, profile=row.profile)
    pretrained = pretrained_of(row, given=weights)
    code = {"code": code_digest(pipeline)}  # read once, so that no later edit is taken for what trains now
    code |= {"encoder": pretrained.source} if pretrained else {}
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
            "encoder": _encoder_name(features, pretrained),
            "overlap": {key: float(value) for key, value in overlaps.loc[fold].items()},
        }
        about = {"made_from": made_from, "data": data}
        learner = _learner(row, pipeline, parameters=parameters, pretrained=pretrained, made_from=made_from)
        _run(row, learner, fold=fold, data=learners.Data(clips, features, labels), about=about)
        memory.release()
    folds = [int(fold) for fold in sorted(manifest.fold.unique())]
    storage.write_json(row.summary, {**asdict(row), "folds": folds})
    model_cards.write(results.load(row))
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
                hint = _HINTS.get(protocol, "") if scope != "tess" else "; tess-actress is the protocol for TESS alone"
                raise ValueError(f"scope {scope} under protocol {protocol}: fold {fold} has no {side} clips{hint}")
    return clips


def features_of(pipeline: Pipeline, *, profile: str) -> store.Features | None:
    """The store that a pipeline is fed with, None where it hears nothing; raises as `store.load` does.

    Its parameters also say how its waveforms were normalized, None where their store is gone.
    """
    branch, variant = pipeline.store
    if not branch:
        return None
    if branch == "waveform":
        opened = waveforms.load(profile, variant=variant)
        made = {"frame_rate_hz": opened.sample_rate_hz, "waveforms": opened.folder.name}
        features = store.Features(opened.folder, opened.clips, opened.samples, made, opened.folder.name)
    else:
        features = store.load(profile, branch=branch, variant=variant)
    origin = paths.waveforms(profile) / features.parameters.get("waveforms", "") / "store.json"
    steps = storage.read_json(origin)["steps"] if origin.is_file() else None
    return replace(features, parameters=features.parameters | {"normalization": steps})


def pretrained_of(row: Row, *, given: str = "") -> "encoder.Encoder | None":
    """The encoder that a row tunes, None where it tunes none; `given` and errors are those of `encoders.choose` and
    `encoder.load`."""
    pipeline = get_pipeline(row.pipeline)
    if pipeline.tuning == "frozen":
        return None
    from emolabs.extraction import encoders
    from emolabs.modeling import encoder

    return encoder.load(encoders.choose(pipeline.branch, given=given, profile=row.profile))


def example(
    row: Row, *, parameters: "training.Training", weights: str = ""
) -> "tuple[classifier.Classifier, store.Features, torch.Tensor]":
    """The untrained network of a row, the store it is fed with, and what it hears of one clip of about `CROP_S`."""
    import torch

    from emolabs.experiments import networks

    pipeline = get_pipeline(row.pipeline)
    features, pretrained = features_of(pipeline, profile=row.profile), pretrained_of(row, given=weights)
    classes = len(split.get(row.protocol).labels)
    model, _ = networks.build(pipeline, features, classes=classes, parameters=parameters, pretrained=pretrained)
    x = networks.source(pipeline, features, rows=np.array([features.clips.length.argmax()]))
    seconds = networks.CROP_S / (networks.hop_s(model, features) / model.backbone.stride)
    frames = round(seconds * (model.encoder.hop if model.encoder else 1))
    return model, features, x.take(torch.tensor([0]), frames=min(frames, int(x.lengths[0])))


def _made_from(row: Row, pipeline: Pipeline, *, fold, clips, features, parameters) -> dict:
    return {
        **asdict(row),
        "fold": int(fold),
        "parameters": asdict(parameters) if parameters else {},
        "parts": asdict(pipeline) | {"demo": None},
        "manifest": storage.digest(clips[["id", "split", "emotion"]].values.tolist()),
        "features": features.digest if features else "",
        "features_code": features_code(pipeline),
    }


def _finished(folder: Path, *, made_from: dict) -> bool:
    if not (folder / "metrics.json").is_file():
        return False
    try:
        then = storage.read_json(folder / "run.json")["made_from"]
        return then | {"code": counts_as(then["code"])} == made_from
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _learner(row: Row, pipeline: Pipeline, *, parameters, pretrained, made_from: dict):
    """What fits one fold: a function of its data and the run's folder, which returns probabilities and history."""
    if pipeline.backbone in learners.CLASSICAL:
        return partial(learners.CLASSICAL[pipeline.backbone], seed=row.seed)
    import torch

    from emolabs.experiments import networks

    torch.use_deterministic_algorithms(torch.cuda.is_available(), warn_only=True)
    return partial(
        networks.network, pipeline, parameters=parameters, seed=row.seed, made_from=made_from, pretrained=pretrained
    )


def _run(row: Row, learner, *, fold: int, data: learners.Data, about: dict) -> None:
    folder, labels, clips, started = row.folder(fold), data.labels, data.clips, time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").unlink(missing_ok=True)
    before_s = elapsed.resume(folder, code=about["made_from"]["code"])
    with utilization.measured() as busy, memory.bounded(data.features.values if data.features else None):
        probabilities, history = learner(data, folder=folder)
    predictions = clips.loc[clips.split == "evaluation", ["id", "path", "corpus", "speaker", "emotion"]]
    predictions = predictions.assign(prediction=np.array(labels)[probabilities.argmax(axis=1)], fold=fold)
    predictions[[f"p_{label}" for label in labels]] = probabilities.astype(np.float32)
    classes = metrics.classes_of(clips)  # of all sides: a small evaluation side may lack one
    scores = metrics.evaluate(predictions, labels=labels, classes=classes)
    scores |= {"classes": classes, "validation": {"uar": float(history.validation_uar.max())}}
    with storage.atomic(folder / "predictions.parquet") as temporary:
        predictions.to_parquet(temporary, index=False)
    with storage.atomic(folder / "history.csv") as temporary:
        history.round(6).to_csv(temporary, index=False, lineterminator="\n")
    seconds = before_s + time.perf_counter() - started
    spent = {"seconds": round(seconds, 1), "peak_memory_gib": round(_peak_memory_gib(), 2)}
    machine = {"device": _device(row), "python": sys.version.split()[0], **{p: version(p) for p in PACKAGES}}
    storage.write_json(folder / "run.json", {**about, **spent, **busy, "machine": machine})
    storage.write_json(folder / "metrics.json", {"labels": labels, **scores})
    _publish(folder, row.results(fold))
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    (folder / elapsed.FILE).unlink()


def _device(row: Row) -> str:
    """Where a row learns: a network on the GPU where there is one, scikit-learn never."""
    if get_pipeline(row.pipeline).backbone in learners.CLASSICAL:
        return "cpu"
    from emolabs.modeling import training

    return training.device()


def _encoder_name(features: store.Features | None, pretrained: "encoder.Encoder | None") -> str | None:
    """The pretrained encoder that a run rests on, tuned or as a store of its frames; None for none."""
    source = pretrained.source if pretrained else (features.parameters if features else {}).get("encoder", {})
    return source.get("name")


def _publish(folder: Path, results: Path) -> None:
    for name in RESULT_FILES:
        if not (folder / name).is_file():
            continue  # only networks have gradients
        with storage.atomic(results / name) as temporary:
            shutil.copyfile(folder / name, temporary)


def _peak_memory_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
