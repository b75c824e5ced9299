"""Simulated listeners whose true confusion is known: demo data, and the test of every interval that is computed.

The model. A clip of emotion `e` is recognized with probability `sigmoid(logit(confusion[e, e]) + listener + clip)`,
where listener and clip are normal with standard deviations `listener_sd` and `clip_sd` (in logits); a wrong answer
falls on the other emotions in proportion to `confusion[e, :]`. Averaged over new listeners and new clips, the recall is
the integral of that over both normals, which is nearer to one half than `confusion[e, e]`; `truth` computes it.
Attention checks are always passed. Confidence rises and response time falls with the chance to be right.

What comes out is named `simulated` in files, codes and data: it says nothing of how people hear.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from emolabs import storage
from emolabs.listening.answers import as_long
from emolabs.listening.importers import FORMAT
from emolabs.listening.quadrature import mean_chance
from emolabs.listening.study import Study

_BACKGROUND = {
    "age_band": ["18-24", "25-34", "35-44", "45-54", None],
    "gender": ["woman", "man", "non-binary", None],
    "country": ["DE", "GB", "IN", "NA", None],
    "english": ["native", "fluent", "good", "basic", None],
    "headphones": ["headphones", "loudspeakers"],
    "hearing": ["unimpaired", "unimpaired", "impaired", None],
}
_HEADER = ("study", "digest", "participant", "order", "started", "finished")
_TRIAL = ("position", "role", "clip", "answer", "confidence", "plays", "response_time_s")


class Truth(NamedTuple):
    """What the simulated answers estimate: the average over new listeners and new clips."""

    confusion: pd.DataFrame  # P(answer | intended), [intended, answer], rows sum to 1
    recall: pd.Series  # its diagonal, by emotion


def confusion(recall: Mapping[str, float], *, pull: Mapping[str, float] | None = None) -> pd.DataFrame:
    """P(answer | intended), [emotion, emotion], with `recall` on the diagonal.

    Wrong answers fall on the other emotions in proportion to `pull` (1 where it does not name one), a response bias.
    """
    emotions = list(recall)
    weight = np.array([(pull or {}).get(emotion, 1.0) for emotion in emotions], dtype=float)
    wrong = np.where(np.eye(len(emotions), dtype=bool), 0.0, weight)
    hit = np.array([recall[emotion] for emotion in emotions], dtype=float)
    share = wrong / wrong.sum(axis=1, keepdims=True) * (1 - hit)[:, None] + np.diag(hit)
    return pd.DataFrame(share, index=emotions, columns=emotions)


def truth(confusion: pd.DataFrame, *, listener_sd: float, clip_sd: float) -> Truth:
    """Confusion and recall of the model, integrated over its listener and clip effects."""
    hit = np.diag(confusion).astype(float)
    marginal = mean_chance(logit(hit), sd=np.hypot(listener_sd, clip_sd))
    wrong = confusion.to_numpy() - np.diag(hit)
    rest = np.divide(1 - marginal, 1 - hit, out=np.zeros_like(hit), where=hit < 1)
    whole = pd.DataFrame(wrong * rest[:, None] + np.diag(marginal), index=confusion.index, columns=confusion.columns)
    return Truth(whole, pd.Series(marginal, index=confusion.index, name="recall"))


def presentations(study: Study, *, listeners: int) -> pd.DataFrame:
    """What simulated listeners are to hear: the long table without answers, one row a listener and clip.

    Listener `i`, from 0, hears the practice clips and then the order `i` of the study.
    """
    clips = study.clips.set_index("clip", drop=False)
    practice = list(clips.index[clips["role"].eq("practice")])
    orders = [study.order(listener) for listener in range(listeners)]
    lengths = [len(practice) + len(order) for order in orders]
    table = clips.loc[[code for order in orders for code in [*practice, *order]]].assign(
        order=np.repeat(np.arange(listeners), lengths),
        position=[n for order in orders for part in (practice, order) for n in range(1, len(part) + 1)],
        **{"study": study.name, "digest": study.digest, "modality": "audio"},
    )
    return as_long(table.assign(simulated=True, participant=[f"simulated-{n + 1:03d}" for n in table.order]))


def answer(
    heard: pd.DataFrame, *, confusion: pd.DataFrame, listener_sd: float = 0.5, clip_sd: float = 1.0, seed: int = 0
) -> pd.DataFrame:
    """`heard` (of `presentations`) with answers, confidence, plays and response times drawn from the model.

    Raises `ValueError` where `confusion` lacks an intended emotion or its rows are no probabilities.
    """
    _check(confusion, emotions=set(heard.emotion))
    random = np.random.default_rng(seed)
    listener, listeners = pd.factorize(heard.participant)
    clip, clips = pd.factorize(heard["clip"])
    effect = random.normal(0, listener_sd, len(listeners))[listener] + random.normal(0, clip_sd, len(clips))[clip]
    intended = confusion.index.get_indexer(heard.emotion)
    hit = confusion.to_numpy()[intended, confusion.columns.get_indexer(heard.emotion)]
    chance = np.where(heard.role.eq("attention"), 1.0, expit(logit(hit) + effect))
    right = random.random(len(heard)) < chance
    wrong = confusion.mask(np.equal.outer(confusion.index, confusion.columns), 0.0).to_numpy()
    edges = wrong.cumsum(axis=1)[intended]
    other = (random.random(len(heard))[:, None] * edges[:, -1:] >= edges).sum(axis=1)
    chosen = np.where(right, heard.emotion, confusion.columns[np.minimum(other, len(confusion.columns) - 1)])
    return heard.assign(answer=chosen, **_manner(chance, random=random)).pipe(as_long)


def simulate(
    study: Study,
    *,
    folder: Path,
    confusion: pd.DataFrame,
    listeners: int = 12,
    listener_sd: float = 0.5,
    clip_sd: float = 1.0,
    seed: int = 0,
) -> Truth:
    """Write the answers of simulated listeners into `folder`, a file of the page each, and return what they estimate.

    Args:
        study: whose orders they hear, with its practice clips and attention checks.
        folder: where `simulated-001.json` … go; files of these names are written anew.
        confusion: P(answer | intended), [emotion, emotion], of an average listener on an average clip.
        listeners: how many; the first hears the order 0.
        listener_sd: standard deviation of listeners, in logits.
        clip_sd: standard deviation of clips, in logits.
        seed: of everything drawn; the same seed gives the same files.
    """
    heard = presentations(study, listeners=listeners)
    given = answer(heard, confusion=confusion, listener_sd=listener_sd, clip_sd=clip_sd, seed=seed)
    random = np.random.default_rng([seed, 1])
    for code, rows in given.groupby("participant", sort=True):
        began = datetime(2000, 1, 1, 9, tzinfo=UTC) + timedelta(days=int(rows.order.iloc[0]))
        seconds = float((rows.response_time_s.clip(lower=0) + 4 * rows.plays.astype(float)).sum())
        moments = {"started": began, "finished": began + timedelta(seconds=round(seconds))}
        background = {name: random.choice(np.array(values, dtype=object)) for name, values in _BACKGROUND.items()}
        rows = rows.assign(**{name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in moments.items()})
        storage.write_json(Path(folder) / f"{code}.json", page_file(rows, background=background))
    return truth(confusion, listener_sd=listener_sd, clip_sd=clip_sd)


def page_file(rows: pd.DataFrame, *, background: Mapping[str, str | None]) -> dict:
    """What the page would write of the answers of one listener, and that they are simulated."""
    first = {name: _plain(rows[name].iloc[0]) for name in _HEADER}
    trials = [{name: _plain(row[name]) for name in _TRIAL} for row in rows.to_dict("records")]
    background = dict(background)
    return {"format": FORMAT, "simulated": True, "language": "en", **first, "background": background, "trials": trials}


def _manner(chance: np.ndarray, *, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Confidence, plays and response times that go with the chances to be right."""
    sure = 1.5 + 3 * chance + random.normal(0, 0.7, len(chance))
    time_s = np.exp(random.normal(0.9 - 0.6 * chance, 0.5))
    plays = 1 + (random.random(len(chance)) < 0.25 * (1 - chance))
    return {"confidence": np.clip(np.rint(sure), 1, 5).astype(int), "plays": plays, "response_time_s": time_s.round(3)}


def _plain(value: object) -> object:
    """`value` as JSON has it: missing is null, a whole number an integer."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _check(confusion: pd.DataFrame, *, emotions: set[str]) -> None:
    lacking = sorted(emotions - set(confusion.index))
    if lacking or list(confusion.index) != list(confusion.columns):
        raise ValueError(
            f"expected a confusion of the emotions {', '.join(sorted(emotions))} with the same rows and columns, found "
            f"rows {', '.join(confusion.index)} and columns {', '.join(confusion.columns)}"
        )
    values = confusion.to_numpy(dtype=float)
    if not ((values >= 0).all() and np.allclose(values.sum(axis=1), 1)):
        raise ValueError(f"expected probabilities that sum to 1 in every row of the confusion, found\n{confusion}")
