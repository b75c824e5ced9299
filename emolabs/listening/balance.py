"""The balance of a study, and what a listener could gain from counting instead of listening.

Conventions: a share is 0–1; the truth is the intended emotion. Gains are computed from the orders themselves, without
any answers.
"""

import itertools
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from emolabs.listening.design import PARTS
from emolabs.listening.study import LONGEST_RUN, Study

#: The protocol whose evaluation side a part is.
_PROTOCOLS = {"emocorpus": "hash", "emobench": "speaker"}


def cells(study: Study) -> pd.DataFrame:
    """Trials per emotion (rows), and per source and protocol that evaluates on them (columns), with their sums."""
    counts = study.trials.groupby(["emotion", "corpus", "part"]).size().unstack(["corpus", "part"], fill_value=0)
    wanted = [(source, part) for source in study.design.sources for part in PARTS]
    table = counts.reindex(index=study.emotions, columns=wanted, fill_value=0)
    table.columns = [f"{source} {_PROTOCOLS[part]}" for source, part in wanted]
    table["all"] = table.sum(axis=1)
    return pd.concat([table, table.sum().to_frame("all").T]).rename_axis("emotion").reset_index()


def sources(study: Study) -> pd.DataFrame:
    """Per source: trials, speakers, trials of women and men, sentences, and how often one speaker or sentence comes."""
    trials = study.trials
    table = trials.groupby("corpus").agg(
        trials=("id", "size"),
        speakers=("speaker", "nunique"),
        most_of_one_speaker=("speaker", _most),
        women=("sex", lambda sexes: (sexes == "female").sum()),
        men=("sex", lambda sexes: (sexes == "male").sum()),
        sentences=("text", "nunique"),
        most_of_one_sentence=("text", _most),
    )
    return table.reindex(study.design.sources).rename_axis("source").reset_index()


def _most(values: pd.Series) -> int:
    return values.value_counts().max()


def sequences(study: Study) -> pd.DataFrame:
    """The intended emotions in every order that a page holds: a row per order, a column per trial (from 1); attention
    checks are left out."""
    emotions = study.trials.set_index("clip").emotion
    rows = [[emotions[code] for code in study.order(n) if code in emotions] for n in range(study.orders)]
    return pd.DataFrame(rows, columns=range(1, len(emotions) + 1))


def longest_runs(study: Study) -> tuple[int, int]:
    """The most trials and attention checks of one emotion, and of one speaker, that follow each other in any order."""
    facts = study.clips.set_index("clip")
    orders = [facts.loc[study.order(n)] for n in range(study.orders)]
    return tuple(max(_longest_run(order[of].tolist()) for order in orders) for of in ("emotion", "speaker"))


def _longest_run(values: Sequence[object]) -> int:
    return max(len(list(run)) for _, run in itertools.groupby(values))


def guessing(sequences: pd.DataFrame) -> pd.DataFrame:
    """The share of trials that a participant who hears nothing would get right, by what he or she knows.

    Takes what `sequences` gives. Returns `strategy, knows, told` (whether the page tells so much) and `share`. The
    first is chance; the second names at each position the emotion that the other half of the orders has there most
    often; the last two know the truth of earlier trials, which no participant is told.
    """
    rows = sequences.to_numpy()
    emotions = sorted(set(rows[0]))
    halves = [rows[0::2], rows[1::2]]
    best = [[Counter(column).most_common(1)[0][0] for column in half.T] for half in halves]
    place = sum((half == guess).mean() * len(half) for half, guess in zip(halves, reversed(best), strict=True)) / len(
        rows
    )
    no_third = [_expected(row, emotions=emotions, counted=False) for row in rows]
    counted = [_expected(row, emotions=emotions, counted=True) for row in rows]
    lines = [
        ("always the same answer, or any", "nothing", "yes", max(Counter(rows[0]).values()) / rows.shape[1]),
        ("the most frequent emotion at this position", "the other orders", "no", place),
        ("no third in a row", "the rule and the two trials before", "no", sum(no_third) / len(rows)),
        ("what is left, and no third in a row", "the counts and every trial before", "no", sum(counted) / len(rows)),
    ]
    return pd.DataFrame(lines, columns=["strategy", "knows", "told", "share"])


def _expected(row: Sequence[str], *, emotions: Sequence[str], counted: bool) -> float:
    """The expected share of right guesses at one order by someone who knows all earlier trials of it; with `counted`
    also how often each emotion comes."""
    left, right = Counter(row), 0.0
    for i, truth in enumerate(row):
        before = row[max(0, i - LONGEST_RUN) : i]
        barred = {before[0]} if len(before) == LONGEST_RUN and len(set(before)) == 1 else set()
        possible = [e for e in emotions if e not in barred]
        if counted:
            most = max(left[e] for e in possible)
            possible = [e for e in possible if left[e] == most]
        right += (truth in possible) / len(possible)
        left[truth] -= 1
    return right / len(row)
