"""Tables beside the audio: CSV in UTF-8, read with messages that name the row."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from emolabs.corpora.corpus import read_text


def read_table(file: Path, *, required: Sequence[str]) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """Read a CSV file whose first row names the columns; blanks around a value do not count.

    Returns the rows, each with its place (`row 2` is the first under the header, as a spreadsheet counts), and the
    problems as sentences: a column of `required` that is missing, one that is there twice, a row with another number of
    fields than the header. Raises `ValueError` with a sentence where the file is not in UTF-8.
    """
    try:
        lines = list(csv.reader(io.StringIO(read_text(file), newline="")))
    except csv.Error as error:
        return [], [f"expected values separated by commas: {error}"]
    header = [name.strip() for name in lines[0]] if lines else []
    lacking = [name for name in required if name not in header]
    if lacking:
        found = ", ".join(header) or "nothing"
        return [], [f"row 1: expected the columns {', '.join(required)}; found {found} without {', '.join(lacking)}"]
    twice = sorted({name for name in header if header.count(name) > 1})
    problems = [f"row 1: the column {name} is there twice" for name in twice]
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) == len(header):
            rows.append((f"row {number}", dict(zip(header, map(str.strip, line), strict=True))))
        elif any(map(str.strip, line)):
            problems.append(f"row {number}: expected {len(header)} fields as in the header, found {len(line)}")
    return rows, problems
