"""The main comparison: every pooled pipeline, on all clips and corpus by corpus, with speakers known and new.

Scores per corpus are closed-set where a corpus lacks a class. A marker is filled where the row beats the linear model
(`baselines`), white where it does not, half where that model has not been run, and a cross is that model; what has not
been run keeps its place.
"""

from collections.abc import Collection, Iterable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emolabs.experiments import baselines, choice, comparison, partitions
from emolabs.experiments.baselines import CONSTANT, LINEAR
from emolabs.experiments.partitions import Evaluation
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import COLORS, OVER_CLIPS, corpus_name, over_mark
from emolabs.standardization import PROTOCOLS

#: Protocols of the figure: what they are called, colour, marker and how far above its row a score stands.
SIDES = {
    "hash": ("speakers known (hash)", "blue", "o", 0.19),
    "speaker": ("speakers new (speaker)", "vermilion", "s", -0.19),
}
#: What an empty cell of the coverage table says, by reason.
EMPTY = {
    partitions.NOT_RUN: "–",
    partitions.BROKEN: "incomplete",
    partitions.MIXED: "mixed",
    partitions.OTHER: "other",
}
COVERAGE_LEGEND = (
    f"UAR (%), seed 0. {baselines.LEGEND} – not run. incomplete: files of the result are missing or torn. mixed: "
    f"its folds are of two partitions. other: made from another version of the partition than the other rows. An "
    f"empty cell is not planned."
)


def lines(
    evaluation: Evaluation, compared: pd.DataFrame, *, seed: int = 0, protocols: Collection[str] = tuple(SIDES)
) -> pd.DataFrame:
    """The scores of the figure: a line per pooled result under `protocols` and set of clips: `protocol, pipeline, on,
    uar, low, high, interval_over, stale` and `mark`, that of `baselines.marks`."""
    pooled = [r for r in evaluation.found if (r.row.scope, r.row.seed) == ("pooled", seed)]
    found = [r for r in pooled if r.row.protocol in protocols]
    table = []
    for result in found:
        for on in ("overall", *result.scores["corpora"]):
            scores = choice.scores(result, on=on)
            line = {"protocol": result.row.protocol, "pipeline": result.row.pipeline, "on": on}
            line |= dict(zip(("uar", "low", "high"), scores["uar"], strict=True))
            table.append(line | {"interval_over": scores["interval_over"], "stale": result.stale})
    pooled = compared[(compared.scope == "pooled") & (compared.seed == seed)]
    known = pooled.assign(mark=baselines.marks(pooled))[["protocol", "pipeline", "on", "mark"]]
    columns = ["protocol", "pipeline", "on", "uar", "low", "high", "interval_over", "stale"]
    return pd.DataFrame(table, columns=columns).merge(known, on=columns[:3], how="left")


def shown(scores: pd.DataFrame, gaps: pd.DataFrame) -> list[str]:
    """The pipelines of the figure, from top to bottom in the order of the table: those with a score, and gaps."""
    wanted = gaps[(gaps.scope == "pooled") & gaps.protocol.isin(SIDES)].pipeline
    names = {*scores.pipeline, *wanted} - {CONSTANT}
    return [name for name in load_pipelines() if name in names]


def draw(
    axes: Sequence[Axes], scores: pd.DataFrame, *, evaluation: Evaluation, corpora: Sequence[str], humans: pd.DataFrame
) -> None:
    """A panel for all clips and one for each of `corpora`, a row per pipeline; bands are listeners (`humans.scores`),
    dotted lines the constant answer. The first panel says why a score is missing."""
    names = shown(scores, evaluation.gaps)
    places = {name: place for place, name in enumerate(reversed(names))}
    listeners = humans.set_index("corpus") if len(humans) else pd.DataFrame()
    for axis, on in zip(axes, ("overall", *corpora), strict=True):
        group = scores[scores.on == on]
        for protocol, (_, color, marker, shift) in SIDES.items():
            side = group[(group.protocol == protocol) & (group.pipeline != CONSTANT)]
            for line in side.itertuples():
                errors = [[100 * (line.uar - line.low)], [100 * (line.high - line.uar)]]
                look = comparison.looks(line.mark, line.pipeline, color=COLORS[color], marker=marker)
                look |= {"markersize": 3.8, "ecolor": "black", "elinewidth": 0.7, "capsize": 1.5}
                axis.errorbar(100 * line.uar, places[line.pipeline] + shift, xerr=errors, **look)
        chance = group[group.pipeline == CONSTANT].uar
        if len(chance):
            axis.axvline(100 * chance.iloc[0], color="0.4", linestyle=":", linewidth=0.9)
        if on in listeners.index:
            band = 100 * listeners.loc[on, ["low", "high", "uar"]].astype(float)
            axis.axvspan(band.low, band.high, color="0.82", zorder=0)
            axis.axvline(band.uar, color="0.35", linewidth=0.8, zorder=1)
        if on != "overall" and group.empty:
            axis.text(50, len(names) / 2, "absent", ha="center", color="0.45", style="italic")
        over = OVER_CLIPS if "clips" in set(group.interval_over) else ""
        title = "all clips" if on == "overall" else f"{corpus_name(on)}{over}"
        axis.set(title=title, xlim=(0, 106), xticks=(0, 50, 100))
        axis.grid(axis="x")
    _name_rows(axes[0], names, scores)
    _name_gaps(axes[0], places, scores, evaluation.gaps)


