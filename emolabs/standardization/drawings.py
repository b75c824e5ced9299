"""The drawings of `11_split`: what the sides of partitions share, how large they are, and who and what is on them."""

import itertools
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolabs import reporting
from emolabs.reporting import COLORS, corpus_look, corpus_name

_SIDES = {
    "train": (COLORS["blue"], ""),
    "validation": (COLORS["sky"], "////"),
    "evaluation": (COLORS["vermilion"], "...."),
}
_HATCHES = ("", "////", "....", "xxxx", "----")


def draw_overlap(audit: pd.DataFrame) -> Figure:
    """Bars per protocol: shares of the evaluated clips whose speaker, sentence or recording was heard before."""
    names = {"speakers_share": "speaker", "texts_share": "sentence", "recordings_share": "recording"}
    shares = audit.groupby("protocol", sort=False)[list(names)].mean()
    figure, axes = reporting.figure(height_in=2.8)
    looks = zip(names, ["", "////", "...."], [COLORS["blue"], COLORS["orange"], COLORS["vermilion"]], strict=True)
    for i, (column, hatch, color) in enumerate(looks):
        places = [x + 0.26 * (i - 1) for x in range(len(shares))]
        look = {"color": color, "hatch": hatch, "edgecolor": "black", "linewidth": 0.5, "label": names[column]}
        axes.bar_label(axes.bar(places, 100 * shares[column], 0.24, **look), fmt="%.0f", fontsize=8)
    axes.set_xticks(range(len(shares)), [name.replace("-", "\n", 1) for name in shares.index])
    axes.set(ylabel="evaluated clips (%)", ylim=(0, 112))
    figure.legend(loc="outside upper center", ncols=3, title="already heard in training or validation")
    return figure


def draw_sizes(sizes: pd.DataFrame) -> Figure:
    """Stacked bars: clips (columns are sides) of each protocol and fold (the index)."""
    figure, axes = reporting.figure(height_in=0.9 + 0.17 * len(sizes))
    names, left = [f"{protocol} {fold}" for protocol, fold in sizes.index], 0
    for side, (color, hatch) in _SIDES.items():
        axes.barh(names, sizes[side], left=left, color=color, hatch=hatch, edgecolor="white", label=side)
        left = left + sizes[side].to_numpy()
    axes.set(xlabel="clips")
    axes.grid(axis="x")
    axes.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def draw_composition(counts: pd.DataFrame) -> Figure:
    """Stacked shares of clips by emotion, corpus and sex: what a protocol trains on over all folds, then each fold's
    evaluation side. Where the two differ, a model is tested on another mixture than it has learnt from.
    """
    counts = counts.assign(sex=counts.sex.replace("", "not published"))
    long = counts.melt(["protocol", "fold", "split", "corpus", "sex"], var_name="emotion", value_name="clips")
    trained = long[long.split == "train"].assign(fold=-1)
    bars = pd.concat([trained, long[long.split == "evaluation"]])
    names = bars[["protocol", "fold"]].drop_duplicates().sort_values(["protocol", "fold"])
    places = range(len(names)) + 0.6 * names.protocol.cat.codes.to_numpy()
    looks = {
        "emotion": {e: reporting.emotion_bar(e) for e in reporting.EMOTIONS if e in counts},
        "corpus": _of_corpora(sorted(counts.corpus.unique())),
        "sex": {sex: reporting.sex_bar(sex) for sex in sorted(counts.sex.unique())},
    }
    figure, axes = reporting.figure(cols=3, height_in=1.2 + 0.155 * places[-1], sharey=True)
    for axis, (column, look) in zip(axes, looks.items(), strict=True):
        clips = bars.groupby(["protocol", "fold", column], observed=True).clips.sum().unstack(fill_value=0)
        _stack(axis, clips.loc[list(names.itertuples(index=False, name=None))], places=places, looks=look)
        axis.set_xlabel(f"clips (%) by {column}")
    axes[0].set_yticks(places, [f"{p}: trained" if f < 0 else f"evaluated {f}" for p, f in names.to_numpy()])
    axes[0].set_ylim(places[-1] + 0.6, -0.6)
    return figure


def _of_corpora(keys: list[str]) -> dict[str, dict]:
    """How bars of these corpora look: in the corpus' colour, told apart by hatch."""
    hatched = zip(keys, itertools.cycle(_HATCHES), strict=False)
    return {key: reporting.bar(corpus_look(key)["color"], hatch) for key, hatch in hatched}


def _stack(axis: Axes, clips: pd.DataFrame, *, places: Sequence[float], looks: dict[str, dict]) -> None:
    """Bars of 100 %, a row of `clips` each, in parts (columns) in the order of `looks`, with a legend above."""
    shares, left = 100 * clips.div(clips.sum(axis=1), axis=0), 0
    for value, look in looks.items():
        axis.barh(places, shares[value], left=left, label=corpus_name(value), **look)
        left = left + shares[value].to_numpy()
    axis.set_xlim(0, 100)
    axis.grid(False)
    axis.tick_params(axis="y", length=0, labelsize=8)
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8, handlelength=1.2, columnspacing=0.8)
