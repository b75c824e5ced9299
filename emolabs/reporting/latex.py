"""LaTeX: tables as booktabs `tabular`, text that LaTeX prints as it is, comments that say where a file comes from."""

import re

import pandas as pd
from pandas.api.types import (
    is_bool_dtype,
    is_float,
    is_float_dtype,
    is_integer,
    is_integer_dtype,
    is_numeric_dtype,
)

from emolabs.reporting.fitting import fit
from emolabs.reporting.manifest import Record

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\N{MINUS SIGN}": "$-$",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)

#: Words in the names of columns whose whole numbers name something and count nothing: their digits stay together.
NAMING = {"year", "seed"}
#: Units at the end of a column's name, as they are written.
UNITS = {"s": "s", "ms": "ms", "hz": "Hz", "db": "dB", "dbtp": "dBTP", "lufs": "LUFS"}


def escape(text: str) -> str:
    """`text` so that LaTeX prints it as it is; the hyphen before a number becomes a minus.

    >>> escape("100% of a_b, -2.5")
    '100\\\\% of a\\\\_b, $-$2.5'
    """
    return re.sub(r"(?<![\w.)\]$-])-(?=\.?\d)", "$-$", text.translate(_SPECIAL))


def comment(record: Record) -> str:
    """Comment lines with the provenance and all that is known of the file."""
    return f"% {record.entry.title}. Provenance: {record.provenance}\n% emolabs {record.to_json()}\n"


def note(text: str) -> str:
    r"""A paragraph in small type to stand under a `tabular`; nothing for an empty text."""
    return f"\\par\\smallskip{{\\footnotesize\\raggedright {escape(text)}\\par}}\n" if text else ""


def flatten(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with its index as leading columns; whole numbers without a name, which only count rows, are dropped.

    So the names of index levels stand in the header row and not in a row of their own.
    """
    index = table.index
    if index.nlevels == 1 and index.name is None and (is_integer_dtype(index.dtype) or not len(index)):
        return table.reset_index(drop=True)
    names = ["" if name is None else name for name in index.names]
    return table.reset_index(names=names, col_level=-1, allow_duplicates=True)


def heading(name: str) -> str:
    """A column's name as a reader is told it: blanks for underscores, and a unit in brackets.

    >>> heading("duration_s"), heading("held_back"), heading("UAR (%)")
    ('duration (s)', 'held back', 'UAR (%)')
    """
    if not re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", name):
        return name
    *words, last = name.split("_")
    return " ".join([*words, f"({UNITS[last]})" if last in UNITS else last])


def tabular(table: pd.DataFrame, *, precision: int = 3, below: str = "") -> str:
    """`table` (without its index) as a LaTeX `tabular` that needs the package booktabs, and what `fit` says.

    Columns of numbers stand right, all others left. Floats have as many digits after the point as their column needs,
    at least one and at most `precision`; thousands are set off by a comma except in years and other numbers that count
    nothing (`NAMING`); missing values are a dash. Text and headings are escaped, what is wider than the text is fitted,
    and the note `below` stands under it.
    """
    columns = [table.iloc[:, i] for i in range(table.shape[1])]
    shown = pd.DataFrame({i: _shown(column, precision) for i, column in enumerate(columns)}, index=table.index)
    kinds = "".join("r" if _is_numeric(column) else "l" for column in columns)
    if table.columns.nlevels > 1:
        names = pd.MultiIndex.from_tuples([tuple(heading(str(part)) for part in name) for name in table.columns])
    else:
        names = pd.Index([heading(str(name)) for name in table.columns], dtype=object)
    styler = shown.set_axis(names, axis="columns").reset_index(drop=True).style
    styler = styler.hide(axis="index").hide(axis="columns", names=True).format_index(escape="latex", axis="columns")
    tex = styler.to_latex(hrules=True, column_format=kinds, multicol_align="c")
    return fit(tex.replace("\N{MINUS SIGN}", "$-$"), note=note(below))


def _is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers, or text that is whole numbers with commas throughout."""
    if is_numeric_dtype(column):
        return not is_bool_dtype(column)
    there = column.dropna().astype(str)
    return len(there) > 0 and there.str.fullmatch(r"[\d,]+|–|").all() and there.str.contains(r"\d").any()


def _shown(column: pd.Series, precision: int) -> list[str]:
    """The cells of a column as LaTeX."""
    digits = _digits(column, precision) if is_float_dtype(column) else precision
    comma = "" if NAMING & {*re.split(r"[\W_]+", str(column.name).lower())} else ","
    cells = []
    for value in column:
        if is_float(value) and not pd.isna(value):
            cells.append(f"{value:{comma}.{digits}f}")
        elif is_integer(value):
            cells.append(f"{value:{comma}}")
        else:
            cells.append(value if isinstance(value, str) else "--" if pd.isna(value) else str(value))
    return ["--" if cell == "--" else escape(cell) for cell in cells]


def _digits(column: pd.Series, precision: int) -> int:
    """Digits after the point that tell every value of a column; none for whole numbers of which some are missing."""
    values = column.dropna()
    is_whole = bool((values == values.round(0)).all())
    if is_whole and len(values) < len(column):
        return 0
    needed = (digits for digits in range(1, precision) if (abs(values - values.round(digits)) < 1e-9).all())
    return next(needed, precision)
