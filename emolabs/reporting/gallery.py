"""The gallery: `save` is the only way to write a figure or a table.

Same inputs, same bytes: files carry no dates and no versions. What made a file is written into it, and where its data
come from is drawn into the picture itself.
"""

import io
from pathlib import Path
from weakref import WeakKeyDictionary

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox

from emolabs import markdown
from emolabs.reporting import catalogue, latex, manifest, marks
from emolabs.reporting.style import DPI, STYLE, TEXT_WIDTH_IN

#: The lines of provenance: size and line height in points, distance to the edges in inches, colour.
NOTE_PT, NOTE_LINE_PT, NOTE_MARGIN_IN, NOTE_COLOR = 6.5, 8.0, 0.04, "0.4"

#: Least height in inches that a figure has above its provenance.
MIN_HEIGHT_IN = 0.5

_NOTE = "emolabs-provenance"
#: The layout of the figures that a save has frozen, for the next save of the same figure.
_layouts: WeakKeyDictionary[Figure, ConstrainedLayoutEngine] = WeakKeyDictionary()
_FONT = FontProperties(family="STIXGeneral", size=NOTE_PT)


def save(
    item: Figure | pd.DataFrame,
    id: str,
    *,
    profile: str,
    provenance: str,
    parameters: object = None,
    data: object = None,
    variant: str | None = None,
    precision: int = 3,
    raw: pd.DataFrame | None = None,
    note: str = "",
    in_markdown: bool = False,
) -> list[Path]:
    """Write a figure (`.pdf` and `.png`) or a table (`.tex` and `.csv`) to `figures/<profile>/` and to its manifest.

    `id` is a row of the catalogue; `variant` (such as `logmel-cnn3-mean_hash_pooled`) is appended where one id exists
    several times. `provenance` is the line that `describe` makes. It is drawn at the figure's foot, and `item` keeps it
    and its layout, so that a notebook shows what was saved. `parameters` and `data` are what the item was made with and
    from: their digests are embedded (a string is taken to be a digest already; a table's data are the table where none
    are given). What the catalogue lists as data becomes a CSV without its index.

    Figures keep their size, at most `TEXT_WIDTH_IN` wide. Tables become a booktabs `tabular` (over 60 rows: a
    `longtable`) without caption that fits the text, floats with at most `precision` digits after the point, and a CSV
    with the unrounded values: of `raw`, where the table itself holds numbers that are formatted already. A `note`
    stands under the `tabular`, and behind it what the marks in the table mean (`marks.explained`); `in_markdown` adds a
    `.md` with the same text for the repository's page.

    Returns the paths written. Raises `ValueError` with a sentence for an unknown id, an item that is not of the id's
    kind, an empty provenance, too wide a figure, or one whose content leaves no room for the provenance.
    """
    if isinstance(item, Figure):
        kind = "figure"
    elif isinstance(item, pd.DataFrame):
        kind = "data" if catalogue.is_data(id) else "table"
    else:
        raise ValueError(
            f"Expected a matplotlib Figure or a pandas DataFrame to save as {id!r}, found {type(item).__name__}. "
            f"Pass the figure of an Axes or a seaborn grid (`.figure`), or make the value a DataFrame."
        )
    entry = catalogue.find(id, kind=kind)
    name = catalogue.stem(id, variant=variant)
    raw = item if raw is None else raw
    if kind != "figure" and data is None:
        data = raw
    record = manifest.describe_item(entry, profile=profile, provenance=provenance, parameters=parameters, data=data)
    if kind == "figure":
        return manifest.publish(_render_figure(item, name, record), record)
    if kind == "data":
        return manifest.publish({f"{name}.csv": item.to_csv(index=False, lineterminator="\n").encode()}, record)
    flat = latex.flatten(item)
    note = marks.explained(note, cells=[*flat.to_numpy(dtype=object).ravel(), *map(str, flat.columns)])
    files = _render_table(item, raw, name, record, precision, note)
    if in_markdown:
        texts = [markdown.table(flat), *([note] if note else []), record.provenance]
        files[f"{name}.md"] = ("\n".join(texts) + "\n").encode()
    return manifest.publish(files, record)


