"""LaTeX: tables as booktabs `tabular`, text that LaTeX prints as it is, comments that say where a file comes from."""

import re

import pandas as pd
from pandas.api.types import is_bool_dtype, is_float, is_numeric_dtype

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
    return f"\\par\\smallskip{{\\footnotesize {escape(text)}\\par}}\n" if text else ""


def flatten(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with its index as leading columns; a plain 0, 1, 2 … index without a name is dropped.

    So the names of index levels stand in the header row and not in a row of their own.
    """
    index = table.index
    if index.nlevels == 1 and index.name is None and index.equals(pd.RangeIndex(len(table))):
        return table.reset_index(drop=True)
    names = ["" if name is None else name for name in index.names]
    return table.reset_index(names=names, col_level=-1, allow_duplicates=True)


def tabular(table: pd.DataFrame, *, precision: int = 3) -> str:
    """`table` (without its index) as a LaTeX `tabular` that needs the package booktabs, and longtable where it is long.

    Numeric columns stand right, all others left; floats have `precision` digits after the point, missing values are a
    dash. Text and headings are escaped, and what is wider than the text is fitted.
    """

    def show(value: object) -> str:
        if isinstance(value, str):
            return value  # the Styler has escaped it
        return re.sub("^-", "$-$", f"{value:.{precision}f}" if is_float(value) else str(value))

    styler = table.style.hide(axis="index").hide(axis="columns", names=True)
    styler = styler.format(show, escape="latex", na_rep="--").format_index(escape="latex", axis="columns")
    kinds = [is_numeric_dtype(kind) and not is_bool_dtype(kind) for kind in table.dtypes]
    columns = "".join("r" if numeric else "l" for numeric in kinds)
    tex = styler.to_latex(hrules=True, column_format=columns, multicol_align="c")
    return fit(tex.replace("\N{MINUS SIGN}", "$-$"))