def _name_rows(axis: Axes, names: list[str], scores: pd.DataFrame) -> None:
    """Names at the left edge, with a line between two families."""
    table, called = load_pipelines(), comparison.labels(scores)
    axis.set_yticks(range(len(names)), [called.get(name, name) for name in reversed(names)], fontsize=8)
    axis.set_ylim(-0.6, len(names) - 0.4)
    for place, (name, below) in enumerate(zip(names, names[1:], strict=False), start=1):
        if table[name].notebook != table[below].notebook:
            for panel in axis.figure.axes:
                panel.axhline(len(names) - place - 0.5, color="0.75", linewidth=0.6)


def _name_gaps(axis: Axes, places: dict[str, int], scores: pd.DataFrame, gaps: pd.DataFrame) -> None:
    there = set(zip(scores.protocol, scores.pipeline, strict=True))
    reasons = {(g.protocol, g.pipeline): g.reason for g in gaps[gaps.scope == "pooled"].itertuples()}
    for protocol, (_, color, _, shift) in SIDES.items():
        for name, place in places.items():
            if (protocol, name) not in there:
                text = reasons.get((protocol, name), "not planned")
                look = {"color": COLORS[color], "fontsize": 6, "style": "italic", "va": "center"}
                look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
                axis.text(3, place + shift, text, **look)


def legend(scores: pd.DataFrame, humans: pd.DataFrame) -> list:
    """Handles that say what the figure's marks mean."""
    handles = _sides((label, color, marker) for label, color, marker, _ in SIDES.values())
    handles += faces(scores)
    if len(humans):
        handles.append(Patch(color="0.82", label="listeners, audio: mean, 95 %"))
    return handles


def legend_scopes(scores: pd.DataFrame) -> list[Line2D]:
    """Handles of the panels of `comparison.draw_scores`, of what occurs in `scores`."""
    there = {bool(share > 0) for share in scores.speaker_overlap}
    return _sides(look for is_known, look in comparison.SPEAKERS.items() if is_known in there) + faces(scores)


def _sides(looks: Iterable[tuple[str, str, str]]) -> list[Line2D]:
    """Handles of (label, colour, marker)."""
    look = {"linestyle": "none", "markersize": 4.2}
    return [Line2D([], [], color=COLORS[color], marker=marker, label=label, **look) for label, color, marker in looks]


def faces(scores: pd.DataFrame) -> list[Line2D]:
    """Handles that say what the marks of `comparison.looks` mean, of those that occur, and the dotted line."""
    told = [
        ("", "", f"filled: beats {LINEAR}"),
        (baselines.MARK, "", f"white: does not beat {LINEAR}"),
        ("", LINEAR, f"cross: {LINEAR}"),
        *([(baselines.OPEN, "", f"half: no {LINEAR}")] * bool((scores.mark == baselines.OPEN).any())),
    ]
    handles = [
        Line2D([], [], **comparison.looks(mark, name, color="0.3", marker="o"), markersize=4.2, label=label)
        for mark, name, label in told
    ]
    return [*handles, Line2D([], [], color="0.4", linestyle=":", label="constant answer")]


def coverage(evaluation: Evaluation, compared: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """The rows of the table of pipelines that have a result or a gap, over all protocols and scopes that have one: the
    UAR in percent with the mark of `baselines.marks`, or why the cell is empty (`EMPTY`)."""
    overall = compared[(compared.on == "overall") & (compared.seed == seed)]
    keys = zip(overall.protocol, overall.scope, overall.pipeline, strict=True)
    marks = dict(zip(keys, baselines.marks(overall), strict=True))
    cells = {}
    for result in evaluation.found:
        key = (result.row.protocol, result.row.scope, result.row.pipeline)
        scores = result.scores["overall"]
        over = over_mark(scores["interval_over"])
        if result.row.seed == seed:
            cells[key] = f"{100 * scores['uar'][0]:.1f}{over}{marks.get(key, '')}"
    gaps = evaluation.gaps[(evaluation.gaps.seed == seed) & (evaluation.gaps.reason != partitions.GONE)]
    cells |= {(g.protocol, g.scope, g.pipeline): EMPTY[g.reason] for g in gaps.itertuples()}
    columns = sorted(
        {key[:2] for key in cells}, key=lambda key: (list(PROTOCOLS).index(key[0]), key[1] != "pooled", key[1])
    )
    rows = [name for name in load_pipelines() if name in {key[2] for key in cells}]
    values = [[name, *(cells.get((*column, name), "") for column in columns)] for name in rows]
    return pd.DataFrame(values, columns=["pipeline", *(f"{protocol} {scope}" for protocol, scope in columns)])
