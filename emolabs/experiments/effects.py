"""Drawings of paired differences, as `emolabs.experiments.paired` computes them; all in points of UAR (%)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from emolabs.experiments import paired
from emolabs.experiments.failures import best
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import ENCODERS, load_pipelines
from emolabs.reporting import (
    COLORS,
    KIND_LOOKS,
    corpus_name,
    interval,
    known_mark,
    meanings,
    over_mark,
    p_value,
    stale_mark,
)

#: What a corrected p has to be under for a difference to be called one.
LEVEL = 0.05
#: What else differs between a row that tunes its encoder and one that does not.
TUNING = (
    "Tuning does not come alone: a frozen direct row hears a learned sum of all layers of its encoder, a tuned one the "
    "last layer; and augmentation alters the frames of the one, the waveform of the other."
)
#: What intervals and p of comparisons leave out.
SEED = "Of every row one seed: what another start of a network would change is in no interval and no p (44_stability)."
#: What the axis of a picture says of its filled markers.
FILLED = f"filled: p (Holm) < {LEVEL}"


def name(line) -> str:
    """What a line of `paired.table` compares; `KNOWN` behind it where both scores were known beforehand."""
    return named(line.first_row, line.second_row) + known_mark(getattr(line, "known", False))


def named(first_row: str, second_row: str) -> str:
    """What is compared, in one line: only what differs is said twice, and a scope where it is not pooled."""
    first, second = first_row.split(", "), second_row.split(", ")
    scope = "" if first[2] == "pooled" else f" {first[2]}"
    if first[0] == second[0]:
        return f"{first[0]}: {first[1]} − {second[1]}{scope}"
    return f"{first[0]} − {second[0]}, {first[1]}{scope}"


def draw(axis: Axes, lines: pd.DataFrame) -> None:
    """A dot with its interval per comparison, from top to bottom, under its question; filled where the corrected p is
    under `LEVEL`. What could not be compared keeps its place and says why."""
    rows = []
    for question, group in lines.groupby("question", sort=False):
        rows.append((question, None))
        for line in group.itertuples():
            values = line.missing.split(":")[0] if line.missing else (line.difference, line.low, line.high)
            look = {"fmt": "o", "color": COLORS["blue"], "ecolor": "black", "capsize": 2}
            look["markerfacecolor"] = COLORS["blue"] if line.p_holm < LEVEL else "white"
            label = name(line) + over_mark(line.interval_over) + stale_mark(line.stale)
            rows.append((label, (values, look), rest(line, "difference")))
    draw_rows(axis, rows)
    said = ["difference of UAR (points), first minus second", "95 % intervals", FILLED, *rest_told(lines)]
    axis.set_xlabel("\n".join([*said, *meanings(label for label, *_ in rows)]))


def rest(line, value: str) -> tuple[float, ...]:
    """A `value` of `paired.table` or `contrasts.table` and its bounds without corpora of few speakers; empty where the
    line leaves none out."""
    return tuple(getattr(line, f"without_{name}") for name in (value, *paired.BOUNDS)) if line.without else ()


def rest_told(lines: pd.DataFrame) -> list[str]:
    """What an axis says of the marks that `draw_rows` makes of `rest`; nothing where there are none."""
    names = [name for name in lines.without.unique() if name]
    return [f"orange: {' or '.join(map(paired.title, names))} (exploratory)"] if names else []


def draw_rows(axis: Axes, rows: Sequence[tuple]) -> None:
    """Labelled rows from top to bottom: a heading (None), or (difference, low, high) as a dot with its interval and how
    it looks; a text in place of the numbers says why there are none. A third part, where there is one, is a `rest`: it
    stands in orange under the dot."""
    places = place_rows(axis, [(label, content is None) for label, content, *_ in rows])
    for place, (_, content, *others) in zip(places, rows, strict=True):
        if content is None:
            continue
        for value, low, high in (100 * np.array(other) for other in others if other):
            look = {"fmt": "D", "markersize": 3, "color": COLORS["orange"], "elinewidth": 0.8, "capsize": 1.5}
            axis.errorbar(value, place - 0.32, xerr=[[value - low], [high - value]], **look)
        values, look = content
        if isinstance(values, str):
            axis.text(0, place, f" {values}", va="center", color="0.45", fontsize=8, style="italic")
            continue
        value, low, high = (100 * number for number in values)
        axis.errorbar(value, place, xerr=[[value - low], [high - value]], **look)
    axis.axvline(0, color="0.4", linewidth=0.8)


def place_rows(axis: Axes, labels: Sequence[tuple[str, bool]]) -> list[float]:
    """Name the rows of `axis` from top to bottom by (label, whether it is a heading), and return where they are."""
    places, place = [], 1.4
    for _, is_heading in labels:
        place -= 1.4 if is_heading else 1
        places.append(place)
    for tick, (_, is_heading) in zip(axis.set_yticks(places, [label for label, _ in labels]), labels, strict=True):
        if is_heading:
            tick.label1.set_fontweight("bold")
            tick.tick1line.set_visible(False)
            tick.gridline.set_visible(False)
    axis.set_ylim(place - 1.4 + 0.8, 0.8)
    axis.grid(axis="x")
    return places


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `paired.table` for reading: in points, with intervals; an interval over clips only is marked †."""
    shown = []
    for line in lines.itertuples():
        row = {"question": line.question, "compared": name(line)}
        if line.missing:
            shown.append(
                row | {"first (%)": "", "second (%)": "", "difference": line.missing.split(":")[0], "p (Holm)": ""}
            )
            continue
        mark = over_mark(line.interval_over)
        row |= {"first (%)": f"{100 * line.first:.1f}", "second (%)": f"{100 * line.second:.1f}"}
        row |= {"difference": interval(line.difference, line.low, line.high) + mark, "p (Holm)": p_value(line.p_holm)}
        if line.without:
            row[f"{paired.title(line.without)} (exploratory)"] = interval(*rest(line, "difference"))
        shown.append(row | {"clips": f"{line.clips:,.0f}", "stale": "stale" if line.stale else ""})
    table = pd.DataFrame(shown).fillna("")
    return table if lines.stale.any() else table.drop(columns="stale", errors="ignore")


