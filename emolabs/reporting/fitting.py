r"""Fitting: a `tabular` that is wider than the text gets stacked headings, boxed text, smaller type, or a page turned.

Conventions: widths are counted in characters of the text's own size. A character takes 0.45 em, a capital half as much
again, and the text block is 16 cm wide and 22 cm high at 11 pt, as in a thesis. What fits is left as it is. LaTeX needs
booktabs, longtable where there are more rows than a page has, and pdflscape where a page is turned.
"""

import math
import re
from dataclasses import dataclass

#: Characters on a line of the text, and on a line of a turned page.
LINE, TURNED_LINE = 92, 126
#: Commands of LaTeX for type by its size relative to the text, from large to small; smaller is not read in print.
SIZES = {"small": 0.91, "footnotesize": 0.82, "scriptsize": 0.73}
#: Text of more characters is broken before the smallest type is taken.
LONG = 40
#: Rows on a page in the smallest type, and on a turned page; in a table of more than `FEW` rows short
#: cells are not broken, which would make it twice as long.
ROWS, TURNED_ROWS, FEW = 60, 36, 25
_GAP, _NARROW_GAP = 2.4, 0.8  # characters between two columns: LaTeX's 12 pt, and 4 pt in smaller type
_CHARACTER_PT = 0.45 * 11
_MARGIN = 0.95  # of a line that broken cells fill: names are wider than prose
_TURNED = r"""\begin{{landscape}}\centering\ifdefined\emocaption\emocaption\fi
{}\end{{landscape}}
"""
_NUMBER = re.compile(r"(\$-\$)?([\d,]+)(?:\.\d+)?(?= \[|[^\w. ]*$)")
_DASHES = ("", "--", "–")


