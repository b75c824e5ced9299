"""Metrics of predictions, with 95 % intervals that say which generalization they cover.

Conventions: predictions are a table with a row per evaluated clip: `id, path, corpus, speaker, emotion, prediction`
and a probability `p_<emotion>` per emotion of the label set. Scores lie in 0–1. Averages over classes run over the
classes present in the truth. Everything but the calibration error follows from the confusion matrix [truth, predicted].
"""

from collections.abc import Collection, Mapping
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import binomtest

SCORES = ("accuracy", "uar", "macro_f1")
#: Under this many speakers the bootstrap resamples clips, and the interval does not cover new speakers.
FEWEST_SPEAKERS = 6
RESAMPLES = 2000
BINS = 15


def evaluate(
    predictions: pd.DataFrame, *, labels: list[str], classes: Mapping[str, Collection[str]] | None = None
) -> dict:
    """All metrics of `predictions`, overall and per corpus.

    `classes` are the emotions of each corpus, some of which these clips may lack, as of `classes_of`; by default those
    of the clips. Returns `{"overall": scores, "corpora": {corpus: scores}}` as of `score`; the scores of a corpus that
    lacks a class of `labels` also hold `closed_set`: the same with the arg max taken over the classes the corpus has,
    whose probabilities are scaled to sum to one.
    Raises `ValueError` as `validate` does.
    """
    validate(predictions, labels=labels)
    classes, corpora = classes or classes_of(predictions), {}
    for corpus, clips in predictions.groupby("corpus"):
        corpora[corpus] = score(clips, labels=labels)
        known = sorted(classes[corpus])
        if known != sorted(labels):
            corpora[corpus]["closed_set"] = score(_closed(clips, known=known, labels=labels), labels=labels)
    return {"overall": score(predictions, labels=labels), "corpora": corpora}


def classes_of(clips: pd.DataFrame) -> dict[str, list[str]]:
    """The emotions of each corpus among `clips`, such as all those of a partition, sorted."""
    return {corpus: sorted(of.unique()) for corpus, of in clips.groupby("corpus").emotion}


def validate(predictions: pd.DataFrame, *, labels: list[str]) -> None:
    """Raise `ValueError` unless every column is there, every label is known and every probability is a number."""
    columns = ["id", "path", "corpus", "speaker", "emotion", "prediction", *(f"p_{label}" for label in labels)]
    missing = [column for column in columns if column not in predictions]
    if missing:
        raise ValueError(f"predictions lack the columns {missing}: expected {columns}")
    unknown = sorted(
        {*map(str, predictions.emotion.unique()), *map(str, predictions.prediction.unique())} - set(labels)
    )
    if unknown:
        raise ValueError(f"predictions hold the labels {unknown}: expected labels out of {labels}")
    if predictions.empty or not np.isfinite(predictions[columns[6:]].to_numpy()).all():
        raise ValueError("predictions are empty or hold a probability that is not a finite number")


def score(predictions: pd.DataFrame, *, labels: list[str]) -> dict:
    """Scores of one set of clips: `accuracy, uar, macro_f1`, each `[value, low, high]`; `recall` per emotion present;
    `ece`; `clips`, `speakers`, `interval_over` (speakers or clips) and `confusion` [truth, predicted] in `labels`."""
    truth, predicted = (pd.Index(labels).get_indexer(predictions[name]) for name in ("emotion", "prediction"))
    speakers = predictions.speaker.nunique()
    over, units = units_of(predictions)
    matrices, strata = unit_confusions(truth, predicted, units=units, corpora=predictions.corpus, classes=len(labels))
    total = matrices.sum(axis=0)
    values = from_confusion(total)
    samples = from_confusion(resampled(matrices, strata=strata))
    scores = {name: [float(values[name]), *map(float, np.nanpercentile(samples[name], [2.5, 97.5]))] for name in SCORES}
    present = total.sum(axis=1) > 0
    recall = {label: float(r) for label, r, p in zip(labels, values["recall"], present, strict=True) if p}
    probabilities = predictions[[f"p_{label}" for label in labels]].to_numpy()
    facts = {"clips": len(predictions), "speakers": int(speakers), "interval_over": over}
    correct = truth == predicted
    ece = calibration_error(probabilities.max(axis=1), correct)
    return {**scores, "recall": recall, "ece": ece, **facts, "confusion": total.astype(int).tolist()}


def exact(scores: dict) -> dict:
    """The scores of `evaluate`, with another interval where every clip is right: a bootstrap of right answers alone
    has no width, whatever their number.

    The lower bound is the exact one of a share of n clips (Clopper & Pearson 1934), for accuracy, and for UAR and
    macro-F1, for which it holds where emotions are equally frequent. It is over clips, as `interval_over` says.
    """
    return {"overall": _exact(scores["overall"]), "corpora": {key: _exact(s) for key, s in scores["corpora"].items()}}


