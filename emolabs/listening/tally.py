"""The tally: the trials of a long table of answers, counted, as every statistic of listeners takes them.

Conventions: an *item* is one clip (by its project path, or its name where it has none) in one modality, a *listener*
one participant. Only rows of the role `trial` count. Where participants are known there is a row per answer; of votes
without participants equal ones are one row with their count, so that 212,000 votes are some 60,000 rows. Truth and
answer are numbers of `labels`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: What is known of an item, and of a listener.
ITEM = [
    "path",
    "modality",
    "clip",
    "id",
    "corpus",
    "speaker",
    "sex",
    "text",
    "language",
    "intensity",
    "part",
    "emotion",
]
LISTENER = ["participant", "age_band", "gender", "country", "english", "headphones", "hearing"]
#: What is known of one answer beside its item, listener and count.
ANSWER = ["position", "confidence", "response_time_s"]


@dataclass(frozen=True)
class Tally:
    """Counted answers.

    `rows`: `listener` (a row number of `listeners`, -1 where nobody knows), `item` (of `items`), `truth`, `answer`,
    `count`, and per answer `position, confidence, response_time_s`. `items` has the columns of `ITEM`, `listeners`
    those of `LISTENER` (None for votes). `left_out` says in sentences what of the table is not counted.
    """

    labels: list[str]
    rows: pd.DataFrame
    items: pd.DataFrame
    listeners: pd.DataFrame | None
    left_out: tuple[str, ...]
    simulated: bool

    def column(self, name: str) -> pd.Series:
        """The values of a column of rows, items or listeners for each row."""
        for table, places in [(self.rows, None), (self.items, self.rows.item), (self.listeners, self.rows.listener)]:
            if table is not None and name in table:
                return table[name] if places is None else table[name].take(places).set_axis(self.rows.index)
        raise ValueError(f"expected a column of answers, items or listeners, found {name!r}")

    @property
    def answers(self) -> int:
        """How many answers are counted."""
        return int(self.rows["count"].sum())

    def counts(self) -> np.ndarray:
        """Answers by item and emotion [items, classes]."""
        shape = len(self.items), len(self.labels)
        cells = self.rows.item * shape[1] + self.rows.answer
        return np.bincount(cells, self.rows["count"], minlength=shape[0] * shape[1]).reshape(shape)


def count(table: pd.DataFrame, *, labels: Sequence[str]) -> Tally:
    """Count the trials of a long table of answers (`responses.read`, `votes.long`) whose choices are `labels`.

    Trials without an answer, and what a listener said of an item after its first answer, are left out and named in
    `left_out`. Raises `ValueError` where no trial is left, where an intended or a chosen emotion is none of `labels`,
    or where only some of the answers have a participant.
    """
    trials = table[table.role.fillna("trial") == "trial"]
    answered = trials[trials.answer.notna()]
    known = answered.participant.notna()
    if answered.empty:
        raise ValueError("expected answers to trials, found none: check the files and what was said of them")
    if known.any() and not known.all():
        raise ValueError(
            f"expected all answers with a participant, or none (votes), found {known.sum():,} with and "
            f"{(~known).sum():,} without: analyse the two apart"
        )
    for name in ("emotion", "answer"):
        unknown = sorted(set(answered[name].fillna("nothing").astype(str)) - set(labels))
        if unknown:
            raise ValueError(f"expected every {name} to be one of {', '.join(labels)}, found {', '.join(unknown)}")
    answered = answered.assign(
        modality=answered.modality.fillna("audio"),
        path=answered.path.fillna(answered.get("clip", answered.path)),  # a table of one's own has names alone
    )
    keys = ["path", "modality"]
    first = answered
    if known.any():
        first = answered.sort_values(["started", "position"], kind="stable").drop_duplicates(["participant", *keys])
        first = first.sort_index()
    items = first.drop_duplicates(keys).reindex(columns=ITEM).sort_values(keys, ignore_index=True)
    number = pd.MultiIndex.from_frame(items[keys])
    rows = pd.DataFrame({"item": number.get_indexer(pd.MultiIndex.from_frame(first[keys]))})
    for column, name in [("truth", "emotion"), ("answer", "answer")]:
        rows[column] = pd.Categorical(first[name].astype(str), categories=list(labels)).codes.astype(int)
    left_out = [
        (len(trials) - len(answered), "trials have no answer and are left out"),
        (
            len(answered) - len(first),
            "answers repeat an earlier one of the same listener to the same clip and are left out",
        ),
    ]
    said = tuple(f"{number:,} {sentence}" for number, sentence in left_out if number)
    people = _listeners(first) if known.any() else None
    rows = _by_answer(rows, first, people=people) if known.any() else _by_item(rows)
    simulated = bool(first["simulated"].fillna(False).any()) if "simulated" in first else False
    return Tally(list(labels), rows, items, people, said, simulated)


def _listeners(answers: pd.DataFrame) -> pd.DataFrame:
    people = answers.drop_duplicates("participant").reindex(columns=LISTENER)
    return people.sort_values("participant", ignore_index=True)


def _by_answer(rows: pd.DataFrame, answers: pd.DataFrame, *, people: pd.DataFrame) -> pd.DataFrame:
    measured = {name: pd.to_numeric(answers[name]).to_numpy(float, na_value=np.nan) for name in ANSWER}
    who = pd.Index(people.participant).get_indexer(answers.participant)
    return rows.assign(listener=who, count=1.0, **measured)


def _by_item(rows: pd.DataFrame) -> pd.DataFrame:
    votes = rows.groupby(["item", "truth", "answer"]).size().rename("count").reset_index()
    return votes.assign(listener=-1, count=votes["count"].astype(float))
