"""The drawings of `52_human_vs_machine`: listeners and pipelines in one picture.

Conventions: shares are percent, error bars 95 % intervals; a judge has one colour, marker and fill everywhere.
"""

import numpy as np
from matplotlib.axes import Axes

from emolabs.listening import common_failures, judges
from emolabs.listening.judges import INFORMED, LISTENERS, MAJORITY
from emolabs.listening.machine import ANOTHER, Shared
from emolabs.reporting import COLORS, draw_confusion, emotion_label, pipeline_look

#: How a judge of people looks: colour, marker, fill. Pipelines have their own looks, filled.
_JUDGES = {
    LISTENERS: (COLORS["black"], "o", "full"),
    MAJORITY: (COLORS["black"], "o", "none"),
    INFORMED: (COLORS["grey"], "D", "full"),
}
#: What is added to the name of a source whose clips were kept because listeners recognized them.
_SELECTED = " (only recognized clips)"


def looks(shared: Shared) -> dict[str, dict]:
    """Colour, marker and fill of every judge, as keywords of `errorbar`."""
    known = {name: dict(zip(("color", "marker", "fillstyle"), look, strict=True)) for name, look in _JUDGES.items()}
    known |= {name: pipeline_look(name) | {"fillstyle": "full"} for name in shared.machines}
    return {name: look | {"markersize": 4, "linestyle": "", "capsize": 1.5} for name, look in known.items()}


def draw_recalls(axis: Axes, shared: Shared, *, name: str) -> None:
    """Recall of each emotion and its mean (UAR), a mark with its interval a judge."""
    name += _SELECTED if ANOTHER in shared.choices else ""
    table = judges.scores(shared)
    table = table[table.score.isin(("recall", "uar"))]
    emotions = [*sorted(set(table.emotion) - {""}), ""]
    names = list(dict.fromkeys(table.judge))
    for number, judge in enumerate(names):
        rows = table[table.judge == judge].set_index("emotion").reindex(emotions)
        places = np.arange(len(emotions)) + 0.76 * ((number + 0.5) / len(names) - 0.5)
        errors = [100 * (rows.value - rows.low), 100 * (rows.high - rows.value)]
        axis.errorbar(100 * rows.value, places, xerr=errors, label=judge, elinewidth=0.8, **looks(shared)[judge])
    axis.axhline(len(emotions) - 1.5, color="0.4", linewidth=0.6)
    axis.set_yticks(range(len(emotions)), [emotion or "UAR" for emotion in emotions])
    axis.set(xlim=(0, 104), ylim=(len(emotions) - 0.5, -0.5), xlabel="recall (%)", title=name)
    axis.grid(axis="x")
    axis.grid(axis="y", visible=False)


def draw_confusions(axes: np.ndarray, shared: Shared) -> None:
    """The confusions of all listeners and of as many pipelines as there are axes beside; shares of the intended."""
    tables = judges.tables(shared)
    for axis, name in zip(axes, [LISTENERS, *shared.machines], strict=False):
        draw_confusion(axis, judges.confusion(tables[name]), shared.choices, counts=False)
        axis.set(title=name, xlabel="answer", ylabel="")
        axis.set_yticks(axis.get_yticks(), map(emotion_label, shared.choices))
    axes[0].set_ylabel("intended")


def draw_against(axis: Axes, shared: Shared, *, name: str) -> None:
    """UAR of each judge against the intended emotion (filled) and against what most listeners heard (open)."""
    sides = {side: judges.scores(shared, against=side).query("score == 'uar'") for side in ("intended", "perceived")}
    names = [judge for judge in sides["intended"].judge if judge not in (MAJORITY, INFORMED)]
    for side, shift, fill in [("intended", -0.12, "full"), ("perceived", 0.12, "none")]:
        rows = sides[side].set_index("judge").reindex(names)
        errors = [100 * (rows.value - rows.low), 100 * (rows.high - rows.value)]
        look = {"color": "black", "marker": "o", "fillstyle": fill, "linestyle": "", "capsize": 2}
        look["label"] = f"against the {side} emotion"
        axis.errorbar(100 * rows.value, np.arange(len(names)) + shift, xerr=errors, **look)
    chance = 100 / len(set(shared.clips.emotion))
    axis.axvline(chance, color="0.4", linestyle=":", linewidth=0.9, label="always the same answer")
    axis.set_yticks(range(len(names)), names)
    axis.set(xlim=(0, 104), ylim=(len(names) - 0.5, -0.5), xlabel="UAR (%)", title=name)
    axis.grid(axis="x")
    axis.grid(axis="y", visible=False)


def draw_difficulty(axis: Axes, shared: Shared, *, name: str) -> None:
    """Accuracy of each pipeline (line) and its mean probability of the intended emotion (dashed) over the share of
    listeners who named it; on the diagonal a pipeline is right as often as a listener."""
    name += _SELECTED if ANOTHER in shared.choices else ""
    bins, _ = common_failures.difficulty(shared)
    for pipeline, rows in bins.groupby("pipeline", sort=False):
        look = looks(shared)[pipeline] | {"linestyle": "-", "elinewidth": 0.8}
        errors = [100 * (rows.accuracy - rows.accuracy_low), 100 * (rows.accuracy_high - rows.accuracy)]
        axis.errorbar(100 * rows.share, 100 * rows.accuracy, yerr=np.maximum(errors, 0), label=pipeline, **look)
        axis.plot(100 * rows.share, 100 * rows.probability, "--", color=look["color"], linewidth=0.9)
    axis.plot([], [], "--", color="0.3", linewidth=0.9, label="its probability of that emotion")
    axis.plot([0, 100], [0, 100], ":", color="0.4", linewidth=0.9, label="as often as a listener")
    axis.set(xlim=(-2, 104), ylim=(0, 104), xlabel="listeners who name the intended emotion (%)", title=name)
    axis.grid(axis="both")
