"""What a row of answers has to be: cells become values, clips those of the study, and every fault a sentence.

A cell that is no value of its column is left missing; a row without a known clip, a known answer or (where its file
names participants) a participant is left out. A cell that begins as a formula (`=`, `+`, `-`, `@`) is never a value.
An apostrophe before a cell, which keeps spreadsheets from running it, does not count.
"""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from emolabs.corpora.corpus import emotions as every_emotion
from emolabs.listening.answers import COLUMNS, as_long
from emolabs.listening.cells import CONVERTERS, NUMBER, emotion, short
from emolabs.listening.importers import CLIP
from emolabs.listening.study import Study

Problem = tuple[str, int | None, str]  # file, row, reason
_MISSING = {"", "NA", "N/A", "#N/A", "NaN", "nan", "null"}
_NEEDED = {"answer", "clip", "path", "id", "participant"}


def check(cells: pd.DataFrame, *, study: Study | None) -> tuple[pd.DataFrame, list[Problem]]:
    """The answers among the rows of all files (text, with `file` and `row`), and what is wrong with the others."""
    problems: list[tuple[int, str]] = []  # (index of the cells, sentence)
    place = cells[["file", "row"]]
    cells = cells[[name for name in COLUMNS if name in cells and name not in place]]
    cells, others = _of_this_study(cells, file=place["file"], study=study)
    rows = pd.DataFrame({name: _clean(cells[name], problems=problems) for name in cells}, index=cells.index)
    rows = rows.reindex(columns=rows.columns.union(["participant", "clip", "answer", "role", "modality", "simulated"]))
    choices = every_emotion() if study is None else study.emotions
    converters = CONVERTERS | {"answer": emotion(choices), "emotion": emotion(every_emotion())}
    named = place["file"].isin(place["file"][rows.index[rows["participant"].notna()]])
    for name in rows.columns.intersection(list(converters)):
        rows[name] = _converted(rows[name], converters[name], problems=problems)
    rows = _identified(rows, study=study, problems=problems)
    for name, needed, what in [
        ("answer", ~place["file"].isna(), "no answer was given"),
        ("participant", named, "expected the code of a participant, found nothing"),
    ]:
        lost, said = rows.index[rows[name].isna() & needed[rows.index]], {row for row, _ in problems}
        problems += [(row, f"{what}; the row is left out") for row in lost if row not in said]
        rows = rows.drop(index=lost)
    for name, value in {"role": "trial", "modality": None if study is None else "audio", "simulated": False}.items():
        rows[name] = rows[name].where(rows[name].notna(), value)
    rows = _once(rows.join(place), problems=problems)
    return as_long(rows), [*others, *_short_of(problems, place=place)]


def _short_of(problems: list[tuple[int, str]], *, place: pd.DataFrame) -> list[Problem]:
    """(file, row, reason), each once; what is wrong in all (more than one) of the rows of a file is one sentence."""
    rows = place.groupby("file")["row"].nunique()
    files, numbers = place["file"].to_dict(), place["row"].to_dict()
    distinct = list(dict.fromkeys((files[index], int(numbers[index]), reason) for index, reason in problems))
    counts = Counter((file, reason) for file, _, reason in distinct)
    often = {key for key, count in counts.items() if count == rows[key[0]] > 1}
    return list(
        dict.fromkeys(
            (file, None, f"in all {rows[file]} rows: {reason}") if (file, reason) in often else (file, row, reason)
            for file, row, reason in distinct
        )
    )


def _of_this_study(cells: pd.DataFrame, *, file: pd.Series, study: Study | None) -> tuple[pd.DataFrame, list[Problem]]:
    """The rows that no other study and no other version of it has collected, and a sentence on the others of a file."""
    problems: list[Problem] = []
    expected = {} if study is None else {"study": study.name, "digest": study.digest}
    for name in cells.columns.intersection(list(expected)):
        texts = cells[name].map(lambda text: text if pd.isna(text) else str(text).strip().removeprefix("'"))
        other = texts.notna() & texts.ne(expected[name]) & texts.ne("")
        for (where, found), rows in cells[other].groupby([file[other[other].index], texts[other]]):
            what = f"the study {found}" if name == "study" else f"version {found} of the study {expected['study']}"
            reason = (
                f"{len(rows)} answers were given to {what}, and this is {expected['study']}, version "
                f"{expected['digest']}: read them with the study.json and clips.csv of that page; left out"
            )
            problems.append((where, None, reason))
        cells = cells[~other]
    return cells, problems


