"""The long table of answers: one row an answer, whatever it came from, and how counted votes become rows of it."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

#: Every column, its type and what it holds. What a source does not have is missing (NA).
COLUMNS = {
    "study": ("str", "name of the study"),
    "digest": ("str", "version of the study: first 12 hexadecimal digits over its clips and its design"),
    "participant": ("str", "random code of the listener; missing where votes were published as counts"),
    "order": ("Int64", "seed of the order in which this listener heard the clips"),
    "position": ("Int64", "place of the clip in that order, or among the practice clips, from 1"),
    "role": ("str", "trial, practice or attention (a check whose right answer is `emotion`)"),
    "clip": ("str", "code of the clip in the study, or its name in the source"),
    "id": ("str", "sample id: Base62 of the project path's SHA-256"),
    "path": ("str", "project path"),
    "corpus": ("str", "corpus key"),
    "speaker": ("str", "speaker, unique across corpora"),
    "sex": ("str", "the speaker's: female or male"),
    "text": ("str", "the sentence, or its code"),
    "language": ("str", "of the clip, ISO 639-1"),
    "intensity": ("str", "the corpus' own grade"),
    "part": ("str", "the side the clip was drawn from: emocorpus or emobench"),
    "emotion": ("str", "the intended emotion"),
    "answer": ("str", "the emotion that the listener chose"),
    "confidence": ("Int64", "1 (a guess) to 5 (certain)"),
    "plays": ("Int64", "how often the clip was played"),
    "response_time_s": ("float64", "seconds from the end of the first playback; negative where the answer came before"),
    "modality": ("str", "what was presented: audio, face or audiovisual"),
    "started": ("str", "ISO 8601, UTC"),
    "finished": ("str", "ISO 8601, UTC; missing where the listener did not come to the end"),
    "age_band": ("str", "the listener's, as the page words it"),
    "gender": ("str", "the listener's, as the page words it"),
    "country": ("str", "the listener's, ISO 3166-1 alpha-2"),
    "english": ("str", "the listener's proficiency, as the page words it"),
    "headphones": ("str", "whether the listener wore some"),
    "hearing": ("str", "the listener's, as the page words it"),
    "simulated": ("bool", "whether a program answered and no human"),
    "file": ("str", "where the answer was read"),
    "row": ("Int64", "row of that file, as a spreadsheet counts them; in JSON the number of the trial, from 1"),
}
MODALITIES = ("audio", "face", "audiovisual")


class Answers(NamedTuple):
    """Answers and what is wrong with those that are not among them."""

    table: pd.DataFrame  # the columns of `COLUMNS`, one row an answer
    problems: pd.DataFrame  # file, row, reason: one row a sentence


def as_long(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the columns of `COLUMNS` and no others, in their order and types, its rows numbered from 0.

    Text that is empty is missing.
    """
    absent = {"str": None, "Int64": pd.NA, "float64": np.nan, "bool": False}
    columns = {
        name: (frame[name] if name in frame else pd.Series(absent[kind], index=frame.index)).astype(kind)
        for name, (kind, _) in COLUMNS.items()
    }
    columns |= {name: column.mask(column.eq("")) for name, column in columns.items() if column.dtype == "str"}
    return pd.DataFrame(columns, index=frame.index).reset_index(drop=True)


def as_problems(sentences: list[tuple[str | None, int | None, str]]) -> pd.DataFrame:
    """The table of problems from (file, row, reason)."""
    table = pd.DataFrame(sentences, columns=["file", "row", "reason"])
    return table.astype({"file": "str", "row": "Int64", "reason": "str"})


def votes_to_long(
    table: pd.DataFrame, *, counts: Mapping[str, str], clip: str = "clip", file: str | None = None
) -> Answers:
    """One row a vote from a table with one row a clip (and, say, modality), as CREMA-D publishes its votes.

    Args:
        table: a row per clip. Columns named as in `COLUMNS` (emotion, corpus, speaker, modality …) go with every vote;
            without a column `row`, rows are counted as a spreadsheet does, the first below the header being 2.
        counts: the columns that hold numbers of votes, and the emotion that each stands for: `{"A": "anger", …}`.
        clip: the column that names the clip.
        file: what `file` says of every vote.

    Returns the votes, `participant` missing and `role` a trial, and a sentence for each row that gives none: one with
    a count that is no whole number from 0, or with no vote at all. Raises `ValueError` where a column is missing.
    """
    lacking = [name for name in [*counts, clip] if name not in table]
    if lacking:
        found = f"{', '.join(map(str, table.columns))} without {', '.join(lacking)}"
        raise ValueError(f"expected columns of votes {', '.join(counts)} and {clip}, found {found}")
    table = table.reset_index(drop=True)
    rows = table["row"] if "row" in table else pd.Series(table.index + 2)
    votes = table[list(counts)].apply(pd.to_numeric, errors="coerce")
    whole = (votes.ge(0) & (votes % 1).eq(0) & np.isfinite(votes)).all(axis=1)
    total = votes.sum(axis=1)
    problems = []
    for index in table.index[~whole | (whole & total.eq(0))]:
        found = ", ".join(f"{name} {table.at[index, name]}" for name in counts)
        reason = "expected whole numbers of votes from 0" if not whole[index] else "expected at least one vote"
        problems.append((file, rows[index], f"{table.at[index, clip]}: {reason}, found {found}; the row is left out"))
    carried = {"role": "trial"} | dict(table) | {"clip": table[clip], "row": rows, "file": file, "participant": None}
    each = votes[whole].to_numpy(dtype=int).reshape(-1)
    source = np.repeat(table.index[whole].to_numpy(), len(counts)).repeat(each)
    long = pd.DataFrame(carried, index=table.index).loc[source]
    long["answer"] = np.tile(list(counts.values()), int(whole.sum())).repeat(each)
    return Answers(as_long(long), as_problems(problems))
