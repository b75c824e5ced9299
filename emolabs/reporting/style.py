"""Style: size, fonts and colours of every figure.

Conventions: sizes in inches, type in points. A figure is drawn at the size at which it is printed, so 9 pt in the
picture is 9 pt on the page. Emotions have one colour everywhere, from the palette of Okabe and Ito (2008), "Color
Universal Design", with the grey that R's `palette.colors("Okabe-Ito")` adds as the ninth; a hatch, a marker and a short
label say the same without colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

#: Width of the thesis' text block (16 cm): the widest that a figure may be.
TEXT_WIDTH_IN = 6.3

#: Resolution of the PNG beside each PDF, in dots per inch.
DPI = 200

#: STIX comes with matplotlib and resembles LaTeX's Times: the same glyphs on every machine, and no LaTeX run.
STYLE = {
    "font.family": "serif",
    "font.serif": ["STIXGeneral"],
    "mathtext.fontset": "stix",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.titlesize": 10,
    "figure.labelsize": 9.5,
    "figure.figsize": (TEXT_WIDTH_IN, 3.4),
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "savefig.dpi": DPI,
    "savefig.bbox": None,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "image.cmap": "cividis",
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True)
class Look:
    """How an emotion looks: colour (hexadecimal sRGB), marker and hatch (matplotlib codes), three-letter label."""

    color: str
    marker: str
    hatch: str
    label: str


#: The palette by name; no drawing names a colour otherwise, greys but for matplotlib's ("0.8").
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "pink": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "vermilion": "#D55E00",
    "grey": "#999999",
    "black": "#000000",
}

#: One row per emotion.
EMOTIONS = {
    "anger": Look(COLORS["vermilion"], "^", "////", "ang"),
    "disgust": Look(COLORS["green"], "v", "\\\\\\\\", "dis"),
    "fear": Look(COLORS["pink"], "X", "xxxx", "fea"),
    "happiness": Look(COLORS["orange"], "o", "....", "hap"),
    "neutral": Look(COLORS["grey"], "s", "", "neu"),
    "sadness": Look(COLORS["blue"], "D", "----", "sad"),
    "surprise": Look(COLORS["sky"], "*", "ooo", "sur"),
    "calm": Look(COLORS["yellow"], "P", "||||", "cal"),
    "boredom": Look(COLORS["black"], "h", "++", "bor"),
}

#: Labels of their own that no protocol uses: light grey, told apart by hatch, marker and label.
OTHERS = {
    "anxiety": Look("#D9D9D9", "<", "///", "anx"),
    "apology": Look("#D9D9D9", ">", "\\\\\\", "apo"),
    "assertiveness": Look("#D9D9D9", "p", "|||", "asr"),
    "concern": Look("#D9D9D9", "d", "---", "con"),
    "encouragement": Look("#D9D9D9", "H", "+++", "enc"),
    "excitement": Look("#D9D9D9", "8", "xxx", "exc"),
    "frustration": Look("#D9D9D9", "$f$", "OO", "fru"),
    "other": Look("#D9D9D9", "$o$", "..", "oth"),
    "undecided": Look("#D9D9D9", "$u$", "", "und"),
}


def use_style() -> None:
    """Set matplotlib's parameters to `STYLE` for the rest of the process."""
    matplotlib.rcParams.update(STYLE)


def figure(
    *,
    rows: int = 1,
    cols: int = 1,
    height_in: float | None = None,
    height_ratio: float = 0.54,
    **options: object,
) -> tuple[Figure, Axes | np.ndarray]:
    """A figure of the text's true width with `rows` × `cols` axes, in style.

    Its height is `height_in` inches, or `height_ratio` times its width. Any other keyword goes to
    `matplotlib.pyplot.subplots` (`sharex`, `width_ratios`, `squeeze` …).

    Returns the figure and its axes as `subplots` does: one Axes, or an array of them.
    """
    use_style()
    size = (TEXT_WIDTH_IN, height_in if height_in is not None else height_ratio * TEXT_WIDTH_IN)
    return plt.subplots(rows, cols, figsize=size, **options)