def _clean(texts: pd.Series, *, problems: list) -> pd.Series:
    """Cells without blanks around them, without a spreadsheet's apostrophe, missing where empty or a formula."""
    missing = _MISSING - {"NA"} if texts.name == "country" else _MISSING  # NA is Namibia

    def clean(text: object) -> str | None:
        """The cell without blanks, None where it is missing; `ValueError` for a formula."""
        value = str(text).strip()
        value = value if texts.name == "text" else value.removeprefix("'").strip()
        if value[:1] in ("=", "+", "-", "@") and not NUMBER.fullmatch(value):
            raise ValueError(f"{short(text)} begins as a formula")
        return None if value in missing else value

    return _converted(texts, clean, problems=problems)


def _converted(texts: pd.Series, convert: Callable[[str], object], *, problems: list) -> pd.Series:
    """What the cells mean; one that means nothing is missing and a problem. Equal cells are looked at once."""
    numbers, distinct = pd.factorize(texts)
    values = np.full(len(distinct) + 1, None, dtype=object)  # the last is what a missing cell, number -1, becomes
    reasons: dict[int, str] = {}
    for number, text in enumerate(distinct):
        try:
            values[number] = convert(text)
        except ValueError as error:
            reasons[number] = f"{texts.name}: {error}; {_consequence(texts.name)}"
    bad = np.isin(numbers, list(reasons))
    problems += [(row, reasons[number]) for row, number in zip(texts.index[bad], numbers[bad], strict=True)]
    return pd.Series(values[numbers], index=texts.index, dtype="object")


def _identified(rows: pd.DataFrame, *, study: Study | None, problems: list) -> pd.DataFrame:
    """The rows whose clip is known, with what the study says of it."""
    names = [column for column in CLIP if column in rows]
    named = rows[names].bfill(axis=1).iloc[:, 0]
    said = {row for row, _ in problems}
    nothing = "expected the code of a clip, found nothing; the row is left out"
    problems += [(row, nothing) for row in named.index[named.isna()] if row not in said]
    named = named.dropna()
    if study is None:
        return rows.loc[named.index].assign(clip=named)
    places = _places(study.clips)
    known = named.isin(list(places))
    for row, name in named[~known].items():
        hint = " (a spreadsheet may have changed it)" if re.search(r"E\+|[/:]|\d\.\s?\w", name) else ""
        problems.append((row, f"clip: {short(name)} is not in the study {study.name}{hint}; the row is left out"))
    named = named[known]
    rows, place = rows.loc[named.index], named.map(places)
    facts = study.clips.iloc[place.to_numpy(dtype=int)].set_axis(rows.index)
    if "emotion" in rows:
        for row in rows.index[rows["emotion"].notna() & rows["emotion"].ne(facts["emotion"])]:
            found, right = rows.at[row, "emotion"], facts.at[row, "emotion"]
            problems.append((row, f"emotion: the file says {found}, the study {right} of this clip; the study counts"))
    return rows.assign(**{name: facts[name] for name in facts if name in COLUMNS})


def _places(clips: pd.DataFrame) -> dict[str, int]:
    """The row of a clip by the last part of its project path, where that is one clip's, and by path, id and code."""
    ends = clips["path"].str.rsplit("/", n=1).str[-1].where(clips["corpus"].fillna("").ne(""))  # checks are of none
    columns = [ends.mask(ends.duplicated(keep=False)), clips["path"], clips["id"], clips["clip"]]
    return {name: place for column in columns for place, name in enumerate(column) if name and not pd.isna(name)}


def _once(rows: pd.DataFrame, *, problems: list) -> pd.DataFrame:
    """The first answer in a file of each participant to each clip in its role and modality."""
    key = ["file", "participant", "clip", "role", "modality"]
    again = rows.duplicated(key) & rows["participant"].notna()
    if again.any():
        first = rows.groupby(key, dropna=False)["row"].transform("first")
        for index, row in rows[again].iterrows():
            reason = f"{row.participant} answered {row['clip']} before, in row {first[index]}; the first answer counts"
            problems.append((index, reason))
    return rows[~again]


def _consequence(column: object) -> str:
    return "the row is left out" if column in _NEEDED else "it is left missing"
