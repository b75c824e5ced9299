"""Depth and skips: plain and residual networks of one branch side by side, and the gradients that reach their layers.

`plainN` and `resnetN` have the same layers and parameters and differ in the skips only. The norms are those of the
gradient of each convolution's kernel, from the input on, each the mean over the batches of an epoch, before clipping.
Kernels of later layers hold more numbers, so norms are compared between networks, layer by layer, and not along one.
"""

import re
from collections.abc import Sequence
from itertools import groupby

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emolabs import reporting
from emolabs.experiments.drawings import draw_gradients, gradients
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import COLORS, interval, over_mark, stale_mark

#: How the two kinds look; without colour they differ in line, marker and fill.
LOOKS = {
    "plain": {"color": COLORS["vermilion"], "linestyle": "--", "marker": "s", "markerfacecolor": "white"}
    | {"label": "plain (no skips)"},
    "resnet": {"color": COLORS["blue"], "linestyle": "-", "marker": "o", "label": "resnet (skips)"},
}


def pairs() -> dict[str, dict[str, tuple[str, int]]]:
    """By branch and aggregation: the pipelines that have a partner with or without skips, each with kind and depth."""
    families: dict[str, dict[str, tuple[str, int]]] = {}
    for name, pipeline in load_pipelines().items():
        match = re.fullmatch(r"(plain|resnet)(\d+)", pipeline.backbone)
        if match:
            family = name.replace(pipeline.backbone, "N")
            families.setdefault(family, {})[name] = (match[1], int(match[2]))
    for members in families.values():
        kinds = {depth: {kind for kind, d in members.values() if d == depth} for _, depth in members.values()}
        for name, (_, depth) in list(members.items()):
            if len(kinds[depth]) < len(LOOKS):
                del members[name]
    return families


def compare(found: Sequence[Result], *, seed: int = 0) -> pd.DataFrame:
    """A row for each pipeline of the family of `pairs` of which most has been run, by depth, plain before residual.

    Columns: `pipeline, kind, depth, protocol, scope`; `uar, low, high` (0–1), `interval_over`, `epochs`, `first` and
    `last` (norms of the first and last layer's gradient, means over epochs of the first fold), `stale`, and `result`;
    in a row that has not been run the numbers are missing and `result` is None. Of families of which as much has been
    run, the one with more evaluated clips is taken. Empty where none has been.
    """
    groups = {}
    for family, members in pairs().items():
        rows = [result for result in found if result.row.pipeline in members and result.row.seed == seed]
        rows = sorted(rows, key=lambda result: (result.row.protocol, result.row.scope))
        for (protocol, scope), some in groupby(rows, key=lambda result: (result.row.protocol, result.row.scope)):
            groups[family, protocol, scope] = {result.row.pipeline: result for result in some}
    if not groups:
        return pd.DataFrame(columns=["pipeline", "kind", "depth", "result"])
    most = max(groups, key=lambda name: (len(groups[name]), len(next(iter(groups[name].values())).predictions)))
    lines = []
    for name, (kind, depth) in sorted(pairs()[most[0]].items(), key=lambda member: member[1][::-1]):
        result = groups[most].get(name)
        line = {"pipeline": name, "kind": kind, "depth": depth, "protocol": most[1], "scope": most[2]}
        lines.append(line | (_measured(result) if result else {}) | {"result": result})
    return pd.DataFrame(lines)


def draw(family: pd.DataFrame) -> Figure:
    """For each depth that has been run: the norms by layer (line: mean over epochs, band: their range), and below it
    that of the first layer over training. What has not been run, or is stale, is named above its panel."""
    depths = family.depth[family.result.notna()].unique()
    figure, axes = reporting.figure(rows=2, cols=len(depths), height_in=4.8, sharey="row", squeeze=False)
    for column, depth in zip(axes.T, depths, strict=True):
        notes = []
        for line in family[family.depth == depth].itertuples():
            if line.result is None:
                notes.append(f"({line.kind}{depth} not run)")
                continue
            if line.stale:
                notes.append(f"{line.kind}{depth}{stale_mark(line.stale)}")
            table, look = norms(line.result), LOOKS[line.kind]
            draw_gradients(column[0], table, **look)
            column[1].plot(table.index + 1, table.iloc[:, 0], markersize=3, markevery=max(1, len(table) // 8), **look)
        column[0].set(title=f"depth {depth}\n{', '.join(notes)}".rstrip(), ylabel="")
        column[1].set(xlabel="epoch", yscale="log")
        column[1].xaxis.get_major_locator().set_params(integer=True)
    axes[0][0].set_ylabel("norm of the gradient\n(mean over epochs)")
    axes[1][0].set_ylabel("norm, first layer")
    drawn = [look for kind, look in LOOKS.items() if (family.kind[family.result.notna()] == kind).any()]
    lines, band = [Line2D([], [], **look) for look in drawn], Patch(color="0.85", label="range over the epochs")
    figure.legend(handles=[*lines, band], loc="outside upper center", ncols=3)
    return figure


def norms(result: Result) -> pd.DataFrame:
    """`drawings.gradients` of the first fold: a row an epoch, a column a layer."""
    return gradients(result.row.results(int(result.predictions.fold.min())))


def formatted(family: pd.DataFrame) -> pd.DataFrame:
    """Lines of `compare` for reading; an interval over clips only is marked †."""
    lines = []
    for line in family.itertuples():
        shown = {"pipeline": line.pipeline, "protocol": line.protocol, "scope": line.scope}
        if line.result is None:
            lines.append(shown | {"UAR (%)": "not run"})
            continue
        mark = over_mark(line.interval_over) + stale_mark(line.stale)
        shown |= {"UAR (%)": interval(line.uar, line.low, line.high) + mark, "epochs": str(int(line.epochs))}
        lines.append(shown | {"gradient, first layer": f"{line.first:.3g}", "last layer": f"{line.last:.3g}"})
    return pd.DataFrame(lines).fillna("")


def sentences(family: pd.DataFrame) -> list[str]:
    """For each depth that was run both ways, how the first layer's gradient without skips compares, and what lacks."""
    if family.empty:
        return ["No plain or residual network has been run here: notebooks/32_resnet_ablation.ipynb trains one."]
    said = []
    for depth, group in family.groupby("depth"):
        rows = group[group.result.notna()].set_index("kind")
        if len(rows) == len(LOOKS):
            ratio = rows["first"]["plain"] / rows["first"]["resnet"]
            said.append(
                f"At depth {depth} the gradient that reaches the first layer without skips is {ratio:.2g} times the "
                f"one with them (means over training)."
            )
    missing = family.pipeline[family.result.isna()]
    return said + ([f"Not run: {', '.join(missing)}."] if len(missing) else [])


def _measured(result: Result) -> dict:
    table, scores = norms(result), result.scores["overall"]
    facts = dict(zip(("uar", "low", "high"), scores["uar"], strict=True)) | {"interval_over": scores["interval_over"]}
    means, facts["epochs"], facts["stale"] = table.mean(), len(table), result.stale
    return facts | {"first": means.iloc[0], "last": means.iloc[-1]}
