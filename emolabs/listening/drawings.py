"""The drawings of the human baseline. Shares come as 0–1 and are drawn in percent; every bar is a 95 % interval."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from emolabs.listening import power
from emolabs.listening.answers import MODALITIES
from emolabs.reporting import COLORS, EMOTIONS, emotion_color, emotion_label, emotion_marker

#: Looks of the groups in a drawing, in their order: colour, marker, line.
LOOKS = [("blue", "o", "-"), ("vermilion", "s", "--"), ("green", "D", ":"), ("black", "^", "-."), ("pink", "v", "-")]

#: Grades of intensity, as corpora name them, from low to high.
GRADES = ("low", "normal", "medium", "strong", "high", "unspecified")


def draw_recalls(axis: Axes, table: pd.DataFrame, *, emotions: Sequence[str], by: str | None = None) -> None:
    """A row per emotion and a dot with its interval per group of `recall.by_emotion`. Without groups, the grey band
    behind a dot is Wilson's interval, and the cross the true recall where there is a column `true`."""
    groups = table[by].unique() if by else [None]
    for number, group in enumerate(groups):
        color, marker, _ = LOOKS[number % len(LOOKS)]
        part = (table[table[by] == group] if by else table).set_index("emotion")
        part = part.reindex([emotion for emotion in emotions if emotion in part.index])
        shift = 0.24 * (number - (len(groups) - 1) / 2)
        places = np.array([list(emotions).index(emotion) for emotion in part.index]) + shift
        errors = [100 * (part.recall - part.low), 100 * (part.high - part.recall)]
        label = group if by else "bootstrap over listeners and clips"
        look = {"fmt": marker, "color": COLORS[color], "capsize": 2.5, "label": label, "zorder": 3}
        axis.errorbar(100 * part.recall, places, xerr=errors, **look)
        if not by:
            width = 100 * (part.wilson_high - part.wilson_low)
            axis.barh(places, width, 0.5, left=100 * part.wilson_low, color="0.8", label="Wilson: answers independent")
            if "true" in part:
                axis.plot(100 * part.true, places, "x", color="black", markersize=6, label="true (simulated)", zorder=4)
    axis.axvline(100 / len(emotions), color="0.4", linestyle=":", linewidth=0.9)
    axis.set_yticks(range(len(emotions)), emotions)
    axis.set(
        xlim=(0, 100),
        ylim=(len(emotions) - 0.5, -0.5),
        xlabel=f"recall (%); dotted: guessing among {len(emotions)} answers",
    )
    axis.grid(axis="x")


def draw_bias(axis: Axes, table: pd.DataFrame, *, emotions: Sequence[str]) -> None:
    """Per emotion: recall (open), unbiased hit rate (full, with interval) and its chance (tick), of `bias.table`."""
    table = table.set_index("emotion").reindex(emotions)
    places = np.arange(len(emotions))
    axis.hlines(places, 100 * table.unbiased, 100 * table.recall, color="0.7", linewidth=1)
    axis.plot(100 * table.recall, places, "o", mfc="white", color=COLORS["blue"], label="recall")
    errors = [100 * (table.unbiased - table.low), 100 * (table.high - table.unbiased)]
    look = {"fmt": "s", "color": COLORS["vermilion"], "capsize": 2.5, "label": "unbiased hit rate"}
    axis.errorbar(100 * table.unbiased, places, xerr=errors, **look)
    axis.plot(100 * table.chance, places, "|", color="black", markersize=9, label="chance of the unbiased hit rate")
    axis.set_yticks(places, emotions)
    axis.set(xlim=(0, 100), ylim=(len(emotions) - 0.5, -0.5), xlabel="%")
    axis.grid(axis="x")


def draw_cells(axis: Axes, table: pd.DataFrame, *, emotions: Sequence[str], by: str):
    """Recall of each emotion (row) in each group `by` (column) and half the width of its interval; returns the mesh."""
    columns = ordered(table[by])
    cells = table.pivot(index="emotion", columns=by).reindex(emotions)
    shares = 100 * cells["recall"][columns].to_numpy(float)
    halves = 50 * (cells["high"] - cells["low"])[columns].to_numpy(float)
    mesh = axis.pcolormesh(shares, cmap="cividis", vmin=0, vmax=100, edgecolors="white", linewidth=0.6)
    for (row, column), share in np.ndenumerate(shares):
        text = "–" if np.isnan(share) else f"{share:.0f} ± {halves[row, column]:.0f}"
        ink = "0.3" if np.isnan(share) else "white" if share < 55 else "black"
        axis.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=ink, fontsize=8.5)
    axis.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axis.set_yticks(np.arange(len(emotions)) + 0.5, emotions)
    axis.set(xlim=(0, len(columns)), ylim=(len(emotions), 0), xlabel=by)
    axis.tick_params(length=0)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return mesh


def draw_scores(axis: Axes, table: pd.DataFrame, *, rows: str, by: str, title: str) -> None:
    """UAR (`recall.overall`) of each value of the column `rows` from above, a marker per group of `by`; over how many
    emotions it is, where that differs."""
    order = ordered(table[rows])
    averaged = table.groupby(rows).emotions.max()
    names = [f"{value} ({averaged[value]} emotions)" if averaged.nunique() > 1 else value for value in order]
    for number, group in enumerate(dict.fromkeys(table[by])):
        color, marker, _ = LOOKS[number % len(LOOKS)]
        part = table[table[by] == group].set_index(rows).reindex(order)
        errors = [100 * (part.uar - part.uar_low), 100 * (part.uar_high - part.uar)]
        look = {"fmt": marker, "color": COLORS[color], "capsize": 2, "label": group, "markersize": 3.5}
        axis.errorbar(100 * part.uar, range(len(order)), xerr=errors, **look)
    axis.set_yticks(range(len(order)), names)
    axis.set(xlim=(0, 100), ylim=(len(order) - 0.5, -0.5))
    axis.set_title(title, loc="left")
    axis.grid(axis="x")


