"""What `41_representations` shows of the layer probe: drawings, a table for reading, sentences."""

import pandas as pd
from matplotlib.axes import Axes

from emolabs.experiments.comparison import scope_name
from emolabs.experiments.layers import CHOSEN
from emolabs.experiments.learners import LAYER
from emolabs.reporting import COLORS, corpus_look, interval, over_mark

#: What names a run with a learned sum.
_RUN = ["protocol", "scope", "pipeline", "fold", "seed"]


def draw(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """UAR over layers of one protocol's `overall` lines; filled where validation chose the layer in a fold, with how
    often above it, and the UAR of these choices as a dashed line; a ring is around the layer that linear rows hear."""
    of_layers, chosen = lines[lines.layer != CHOSEN], lines[lines.layer == CHOSEN].iloc[0]
    places = of_layers.layer.astype(int).to_numpy()
    errors = [100 * (of_layers.uar - of_layers.low), 100 * (of_layers.high - of_layers.uar)]
    look = {"color": COLORS["blue"], "ecolor": "black", "capsize": 2.5, "linewidth": 0.8}
    axis.errorbar(places, 100 * of_layers.uar, yerr=errors, fmt="o-", markerfacecolor="white", **look)
    taken, label = of_layers[of_layers.chosen_in > 0], "chosen on validation, in so many folds"
    axis.plot(taken.layer.astype(int), 100 * taken.uar, "o", color=COLORS["blue"], zorder=3, label=label)
    for line in taken.itertuples():
        text = f"{line.chosen_in}/{line.folds}"
        place = (int(line.layer), 100 * line.high)
        axis.annotate(text, place, xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8)
    heard = of_layers[places == LAYER]
    ring = {"markersize": 9, "markerfacecolor": "none", "color": "black", "markeredgewidth": 0.8}
    axis.plot(heard.layer.astype(int), 100 * heard.uar, "o", label=f"layer of the linear rows ({LAYER})", **ring)
    axis.axhline(100 * chosen.uar, color="0.4", linestyle="--", linewidth=0.8, label="UAR of these choices")
    axis.set(title=title, xlabel="layer", xticks=places, xlim=(places[0] - 0.4, places[-1] + 0.4))


def draw_learned(axis: Axes, weights: pd.DataFrame) -> None:
    """The learned weights by layer, a line per run: the scope has the colour and marker, the protocol the line, and a
    second pipeline open markers; dotted is what they began with. A caller shows the legend."""
    protocols, pipelines = (list(dict.fromkeys(weights[column])) for column in ("protocol", "pipeline"))
    for (protocol, scope, pipeline, *run), group in weights.groupby(_RUN, sort=False):
        label = ", ".join([protocol, scope_name(scope), *[pipeline][: len(pipelines) - 1]])
        look = {"color": COLORS["black"], "marker": "v"} if scope == "pooled" else corpus_look(scope)
        look |= {"linestyle": ("-", "--", (0, (1, 1)))[protocols.index(protocol) % 3], "label": label}
        look |= {"markerfacecolor": "white"} if pipelines.index(pipeline) % 2 else {}
        axis.plot(group.layer, group.weight, **look | ({"label": None} if run != [0, 0] else {}))
    layers = weights.layer.nunique()
    axis.axhline(1 / layers, color="0.4", linestyle=":", label=f"where it began: 1/{layers} each")
    axis.set(title="learned sum", xlabel="layer", ylabel="weight", ylim=(0, 1.05 * weights.weight.max()))


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `scores` for reading, in percent and points; an interval over clips only is marked †."""
    mark = lines.interval_over.map(over_mark)
    uar = zip(lines.uar, lines.low, lines.high, mark, strict=True)
    below = zip(lines.below, lines.below_low, lines.below_high, mark, strict=True)
    columns = {
        "protocol": lines.protocol,
        "clips of": lines.on.replace("overall", "all"),
        "layer": lines.layer.replace(CHOSEN, "as chosen"),
        "UAR (%)": [interval(*values) + m for *values, m in uar],
        "under the highest (points)": [interval(*values) + m for *values, m in below],
        "validation UAR (%)": (100 * lines.validation_uar).round(1),
        "chosen in folds": [
            f"{n} of {of}" if layer != CHOSEN else ""
            for n, of, layer in zip(lines.chosen_in, lines.folds, lines.layer, strict=True)
        ],
        "clips": lines.clips,
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def sentences(lines: pd.DataFrame) -> list[str]:
    """What the probe says, in words, protocol by protocol."""
    said = []
    for protocol, group in lines[lines.on == "overall"].groupby("protocol"):
        layers, chosen = group[group.layer != CHOSEN], group[group.layer == CHOSEN].iloc[0]
        top, last = layers.loc[layers.uar.idxmax()], layers.iloc[-1]
        even = layers[(layers.below_low <= 0) & (layers.layer != top.layer)].layer.tolist()
        few = f"layer{'s' * (len(even) > 1)} {' and '.join(even)}"
        also = f"; {few} cannot be told from it" if even else "; every other layer is lower"
        highest, taken = (interval(line.uar, line.low, line.high) for line in (top, chosen))
        said.append(
            f"`{protocol}`: layer {top.layer} has the highest UAR, {highest} %{also}. The last layer, {last.layer}, is "
            f"{interval(last.below, last.below_low, last.below_high)} points below. The layer that the validation side "
            f"of each fold chose gives {taken} %."
        )
    return said


def learned_sentence(weights: pd.DataFrame) -> str:
    """What the learned sums count most, in words."""
    if weights.empty:
        return "No finished row learns a sum over the layers of the frozen encoder."
    most = weights.loc[weights.groupby(_RUN).weight.idxmax()]
    parts = [
        f"layer {line.layer} in `{line.pipeline}` under `{line.protocol}`, {scope_name(line.scope)} ({line.weight:.2f})"
        for line in most.itertuples()
    ]
    return f"The learned sum over layers counts most: {'; '.join(parts)}."