def _exact(scores: dict) -> dict:
    if "closed_set" in scores:
        scores = scores | {"closed_set": _exact(scores["closed_set"])}
    if scores["accuracy"][0] < 1:
        return scores
    low = float(binomtest(scores["clips"], scores["clips"]).proportion_ci(0.95).low)
    return scores | {name: [1.0, low, 1.0] for name in SCORES} | {"interval_over": "clips"}


def units_of(clips: pd.DataFrame) -> tuple[str, pd.Series]:
    """What a bootstrap draws of `clips`: ("speakers", their speakers), or ("clips", their ids) of too few speakers."""
    if clips.speaker.nunique() >= FEWEST_SPEAKERS:
        return "speakers", clips.speaker
    return "clips", clips.id.astype(str)


def from_confusion(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """`accuracy`, `uar`, `macro_f1` [...] and `recall` [..., classes] of confusion matrices [..., truth, predicted]."""
    confusion = np.asarray(confusion, dtype=float)
    support, named = confusion.sum(axis=-1), confusion.sum(axis=-2)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(support > 0, hits / support, np.nan)
        f1 = np.where(support > 0, 2 * hits / (support + named), np.nan)
        accuracy = hits.sum(axis=-1) / support.sum(axis=-1)
    return {"accuracy": accuracy, "uar": _mean(recall), "macro_f1": _mean(f1), "recall": recall}


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error with 15 equal-width bins (Guo et al. 2017) of confidences and hits, both [clips]."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(correct[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def closed(given: np.ndarray) -> np.ndarray:
    """The probabilities `given` to some of the classes [clips, classes], scaled to sum to one in each clip.

    Where a clip's are all zero, every class gets the same.
    """
    total = given.sum(axis=1, keepdims=True)
    return np.divide(given, total, out=np.full_like(given, 1 / given.shape[1]), where=total > 0)


def _closed(clips: pd.DataFrame, *, known: list[str], labels: list[str]) -> pd.DataFrame:
    """The same clips answered out of the emotions `known`: their probabilities sum to one, the others are zero."""
    shares = closed(clips[[f"p_{label}" for label in known]].to_numpy(float))
    columns = dict.fromkeys((f"p_{label}" for label in labels), 0.0)
    columns |= zip((f"p_{label}" for label in known), shares.T, strict=True)
    return clips.assign(prediction=np.array(known)[shares.argmax(axis=1)], **columns)


def _mean(values: np.ndarray) -> np.ndarray:
    present = ~np.isnan(values)
    return np.where(present, values, 0).sum(axis=-1) / np.maximum(present.sum(axis=-1), 1)


def unit_confusions(truth, predicted, *, units, corpora, classes) -> tuple[np.ndarray, np.ndarray]:
    """Confusion matrices [units, classes, classes] of speakers or clips, and the corpus number of each unit."""
    number, unit = pd.factorize(units, sort=True)
    first = np.unique(number, return_index=True)[1]
    matrices = np.zeros((len(unit), classes, classes))
    np.add.at(matrices, (number, truth, predicted), 1)
    return matrices, pd.factorize(corpora.iloc[first], sort=True)[0]


def resampled(matrices: np.ndarray, *, strata: np.ndarray) -> np.ndarray:
    """Confusion matrices [RESAMPLES, ..., classes, answers] of bootstrap samples of units within each stratum.

    `matrices` [units, ..., classes, answers] count no clip where a row is zero. A sample without a clip of a class that
    is there knows no average over all classes, and one that has them stands in its place; unless that is most samples.
    The same units in the same strata are drawn the same way: samples of two pipelines on the same clips pair.
    """
    samples = drawn(matrices, strata=strata)
    there = matrices.sum(axis=0).sum(axis=-1) > 0
    whole = (samples.sum(axis=-1)[:, there] > 0).all(axis=1)
    if 2 * whole.sum() > RESAMPLES:
        samples[~whole] = samples[np.resize(np.flatnonzero(whole), (~whole).sum())]
    return samples


def drawn(sums: np.ndarray, *, strata: np.ndarray) -> np.ndarray:
    """Sums [RESAMPLES, ...] over bootstrap samples of units within each stratum, of what each unit has [units, ...]."""
    return np.tensordot(_drawn(tuple(strata.tolist())), sums, axes=1)


@lru_cache(maxsize=16)  # the rows of a partition are scored one after another, all over the same units
def _drawn(strata: tuple[int, ...]) -> np.ndarray:
    """How often each unit is in each bootstrap sample, uint16 [RESAMPLES, units]."""
    generator = np.random.default_rng(0)
    number, counts = np.array(strata), np.zeros((RESAMPLES, len(strata)), np.uint16)
    for stratum in np.unique(number):
        members = np.flatnonzero(number == stratum)
        counts[:, members] = generator.multinomial(len(members), np.full(len(members), 1 / len(members)), RESAMPLES)
    return counts