def _render_figure(figure: Figure, name: str, record: manifest.Record) -> dict[str, bytes]:
    width_in, height_in = (float(side) for side in figure.get_size_inches())
    if width_in > TEXT_WIDTH_IN + 1e-6:
        raise ValueError(
            f"Expected a figure at most {TEXT_WIDTH_IN} in wide (the width of the text) for {name!r}, found "
            f"{width_in:.2f} in. Make it with emolabs.reporting.figure(), or set figsize=({TEXT_WIDTH_IN}, …)."
        )
    lines = _wrap(record.provenance, width_pt=72 * (width_in - 2 * NOTE_MARGIN_IN))
    foot_in = len(lines) * NOTE_LINE_PT / 72 + 1.5 * NOTE_MARGIN_IN  # room for descenders
    if height_in - foot_in < MIN_HEIGHT_IN:
        raise ValueError(
            f"Expected {name!r} to have at least {MIN_HEIGHT_IN} in above the {foot_in:.2f} in of its provenance, "
            f"found a figure {height_in:.2f} in high. Make it higher, or shorten the provenance."
        )
    # The layout knows nothing of the foot: content is laid out in what is left of the height, and the page goes on
    # below it. So the foot collides neither with axes nor with outer legends and labels.
    dpi = figure.dpi
    figure.set_size_inches(width_in, height_in - foot_in)
    figure.set_dpi(DPI)
    try:
        with matplotlib.rc_context(STYLE):
            _lay_out(figure)
            _draw_note(figure, name, lines)
            return _print(figure, name, record, page=Bbox([[0, -foot_in], [width_in, height_in - foot_in]]))
    finally:
        figure.set_dpi(dpi)
        figure.set_size_inches(width_in, height_in)


def _lay_out(figure: Figure) -> None:
    """Place all content by the constrained layout and freeze it, so that PDF, PNG and notebook show the same."""
    for legend in figure.legends:
        if legend.get_gid() == _NOTE:
            legend.set_bbox_to_anchor(None)
    if not isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.set_layout_engine(_layouts.get(figure, "constrained"))
    _layouts[figure] = figure.get_layout_engine()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    # outer legends would hang on the page, which is higher than the figure
    for legend in figure.legends:
        if legend.get_bbox_to_anchor() is figure.bbox:
            legend.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
            legend.set_gid(_NOTE)


def _draw_note(figure: Figure, name: str, lines: list[str]) -> None:
    """Draw the provenance below the figure's lower edge, in place of that of an earlier save."""
    for text in [text for text in figure.texts if text.get_gid() == _NOTE]:
        text.remove()
    lowest_in = figure.get_tightbbox().y0
    if lowest_in < -0.02:
        raise ValueError(
            f"Expected the foot of the figure {name!r} to be free for its provenance, found content that reaches "
            f"{-lowest_in:.2f} in into it. Let the constrained layout place the axes "
            f"(emolabs.reporting.figure() does) and keep other content inside the figure."
        )
    width_in, height_in = figure.get_size_inches()
    for number, line in enumerate(lines):
        y_in = -(number + 1) * NOTE_LINE_PT / 72
        text = figure.text(NOTE_MARGIN_IN / width_in, y_in / height_in, line, va="baseline", gid=_NOTE)
        text.set(parse_math=False, color=NOTE_COLOR, fontproperties=_FONT)


def _print(figure: Figure, name: str, record: manifest.Record, *, page: Bbox) -> dict[str, bytes]:
    """The part `page` (in inches) of the figure as PDF and PNG, with what is known of it and without dates."""
    pdf, png = io.BytesIO(), io.BytesIO()
    about = {"Title": record.entry.title, "Subject": record.to_json(), "Keywords": record.entry.id}
    about |= {"Creator": None, "Producer": None, "CreationDate": None}
    figure.savefig(pdf, format="pdf", dpi=DPI, bbox_inches=page, metadata=about)
    about = {"Title": record.entry.title, "emolabs": record.to_json(), "Software": None}
    figure.savefig(png, format="png", dpi=DPI, bbox_inches=page, metadata=about)
    return {f"{name}.pdf": pdf.getvalue(), f"{name}.png": png.getvalue()}


def _wrap(text: str, *, width_pt: float) -> list[str]:
    """Lines of `text` no wider than `width_pt`, broken at spaces, and inside a word only where it fills a line."""
    limit_pt = 0.98 * width_pt  # hinting may widen a line a little beyond its outlines
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _width_pt(longer) <= limit_pt:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if lines[-1] and _width_pt(lines[-1] + character) > limit_pt:
                lines.append("")
            lines[-1] += character
    return lines


def _width_pt(text: str) -> float:
    return text_to_path.get_text_width_height_descent(text, _FONT, False)[0]


def _render_table(
    table: pd.DataFrame, raw: pd.DataFrame, name: str, record: manifest.Record, precision: int, note: str
) -> dict[str, bytes]:
    tex = latex.comment(record) + latex.tabular(latex.flatten(table), precision=precision, below=note)
    csv = latex.flatten(raw).to_csv(index=False, lineterminator="\n")
    return {f"{name}.tex": tex.encode(), f"{name}.csv": csv.encode()}
