"""Drawings of `60_reliability`."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from emolabs.experiments.comparison import MARKERS
from emolabs.reliability import abstention, calibration
from emolabs.reliability.calibration import Answers
from emolabs.reliability.degradation import DEGRADATIONS
from emolabs.reporting import COLORS

#: How the protocols look where they share a picture; the last is a promise made with known and kept with new speakers.
LOOKS = {
    "hash": {"color": COLORS["blue"], "linestyle": "-", "marker": "o"},
    "random": {"color": COLORS["green"], "linestyle": "--", "marker": "s"},
    "speaker": {"color": COLORS["vermilion"], "linestyle": "-.", "marker": "^"},
    "random, then speaker": {"color": COLORS["black"], "linestyle": ":", "marker": "X"},
    "hash, then speaker": {"color": COLORS["black"], "linestyle": ":", "marker": "X"},
}
#: Two sides of one thing, such as before and after.
PAIR = ({"color": COLORS["orange"], "marker": "s"}, {"color": COLORS["blue"], "marker": "o"})


def draw_missing(axis: Axes, *, title: str) -> None:
    """An empty panel that says so."""
    axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", va="center", style="italic", color="0.45")
    axis.set_title(title)
    axis.grid(False)


def draw_calibration(axis: Axes, diagrams: Sequence[pd.DataFrame], line: pd.Series, *, title: str) -> None:
    """The reliability diagrams before and after scaling (of `calibration.diagram`) with the ECE of both, from a line of
    `calibration.compare`; on the diagonal a probability is what it says."""
    axis.plot([0, 1], [0, 1], color="0.5", linewidth=0.8)
    for name, diagram, look in zip(("before", "after"), diagrams, PAIR, strict=True):
        errors = [diagram.accuracy - diagram.low, diagram.high - diagram.accuracy]
        label = f"{name} scaling"
        filled = {"markerfacecolor": "white"} if name == "before" else {}
        axis.errorbar(
            diagram.confidence, diagram.accuracy, yerr=errors, label=label, linewidth=0.9, elinewidth=0.6, markersize=3,
            capsize=1.5, **look, **filled,
        )  # fmt: skip
    text = f"ECE {100 * line.ece_before:.1f} → {100 * line.ece_after:.1f} %\nT = {line.temperature}"
    axis.text(0.97, 0.04, text, transform=axis.transAxes, ha="right", va="bottom", fontsize=7.5)
    axis.set(title=title, xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")


def draw_one_calibration(axis: Axes, known: Sequence, lines: pd.DataFrame, *, pipeline: str, protocol: str) -> None:
    """`draw_calibration` of one result of `reports.scaled`, with the lines of `reports.calibrations`; else empty."""
    title = f"{pipeline}\n{protocol}"
    chosen = [(r, c) for r, c in known if (r.row.pipeline, r.row.protocol) == (pipeline, protocol)]
    if not chosen:
        draw_missing(axis, title=title)
        return
    result, found = chosen[0]
    line = lines[(lines.pipeline == pipeline) & (lines.protocol == protocol)].iloc[0]
    sides = [calibration.answers(result, temperatures=t) for t in (None, found.temperature.to_dict())]
    title += " (stale)" if line.stale else ""
    draw_calibration(axis, [calibration.diagram(said) for said in sides], line, title=title)


def draw_curves(axis: Axes, sides: dict[str, Answers], *, title: str) -> None:
    """Risk over coverage in percent, a line per protocol; a dotted level would be confidence that says nothing."""
    for name, said in sides.items():
        coverage, risk = abstention.curve(said.confidence, said.hits)
        enough = coverage * len(said.hits) >= abstention.FEWEST_ANSWERS
        look = LOOKS[name] | {"marker": None}
        axis.plot(100 * coverage[enough], 100 * risk[enough], label=name, **look)
    axis.set(title=title, xlim=(0, 100), ylim=(0, None), xlabel="answered (%)")


def draw_promises(axis: Axes, lines: pd.DataFrame, *, target: float, title: str) -> None:
    """What was right of what was answered, where `target` was promised on validation, and how much was answered."""
    names = [name for name in LOOKS if name in set(lines.choice)]
    for place, name in enumerate(names):
        line = lines[lines.choice == name].iloc[0]
        share = f"{100 * line.coverage:.0f} %"
        if line.answered:
            errors = [[100 * (line.accuracy - line.accuracy_low)], [100 * (line.accuracy_high - line.accuracy)]]
            look = {"color": LOOKS[name]["color"], "marker": LOOKS[name]["marker"], "capsize": 2.5, "linestyle": ""}
            axis.errorbar(place, 100 * line.accuracy, yerr=errors, **look)
        axis.text(place, 1.5, share, ha="center", fontsize=8)
    axis.axhline(100 * target, color="0.4", linewidth=0.8, linestyle="--")
    axis.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names], fontsize=8)
    axis.set(title=title, ylim=(0, 100), xlim=(-0.6, len(names) - 0.4))


def draw_gaps(axis: Axes, lines: pd.DataFrame, *, rows: Sequence[str], column: str) -> None:
    """Gaps (female minus male) in points, a row per value of `column`, a marker per pipeline; open over clips only."""
    pipelines = list(dict.fromkeys(lines.pipeline))
    for i, pipeline in enumerate(pipelines):
        group = lines[lines.pipeline == pipeline].set_index(column).reindex(rows)
        for k, line in enumerate(group.itertuples()):
            if pd.isna(line.gap):
                continue
            errors = [[100 * (line.gap - line.low)], [100 * (line.high - line.gap)]]
            face = {} if line.interval_over == "speakers" else {"markerfacecolor": "white"}
            look = {"fmt": MARKERS[i], "color": f"C{i}", "capsize": 2, "label": pipeline if k == 0 else None, **face}
            axis.errorbar(100 * line.gap, -k - 0.2 * (i - (len(pipelines) - 1) / 2), xerr=errors, **look)
    axis.axvline(0, color="0.4", linewidth=0.8)
    axis.set_yticks([-k for k in range(len(rows))], rows)
    axis.set(ylim=(0.6 - len(rows), 0.6), xlabel="female − male (points)")
    axis.grid(axis="x")


def draw_speakers(axis: Axes, scored: pd.DataFrame, spread: pd.DataFrame) -> None:
    """The UAR of each speaker, sorted within the corpora, with the range of the worst by chance as a grey bar."""
    place, ticks = 0, []
    for i, (corpus, group) in enumerate(scored.groupby("corpus")):
        chance = spread[spread.corpus == corpus].iloc[0]
        places = [place + k for k in range(len(group))]
        axis.fill_between(
            [place - 0.5, place + len(group) - 0.5], 100 * chance.chance_low, 100 * chance.chance_high, color="0.85",
            linewidth=0,
        )  # fmt: skip
        errors = [100 * (group.uar - group.low), 100 * (group.high - group.uar)]
        look = {"fmt": MARKERS[i], "color": f"C{i}", "ecolor": "0.6", "elinewidth": 0.6, "markersize": 3}
        axis.errorbar(places, 100 * group.uar, yerr=errors, **look)
        ticks.append((place + (len(group) - 1) / 2, f"{corpus}\n{len(group)}"))
        place += len(group) + 4
    axis.set_xticks(*zip(*ticks, strict=True))
    axis.set(ylim=(0, 103), xlim=(-3, place - 1), ylabel="UAR of a speaker (%)")


def draw_losses(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """The differences of UAR (points) that `losses.differences` gives, a row per degradation, a marker per pipeline."""
    lines = lines[(lines.on == "overall") & (lines.degradation != "clean")]
    rows = [name for name in DEGRADATIONS if name in set(lines.degradation)]
    places, place = {}, 0.0
    for before, name in zip([None, *rows], rows, strict=False):
        place -= 1.5 if before and DEGRADATIONS[before].family != DEGRADATIONS[name].family else 1
        places[name] = place
    pipelines = list(dict.fromkeys(lines.pipeline))
    for i, pipeline in enumerate(pipelines):
        group = lines[lines.pipeline == pipeline]
        shifted = [places[name] - 0.19 * (i - (len(pipelines) - 1) / 2) for name in group.degradation]
        errors = [100 * (group.difference - group.low), 100 * (group.high - group.difference)]
        look = {"fmt": MARKERS[i], "color": f"C{i}", "capsize": 1.2, "elinewidth": 0.7, "markersize": 3.2}
        label = f"{pipeline} (stale)" if group.stale.any() else pipeline
        axis.errorbar(100 * group.difference, shifted, xerr=errors, label=label, **look)
    axis.axvline(0, color="0.4", linewidth=0.8)
    axis.set_yticks([*places.values()], [DEGRADATIONS[name].title for name in places], fontsize=8)
    axis.set(title=title, ylim=(place - 0.8, -0.3), xlabel="change of UAR (points)")
    axis.grid(axis="x")
