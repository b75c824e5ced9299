"""How results are put side by side: tables for people and the drawings of `40_evaluation`."""

import pandas as pd
import yaml
from matplotlib.axes import Axes

from emolabs import paths
from emolabs.experiments.baselines import LINEAR, MARK, OPEN
from emolabs.modeling import weights
from emolabs.modeling.pipeline import ENCODERS, load_pipelines
from emolabs.reporting import COLORS, corpus_name, interval, over_mark, pipeline_look, stale_mark

#: Protocols of new speakers, by where the same is asked of known ones: `random` at equal training size, else `hash`.
NEW_SPEAKERS = {"tess-actress": ("hash",), "speaker": ("random", "hash")}
MARKERS = "os^DvXP*<>"
_TITLES = {"accuracy": "accuracy", "uar": "UAR", "macro_f1": "macro-F1"}


def formatted(scores: pd.DataFrame, *, by_corpus: bool = False) -> pd.DataFrame:
    """Lines of `results.table` for reading: scores in percent with their intervals, overlaps in percent.

    An interval that does not cover new speakers is marked †.
    """
    mark = scores.interval_over.map(over_mark)
    keys = ["protocol", "scope", "pipeline"] + ["on"] * by_corpus + ["seed"] * (scores.seed.nunique() > 1)
    table = scores[keys].rename(columns={"on": "corpus"})
    for score, title in _TITLES.items():
        bounds = zip(scores[score], scores[f"{score}_low"], scores[f"{score}_high"], strict=True)
        table[f"{title} (%)"] = [interval(*values) + m for values, m in zip(bounds, mark, strict=True)]
    if by_corpus:
        table["closed-set UAR (%)"] = (100 * scores.closed_set_uar).round(1)
        table["speakers"] = scores.speakers
    else:
        table["known speakers (%)"] = (100 * scores.speaker_overlap).round(0).astype(int)
        table["known texts (%)"] = (100 * scores.text_overlap).round(0).astype(int)
    table["clips"] = scores.clips
    if scores.stale.any():
        table["stale"] = scores.stale.map({True: "stale", False: ""})
    return table.reset_index(drop=True)


def labels(lines: pd.DataFrame) -> dict[str, str]:
    """What each pipeline of `results.table` is called in a picture, in the order of the table of pipelines: its name,
    and whether one of its lines is stale."""
    there, stale = set(lines.pipeline), set(lines.pipeline[lines.stale.astype(bool)])
    return {name: name + stale_mark(name in stale) for name in load_pipelines() if name in there}