def sentences(lines: pd.DataFrame) -> list[str]:
    """What each comparison of `paired.table` says, in words; of those not made one sentence tells how many."""
    said = []
    for line in lines[lines.missing == ""].itertuples():
        points = interval(line.difference, line.low, line.high)
        if line.p_holm >= LEVEL:
            verdict = "no difference can be told"
        else:
            verdict = "the first is better" if line.difference > 0 else "the second is better"
        stale = stale_mark(line.stale)
        said.append(f"{line.question}: {name(line)}: {points} points; {verdict}{stale}.")
    left = int((lines.missing != "").sum())
    return (
        [*said, f"{left} of {len(lines)} comparisons have not been made: their runs are not there."] if left else said
    )


#: The branches of both kinds; classical statistics of spectra and waveforms count as LLD.
KINDS = {"LLD": ("waveform", "logmel", "mfcc", "egemaps"), "HSF": ENCODERS}


def representatives(found: Sequence[Result], *, seed: int = 0) -> pd.DataFrame:
    """Of LLD and of HSF the pooled row that validation chose, under `hash` and `speaker`: a line per corpus with
    `protocol, kind, pipeline, on, uar, low, high, interval_over, speakers, stale`; `speakers` are those evaluated."""
    table, lines, facts = load_pipelines(), [], ("interval_over", "speakers")
    for protocol in ("hash", "speaker"):
        there = [r for r in found if (r.row.protocol, r.row.scope, r.row.seed) == (protocol, "pooled", seed)]
        for kind, branches in KINDS.items():
            rows = [r for r in there if r.row.pipeline != "constant" and table[r.row.pipeline].branch in branches]
            if not rows:
                continue
            chosen = best(rows)
            for corpus, scores in chosen.scores["corpora"].items():
                line = {"protocol": protocol, "kind": kind, "pipeline": chosen.row.pipeline, "on": corpus}
                line |= dict(zip(("uar", "low", "high"), scores.get("closed_set", scores)["uar"], strict=True))
                line |= {key: scores[key] for key in facts}
                lines.append(line | {"stale": chosen.stale})
    return pd.DataFrame(lines, columns=["protocol", "kind", "pipeline", "on", "uar", "low", "high", *facts, "stale"])


def draw_representatives(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """UAR per corpus of the chosen rows, from the fewest speakers to the most."""
    order = lines.groupby("on").speakers.max().sort_values(kind="stable").index
    chosen = []
    for i, (kind, group) in enumerate(lines.groupby("kind", sort=False)):
        group = group.set_index("on").reindex(order)
        errors = [100 * (group.uar - group.low), 100 * (group.high - group.uar)]
        places = [k + 0.14 * (2 * i - 1) for k in range(len(order))]
        look = KIND_LOOKS[kind] | {"linestyle": "", "capsize": 2, "label": kind}
        axis.errorbar(places, 100 * group.uar, yerr=errors, **look)
        chosen.append(f"{kind}: {group.pipeline.iloc[0]}{stale_mark(group.stale.any())}")
    marks = lines.drop_duplicates("on").set_index("on").interval_over.map(over_mark)
    axis.set_xticks(range(len(order)), [corpus_name(corpus) + marks[corpus] for corpus in order])
    axis.set(title="\n".join([title, *chosen]), ylim=(0, 104))
