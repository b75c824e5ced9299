"""Drawings of `44_stability`: seeds beside intervals, learning curves, and what steps of the normalization change."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from emolabs.experiments.comparison import scope_name
from emolabs.experiments.stability import LEVEL, STEPS
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import (
    COLORS,
    IN_PICTURES,
    OVER_CLIPS,
    corpus_name,
    draw_mark,
    over_mark,
    pipeline_look,
    stale_mark,
)

#: Line and words of a protocol, and of clips that are spread over all speakers.
_LINES = {"speaker": "-", "hash": "--", "spread": ":"}
_NAMES = {
    "speaker": "evaluated speakers new (speaker)",
    "hash": "evaluated speakers known (hash)",
    "spread": "new; as many clips, of all speakers",
}


def several(lines: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The lines of `seeds.table` with a random start and more than one seed, and how many have one alone, in words."""
    random = lines[lines.is_random]
    one = int((random.runs == 1).sum())
    return random[random.runs > 1], f"; not drawn: {one} network{'s' * (one != 1)} with one seed" if one else ""


def draw_seeds(axis: Axes, lines: pd.DataFrame) -> None:
    """Per row of `several`, from top to bottom: every seed as an open dot, their mean as a stroke, and under them the
    95 % interval of the first seed."""
    for place, line in enumerate(lines.itertuples()):
        y = -place
        errors = [[100 * (line.uar - line.low)], [100 * (line.high - line.uar)]]
        label = None if place else f"95 % interval of the first seed; {IN_PICTURES[OVER_CLIPS]}"
        axis.errorbar(100 * line.uar, y - 0.15, xerr=errors, fmt="none", ecolor="black", capsize=2.5, label=label)
        look = {"color": COLORS["blue"], "markerfacecolor": "none", "label": None if place else "a seed"}
        axis.plot(100 * np.array(line.scores), [y + 0.15] * line.runs, "o", **look)
        label = None if place else "mean of the seeds"
        axis.plot(100 * line.mean, y + 0.15, "|", color="black", markersize=9, label=label)
    names = []
    for line in lines.itertuples():
        where = f"{line.protocol}, {scope_name(line.scope)}{over_mark(line.interval_over)}"
        names.append(f"{line.pipeline}{stale_mark(line.stale)}\n{where}")
    axis.set_yticks([-place for place in range(len(lines))], names)
    axis.set(ylim=(-len(lines) + 0.4, 0.6), xlim=(0, 103), xlabel="UAR (%)")
    axis.grid(axis="x")


