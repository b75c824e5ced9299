"""Small finished results on the disk, as `train` leaves them, for tests of what reads them."""

import json

import numpy as np
import pandas as pd

from emolabs.experiments import metrics
from emolabs.experiments.runs import Row

LABELS = ["anger", "fear", "neutral"]


def clips(*, speakers: int = 12, takes: int = 9, corpora: tuple[str, ...] = ("emosynth-de", "emosynth-en")):
    """A balanced table of evaluated clips: `id, path, corpus, speaker, emotion`."""
    rows = []
    for speaker in range(speakers):
        corpus = corpora[speaker % len(corpora)]
        for take in range(takes):
            path = f"{corpus}/{speaker:02}-{take:02}"
            rows.append((path, path, corpus, f"{corpus}/{speaker:02}", LABELS[take % 3]))
    return pd.DataFrame(rows, columns=["id", "path", "corpus", "speaker", "emotion"])


def answered(table: pd.DataFrame, *, hits: float, seed: int = 0, fold: int = 0) -> pd.DataFrame:
    """`table` with answers of which a share `hits` is right, and their probabilities."""
    generator = np.random.default_rng(seed)
    wrong = [LABELS[(LABELS.index(e) + 1 + generator.integers(2)) % 3] for e in table.emotion]
    prediction = np.where(generator.random(len(table)) < hits, table.emotion, wrong)
    shares = {f"p_{label}": np.where(prediction == label, 0.8, 0.1) for label in LABELS}
    return table.assign(prediction=prediction, fold=fold, **shares)


def write(row: Row, table: pd.DataFrame, *, manifest: str = "m", validation: float = 0.5, **data) -> None:
    """The results of `row` with the folds of `table`, made from the partition `manifest`."""
    folds = sorted(int(fold) for fold in table.fold.unique())
    for fold in folds:
        part = table[table.fold == fold]
        folder = row.results(fold)
        folder.mkdir(parents=True, exist_ok=True)
        part.to_parquet(folder / "predictions.parquet", index=False)
        made = {"parts": {"branch": "none", "backbone": "constant"}, "manifest": f"{manifest}{fold}", "fold": fold}
        made |= {"parameters": {}}
        overlap = {"evaluation": len(part), "train": 90, "speakers_share": 0.0, "texts_share": 1.0}
        facts = {"corpora": sorted(table.corpus.unique()), "opus": 0.0, "overlap": overlap, "speakers": 12}
        facts |= {"clips": {"train": 90, "validation": 10, "evaluation": len(part)}} | data
        run = {
            "made_from": {"code": "c", **made},
            "data": facts,
            "seconds": 1.0,
            "machine": {"device": "cpu", "torch": "2"},
        }
        (folder / "run.json").write_text(json.dumps(run))
        scores = metrics.evaluate(part, labels=LABELS) | {"labels": LABELS, "validation": {"uar": validation}}
        (folder / "metrics.json").write_text(json.dumps(scores))
    row.summary.write_text(json.dumps({"folds": folds}))
