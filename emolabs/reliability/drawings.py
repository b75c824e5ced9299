"""Drawings of `60_reliability`."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from emolabs.reliability import abstention, calibration
from emolabs.reliability.calibration import Answers
from emolabs.reliability.degradation import DEGRADATIONS
from emolabs.reporting import COLORS, corpus_look, corpus_name, draw_mark, pipeline_look, stale_mark
from emolabs.standardization.split import PROTOCOLS

#: How the protocols look where they share a picture; `…, then speaker` is a promise made with known speakers and kept
#: with new ones.
LOOKS = {
    "hash": {"label": "hash (known)", "color": COLORS["blue"], "linestyle": "-", "marker": "o"},
    "random": {"label": "random (known)", "color": COLORS["green"], "linestyle": "--", "marker": "s"},
    "speaker": {"label": "speaker (new)", "color": COLORS["vermilion"], "linestyle": "-.", "marker": "^"},
    "corpus": {"label": "corpus (new)", "color": COLORS["pink"], "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "D"},
    "random, then speaker": {"label": "random, then new", "color": COLORS["black"], "linestyle": ":", "marker": "X"},
    "hash, then speaker": {"label": "hash, then new", "color": COLORS["black"], "linestyle": ":", "marker": "X"},
}
_OTHERS = zip((name for name in PROTOCOLS if name not in LOOKS), cycle(("orange", "sky", "grey")), cycle("v<>Pd"))
LOOKS |= {n: {"label": n, "color": COLORS[color], "linestyle": "-", "marker": m} for n, color, m in _OTHERS}
#: Bins of fewer clips are not drawn.
FEWEST = 10
#: Two sides of one thing, such as before and after.
PAIR = ({"color": COLORS["orange"], "marker": "s"}, {"color": COLORS["blue"], "marker": "o"})


def draw_missing(axis: Axes) -> None:
    """An empty panel that says so."""
    axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", va="center", style="italic", color="0.45")
    axis.grid(False)


def draw_calibration(axis: Axes, diagrams: Sequence[pd.DataFrame], line: pd.Series) -> None:
    """The reliability diagrams before and after scaling (of `calibration.diagram`, bins of `FEWEST` clips or more)
    with the ECE of both, from a line of `reports.calibrations`; on the diagonal a probability is what it says."""
    axis.plot([0, 1], [0, 1], color="0.5", linewidth=0.8)
    for name, diagram, look in zip(("before", "after"), diagrams, PAIR, strict=True):
        drawn = diagram[diagram.clips >= FEWEST]
        errors = [drawn.accuracy - drawn.low, drawn.high - drawn.accuracy]
        filled = {"markerfacecolor": "white"} if name == "before" else {}
        look = look | {"linewidth": 0.9, "elinewidth": 0.6, "markersize": 3, "capsize": 1.5} | filled
        axis.errorbar(drawn.confidence, drawn.accuracy, yerr=errors, label=f"{name} scaling", **look)
    ece = f"ECE {100 * line.ece_before:.1f} → {100 * line.ece_after:.1f} %"
    text = f"{ece}\nT = {line.temperature}{stale_mark(line.stale)}"
    axis.set_title(text, fontsize=8)


def draw_calibrations(axes: np.ndarray, known: Sequence[tuple], lines: pd.DataFrame, *, names: tuple) -> None:
    """`draw_calibration` of every protocol (row of `axes`) and pipeline (column), which `names` lists; `known` is that
    of `reports.scaled`, `lines` are those of `reports.calibrations`. What has not been run stays empty and says so."""
    there = {(result.row.protocol, result.row.pipeline): (result, chosen) for result, chosen in known}
    for row, protocol in zip(axes, names[0], strict=True):
        row[0].set_ylabel(protocol)
        for axis, pipeline in zip(row, names[1], strict=True):
            axis.set(xlim=(0, 1), ylim=(0, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
            if (protocol, pipeline) not in there:
                draw_missing(axis)
                continue
            result, chosen = there[protocol, pipeline]
            line = lines[(lines.pipeline == pipeline) & (lines.protocol == protocol)].iloc[0]
            sides = [calibration.answers(result, temperatures=t) for t in (None, chosen.temperature.to_dict())]
            draw_calibration(axis, [calibration.diagram(said) for said in sides], line)
    for axis, pipeline in zip(axes[0], names[1], strict=True):
        axis.set_title("\n".join([two_lines(pipeline), axis.get_title()]).strip(), fontsize=8)


def two_lines(pipeline: str) -> str:
    """The name of a pipeline in two lines, for narrow panels."""
    return pipeline.replace("-", "\n", 1)


def draw_curves(axis: Axes, sides: dict[str, Answers], *, protocols: Sequence[str], title: str) -> None:
    """Risk over coverage in percent, a line per protocol, from `abstention.FEWEST_ANSWERS` answers on; labels say how
    many clips were evaluated, the panel which of `protocols` have not been run."""
    gone = "\n".join(f"{name}: not run" for name in protocols if name not in sides)
    look = {"ha": "left", "va": "top", "fontsize": 8, "style": "italic", "color": "0.45"}
    axis.text(0.05, 0.98, gone, transform=axis.transAxes, **look)
    for name, said in sides.items():
        coverage, risk = abstention.curve(said.confidence, said.hits)
        enough = coverage * len(said.hits) >= abstention.FEWEST_ANSWERS
        look = LOOKS[name] | {"marker": None, "label": f"{LOOKS[name]['label']}, {len(said.hits):,} clips"}
        axis.plot(100 * coverage[enough], 100 * risk[enough], **look)
    axis.set(title=two_lines(title), xlim=(0, 103), xticks=[0, 50, 100], xlabel="answered (%)")


def draw_promises(axis: Axes, lines: pd.DataFrame, *, names: Sequence[str], target: float, title: str) -> None:
    """What was right of what was answered where `target` was promised on validation, and in small what was answered; a
    row for each of `names`, the choices of `reports.promises`. A row that the pipeline does not have says so, and which
    one it has in its place."""
    tried = set(lines.choice)
    for place, name in enumerate(names):
        chosen = lines[lines.choice == name]
        if chosen.empty:
            beside = [LOOKS[other]["label"] for other in tried if "," in name and "," in other]
            text = f"see {beside[0]}" if beside else "not run"
            axis.text(3, -place, text, va="center", fontsize=8, style="italic", color="0.45")
            continue
        line = chosen.iloc[0]
        text = f"{100 * line.coverage:.1f} % ({line.answered:,})"
        axis.text(3, -place, text, va="center", fontsize=8)
        if line.answered:
            errors = [[100 * (line.accuracy - line.accuracy_low)], [100 * (line.accuracy_high - line.accuracy)]]
            look = LOOKS[name] | {"capsize": 2.5, "linestyle": ""}
            axis.errorbar(100 * line.accuracy, -place, xerr=errors, **look)
    axis.axvline(100 * target, color="0.4", linewidth=0.8, linestyle="--")
    axis.set_yticks([-place for place in range(len(names))], [LOOKS[name]["label"] for name in names])
    axis.set(title=title, xlim=(0, 104), xticks=[0, 50, 100], ylim=(0.5 - len(names), 0.5))
    axis.grid(axis="x")


def draw_gaps(axis: Axes, lines: pd.DataFrame, *, rows: Sequence[str], column: str) -> None:
    """Gaps (female minus male) in points, a row per value of `column`; open where intervals are over clips. A row
    without a gap says why: its speakers are of one sex, or the lines do not know it for both."""
    pipelines = list(dict.fromkeys(lines.pipeline))
    for k, row in enumerate(rows):
        of_row = lines[lines[column] == row]
        if of_row.gap.isna().all():
            text = " no gap: one sex" if len(of_row) else " not known for both"
            axis.text(0, -k, text, va="center", fontsize=8, style="italic", color="0.45")
    for i, pipeline in enumerate(pipelines):
        group = lines[lines.pipeline == pipeline].set_index(column).reindex(rows)
        for k, line in enumerate(group.itertuples()):
            if pd.isna(line.gap):
                continue
            errors = [[100 * (line.gap - line.low)], [100 * (line.high - line.gap)]]
            face = {} if line.interval_over == "speakers" else {"markerfacecolor": "white"}
            look = pipeline_look(pipeline) | {"linestyle": "", "capsize": 2, "label": pipeline if k == 0 else None}
            look |= {"markersize": 3.8, "elinewidth": 0.8} | face
            axis.errorbar(100 * line.gap, -k - 0.2 * (i - (len(pipelines) - 1) / 2), xerr=errors, **look)
    axis.axvline(0, color="0.4", linewidth=0.8)
    axis.set_yticks([-k for k in range(len(rows))], [corpus_name(row) for row in rows])
    axis.set(ylim=(0.4 - len(rows), 0.6))
    axis.grid(axis="x")


def draw_speakers(axis: Axes, scored: pd.DataFrame, spread: pd.DataFrame) -> None:
    """The UAR of each speaker, sorted within the corpora, with the range of the worst by chance as a grey bar."""
    place, ticks = 0, []
    for i, (corpus, group) in enumerate(scored.groupby("corpus")):
        chance = spread[spread.corpus == corpus].iloc[0]
        places = [place + k for k in range(len(group))]
        axis.fill_between(
            [place - 0.5, place + len(group) - 0.5], 100 * chance.chance_low, 100 * chance.chance_high, color="0.85",
            linewidth=0, label="the worst speaker, were all served alike" if i == 0 else None,
        )  # fmt: skip
        errors = [100 * (group.uar - group.low), 100 * (group.high - group.uar)]
        look = corpus_look(corpus) | {"linestyle": "", "ecolor": "0.6", "elinewidth": 0.6, "markersize": 3}
        axis.errorbar(places, 100 * group.uar, yerr=errors, **look)
        ticks.append((place + (len(group) - 1) / 2, f"{corpus_name(corpus)}\n({len(group)})"))
        place += len(group) + 4
    axis.set_xticks(*zip(*ticks, strict=True))
    axis.set(ylim=(0, 103), xlim=(-3, place - 1), ylabel="UAR of a speaker (%)")
    axis.set_xlabel("corpus (speakers); whiskers: 95 % over the clips of a speaker")


def draw_losses(axis: Axes, lines: pd.DataFrame, *, pipelines: Sequence[str], title: str) -> None:
    """The differences of UAR (points) that `losses.differences` gives, a row per degradation, in the pipelines' looks;
    those of `pipelines` that were not measured are named above."""
    lines = lines[(lines.on == "overall") & (lines.degradation != "clean")]
    gone = [name for name in pipelines if name not in set(lines.pipeline)]
    title += f"\n(not measured: {', '.join(gone)})" if gone else ""
    rows = [name for name in DEGRADATIONS if name in set(lines.degradation)]
    places, place = {}, 0.0
    for before, name in zip([None, *rows], rows, strict=False):
        place -= 1.5 if before and DEGRADATIONS[before].family != DEGRADATIONS[name].family else 1
        places[name] = place
    for i, pipeline in enumerate(pipelines):
        group = lines[lines.pipeline == pipeline]
        shifted = [places[name] - 0.19 * (i - (len(pipelines) - 1) / 2) for name in group.degradation]
        errors = [100 * (group.difference - group.low), 100 * (group.high - group.difference)]
        look = pipeline_look(pipeline) | {"linestyle": "", "capsize": 1.2, "elinewidth": 0.7, "markersize": 3.2}
        label = pipeline + stale_mark(group.stale.any())
        axis.errorbar(100 * group.difference, shifted, xerr=errors, label=label, **look)
        for line, at in zip(group.itertuples(), shifted, strict=True):
            draw_mark(axis, line.interval_over, at=(100 * line.high, at))
    axis.axvline(0, color="0.4", linewidth=0.8)
    axis.set_yticks([*places.values()], [DEGRADATIONS[name].title for name in places], fontsize=8)
    axis.set(ylim=(place - 0.8, -0.3), xlabel="change of UAR (points)")
    axis.set_title(title, fontsize=9)
    axis.grid(axis="x")