def panels(lines: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(title, lines) of the panels of `44_learning_curves`: per scope its clips, its speakers, and few speakers beside
    many on equally many clips."""
    found = []
    for scope, group in lines[lines.on == "overall"].groupby("scope", sort=False):
        name = scope_name(scope)
        has = set(group.axis)
        if "clips" in has:
            found.append((f"{name}: more clips", group[group.axis == "clips"]))
        if "spread" in has:
            found.append((f"{name}: few speakers or many", group[group.axis.isin(("speakers", "spread"))]))
        elif "speakers" in has:
            found.append((f"{name}: more speakers", group[group.axis == "speakers"]))
    return found


def corpora(lines: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(title, lines) of the panels of `44_corpora`: of models of all corpora the curves over clips within each."""
    chosen = lines[(lines.scope == "pooled") & (lines.on != "overall") & (lines.axis == "clips")]
    return [
        (f"{corpus_name(corpus)} ({group.speakers.max()} speakers)", group) for corpus, group in chosen.groupby("on")
    ]


def draw_curves(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """Curves of `learning_curves.table`: mean over the draws, its 95 % interval, and as a broad bar the range of draws.

    Over speakers where all of them keep all their clips, else over clips; a colour and marker per row.
    """
    axes = set(lines.axis)
    x = "train_speakers" if axes == {"speakers"} else "train_clips"
    kinds = lines.protocol.mask(lines.axis == "spread", "spread")
    for (pipeline, kind), curve in lines.groupby([lines.pipeline, kinds], sort=False):
        style = _LINES.get(kind, "-.")
        errors = [100 * (curve.uar - curve.low), 100 * (curve.high - curve.uar)]
        look = pipeline_look(pipeline) | {"linestyle": style, "capsize": 2, "elinewidth": 0.7}
        color = look["color"]
        face = color if style == "-" else "white"
        axis.errorbar(curve[x], 100 * curve.uar, yerr=errors, markerfacecolor=face, linewidth=0.9, **look)
        axis.vlines(curve[x], 100 * curve.lowest, 100 * curve.highest, color=color, linewidth=4, alpha=0.35)
    axis.set_xscale("log", base=2)
    if "spread" in axes:
        ticks = lines[lines.axis == "speakers"].groupby("size")[["train_clips", "train_speakers"]].mean()
        ticks = ticks.sort_values("train_clips").round(0).astype(int)
        axis.set_xticks(ticks.train_clips, [f"{t.train_clips:,}\n({t.train_speakers})" for t in ticks.itertuples()])
        axis.set_xlabel("training clips (of so many speakers)")
    else:
        powers = 2.0 ** np.arange(np.floor(np.log2(lines[x].min())), np.ceil(np.log2(lines[x].max())) + 1)
        axis.set_xticks(powers, [f"{power:,.0f}" for power in powers])
        axis.set_xlabel("training speakers" if x == "train_speakers" else "training clips")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlim(0.85 * lines[x].min(), 1.18 * lines[x].max())
    axis.set_title(title)


def legend(pipelines: Sequence[str], lines: pd.DataFrame) -> list:
    """Handles of a legend: a marker per row, stale ones named so, and for curves a line per protocol or subset."""
    stale, is_curve = set(lines.pipeline[lines.stale.astype(bool)]), "axis" in lines
    look = {"linestyle": "-" if is_curve else "none"}
    names = [name + stale_mark(name in stale) for name in pipelines]
    called = zip(pipelines, names, strict=True)
    handles = [Line2D([], [], **pipeline_look(name) | look, label=label) for name, label in called]
    if is_curve:
        kinds = [kind for kind in _LINES if kind in {*lines.protocol, *lines.axis}]
        handles += [Line2D([], [], color="0.3", linestyle=_LINES[kind], label=_NAMES[kind]) for kind in kinds]
        handles.append(
            Line2D([], [], color="0.3", linewidth=4, alpha=0.35, label="range of draws; bars: 95 % interval")
        )
    return handles


def draw_ablations(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """Per step left out the difference of UAR to the full chain with its interval, a marker per row; filled where the
    corrected p is under `LEVEL`."""
    steps = [name for name in STEPS if name != "all" and name in set(lines.steps)]
    pipelines = [name for name in load_pipelines() if name in set(lines.pipeline)]
    for i, pipeline in enumerate(pipelines):
        group = lines[lines.pipeline == pipeline].set_index("steps").reindex(steps).dropna(subset="difference")
        for name, line in group.iterrows():
            y = -steps.index(name) + 0.28 * ((len(pipelines) - 1) / 2 - i)
            errors = [[100 * (line.difference - line.difference_low)], [100 * (line.difference_high - line.difference)]]
            look = pipeline_look(pipeline) | {"linestyle": "", "ecolor": "black", "capsize": 2}
            look |= {} if line.p_holm < LEVEL else {"markerfacecolor": "white"}
            axis.errorbar(100 * line.difference, y, xerr=errors, **look)
            draw_mark(axis, line.difference_over, at=(100 * line.difference_high, y))
    axis.axvline(0, color="0.4", linewidth=0.8)
    axis.set_yticks([-place for place in range(len(steps))], [STEPS[name] for name in steps])
    axis.set(ylim=(-len(steps) + 0.4, 0.6), title=title)
    axis.grid(axis="x")
