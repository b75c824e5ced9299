"""The files that answers come in, each made into rows of text under the names of the long table.

The page's JSON, and tables (`.csv`, `.tsv`, `.txt`) of three forms, told by their header:

- *long*: columns named as in `answers.COLUMNS`, `answer` and one of `clip`, `path`, `id` among them. The page's CSV is
  one; other programs are best made to write it.
- *jsPsych*: what `audio-button-response` leaves (also as jsPsych's JSON). `stimulus` names the clip by its code, its
  project path or the last part of it. `response` (`button_pressed` in version 6) is the number of the button, from 0,
  in `choices` where that was saved and otherwise in the study's emotions, or the label itself. `rt` counts milliseconds
  from the beginning of the playback: it becomes a response time where a column `duration_s` has the playback's length,
  and is left out elsewhere. The participant is `participant`, `participant_id`, `subject_id` or `subject`, or else the
  file's name.
- *votes*: a row per clip, a column of counts per emotion; read as `votes_to_long` does, and of no known listeners.
"""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from emolabs.corpora.corpus import harmonize
from emolabs.listening.answers import COLUMNS, votes_to_long
from emolabs.listening.sheets import read_sheet, read_text

FORMAT = "emolabs-listening-1"
ENDINGS = (".json", ".csv", ".tsv", ".txt")
CLIP = ("clip", "path", "id")
_PAGE = ("study", "digest", "participant", "order", "started", "finished", "background", "trials")
_PARTICIPANT = ("participant", "participant_id", "subject_id", "subject")
_JSPSYCH = "audio-button-response"


class Raw(NamedTuple):
    """Rows of a file, their cells text or None; what is wrong with others is in `notes`, as (row, sentence)."""

    cells: pd.DataFrame  # `row` is the row in the file
    notes: list[tuple[int | None, str]]


def load(file: Path, *, emotions: Sequence[str]) -> Raw:
    """The rows of `file`; `emotions` are the study's choices, in the order of its buttons.

    Raises `ValueError` with a sentence where the file as a whole is of no use, `OSError` where it cannot be read.
    """
    if file.suffix.lower() not in ENDINGS:
        raise ValueError(f"expected a file {', '.join(ENDINGS)}, found {file.name}; save the table as CSV (UTF-8)")
    text, notes = read_text(file)
    if file.suffix.lower() == ".json":
        raw = _json(text, name=file.stem, emotions=emotions)
    else:
        sheet = read_sheet(text)
        raw = _table(sheet.cells.assign(row=sheet.cells.index), name=file.stem, emotions=emotions)
        notes = notes + sheet.notes
    return Raw(raw.cells.reset_index(drop=True), notes + raw.notes)


def _json(text: str, *, name: str, emotions: Sequence[str]) -> Raw:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"expected JSON, found a file that ends or breaks at line {error.lineno}, column {error.colno}: it is cut "
            "off or was changed; ask the participant for it again, or for the CSV file beside it"
        ) from None
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        cells = pd.DataFrame([_texts(row) for row in content], dtype="object").assign(row=range(1, len(content) + 1))
        return _table(cells, name=name, emotions=emotions)
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if found != FORMAT:
        raise ValueError(f"expected a file of the page (format {FORMAT}), found {found!r}; the file is left out")
    lacking = [key for key in _PAGE if key not in content]
    if lacking or not isinstance(content["trials"], list) or not isinstance(content["background"] or {}, dict):
        raise ValueError(f"expected {', '.join(_PAGE)}, found the file without {', '.join(lacking) or 'its trials'}")
    told = {key: content.get(key) for key in (*_PAGE[:-2], "simulated")} | (content["background"] or {})
    rows, notes = [], []
    for number, trial in enumerate(content["trials"], start=1):
        if isinstance(trial, dict) and {"clip", "answer"} <= trial.keys():
            rows.append(_texts(told | trial) | {"row": number})
        else:
            notes.append((number, f"expected a trial with clip and answer, found {trial!r}; it is left out"))
    if not rows:
        raise ValueError("expected answers, found none: the participant closed the page before the first")
    return Raw(pd.DataFrame(rows, dtype="object"), notes)