@dataclass(frozen=True)
class _Layout:
    """How a table is set: its type, the width of each column in characters, and whether the page is turned."""

    size: str
    widths: list[float]
    turned: bool = False

    @property
    def gap_pt(self) -> float:
        """Space on either side of a column: 2 pt, and up to LaTeX's 6 pt where the line has room."""
        scale, columns = SIZES[self.size], len(self.widths)
        room = _MARGIN * (TURNED_LINE if self.turned else LINE) / scale - sum(self.widths) - _NARROW_GAP * columns
        return min(6.0, 2.0 + max(0.0, room * _CHARACTER_PT * scale / (2 * columns) // 0.5 / 2))


def fit(tabular: str, *, note: str = "") -> str:
    r"""`tabular`, as pandas' Styler writes it, no wider than the text, over pages if need be, and `note` under it.

    Numbers at the head of a cell stand with their points under each other. Headings are stacked at blanks, hyphens and
    underscores; where smaller type is not enough, columns of text are broken, and where that is not enough either, the
    table is set on a turned page (`landscape`), with the caption that `\emocaption` holds. Intervals are never broken.
    More rows than a page has become a `longtable`. Headings of several rows are left as they are.
    """
    lines = tabular.rstrip("\n").split("\n")
    kinds, middle = re.search(r"\{([lr]+)\}$", lines[0])[1], lines.index(r"\midrule")
    rows = _aligned([_cells(line) for line in lines[middle + 1 : -2]], kinds=kinds)
    head = _cells(lines[2])
    several = middle > 3 or r"\multicolumn" in lines[2]
    fits = several or sum(_widths([*rows, head])) + _GAP * len(kinds) <= LINE
    if fits and len(rows) <= ROWS:
        return "\n".join([*lines[: middle + 1], *map(_line, rows), *lines[-2:]]) + "\n" + note
    layout = _Layout("scriptsize", _widths([*rows, head])) if fits else _layout(head, rows, kinds=kinds)
    printed = _printed(rows, widths=layout.widths) * SIZES[layout.size] / SIZES["scriptsize"]
    if not fits:
        head = [_stack(*column) for column in zip(head, kinds, layout.widths, strict=True)]
        rows = _boxed(rows, widths=layout.widths)
    kind = "longtable" if printed > (TURNED_ROWS if layout.turned else ROWS) else "tabular"
    top = [r"\toprule", _line(head), r"\midrule"] + [r"\endhead"] * (kind == "longtable")
    begin = [rf"{{\{layout.size}\setlength{{\tabcolsep}}{{{layout.gap_pt:g}pt}}%", rf"\begin{{{kind}}}{{{kinds}}}"]
    text = "\n".join([*begin, *top, *map(_line, rows), r"\bottomrule", rf"\end{{{kind}}}}}"]) + "\n" + note
    return _TURNED.format(text) if layout.turned else text


def _printed(rows: list[list[str]], *, widths: list[float]) -> int:
    """How many lines the rows take, where cells are broken that are longer than their column is wide."""
    cells = (zip(row, widths, strict=True) for row in rows)
    return sum(max(math.ceil(_length(cell) / width) if width else 1 for cell, width in row) for row in cells)


def _layout(head: list[str], rows: list[list[str]], *, kinds: str) -> _Layout:
    """The first layout that fits: larger type before smaller, whole cells before broken ones, a turned page last."""
    whole = _widths([[max(_parts(heading), key=_length).rstrip() for heading in head], *rows])
    least = [
        min(width, max(_shortest(row[i]) for row in [*rows, head])) if _is_text(rows, i, kinds) else width
        for i, width in enumerate(whole)
    ]
    prose = [low if width > LONG else width for low, width in zip(least, whole, strict=True)]
    tries = [("small", whole), ("footnotesize", whole)]
    tries += [("footnotesize", prose)] if prose != whole else []
    tries += [("scriptsize", whole)]
    tries += [("scriptsize", prose)] if len(rows) > FEW else [("footnotesize", least), ("scriptsize", least)]
    for turned, line in ((False, LINE), (True, TURNED_LINE)):
        for size, low in tries:
            widths = _shared(whole, low, room=line / SIZES[size] - _NARROW_GAP * len(whole))
            if widths:
                return _Layout(size, widths, turned)
    return _Layout("scriptsize", least, True)


def _shared(whole: list[float], least: list[float], *, room: float) -> list[float]:
    """Widths between `least` and `whole` whose sum is at most `room`, the widest cut first; empty where none are."""
    if sum(whole) <= room:
        return whole
    room *= _MARGIN
    if sum(least) > room:
        return []
    low, high = 0.0, max(whole)
    for _ in range(40):  # bisection for the width above which columns are cut
        middle = (low + high) / 2
        total = sum(max(a, min(b, middle)) for a, b in zip(least, whole, strict=True))
        low, high = (middle, high) if total <= room else (low, middle)
    return [max(a, min(b, low)) for a, b in zip(least, whole, strict=True)]


def _cells(line: str) -> list[str]:
    return line.removesuffix(r" \\").split(" & ")


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _widths(rows: list[list[str]]) -> list[float]:
    """The longest cell of each column, in characters as they are printed."""
    return [max(map(_length, column)) for column in zip(*rows, strict=True)]


def _length(cell: str) -> float:
    printed = re.sub(r"\\allowbreak\{\}", "", cell)
    printed = re.sub(r"\\phantom\{.*?\}|\\(?:[a-z]+(?:\{\}| ?\\space ?)?|.)|\$-\$", "x", printed)
    return len(printed) + 0.5 * sum(map(str.isupper, printed))


def _parts(heading: str) -> list[str]:
    return re.split(r"(?<= )|(?<=-)|(?<=\\_)", heading)


def _shortest(cell: str) -> float:
    """The length of the longest piece of a cell that cannot be broken."""
    return max(map(_length, re.split(r" |(?<=[\w}]-)(?=\w)|\\allowbreak\{\}", _breakable(cell))))


def _is_text(rows: list[list[str]], column: int, kinds: str) -> bool:
    return kinds[column] == "l" and not any(_NUMBER.match(row[column]) for row in rows)


def _aligned(rows: list[list[str]], *, kinds: str) -> list[list[str]]:
    """`rows` with room for missing digits and signs before the numbers of columns that stand left."""
    rows = [list(row) for row in rows]
    for column in [i for i, kind in enumerate(kinds) if kind == "l"]:
        found = {i: _NUMBER.match(row[column]) for i, row in enumerate(rows) if row[column] not in _DASHES}
        found = {i: match for i, match in found.items() if match}
        if not any("." in match[0] for match in found.values()):
            continue
        signs, digits = any(match[1] for match in found.values()), max(len(match[2]) for match in found.values())
        for i, match in found.items():
            sign = r"\phantom{$-$}" if signs and not match[1] else ""
            rows[i][column] = sign + r"\phantom{0}" * (digits - len(match[2])) + rows[i][column]
    return rows


def _stack(heading: str, kind: str, width: float) -> str:
    lines = [""]
    for part in _parts(heading):
        if lines[-1] and _length(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    stacked = r"\\".join(map(str.rstrip, lines))
    return rf"\shortstack[{kind}]{{{stacked}}}" if len(lines) > 1 else heading


def _boxed(rows: list[list[str]], *, widths: list[float]) -> list[list[str]]:
    """`rows` with the columns that are wider than `widths` in boxes."""
    boxes = {i: 0.45 * widths[i] for i, whole in enumerate(_widths(rows)) if whole > widths[i] + 1e-6}
    return [
        [
            rf"\parbox[t]{{{boxes[i]:.1f}em}}{{\raggedright {_breakable(cell)}\strut}}" if i in boxes else cell
            for i, cell in enumerate(row)
        ]
        for row in rows
    ]


def _breakable(cell: str) -> str:
    """`cell` whose paths may be broken, and whose intervals may not."""
    kept = re.sub(r"(\d) \[([^\[\] ]+), ([^\[\] ]+)\]", r"\1~[\2,~\3]", cell)
    return re.sub(r"(/|\\_)", r"\1\\allowbreak{}", kept)
