"""The identity probe: how well a linear model hears which corpus, and which speaker, a clip comes from.

A model that can name the corpus can answer with what is common there, and one that can name the speaker with what it
has heard of that voice: the better the probe, the less a pooled result says about emotion. The model is the same for
every question, standardized multinomial logistic regression with balanced class weights at one fixed strength, so that
nothing is chosen on the clips it answers.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emolabs.corpora import labels
from emolabs.experiments import metrics
from emolabs.extraction.store import Features
from emolabs.standardization import split

STRENGTH = 0.1


@dataclass(frozen=True)
class Question:
    """What is asked of a clip: the column of the index that answers it, and the partition that it is asked under."""

    column: str
    protocol: str


#: Corpus and emotion are asked of new speakers, so that no voice gives them away; a speaker must have been heard.
QUESTIONS = (Question("corpus", "speaker"), Question("speaker", "hash"), Question("emotion", "speaker"))


def askable(index: pd.DataFrame) -> list[Question]:
    """Those of `QUESTIONS` that have two or more answers in `index`."""
    clips = index[index.emotion.isin(labels())]
    return [question for question in QUESTIONS if clips[question.column].nunique() > 1]


def probe(features: Features, *, index: pd.DataFrame, question: Question) -> dict:
    """Ask `question` of every evaluated clip of its partition, answered from one vector a clip.

    `features.values` are vectors [clips, size] of functionals; validation clips belong to the training side.
    Returns `question, classes, chance` (1 / classes) and the scores of `metrics.score` for the answers: `uar` is the
    mean over classes of the share that was named rightly.
    Raises `ValueError` where fewer than two classes are there to be told apart.
    """
    clips = index[index.emotion.isin(labels())]
    if clips[question.column].nunique() < 2:
        raise ValueError(f"expected clips with two or more values of {question.column} to tell apart, found one")
    manifest = split.manifest(clips, protocol=question.protocol)
    rows = pd.Series(np.arange(len(features.clips)), index=features.clips.id)
    truth = manifest.path.map(clips.set_index("path")[question.column])
    answers = [
        _answers(fold.assign(truth=truth), vectors=features.values, rows=rows) for _, fold in manifest.groupby("fold")
    ]
    names = sorted(truth.unique())
    predictions = pd.concat(answers, ignore_index=True).fillna(0.0)
    predictions[[f"p_{name}" for name in names if f"p_{name}" not in predictions]] = 0.0
    scores = metrics.score(predictions, labels=names)
    return {"question": question.column, "classes": len(names), "chance": 1 / len(names), **scores}


def _answers(fold: pd.DataFrame, *, vectors: np.ndarray, rows: pd.Series) -> pd.DataFrame:
    """The evaluated clips of a fold as predictions of `truth`, in the columns that `metrics` expects."""
    heard, asked = fold[fold.split != "evaluation"], fold[fold.split == "evaluation"]
    regression = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000)
    model = make_pipeline(StandardScaler(), regression).fit(vectors[rows[heard.id]], heard.truth)
    given = pd.DataFrame(model.predict_proba(vectors[rows[asked.id]]), columns=[f"p_{name}" for name in model.classes_])
    known = asked[["id", "path", "corpus", "speaker"]].assign(emotion=asked.truth).reset_index(drop=True)
    known["prediction"] = model.classes_[given.to_numpy().argmax(axis=1)]
    return pd.concat([known, given], axis=1)
