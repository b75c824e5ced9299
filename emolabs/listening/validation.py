"""What a row of answers has to be: cells become values, clips those of the study, and every fault a sentence.

A cell that is no value of its column is left missing; a row without a known clip, a known answer or (where its file
names participants) a participant is left out. A cell that begins as a formula (`=`, `+`, `-`, `@`) is never a value.
An apostrophe before a cell, which keeps spreadsheets from running it, does not count.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from emolabs.corpora.corpus import emotions as every_emotion
from emolabs.corpora.corpus import harmonize
from emolabs.listening.answers import COLUMNS, MODALITIES, ROLES, as_long
from emolabs.listening.importers import CLIP, Raw

if TYPE_CHECKING:
    from emolabs.listening.study import Study

_MISSING = {"", "NA", "N/A", "#N/A", "NaN", "nan", "null"}
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_NEEDED = {"answer", "clip", "path", "id", "participant"}
_TRUTH = {
    "true": True,
    "1": True,
    "wahr": True,
    "vrai": True,
    "false": False,
    "0": False,
    "falsch": False,
    "faux": False,
}


def check(raw: Raw, *, file: str, study: "Study | None") -> tuple[pd.DataFrame, list[tuple[str, int | None, str]]]:
    """The answers of a file as the long table, and (file, row, reason) of what is wrong with others."""
    problems: list[tuple[int | None, str]] = []  # (index of the cells, or None; sentence)
    place = raw.cells["row"]
    cells = raw.cells.drop(columns=["row", "file"], errors="ignore")
    cells = cells[[name for name in cells if name in COLUMNS]]
    cells = _of_this_study(cells, study=study, problems=problems)
    if cells.empty:
        return as_long(cells), [(file, row, reason) for row, reason in [*raw.notes, *problems]]
    rows = pd.DataFrame({name: _clean(cells[name], problems=problems) for name in cells}, index=cells.index)
    choices = every_emotion() if study is None else study.emotions
    converters = CONVERTERS | {"answer": _emotion(choices), "emotion": _emotion(every_emotion())}
    given = rows.copy()
    for name in rows.columns.intersection(list(converters)):
        rows[name] = _converted(rows[name], converters[name], problems=problems)
    rows = _identified(rows, study=study, problems=problems)
    named = given["participant"].notna().any() if "participant" in given else False
    for name in ["answer", *(["participant"] if named else [])]:
        lost, said = rows.index[rows[name].isna()], {row for row, _ in problems}
        what = "no answer was given" if name == "answer" else "expected the code of a participant, found nothing"
        problems += [(row, f"{what}; the row is left out") for row in lost if row not in said]
        rows = rows.drop(index=lost)
    rows = _once(rows, place=place, problems=problems)
    defaults = {"role": "trial", "modality": "audio" if study is not None else None}
    for name, value in defaults.items():
        rows[name] = value if name not in rows else rows[name].where(rows[name].notna(), value)
    simulated = rows.get("simulated", pd.Series(False, index=rows.index))
    rows = rows.assign(simulated=simulated.where(simulated.notna(), False), file=file, row=place[rows.index])
    said = [(None if row is None else int(place[row]), reason) for row, reason in problems]
    return as_long(rows), [(file, *problem) for problem in _short_of([*raw.notes, *said], rows=place.nunique())]


def _short_of(problems: list[tuple[int | None, str]], *, rows: int) -> list[tuple[int | None, str]]:
    """Each problem once; what is wrong in all (more than one) of the `rows` of a file is one sentence."""
    distinct = list(dict.fromkeys(problems))
    often = {reason for reason, count in Counter(reason for _, reason in distinct).items() if count == rows > 1}
    said = [(None, f"in all {rows} rows: {reason}") if reason in often else (row, reason) for row, reason in distinct]
    return list(dict.fromkeys(said))


def _of_this_study(cells: pd.DataFrame, *, study: "Study | None", problems: list) -> pd.DataFrame:
    """The rows that no other study and no other version of it has collected."""
    expected = {} if study is None else {"study": study.name, "digest": study.digest}
    for name, value in expected.items():
        if name not in cells:
            continue
        texts = cells[name].map(lambda text: text if pd.isna(text) else str(text).strip().removeprefix("'"))
        other = texts.notna() & texts.ne(value) & texts.ne("")
        for found, rows in cells[other].groupby(texts[other]):
            what = f"the study {found}" if name == "study" else f"version {found} of the study {study.name}"
            reason = (
                f"{len(rows)} answers were given to {what}, and this is {expected['study']}, version {study.digest}"
            )
            problems.append((None, f"{reason}: read them with the study.json and clips.csv of that page; left out"))
        cells = cells[~other]
    return cells


def _clean(texts: pd.Series, *, problems: list) -> pd.Series:
    """Cells without blanks around them, without a spreadsheet's apostrophe, missing where empty or a formula."""
    missing = _MISSING - {"NA"} if texts.name == "country" else _MISSING  # NA is Namibia
    cleaned = {}
    for text in texts.dropna().unique():
        value = str(text).strip()
        value = value if texts.name == "text" else value.removeprefix("'").strip()
        formula = value[:1] in ("=", "+", "-", "@") and not _NUMBER.fullmatch(value)
        cleaned[text] = (None if formula or value in missing else value, formula)
    for row, text in texts[texts.map(lambda text: cleaned.get(text, (None, False))[1]).astype(bool)].items():
        problems.append((row, f"{texts.name}: {_short(text)} begins as a formula; {_consequence(texts.name)}"))
    return texts.map(lambda text: cleaned.get(text, (None,))[0]).astype("object")


