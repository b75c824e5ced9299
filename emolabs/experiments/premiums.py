"""Premiums: what known speakers are worth, from `random` (or `hash`) to `speaker`, and what is left in a new corpus."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from emolabs.experiments import paired
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import interval, meanings, over_mark, pipeline_look, stale_mark

_NUMBERS = ["first", "second", "difference", "low", "high", "p", "clips", "interval_over"]
COLUMNS = ["on", *_NUMBERS, "pipeline", "stale", "missing", "texts"]


def table(found: Sequence[Result], *, known: str = "random", new: str = "speaker") -> pd.DataFrame:
    """What known speakers are worth: lines of `paired.compare` (`known` minus `new`), pooled, without corpora of too
    few speakers, and per corpus, for each pipeline but the constant that has both protocols, with `pipeline`, `stale`
    and the `texts` (share of evaluated clips whose text was heard in training) of both. A pair that `paired.refusal`
    refuses has one line without numbers that says so in `missing`."""
    sides = {
        protocol: {r.row.pipeline: r for r in found if (r.row.protocol, r.row.scope) == (protocol, "pooled")}
        for protocol in (known, new)
    }
    tables = []
    for pipeline in sides[known]:
        if pipeline == "constant" or pipeline not in sides[new]:
            continue
        pair = sides[known][pipeline], sides[new][pipeline]
        problem = paired.refusal(*pair)
        if problem:
            tables.append(pd.DataFrame([{"on": "overall", "pipeline": pipeline, "missing": problem, "stale": False}]))
            continue
        facts = {"pipeline": pipeline, "stale": any(result.stale for result in pair), "missing": ""}
        texts = " / ".join(f"{100 * r.facts['text_overlap']:.0f} %" for r in pair)
        tables.append(paired.compare(*pair, without=True).assign(**facts, texts=texts))
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS) if tables else pd.DataFrame(columns=COLUMNS)


def draw(axis: Axes, lines: pd.DataFrame, *, known: str) -> None:
    """Premiums per corpus, of the protocol `known` less speaker, a marker per pipeline; a pair that cannot be compared
    is named in the legend alone."""
    corpora = list(dict.fromkeys(["overall", *lines.on]))
    pipelines = list(dict.fromkeys(lines.pipeline))
    for i, pipeline in enumerate(pipelines):
        group = lines[lines.pipeline == pipeline].set_index("on").reindex(corpora)
        places = [k + 0.16 * (i - (len(pipelines) - 1) / 2) for k in range(len(corpora))]
        errors = [100 * (group.difference - group.low), 100 * (group.high - group.difference)]
        label = pipeline + stale_mark(lines.stale[lines.pipeline == pipeline].any())
        label += " (not comparable)" if group.difference.isna().all() else ""
        look = pipeline_look(pipeline) | {"linestyle": "", "capsize": 2, "label": label}
        axis.errorbar(places, 100 * group.difference, yerr=errors, **look)
    marks = lines[lines.missing == ""].drop_duplicates("on").set_index("on").interval_over
    names = [paired.title(c) + over_mark(marks.get(c)) for c in corpora]
    axis.set_xticks(range(len(corpora)), names)
    axis.axhline(0, color="0.4", linewidth=0.8)
    axis.set(
        ylabel=f"UAR lost with new speakers (points)\n{known} − speaker, all answers open",
        xlabel="".join(meanings(names)),
    )


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading: in percent and points, with intervals; over clips only marked †."""
    lines = lines[lines.missing == ""]
    mark = lines.interval_over.map(over_mark)
    bounds = zip(lines.difference, lines.low, lines.high, mark, strict=True)
    columns = {
        "pipeline": lines.pipeline,
        "corpus": lines.on.map(paired.title),
        "speakers known (%)": (100 * lines["first"]).round(1),
        "speakers new (%)": (100 * lines.second).round(1),
        "premium (points)": [interval(*values) + m for *values, m in bounds],
        "known texts": lines.texts,
        "clips": lines.clips,
    }
    shown = pd.DataFrame(columns)
    return shown.assign(stale=lines.stale.map({True: "stale", False: ""})) if lines.stale.any() else shown


def sentence(lines: pd.DataFrame) -> str:
    """The pooled premiums in words, and what is left of each without corpora of too few speakers."""
    compared = lines[lines.missing == ""]
    parts = []
    for line in compared[compared.on == "overall"].itertuples():
        rest = compared[(compared.pipeline == line.pipeline) & compared.on.str.startswith(paired.WITHOUT)]
        points = [f"{interval(-line.difference, -line.high, -line.low)} points"]
        points += [f"{paired.title(r.on)}: {interval(-r.difference, -r.high, -r.low)}" for r in rest.itertuples()]
        parts.append(f"`{line.pipeline}` {100 * line.first:.1f} → {100 * line.second:.1f} % ({'; '.join(points)})")
    refused = "".join(f" Not compared: {problem}." for problem in lines.missing[lines.missing != ""])
    told = f", UAR goes: {'; '.join(parts)}." if parts else ", no pair can be compared."
    return f"With new speakers instead of known ones{told}{refused}"


def draw_protocols(axis: Axes, found: Sequence[Result]) -> None:
    """The pooled UAR of every pipeline over the protocols, from known speakers to new corpora; dotted is chance. A line
    breaks where a protocol has not been run; points stand a little apart, so that none hides another."""
    protocols = [p for p in ("hash", "random", "speaker", "corpus") if any(r.row.protocol == p for r in found)]
    names = sorted({r.row.pipeline for r in found if r.row.protocol != "hash"}, key=list(load_pipelines()).index)
    for i, pipeline in enumerate(names):
        rows = {r.row.protocol: r for r in found if r.row.pipeline == pipeline}
        scores = [rows[p].scores["overall"]["uar"] if p in rows else (float("nan"),) * 3 for p in protocols]
        uar, low, high = (100 * pd.Series(column) for column in zip(*scores, strict=True))
        label = pipeline + stale_mark(any(result.stale for result in rows.values()))
        look = pipeline_look(pipeline) | {"capsize": 2, "linewidth": 0.8, "label": label}
        places = [k + 0.05 * (i - (len(names) - 1) / 2) for k in range(len(protocols))]
        axis.errorbar(places, uar, yerr=[uar - low, high - uar], **look)
    titles = {
        "hash": "hash\n(known)",
        "random": "random\n(known)",
        "speaker": "speaker\n(new)",
        "corpus": "corpus\n(new)",
    }
    axis.set_xticks(range(len(protocols)), [titles[protocol] for protocol in protocols])
    axis.set(ylabel="UAR (%)", ylim=(0, 100))
