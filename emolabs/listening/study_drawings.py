"""The drawings of `50_listening_study`: the orders that participants get, and how loud the clips are."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch
from scipy.stats import binom

from emolabs import reporting
from emolabs.reporting import COLORS, corpus_name


def draw_orders(sequences: pd.DataFrame, *, shown: int = 12) -> Figure:
    """Above, the first `shown` orders, a row each, with the emotion of every trial; below, how often each emotion comes
    at each position over all orders, and where 95 of 100 of these points lie if the position says nothing.

    `sequences` is what `balance.sequences` gives.
    """
    figure, axes = reporting.figure(rows=2, height_in=4.6, sharex=True, height_ratios=[shown, 11])
    for row, emotions in enumerate(sequences.to_numpy()[:shown]):
        for place, emotion in enumerate(emotions, start=1):
            axes[0].barh(row, 1, left=place - 0.5, height=0.86, **reporting.emotion_bar(emotion))
    axes[0].set(yticks=range(shown), yticklabels=range(shown), ylabel="order", ylim=(shown - 0.5, -0.5))
    axes[0].grid(False)
    axes[0].tick_params(length=0)
    emotions, orders = sorted(set(sequences.iloc[0])), len(sequences)
    for emotion in emotions:
        share = 100 * (sequences == emotion).mean()
        look = {"color": reporting.emotion_color(emotion), "marker": reporting.emotion_marker(emotion)}
        axes[1].plot(
            share.index, share, linestyle="", label=emotion, markeredgecolor="0.2", markeredgewidth=0.3, **look
        )
    expected = (sequences.iloc[0].value_counts() / sequences.shape[1]).max()
    low, high = 100 * np.array(binom.ppf([0.025, 0.975], orders, expected)) / orders
    axes[1].axhspan(low, high, color="0.9", zorder=0)
    axes[1].axhline(100 * expected, color=COLORS["black"], linewidth=0.8, zorder=0)
    told = "black: an equal share; grey: where 95 of 100 points lie if the position says nothing"
    axes[1].set_title(told, fontsize=9)
    axes[1].set(ylabel=f"share of {orders} orders (%)", xlabel="trial", xlim=(0.5, sequences.shape[1] + 0.5))
    points = [(Patch(**reporting.emotion_bar(e)), line) for e, line in zip(emotions, axes[1].lines, strict=False)]
    look = {"handler_map": {tuple: HandlerTuple(ndivide=None)}, "columnspacing": 1.0}
    figure.legend(points, emotions, loc="outside upper center", ncols=min(6, len(emotions)), **look)
    return figure


def draw_loudness(clips: pd.DataFrame) -> Figure:
    """Loudness of the drawn clips as they were recorded and as they are played, a point each, by source and emotion.

    `clips` has `corpus, emotion, loudness_before_lufs, loudness_lufs`.
    """
    figure, axes = reporting.figure(cols=2, height_in=2.9, sharey=True)
    sources, emotions = sorted(clips.corpus.unique()), sorted(clips.emotion.unique())
    panels = {"loudness_before_lufs": "as recorded", "loudness_lufs": "as played"}
    for axis, (column, title) in zip(axes, panels.items(), strict=True):
        for (corpus, emotion), group in clips.groupby(["corpus", "emotion"]):
            place = sources.index(corpus) + 0.11 * (emotions.index(emotion) - (len(emotions) - 1) / 2)
            look = {"color": reporting.emotion_color(emotion), "marker": reporting.emotion_marker(emotion)}
            label = emotion if corpus == sources[0] else None
            points = axis.scatter([place] * len(group), group[column], s=22, linewidths=0.3, label=label, **look)
            points.set_edgecolor("0.2")
        axis.set(title=title, xticks=range(len(sources)), xticklabels=[corpus_name(key) for key in sources])
    axes[0].set_ylabel("integrated loudness (LUFS)")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(emotions), columnspacing=0.8
    )
    return figure