def ordered(values: Iterable[str]) -> list[str]:
    """Different values, grades of intensity from low to high and the rest by name."""
    return sorted(set(values), key=lambda value: (GRADES.index(value) if value in GRADES else len(GRADES), value))


def draw_course(axis: Axes, table: pd.DataFrame) -> None:
    """Accuracy over the positions of `behaviour.learning`."""
    middle = (table["first"] + table["last"]) / 2
    errors = [100 * (table.accuracy - table.low), 100 * (table.high - table.accuracy)]
    axis.errorbar(middle, 100 * table.accuracy, yerr=errors, fmt="o-", color=COLORS["blue"], capsize=2.5)
    axis.set(xlabel="position of the trial", ylabel="accuracy (%)", ylim=(0, 100))


def draw_times(axis: Axes, table: pd.DataFrame, *, emotions: Sequence[str]) -> None:
    """Response times of right and wrong answers of `behaviour.times`."""
    for right, name, shift in [(True, "right", -0.12), (False, "wrong", 0.12)]:
        color, marker, _ = LOOKS[0 if right else 1]
        part = table[table.right == right].set_index("emotion").reindex(emotions)
        errors = [part.seconds - part.low, part.high - part.seconds]
        look = {"fmt": marker, "color": COLORS[color], "capsize": 2.5, "label": name}
        axis.errorbar(np.arange(len(emotions)) + shift, part.seconds, yerr=errors, **look)
    axis.set_xticks(range(len(emotions)), [emotion_label(emotion) for emotion in emotions])
    axis.set(ylabel="response time (s)", ylim=(0, None))
    axis.legend()


def draw_confidence(axis: Axes, table: pd.DataFrame) -> None:
    """Accuracy by grade of confidence of `behaviour.confidence`; the number of answers below each grade."""
    errors = [100 * (table.accuracy - table.low), 100 * (table.high - table.accuracy)]
    axis.errorbar(table.confidence, 100 * table.accuracy, yerr=errors, fmt="o-", color=COLORS["blue"], capsize=2.5)
    names = [f"{grade}\n({answers})" for grade, answers in zip(table.confidence, table.answers, strict=True)]
    axis.set_xticks(table.confidence, names)
    axis.set(xlabel="confidence (answers)", ylim=(0, 100))


def draw_difficulty(axis: Axes, clips: pd.DataFrame, *, by: str) -> None:
    """The clips of each group from hardest to easiest: share of listeners who name the intended
    emotion; `by` is emotion or modality."""
    order = {"emotion": tuple(EMOTIONS), "modality": MODALITIES}[by]
    groups = [name for name in order if name in set(clips[by])]
    for number, group in enumerate(groups):
        shares = np.sort(clips.share[clips[by] == group])
        color, marker, line = LOOKS[number % len(LOOKS)]
        color = emotion_color(group) if by == "emotion" else COLORS[color]
        marker = emotion_marker(group) if by == "emotion" else marker
        rank = 100 * (np.arange(len(shares)) + 0.5) / len(shares)
        look = {"color": color, "marker": marker, "markevery": max(1, len(shares) // 6), "linestyle": line}
        axis.plot(rank, 100 * shares, label=group, **look)
    axis.set(xlabel="clips, hardest first (%)", ylabel="named as intended (%)", xlim=(0, 100), ylim=(-2, 102))
    axis.legend(fontsize=8)


def draw_relation(axis: Axes, both: pd.DataFrame) -> None:
    """The listeners' share against the model's probability of the intended emotion: a point a clip, or, of more than
    500 clips, how the listeners' shares spread in each tenth of the probability (columns sum to 100 %)."""
    if len(both) > 500:
        edges = np.linspace(0, 100, 11)
        counts, *_ = np.histogram2d(100 * both.share, 100 * both.model, bins=[edges, edges])
        shares = 100 * counts / np.maximum(counts.sum(axis=0), 1)
        mesh = axis.pcolormesh(edges, edges, shares, cmap="cividis", edgecolors="white", linewidth=0.4)
        axis.figure.colorbar(mesh, ax=axis, label="clips of the column (%)")
        axis.grid(False)
    else:
        for emotion, part in both.groupby("emotion"):
            look = {"color": emotion_color(emotion), "marker": emotion_marker(emotion), "linestyle": ""}
            axis.plot(100 * part.model, 100 * part.share, label=emotion, **look)
    axis.set(xlabel="model: probability of the intended (%)", ylabel="listeners who name it (%)")


def draw_power(axis: Axes, table: pd.DataFrame) -> None:
    """How often a difference is detected, by contrast of `power.curves`."""
    for number, (name, part) in enumerate(table.groupby("contrast", sort=False)):
        color, marker, line = LOOKS[number % len(LOOKS)]
        label = f"{name}: {power.CONTRASTS[name]}"
        look = {"color": COLORS[color], "marker": marker, "linestyle": line, "label": label}
        axis.plot(100 * part.difference, 100 * part.power, **look)
    axis.axhline(100 * power.POWER, color="0.4", linestyle=":")
    axis.axhline(5, color="0.4", linestyle=":")
    axis.set(xlabel="true difference (points)", ylabel="detected (%)", ylim=(0, 102))
