"""Text and tables as people's programs leave them: UTF-8 or UTF-16, commas, semicolons or tabs, cells cut off."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import pandas as pd

_BEGINNINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SEPARATORS = ",;\t"


class Sheet(NamedTuple):
    """The cells of a table as text; the index counts rows as a spreadsheet does (the header is usually row 1)."""

    cells: pd.DataFrame  # [rows, columns of the header]
    notes: list[tuple[int | None, str]]  # (row, what is wrong)


def read_text(file: Path) -> tuple[str, list[tuple[None, str]]]:
    """The text of `file`, and what has to be said of its encoding: UTF-8 and UTF-16 are read as they are.

    Raises `ValueError` with a sentence where the file is empty or holds no text, `OSError` where it cannot be read.
    """
    content = file.read_bytes()
    try:
        text, notes = content.decode(_BEGINNINGS.get(content[:2], "utf-8-sig")), []
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        notes = [
            (None, "expected text in UTF-8, found other bytes: read as Windows-1252; look at letters with accents")
        ]
    if not text.strip():
        raise ValueError("the file is empty; ask for it again")
    if "\0" in text:
        raise ValueError("expected text, found a binary file; save the table as CSV (UTF-8)")
    return text, notes


def read_sheet(text: str) -> Sheet:
    """The table in `text`, separated by commas, semicolons or tabs: what parts its first row into the most columns.

    A first line `sep=;`, as Excel has it, is no row of the table. Rows with another number of cells than the header are
    in `notes` and not in `cells`. Raises `ValueError` with a sentence where there is no header or a column is twice.
    """
    body = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    first, _, rest = body.partition("\n")
    skipped = int(first.strip('"').lower().startswith("sep="))
    if skipped:
        body, first = rest, rest.partition("\n")[0]
    separator = max(_SEPARATORS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    try:
        rows = list(csv.reader(io.StringIO(body), delimiter=separator))
    except csv.Error as error:
        raise ValueError(f"expected a table as CSV, found text that is none: {error}") from None
    header = [name.strip().lstrip("\ufeff") for name in rows[0]]
    while header and not header[-1]:
        header.pop()
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or not header:
        found = f"{', '.join(twice)} twice" if twice else "an empty first row"
        raise ValueError(f"expected a first row that names each column once, found {found}; the file is left out")
    kept, notes = {}, []
    for number, cells in enumerate(rows[1:], start=2 + skipped):
        # an open quotation takes in the line end that every row has
        cut = number == len(rows) + skipped and (len(cells) < len(header) or cells[-1].endswith("\n"))
        whole = len(cells) >= len(header) and not any(map(str.strip, cells[len(header) :]))
        if whole and not cut and any(map(str.strip, cells)):
            kept[number] = cells[: len(header)]
        elif any(map(str.strip, cells)):
            why = "found the end of the file: it is cut off" if cut else f"found {len(cells)}"
            notes.append((number, f"expected {len(header)} cells, {why}; the row is left out"))
    return Sheet(pd.DataFrame.from_dict(kept, orient="index", columns=header, dtype="object"), notes)