def emotion_color(name: str) -> str:
    """Colour of the emotion `name`, as `#RRGGBB`. Raises `ValueError` with a sentence for an unknown emotion."""
    return _look(name).color


def emotion_marker(name: str) -> str:
    """Marker of the emotion `name`. Raises `ValueError` with a sentence for an unknown emotion."""
    return _look(name).marker


def emotion_label(name: str) -> str:
    """Three-letter label of the emotion `name`. Raises `ValueError` with a sentence for an unknown emotion."""
    return _look(name).label


def emotion_bar(name: str) -> dict[str, object]:
    """Keywords of a bar (or any patch) for the emotion `name`: face, hatch and an edge that shows on the face.

    >>> emotion_bar("boredom")["edgecolor"]
    'white'
    """
    look = _look(name)
    return bar(look.color, look.hatch)


def bar(color: str, hatch: str) -> dict[str, object]:
    """Keywords of a bar (or any patch): face, hatch and an edge that shows on the face.

    >>> bar(COLORS["black"], "////")["edgecolor"]
    'white'
    """
    return {"facecolor": color, "hatch": hatch, "edgecolor": _ink(color, dark="0.15"), "linewidth": 0.5}


def draw_confusion(ax: Axes, matrix: np.ndarray, labels: Sequence[str], *, counts: bool = True):
    """Draw a confusion matrix into `ax`: rows are the truth, columns the prediction.

    `matrix` has shape (classes, classes) and holds counts of clips. Colour and the large figure in a cell are the
    share of the row in percent, so that the diagonal is the recall; the small figure is the count, unless `counts` is
    False. A row without clips stays white with a dash. `labels` name the classes; columns use an emotion's short label.

    Returns the mesh, for a colour bar. Raises `ValueError` with a sentence where the shapes disagree.
    """
    matrix = np.asarray(matrix, dtype=float)
    size = len(labels)
    if matrix.shape != (size, size):
        raise ValueError(
            f"Expected a confusion matrix of shape ({size}, {size}) for the labels {list(labels)}, found "
            f"{matrix.shape}. Count truth and prediction over the same list of labels."
        )
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(100 * matrix, totals, out=np.full_like(matrix, np.nan), where=totals > 0)
    mesh = ax.pcolormesh(shares, cmap="cividis", vmin=0, vmax=100, edgecolors="white", linewidth=0.6)
    big = 8.5 if size <= 7 else 7.5
    for (row, col), share in np.ndenumerate(shares):
        ink = "0.3" if np.isnan(share) else _ink(mesh.cmap(share / 100)[:3], dark="black")
        text = "–" if np.isnan(share) else f"{share:.0f}"
        two = counts and not np.isnan(share)
        ax.text(col + 0.5, row + (0.4 if two else 0.5), text, ha="center", va="center", color=ink, fontsize=big)
        if two:
            count = f"{matrix[row, col]:.0f}"
            ax.text(col + 0.5, row + 0.77, count, ha="center", va="center", color=ink, fontsize=big - 3)
    short = [EMOTIONS[label].label if label in EMOTIONS else label for label in labels]
    ax.set_xticks(np.arange(size) + 0.5, short)
    ax.set_yticks(np.arange(size) + 0.5, labels)
    ax.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="prediction", ylabel="truth")
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return mesh


def _look(name: str) -> Look:
    looks = EMOTIONS | OTHERS
    if name not in looks:
        raise ValueError(
            f"Expected one of the emotions {', '.join(looks)}, found {name!r}. "
            f"Harmonize the label first (params/emotions.yaml), or add a row to EMOTIONS in emolabs/reporting/style.py."
        )
    return looks[name]


def _ink(color: str | tuple, *, dark: str) -> str:
    """White or `dark`, whichever reads better on `color` (relative luminance and contrast of WCAG 2.1)."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "white" if linear @ [0.2126, 0.7152, 0.0722] < 0.179 else dark