def _table(cells: pd.DataFrame, *, name: str, emotions: Sequence[str]) -> Raw:
    """The rows of a table whose form its header tells."""
    if cells.empty:
        raise ValueError("expected answers below the first row, found none; the file is left out")
    counts = _counts(cells.columns)
    if "trial_type" in cells:
        return _jspsych(cells, name=name, emotions=emotions)
    if "answer" not in cells and len(counts) > 1:
        return _votes(cells, counts=counts)
    if "answer" not in cells or not any(column in cells for column in CLIP):
        raise ValueError(
            f"expected the columns answer and one of {', '.join(CLIP)} (or those of jsPsych, or counts of votes), "
            f"found {_names(cells)}; the file is left out"
        )
    if "format" in cells:  # the page's, whose language is the page's and not the clip's
        cells = cells.drop(columns=["format", "language"], errors="ignore")
    unknown = [column for column in cells if column not in COLUMNS]
    notes = [(1, f"the columns {', '.join(map(str, unknown))} are not known and left out")] if unknown else []
    return Raw(cells, notes)


def _jspsych(cells: pd.DataFrame, *, name: str, emotions: Sequence[str]) -> Raw:
    cells = cells[cells["trial_type"] == _JSPSYCH]
    pressed = next((column for column in ("response", "button_pressed") if column in cells), None)
    if cells.empty or pressed is None or "stimulus" not in cells:
        raise ValueError(
            f"expected rows of {_JSPSYCH} with the columns stimulus and response, found {len(cells)} such rows and the "
            f"columns {_names(cells)}; the file is left out"
        )
    cells = cells.replace("null", None)
    who = next((column for column in _PARTICIPANT if column in cells), None)
    known = cells[[column for column in cells if column in COLUMNS]]
    made = {
        "participant": name if who is None else cells[who],
        "clip": [None if pd.isna(s) else PurePosixPath(s.replace("\\", "/")).stem for s in cells["stimulus"]],
        "answer": [_button(row, pressed=pressed, emotions=emotions) for row in cells.to_dict("records")],
        "position": [str(n) for n in range(1, len(cells) + 1)],
    }
    notes: list[tuple[int | None, str]] = []
    if "duration_s" in cells and "rt" in cells:
        made["response_time_s"] = [_since_end(*times) for times in zip(cells["rt"], cells["duration_s"], strict=True)]
    elif "rt" in cells:
        notes = [(None, "rt counts from the beginning of the playback, whose duration_s is not there: it is left out")]
    return Raw(known.assign(**made), notes)


def _since_end(rt_ms: str | None, duration_s: str | None) -> str | None:
    """Seconds from the end of the playback; what is no number stays as it is, for whoever says so."""
    if pd.isna(rt_ms) or pd.isna(duration_s):
        return None
    try:
        return f"{float(rt_ms.replace(',', '.')) / 1000 - float(duration_s.replace(',', '.')):.3f}"
    except ValueError:
        return f"{rt_ms} ms after {duration_s} s"


def _button(row: dict, *, pressed: str, emotions: Sequence[str]) -> str | None:
    """The label of the pressed button: `choices` of the row or `emotions` by its number, or what the row says."""
    value, saved, choices = row[pressed], row.get("choices"), list(emotions)
    if pd.isna(value):
        return None
    value = value.removesuffix(".0")  # a spreadsheet's number
    if not value.isdecimal():
        return value
    if not pd.isna(saved) and saved:
        try:
            choices = list(json.loads(saved))
        except (json.JSONDecodeError, TypeError):
            return f"button {value} of {saved}"
    return str(choices[int(value)]) if int(value) < len(choices) else f"button {value} of {len(choices)}"


def _votes(cells: pd.DataFrame, *, counts: dict[str, str]) -> Raw:
    clip = next((column for column in (*CLIP, "fileName") if column in cells), None)
    if clip is None:
        raise ValueError(f"expected the column clip beside counts of votes, found {_names(cells)}")
    table, problems = votes_to_long(cells, counts=counts, clip=clip)
    known = [column for column in COLUMNS if column in cells or column in ("clip", "answer")]
    notes = list(zip(map(int, problems.row), problems.reason, strict=True))
    return Raw(table[known].astype("object"), notes)


def _names(cells: pd.DataFrame) -> str:
    return ", ".join(str(column) for column in cells if column != "row")


def _counts(columns: Sequence[str]) -> dict[str, str]:
    """The columns that are named after emotions, and the emotion of each."""
    found = {}
    for column in columns:
        try:
            found[column] = harmonize(str(column))
        except ValueError:
            continue
    return found


def _texts(row: dict) -> dict[str, str | None]:
    """A row of JSON as a table would hold it. JSON can hold halves of letters, which are no text."""
    cells = {key: value if isinstance(value, str) else json.dumps(value) for key, value in row.items()}
    return {key: None if row[key] is None else text.encode("utf-8", "replace").decode() for key, text in cells.items()}