def _converted(texts: pd.Series, convert: Callable[[str], object], *, problems: list) -> pd.Series:
    """What the cells mean; one that means nothing is missing and a problem."""
    values, reasons = {}, {}
    for text in texts.dropna().unique():
        try:
            values[text] = convert(text)
        except ValueError as error:
            reasons[text] = f"{texts.name}: {error}; {_consequence(texts.name)}"
    problems += [(row, reasons[text]) for row, text in texts[texts.isin(list(reasons))].items()]
    return texts.map(lambda text: values.get(text)).astype("object")


def _identified(rows: pd.DataFrame, *, study: "Study | None", problems: list) -> pd.DataFrame:
    """The rows whose clip is known, with what the study says of it."""
    names = [column for column in CLIP if column in rows]
    named = rows[names].bfill(axis=1).iloc[:, 0]
    if study is None:
        return rows[named.notna()].assign(clip=named)
    places = _places(study.clips)
    known = named.map(lambda name: name in places)
    said = {row for row, _ in problems}
    for row, name in named[~known].items():
        if not pd.isna(name):
            hint = " (a spreadsheet may have changed it)" if re.search(r"E\+|[/:]|\d\.\s?\w", str(name)) else ""
            problems.append((row, f"clip: {_short(name)} is not in the study {study.name}{hint}; the row is left out"))
        elif row not in said:
            problems.append((row, "expected the code of a clip, found nothing; the row is left out"))
    rows, place = rows[known], named[known].map(places)
    facts = study.clips.replace("", None).iloc[place.to_numpy(dtype=int)].set_axis(rows.index)
    if "emotion" in rows:
        for row in rows.index[rows["emotion"].notna() & rows["emotion"].ne(facts["emotion"])]:
            found, right = rows.at[row, "emotion"], facts.at[row, "emotion"]
            problems.append((row, f"emotion: the file says {found}, the study {right} of this clip; the study counts"))
    return rows.assign(**{name: facts[name] for name in facts if name in COLUMNS})


def _places(clips: pd.DataFrame) -> dict[str, int]:
    """The row of a clip by the last part of its project path, where that is one clip's, and by path, id and code."""
    ends = clips["path"].str.rsplit("/", n=1).str[-1]
    columns = [ends.mask(ends.duplicated(keep=False)), clips["path"], clips["id"], clips["clip"]]
    return {name: place for column in columns for place, name in enumerate(column) if name and not pd.isna(name)}


def _once(rows: pd.DataFrame, *, place: pd.Series, problems: list) -> pd.DataFrame:
    """The first answer of each participant to each clip in its role and modality."""
    if "participant" not in rows:
        return rows
    key = rows.columns.intersection(["participant", "clip", "role", "modality"])
    first = pd.Series(rows.index, rows.index).groupby([rows[k] for k in key], dropna=False).transform("first")
    again = rows.duplicated(list(key)) & rows["participant"].notna()
    for row in rows.index[again]:
        who, clip = rows.at[row, "participant"], rows.at[row, "clip"]
        problems.append((row, f"{who} answered {clip} before, in row {place[first[row]]}; the first answer counts"))
    return rows[~again]


def _consequence(column: object) -> str:
    return "the row is left out" if column in _NEEDED else "it is left missing"


def _short(text: object) -> str:
    return repr(text if len(str(text)) <= 40 else f"{str(text)[:39]}…")


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, found {_short(text)}")
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(f"expected a number, found {_short(text)}")
    return value


def _whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = _number(text)
        if value != int(value) or not least <= value <= most:
            upper = f" to {most}" if most < math.inf else " or more"
            raise ValueError(f"expected a whole number, {least}{upper}, found {_short(text)}")
        return int(value)

    return convert


def _choice(values: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.casefold() not in values:
            raise ValueError(f"expected one of {', '.join(values)}, found {_short(text)}")
        return text.casefold()

    return convert


def _emotion(choices: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        try:
            emotion = harmonize(text)
        except ValueError:
            emotion = text
        if emotion not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, found {_short(text)}")
        return emotion

    return convert


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time as 2024-05-31T09:30:00Z, found {_short(text)}") from None
    return text


def _country(text: str) -> str:
    if not re.fullmatch("[A-Za-z]{2}", text):
        raise ValueError(f"expected a country in two letters (ISO 3166-1), found {_short(text)}")
    return text.upper()


def _truth(text: str) -> bool:
    if text.casefold() not in _TRUTH:
        raise ValueError(f"expected true or false, found {_short(text)}")
    return _TRUTH[text.casefold()]


#: What makes a value of a cell's text, by column; a column that is not here is text.
CONVERTERS: dict[str, Callable[[str], object]] = {
    "order": _whole(0),
    "position": _whole(1),
    "confidence": _whole(1, 5),
    "plays": _whole(0),
    "response_time_s": _number,
    "role": _choice(ROLES),
    "modality": _choice(MODALITIES),
    "started": _moment,
    "finished": _moment,
    "country": _country,
    "simulated": _truth,
}
