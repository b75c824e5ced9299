r"""Fitting: a `tabular` that is wider than the text gets stacked headings, boxed text and smaller type.

Conventions: widths are counted in characters of the text's own size. A character takes 0.45 em, a capital half as much
again, and the text block is 16 cm wide at 11 pt, as in a thesis. What fits is left as it is. LaTeX needs booktabs, and
longtable where there are more rows than a page has.
"""

import re

#: Characters on a line of the text.
LINE = 92
#: Commands of LaTeX for type by its size relative to the text, from large to small.
SIZES = {"small": 0.91, "footnotesize": 0.82, "scriptsize": 0.73, "tiny": 0.55}
#: Text of more characters may be broken.
LONG = 40
#: Rows on a page in the smallest type.
ROWS = 60
_GAP, _NARROW_GAP = 2.4, 0.8  # characters between two columns: LaTeX's 12 pt, and 4 pt in smaller type


def fit(tabular: str) -> str:
    r"""`tabular`, as pandas' Styler writes it with one row of headings, no wider than the text, over pages if need be.

    Headings are stacked at blanks, hyphens and underscores, columns of long text share what is left in the smallest
    type but two, and more than `ROWS` rows become a `longtable`.
    """
    lines = tabular.rstrip("\n").split("\n")
    kinds = re.search(r"\{([lr]+)\}$", lines[0])[1]
    head, rows = lines[2], [_cells(line) for line in lines[4:-2]]
    wide = r"\multicolumn" not in head and sum(_widths(rows + [_cells(head)])) + _GAP * len(kinds) > LINE
    if not wide and len(rows) <= ROWS:
        return tabular
    headings, size = _cells(head), "scriptsize"
    if wide:
        widths = _widths([[max(_parts(heading), key=_length).rstrip() for heading in headings], *rows])
        headings = [_stack(*column) for column in zip(headings, kinds, widths, strict=True)]
        size = next((name for name in SIZES if _total(widths) <= LINE / SIZES[name]), "tiny")
        if size in ("scriptsize", "tiny") and max(widths) > LONG:
            size, rows = "footnotesize", _boxed(rows, widths=widths, line=LINE / SIZES["footnotesize"])
    kind = "longtable" if len(rows) > ROWS else "tabular"
    body = [" & ".join(row) + r" \\" for row in rows]
    top = [r"\toprule", " & ".join(headings) + r" \\", r"\midrule"] + ([r"\endhead"] if kind == "longtable" else [])
    begin = [rf"{{\{size}\setlength{{\tabcolsep}}{{2pt}}%", rf"\begin{{{kind}}}{{{kinds}}}"]
    return "\n".join([*begin, *top, *body, r"\bottomrule", rf"\end{{{kind}}}}}"]) + "\n"


def _cells(line: str) -> list[str]:
    return line.removesuffix(r" \\").split(" & ")


def _widths(rows: list[list[str]]) -> list[float]:
    """The longest cell of each column, in characters as they are printed."""
    return [max(map(_length, column)) for column in zip(*rows, strict=True)]


def _total(widths: list[float]) -> float:
    return sum(widths) + _NARROW_GAP * len(widths)


def _length(cell: str) -> float:
    printed = re.sub(r"\\(?:[a-z]+(?: ?\\space ?)?|.)|\$-\$", "x", cell)
    return len(printed) + 0.5 * sum(map(str.isupper, printed))


def _parts(heading: str) -> list[str]:
    return re.split(r"(?<= )|(?<=-)|(?<=\\_)", heading)


def _stack(heading: str, kind: str, width: float) -> str:
    lines = [""]
    for part in _parts(heading):
        if lines[-1] and _length(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    stacked = r"\\".join(map(str.rstrip, lines))
    return rf"\shortstack[{kind}]{{{stacked}}}" if len(lines) > 1 else heading


def _boxed(rows: list[list[str]], *, widths: list[float], line: float) -> list[list[str]]:
    """`rows` with the columns of long text in boxes as wide as what the others leave of the line."""
    long = [i for i, width in enumerate(widths) if width > LONG]
    left = line - _total([0 if i in long else width for i, width in enumerate(widths)])
    share = 0.95 * left / sum(widths[i] for i in long)  # names are wider than prose
    boxes = {i: rf"\parbox[t]{{{0.45 * share * widths[i]:.1f}em}}{{\raggedright " for i in long}
    return [
        [f"{boxes[i]}{_breakable(cell)}\\strut}}" if i in boxes else cell for i, cell in enumerate(row)] for row in rows
    ]


def _breakable(cell: str) -> str:
    """`cell` whose paths may be broken."""
    return re.sub(r"(/|\\_)", r"\1\\allowbreak{}", cell)