def draw_scores(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """One dot with its interval per line (sorted by the caller), white where `mark` says that the row does not beat the
    linear model, grey where nothing could be compared; the constant row becomes the dotted line of chance."""
    constant = lines[lines.pipeline == "constant"]
    lines = lines[lines.pipeline != "constant"]
    errors = [100 * (lines.uar - lines.uar_low), 100 * (lines.uar_high - lines.uar)]
    names = lines.pipeline.map(labels(lines))
    axis.errorbar(100 * lines.uar, names, xerr=errors, fmt="none", ecolor="black", capsize=2.5)
    faces = lines.mark.map({MARK: "white", OPEN: "0.8"}).fillna(COLORS["blue"])
    faces[lines.pipeline == LINEAR] = "black"
    axis.scatter(100 * lines.uar, names, c=faces, edgecolors=COLORS["blue"], s=26, zorder=3)
    if len(constant):
        axis.axvline(100 * constant.uar.iloc[0], color="0.4", linestyle=":")
    axis.set(title=title, xlim=(0, 103))
    axis.set_ylim(-0.6, len(lines) - 0.4)
    axis.grid(axis="x")


def leakage_pairs(overall: pd.DataFrame) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Pairs of results that differ in whether the speakers are known: (title, known, new) for each scope."""
    pairs = []
    for new, known in NEW_SPEAKERS.items():
        for scope in overall.scope[overall.protocol == new].unique():
            scored = overall[(overall.scope == scope) & (overall.pipeline != "constant")].set_index("pipeline")
            for protocol in known:
                sides = scored[scored.protocol == protocol], scored[scored.protocol == new]
                common = [name for name in sides[1].index if name in sides[0].index]
                if common:
                    pairs.append((f"{scope}: {protocol} / {new}", sides[0].loc[common], sides[1].loc[common]))
                    break
    return pairs


def draw_leakage(axis: Axes, known: pd.DataFrame, new: pd.DataFrame, *, title: str) -> None:
    """Bars per pipeline: UAR with speakers that were heard in training, and with speakers that were not.

    The second line of the title gives the training clips of both; a score whose interval does not cover new speakers is
    marked †.
    """
    sides = [
        ("speakers known", known, -0.2, COLORS["blue"], ""),
        ("speakers new", new, 0.2, COLORS["vermilion"], "////"),
    ]
    for label, lines, shift, color, hatch in sides:
        places = [x + shift for x in range(len(lines))]
        errors = [100 * (lines.uar - lines.uar_low), 100 * (lines.uar_high - lines.uar)]
        look = {"color": color, "hatch": hatch, "edgecolor": "black", "linewidth": 0.5, "capsize": 2.5}
        axis.bar(places, 100 * lines.uar, 0.38, yerr=errors, label=label, **look)
        for place, high, line in zip(places, 100 * lines.uar_high, lines.itertuples(), strict=True):
            text = f"{100 * line.uar:.1f}{over_mark(line.interval_over)}"
            axis.annotate(text, (place, high), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8)
    sizes = " / ".join(f"{lines.train_clips.iloc[0]:,}" for lines in (known, new))
    names = labels(pd.concat([known, new]).reset_index())
    shown = [names[name].replace("-", "\n", 1).replace(" (", "\n(") for name in known.index]
    axis.set_xticks(range(len(known)), shown)
    axis.set(title=f"{title}\ntrained on {sizes} clips", ylim=(0, 115), yticks=range(0, 101, 20))


def published(overall: pd.DataFrame) -> pd.DataFrame:
    """Our results under the protocols of `params/published.yaml`, and the published numbers beside them, which are
    marked as such: `protocol`, `model`, `UAR (%)`, `source`. Only protocols of which there is a result of ours."""
    rows = yaml.safe_load(paths.PUBLISHED.read_text(encoding="utf-8"))
    lines = []
    for protocol, scope in dict.fromkeys((row["protocol"], row["scope"]) for row in rows):
        ours = overall[(overall.protocol == protocol) & (overall.scope == scope)].sort_values("uar")
        scores = zip(ours.pipeline, ours.uar, ours.uar_low, ours.uar_high, strict=True)
        theirs = [row for row in rows if (row["protocol"], row["scope"]) == (protocol, scope)] if len(ours) else []
        lines += [[protocol, name, interval(*score), "EmoLabs"] for name, *score in scores]
        lines += [[protocol, row["model"], row["uar"], f"published: {row['source']}"] for row in theirs]
    return pd.DataFrame(lines, columns=["protocol", "model", "UAR (%)", "source"])


def not_run(overall: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table of pipelines that have no result, by family, and why: `pipeline`, `family`, `reason`.

    Of an encoder whose weights are not on this machine no row can be run here.
    """
    missing = [row for name, row in load_pipelines().items() if name not in set(overall.pipeline)]
    absent = {branch for branch in ENCODERS if not weights.is_here(branch)}
    lines = [
        [row.name, FAMILIES[row.notebook], "weights not available here" if row.branch in absent else "not run yet"]
        for row in missing
    ]
    return pd.DataFrame(lines, columns=["pipeline", "family", "reason"])


#: The family that a notebook trains, in words.
FAMILIES = {
    "30_classic_cnn": "classic CNN",
    "31_cnn_lstm": "CNN and LSTM",
    "32_resnet_ablation": "ResNet ablation",
    "33_encoder_finetuning": "encoders",
    "34_classical": "classical rows",
}


def draw_corpora(axis: Axes, lines: pd.DataFrame, *, title: str, names: dict[str, str]) -> None:
    """UAR per corpus (column `on`) with its interval (`low`, `high`), the pipelines side by side in the order of
    `names`, which are their `labels`: a pipeline has one place and one look in every panel."""
    corpora = sorted(lines.on.unique())
    for i, name in enumerate(names):
        group = lines[lines.pipeline == name].set_index("on").reindex(corpora).dropna(subset="uar")
        if group.empty:
            continue
        places = [corpora.index(on) + 0.84 * ((i + 0.5) / len(names) - 0.5) for on in group.index]
        errors = [100 * (group.uar - group.low), 100 * (group.high - group.uar)]
        look = pipeline_look(name) | {"linestyle": "", "markersize": 4, "elinewidth": 0.7, "capsize": 1.2}
        axis.errorbar(places, 100 * group.uar, yerr=errors, label=names[name], **look)
    for border in range(1, len(corpora)):
        axis.axvline(border - 0.5, color="0.8", linewidth=0.6)
    marks = lines.drop_duplicates("on").set_index("on").interval_over.map(over_mark)
    axis.set_xticks(range(len(corpora)), [corpus_name(corpus) + marks[corpus] for corpus in corpora])
    axis.tick_params(axis="x", length=0)
    axis.set(title=title, ylim=(0, 104), yticks=range(0, 101, 20), xlim=(-0.5, len(corpora) - 0.5))
