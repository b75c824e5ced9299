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
    """Those of `QUESTIONS` that have two or more answers in `index`, in some fold of their partition.

    Raises `ValueError` where there is none, as of one speaker.
    """
    clips = index[index.emotion.isin(labels())]
    asked = [question for question in QUESTIONS if _folds(clips, question=question)]
    if not asked:
        raise ValueError(
            f"expected clips of two or more speakers, found those of {clips.speaker.nunique()}: nothing can be told "
            "apart, and nobody is new; add speakers or a corpus"
        )
    return asked


def probe(features: Features, *, index: pd.DataFrame, question: Question) -> dict:
    """Ask `question` of every evaluated clip of its partition, answered from one vector a clip.

    `features.values` are vectors [clips, size] of functionals; validation clips belong to the training side. A fold
    that evaluates nothing, or hears one answer alone, is left out.
    Returns `question, classes, chance` (1 / classes) and the scores of `metrics.score` for the answers: `uar` is the
    mean over classes of the share that was named rightly.
    Raises `ValueError` where fewer than two classes are there to be told apart, or no fold is left.
    """
    clips = index[index.emotion.isin(labels())]
    if clips[question.column].nunique() < 2:
        raise ValueError(f"expected clips with two or more values of {question.column} to tell apart, found one")
    folds = _folds(clips, question=question)
    if not folds:
        raise ValueError(
            f"no fold of protocol {question.protocol} hears two or more values of {question.column} and asks for one: "
            f"it takes more than {clips.speaker.nunique()} speakers, or more clips"
        )
    rows = pd.Series(np.arange(len(features.clips)), index=features.clips.id)
    answers = [_answers(fold, vectors=features.values, rows=rows) for fold in folds]
    names = sorted(clips[question.column].unique())
    predictions = pd.concat(answers, ignore_index=True).fillna(0.0)
    predictions[[f"p_{name}" for name in names if f"p_{name}" not in predictions]] = 0.0
    scores = metrics.score(predictions, labels=names)
    return {"question": question.column, "classes": len(names), "chance": 1 / len(names), **scores}


def _folds(clips: pd.DataFrame, *, question: Question) -> list[pd.DataFrame]:
    """The folds of a question's partition, with its `truth`, that evaluate clips and hear two or more answers."""
    manifest = split.manifest(clips, protocol=question.protocol)
    manifest["truth"] = manifest.path.map(clips.set_index("path")[question.column])
    evaluated = manifest.split == "evaluation"
    asked, heard = manifest[evaluated].groupby("fold").size(), manifest[~evaluated].groupby("fold").truth.nunique()
    return [fold for number, fold in manifest.groupby("fold") if number in asked.index and heard.get(number, 0) > 1]


def _answers(fold: pd.DataFrame, *, vectors: np.ndarray, rows: pd.Series) -> pd.DataFrame:
    """The evaluated clips of a fold as predictions of `truth`, in the columns that `metrics` expects."""
    heard, asked = fold[fold.split != "evaluation"], fold[fold.split == "evaluation"]
    regression = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000)
    model = make_pipeline(StandardScaler(), regression).fit(vectors[rows[heard.id]], heard.truth)
    given = pd.DataFrame(model.predict_proba(vectors[rows[asked.id]]), columns=[f"p_{name}" for name in model.classes_])
    known = asked[["id", "path", "corpus", "speaker"]].assign(emotion=asked.truth).reset_index(drop=True)
    known["prediction"] = model.classes_[given.to_numpy().argmax(axis=1)]
    return pd.concat([known, given], axis=1)
