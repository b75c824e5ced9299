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
#: Speakers that were heard in training, and ones that were not: what they are called, colour and marker.
SPEAKERS = {True: ("speakers known", "blue", "o"), False: ("speakers new", "vermilion", "s")}
#: A training side this much smaller than another is called so.
FEWER = 0.9
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


def looks(mark: str, pipeline: str, *, color: str, marker: str) -> dict[str, object]:
    """How a score is drawn that `baselines.marks` gives a mark, as keywords of `errorbar`: white where the row does not
    beat the linear model, half where that has not been run, a cross where the row is that model."""
    look = {"color": color, "marker": "X" if pipeline == LINEAR else marker, "linestyle": ""}
    if pipeline != LINEAR:
        look |= {MARK: {"markerfacecolor": "white"}, OPEN: {"fillstyle": "left"}}.get(mark, {})
    return look | {"markerfacecoloralt": "white"}


def draw_scores(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """One dot with its interval per line (sorted by the caller), as `looks` has it, in the colour and marker of known
    or of new speakers (`SPEAKERS`); the constant row becomes the dotted line of chance, and a
    name is marked † where the interval does not cover new speakers."""
    constant = lines[lines.pipeline == "constant"]
    lines = lines[lines.pipeline != "constant"]
    names = labels(lines)
    for place, line in enumerate(lines.itertuples()):
        _, color, marker = SPEAKERS[line.speaker_overlap > 0]
        look = looks(line.mark, line.pipeline, color=COLORS[color], marker=marker) | {"ecolor": "black", "capsize": 2.5}
        errors = [[100 * (line.uar - line.uar_low)], [100 * (line.uar_high - line.uar)]]
        axis.errorbar(100 * line.uar, place, xerr=errors, elinewidth=0.8, **look)
    if len(constant):
        axis.axvline(100 * constant.uar.iloc[0], color="0.4", linestyle=":")
    axis.set_yticks(range(len(lines)), lines.pipeline.map(names) + lines.interval_over.map(over_mark), fontsize=8)
    axis.set(title=title, xlim=(0, 106), xticks=(0, 50, 100))
    axis.set_ylim(-0.6, len(lines) - 0.4)
    axis.grid(axis="x")


def scope_name(scope: str) -> str:
    """What the clips of a scope are called in a picture."""
    return "all corpora" if scope == "pooled" else corpus_name(scope)


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
                    pairs.append(
                        (f"{scope_name(scope)}: {protocol} / {new}", sides[0].loc[common], sides[1].loc[common])
                    )
                    break
    return pairs


def draw_leakage(axis: Axes, known: pd.DataFrame, new: pd.DataFrame, *, title: str, chance: float | None) -> None:
    """Bars per pipeline: UAR with speakers that were heard in training, and with speakers that were not.

    The title gives the training and the evaluated clips of both, the broken line the UAR of the constant answer; a
    score whose interval does not cover new speakers is marked †.
    """
    for lines, is_known, shift, hatch in ((known, True, -0.21, ""), (new, False, 0.21, "////")):
        label, color, _ = SPEAKERS[is_known]
        places = [x + shift for x in range(len(lines))]
        errors = [100 * (lines.uar - lines.uar_low), 100 * (lines.uar_high - lines.uar)]
        look = {"color": COLORS[color], "hatch": hatch, "edgecolor": "black", "linewidth": 0.5, "capsize": 2.5}
        axis.bar(places, 100 * lines.uar, 0.42, yerr=errors, label=label, **look)
        for place, high, line in zip(places, 100 * lines.uar_high, lines.itertuples(), strict=True):
            text = f"{100 * line.uar:.1f}{over_mark(line.interval_over)}"
            aside = 0 if is_known else 1  # off the higher bar
            axis.annotate(text, (place, high), xytext=(aside, 2), textcoords="offset points", ha="center", fontsize=7)
    if chance is not None:
        axis.axhline(100 * chance, color="black", linestyle="--", linewidth=0.9, label="chance (constant answer)")
    trained, evaluated = ([int(lines[column].iloc[0]) for lines in (known, new)] for column in ("train_clips", "clips"))
    fewer = " (fewer: their speakers are held out)" if trained[1] < FEWER * trained[0] else ""
    counts = [" / ".join(f"{clips:,}" for clips in sides) for sides in (trained, evaluated)]
    names = labels(pd.concat([known, new]).reset_index())
    shown = [names[name].replace("-", "\n").replace(" (", "\n(") for name in known.index]
    axis.set_xticks(range(len(known)), shown)
    axis.set(ylim=(0, 115), yticks=range(0, 101, 20))
    axis.set_title(f"{title}\ntrained on {counts[0]} clips{fewer}\nevaluated on {counts[1]} clips", fontsize=9)


def chance(overall: pd.DataFrame, beside: pd.DataFrame) -> float | None:
    """The UAR of the constant answer under the protocol and scope of the lines `beside`; None where it is not there."""
    same = (overall.protocol == beside.protocol.iloc[0]) & (overall.scope == beside.scope.iloc[0])
    found = overall.uar[same & (overall.pipeline == "constant")]
    return found.iloc[0] if len(found) else None


def published(overall: pd.DataFrame) -> pd.DataFrame:
    """Our results under the protocols of `params/published.yaml`, and the published numbers beside them, which are
    marked as such: `protocol`, `model`, `UAR (%)`, `source`. Only protocols of which there is a result of ours."""
    rows = yaml.safe_load(paths.PUBLISHED.read_text(encoding="utf-8"))
    lines = []
    for protocol, scope in dict.fromkeys((row["protocol"], row["scope"]) for row in rows):
        ours = overall[(overall.protocol == protocol) & (overall.scope == scope)].sort_values("uar")
        over = ours.interval_over.map(over_mark)
        scores = zip(ours.pipeline, over, ours.uar, ours.uar_low, ours.uar_high, strict=True)
        theirs = [row for row in rows if (row["protocol"], row["scope"]) == (protocol, scope)] if len(ours) else []
        lines += [[protocol, name, interval(*score) + mark, "EmoLabs"] for name, mark, *score in scores]
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
