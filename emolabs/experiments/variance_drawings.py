"""Drawings of `emolabs.experiments.variance`: accuracy over the share of variance that lies within emotions."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emolabs.experiments.comparison import scope_name
from emolabs.reporting import KIND_LOOKS, corpus_name, draw_mark


def draw(axis: Axes, lines: pd.DataFrame, *, spread: pd.DataFrame, levels: dict[str, float]) -> None:
    """Accuracy over the share of variance within emotions, a marker per kind: filled where all corpora were trained on,
    open where this one alone was. `levels` are dotted lines with a name. Corpora are named at the foot."""
    place = spread.set_index("corpus")
    shifts = {"LLD": -0.18, "HSF": 0.18}
    for line in lines[lines.corpus.isin(place.index)].itertuples():
        look, shift = KIND_LOOKS[line.kind], shifts[line.kind]
        is_pooled = line.scope == "pooled"
        x = 100 * place.within[line.corpus] + shift + (0 if is_pooled else 3 * shift)
        errors = [[100 * (line.accuracy - line.low)], [100 * (line.high - line.accuracy)]]
        face = {} if is_pooled else {"markerfacecolor": "white"}
        axis.errorbar(x, 100 * line.accuracy, yerr=errors, linestyle="", capsize=2, **look | face)
    for corpus, group in lines[lines.corpus.isin(place.index)].sort_values("accuracy").groupby("corpus"):
        _draw_marks(axis, group, x=100 * place.within[corpus])
    for i, line in enumerate(place.sort_values("within").itertuples()):
        axis.axvline(100 * line.within, color="0.85", linewidth=0.8, zorder=0)
        look = {"ha": "center", "fontsize": 8, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.3}}
        axis.annotate(corpus_name(line.Index), (100 * line.within, 6 + 9 * (i % 2)), **look)
        bounds = [[100 * (line.within - line.low)], [100 * (line.high - line.within)]]
        axis.errorbar(100 * line.within, 3.5 + 9 * (i % 2), xerr=bounds, color="0.4", linewidth=0.8, capsize=1.5)
    for level in levels.values():
        axis.axhline(100 * level, color="0.3", linestyle=":", linewidth=0.9)
    axis.set(xlabel="variance within emotions (%)", ylim=(0, 104), yticks=range(0, 101, 20))


def _draw_marks(axis: Axes, lines: pd.DataFrame, *, x: float) -> None:
    """† beside the points of one corpus whose interval is over clips, one for all that lie close together."""
    last = -1.0
    for line in lines[lines.interval_over == "clips"].itertuples():
        if line.accuracy - last > 0.04:
            draw_mark(axis, line.interval_over, at=(x + 0.75, 100 * line.accuracy))
        last = line.accuracy


def title(side: str, lines: pd.DataFrame) -> str:
    """What stands above a panel: its side, and for each kind which row was chosen where."""
    told = [side]
    for kind, group in lines.groupby("kind", sort=False):
        rows = group.drop_duplicates(["scope", "pipeline"])
        several = rows.pipeline.nunique() > 1
        where = [
            f"{line.pipeline} ({scope_name(line.scope)})" if several else line.pipeline for line in rows.itertuples()
        ]
        told.append(textwrap.fill(f"{kind}: {', '.join(dict.fromkeys(where))}", width=46, break_on_hyphens=False))
    return "\n".join(told)


def legend(levels: dict[str, float]) -> list[Line2D]:
    """Handles that say what the marks of `draw` mean."""
    handles = [Line2D([], [], linestyle="none", label=kind, **look) for kind, look in KIND_LOOKS.items()]
    grey = {"marker": "o", "color": "0.3", "linestyle": "none"}
    handles.append(Line2D([], [], **grey, label="trained on all corpora"))
    handles.append(Line2D([], [], **grey, markerfacecolor="white", label="trained on this corpus alone"))
    named = ", ".join(f"{100 * level:.1f} %" for level in sorted(set(levels.values()), reverse=True))
    return [*handles, Line2D([], [], color="0.3", linestyle=":", label=f"the thesis: {named}")]
