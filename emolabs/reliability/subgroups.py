"""Subgroups: by how much a model serves women and men, and one speaker and the next, unequally.

Conventions: recalls and UAR are shares in 0–1; gaps are female minus male. A corpus of one sex has no gap, and where
corpora are taken together, only those of both sexes count: a corpus' difficulty is no difference between sexes.
"""

import numpy as np
import pandas as pd

from emolabs.experiments import metrics
from emolabs.experiments.results import Result

SEXES = ("female", "male")
GAPS = ["on", "measure", *SEXES, "gap", "low", "high", "women", "men", "interval_over"]
#: Shuffles that say how unequal speakers would be by chance alone.
SHUFFLES = 1000


def gaps(result: Result, *, sex: pd.Series) -> pd.DataFrame:
    """Recall of both sexes and the gap with its 95 % interval, overall and per corpus, of UAR and of each emotion.

    Returns lines of `on, measure, female, male, gap, low, high, women, men, interval_over`: speakers are drawn within
    corpus and sex, clips where a sex of the set has under `metrics.FEWEST_SPEAKERS`. A corpus of one sex has a line of
    UAR without a gap, one whose speakers' sex is not known has none.
    """
    clips = result.predictions.assign(sex=result.predictions.speaker.map(sex))
    clips = clips[clips.sex.isin(SEXES)]
    two = clips.groupby("corpus").sex.nunique() == len(SEXES)
    sets = {"overall": clips[clips.corpus.map(two)], **dict(list(clips.groupby("corpus")))}
    lines = []
    for name, group in sets.items():
        lines += [{"on": name, **line} for line in _gaps(group, labels=result.labels)] if len(group) else []
    return pd.DataFrame(lines, columns=GAPS)


def speakers(result: Result, *, sex: pd.Series) -> pd.DataFrame:
    """The UAR of each speaker, from the lowest to the highest: `speaker, corpus, sex, clips, uar, low, high`, with a
    95 % interval over clips, which says how sure the speaker's own score is."""
    lines = []
    for (corpus, speaker), clips in result.predictions.groupby(["corpus", "speaker"]):
        uar, low, high = metrics.score(clips, labels=result.labels)["uar"]
        line = {"speaker": speaker, "corpus": corpus, "sex": sex.get(speaker, ""), "clips": len(clips)}
        lines.append(line | {"uar": uar, "low": low, "high": high})
    return pd.DataFrame(lines).sort_values(["uar", "speaker"]).reset_index(drop=True)


def spread(result: Result, scored: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """How unequal the speakers of each corpus are, and how unequal they would be if all were served alike.

    Returns a line per corpus of `scored` (of `speakers`): `speakers, mean, sd, sd_chance` (the mean over shuffles of
    hits among the clips of one emotion), `p` (share of shuffles with as large a spread), the worst speaker with its
    interval, and the 95 % range of the worst by chance. The worst of many is always low: only beyond that range it is
    news. A corpus of few speakers says little of people.
    """
    lines = []
    for corpus, group in scored.groupby("corpus"):
        clips = result.predictions[result.predictions.corpus == corpus]
        drawn = _shuffled(clips, seed=seed)
        deviation, worst = np.std(group.uar), group.iloc[0]
        line = {"corpus": corpus, "speakers": len(group), "mean": group.uar.mean(), "sd": deviation}
        line |= {
            "sd_chance": drawn.std(axis=1).mean(),
            "p": (1 + (drawn.std(axis=1) >= deviation).sum()) / (1 + len(drawn)),
        }
        line |= {"worst": worst.speaker, "worst_uar": worst.uar, "worst_low": worst.low, "worst_high": worst.high}
        low, high = np.percentile(drawn.min(axis=1), [2.5, 97.5])
        lines.append(line | {"chance_low": low, "chance_high": high, "best_uar": group.uar.iloc[-1]})
    return pd.DataFrame(lines)


def _gaps(clips: pd.DataFrame, *, labels: list[str]) -> list[dict]:
    people = clips.groupby("sex").speaker.nunique().reindex(SEXES, fill_value=0)
    counts = {"women": int(people.female), "men": int(people.male)}
    over = "speakers" if people.min() >= metrics.FEWEST_SPEAKERS else "clips"
    units = clips.speaker if over == "speakers" else clips.id.astype(str)
    truth, said = (clips[name].map(labels.index).to_numpy() for name in ("emotion", "prediction"))
    group = clips.corpus + " " + clips.sex  # so that as many of each sex are drawn as there are
    matrices, strata = metrics.unit_confusions(truth, said, units=units, corpora=group, classes=len(labels))
    of_unit = clips.assign(unit=units.to_numpy()).groupby("unit").sex.first().sort_index()
    apart = np.stack([matrices * (of_unit == sex).to_numpy()[:, None, None] for sex in SEXES], axis=1)
    values = _measures(apart.sum(axis=0), labels=labels)
    if not people.min():
        one = {sex: values["UAR"][i] if people[sex] else np.nan for i, sex in enumerate(SEXES)}
        return [{"measure": "UAR", **one, "gap": np.nan, "low": np.nan, "high": np.nan, **counts, "interval_over": ""}]
    samples, lines = _measures(metrics.resampled(apart, strata=strata), labels=labels), []
    for measure, value in values.items():
        if np.isnan(value).any():
            continue  # an emotion that a corpus lacks
        low, high = np.nanpercentile(samples[measure][..., 0] - samples[measure][..., 1], [2.5, 97.5])
        line = {"measure": measure, "female": value[0], "male": value[1], "gap": value[0] - value[1]}
        lines.append(line | {"low": low, "high": high, **counts, "interval_over": over})
    return lines


def _measures(matrices: np.ndarray, *, labels: list[str]) -> dict[str, np.ndarray]:
    """UAR and recalls [..., sexes] of confusions [..., sexes, truth, predicted]."""
    values = metrics.from_confusion(matrices)
    return {"UAR": values["uar"], **{label: values["recall"][..., i] for i, label in enumerate(labels)}}


def _shuffled(clips: pd.DataFrame, *, seed: int) -> np.ndarray:
    """UAR of each speaker when hits are shuffled among the clips of an emotion: [shuffles, speakers]."""
    generator, hits = np.random.default_rng(seed), (clips.prediction == clips.emotion).to_numpy(float)
    person, people = pd.factorize(clips.speaker, sort=True)
    emotion, emotions = pd.factorize(clips.emotion, sort=True)
    cell = person * len(emotions) + emotion
    counts = np.bincount(cell, minlength=len(people) * len(emotions))
    groups = [np.flatnonzero(emotion == e) for e in range(len(emotions))]
    drawn = np.empty((SHUFFLES, len(people)))
    for i in range(SHUFFLES):
        shuffled = hits.copy()
        for group in groups:
            shuffled[group] = generator.permutation(hits[group])
        right = np.bincount(cell, weights=shuffled, minlength=len(counts))
        recall = np.divide(right, counts, out=np.full(len(counts), np.nan), where=counts > 0)
        drawn[i] = np.nanmean(recall.reshape(len(people), -1), axis=1)
    return drawn
