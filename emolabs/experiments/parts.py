"""What one part of a pipeline changes, over all pairs of results that differ in that part alone.

The pairs are found in the table of pipelines, so that a new row or run adds its own. This is exploration: the pairs
were not declared, and their intervals are not corrected for their number; what was declared is in `paired` and
`contrasts`.
Conventions: differences are of UAR on the same clips, resampled together, as shares in −1–1; the first is the row that
stands later in `params/pipelines.yaml`.
"""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from emolabs.experiments import effects, paired
from emolabs.experiments.comparison import scope_name
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import BANDS, Pipeline, load_pipelines
from emolabs.reporting import COLORS, IN_PICTURES, OVER_CLIPS, corpus_look, draw_mark, interval, over_mark, stale_mark

#: The parts of a pipeline, in the order in which they are told.
PARTS = ("temporal", "aggregation", "tuning", "backbone", "dims", "bands", "branch")
#: The protocols of the picture: speakers that are known, and new ones.
PANELS = {"hash": "speakers known (hash)", "speaker": "speakers new (speaker)"}
NOTE = (
    "Exploratory: these pairs were not declared, and their intervals (95 %) are not corrected for their number. "
    "The row itself says the part: another branch also has other dimensions of its convolutions; a direct row also "
    "hears a learned sum of all layers, where a cnn3 row on the same encoder hears one, and has other settings of its "
    "training. "
    f"{effects.TUNING} {effects.SEED}"
)
#: What stands under the picture.
AXIS = f"difference of UAR (points), first minus second; exploratory, not corrected\n{IN_PICTURES[OVER_CLIPS]}"
_PAIR = ["first_row", "second_row"]
_NUMBERS = ["first", "second", "difference", "low", "high", "clips", "interval_over"]
COLUMNS = ["part", "change", *_PAIR, "protocol", "scope", "seed", *_NUMBERS, "missing", "stale"]


def differing(one: Pipeline, other: Pipeline) -> list[str]:
    """The parts in which two rows of the table of pipelines differ."""
    return [part for part in PARTS if getattr(one, part) != getattr(other, part)]


def matched(found: Sequence[Result]) -> list[tuple[str, Result, Result]]:
    """All (part, first, second) of one protocol, scope and seed that differ in this part alone, sorted by part, then by
    pipelines, protocol and scope."""
    pipelines, cells, pairs = load_pipelines(), {}, []
    order = list(pipelines).index
    for result in sorted(found, key=lambda result: order(result.row.pipeline)):
        cells.setdefault((result.row.protocol, result.row.scope, result.row.seed), []).append(result)
    for group in cells.values():
        for second, first in combinations(group, 2):
            parts = differing(pipelines[first.row.pipeline], pipelines[second.row.pipeline])
            pairs += [(*parts, first, second)] if len(parts) == 1 else []

    def place(pair: tuple[str, Result, Result]) -> tuple:
        """Where a pair stands: by part, then in the order of the table of pipelines."""
        part, first, second = pair
        return (
            PARTS.index(part),
            order(second.row.pipeline),
            order(first.row.pipeline),
            first.row.protocol,
            first.row.scope,
        )

    return sorted(pairs, key=place)


def table(found: Sequence[Result], *, seed: int = 0) -> pd.DataFrame:
    """A line per pair of `matched` of one seed: the `part` and its `change` (first − second), both rows as
    `pipeline, protocol, scope`, and the numbers of `paired.compare` but p; a refused pair says why in `missing`."""
    lines = []
    for part, first, second in matched([result for result in found if result.row.seed == seed]):
        rows = [f"{side.row.pipeline}, {side.row.protocol}, {side.row.scope}" for side in (first, second)]
        line = {"part": part, "change": _change(part, first, second), **dict(zip(_PAIR, rows, strict=True))}
        line |= {"protocol": first.row.protocol, "scope": first.row.scope, "seed": seed}
        line |= {"missing": paired.refusal(first, second), "stale": first.stale or second.stale}
        if not line["missing"]:
            line |= paired.compare(first, second, by_corpus=False).iloc[0][_NUMBERS].to_dict()
        lines.append(line)
    return pd.DataFrame(lines, columns=COLUMNS)


def _change(part: str, first: Result, second: Result) -> str:
    rows = [load_pipelines()[result.row.pipeline] for result in (first, second)]
    own = {"bands": lambda row: row.bands or BANDS, "dims": lambda row: row.convolved}
    return " − ".join(str(own[part](row) if part in own else getattr(row, part)) for row in rows)


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading: in points, with intervals; an interval over clips only is marked †."""
    shown = []
    for line in lines.itertuples():
        row = {"part": line.part, "compared": effects.name(line)}
        if line.missing:
            shown.append(row | {"difference": "not comparable"})
            continue
        row |= {"first (%)": f"{100 * line.first:.1f}", "second (%)": f"{100 * line.second:.1f}"}
        row |= {"difference": _points(line), "clips": f"{line.clips:,.0f}", "stale": "stale" if line.stale else ""}
        shown.append(row)
    columns = ["part", "compared", "first (%)", "second (%)", "difference", "clips"]
    return pd.DataFrame(shown).reindex(columns=columns + ["stale"] * bool(lines.stale.any())).astype(object).fillna("")


def _points(line) -> str:
    return interval(line.difference, line.low, line.high) + over_mark(line.interval_over)


def shown(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines that `draw` has a place for."""
    return lines[lines.protocol.isin(PANELS) & (lines.missing == "")]


def rows(lines: pd.DataFrame) -> list[tuple[str, str]]:
    """What stands at the left of the picture, from top to bottom: (part, "") as a heading, then (first, second)."""
    found = []
    for part, group in lines.groupby("part", sort=False):
        found += [(part, ""), *dict.fromkeys(_pipelines(group))]
    return found


def _pipelines(lines: pd.DataFrame) -> list[tuple[str, str]]:
    return [*zip(*(lines[column].str.split(", ").str[0] for column in _PAIR), strict=True)]


def draw(axes: Sequence[Axes], lines: pd.DataFrame) -> None:
    """A panel per protocol of `PANELS`, a row per pair of pipelines under its part, and in it a dot with its interval
    per scope, with a † where it is over clips only. All markers are open: nothing here is tested."""
    lines = shown(lines)
    names = rows(lines)
    scopes = sorted(set(lines.scope), key=lambda scope: (scope != "pooled", scope))
    stale = set(_pipelines(lines[lines.stale.astype(bool)]))
    labels = [(" − ".join(filter(None, name)) + stale_mark(name in stale), not name[1]) for name in names]
    there = set(zip(_pipelines(lines), lines.scope, strict=True))
    beside = {name: [scope for scope in scopes if (name, scope) in there] for name in names}
    for axis, (protocol, title) in zip(axes, PANELS.items(), strict=True):
        places = dict(zip(names, effects.place_rows(axis, labels), strict=True))
        for scope in scopes:
            group = lines[(lines.protocol == protocol) & (lines.scope == scope)]
            shifted = [places[pair] + _shift(scope, beside=beside[pair]) for pair in _pipelines(group)]
            errors = [100 * (group.difference - group.low), 100 * (group.high - group.difference)]
            look = {"color": COLORS["black"], "marker": "v"} if scope == "pooled" else corpus_look(scope)
            look |= {"linestyle": "", "ecolor": "0.3", "elinewidth": 0.8, "capsize": 1.5, "markerfacecolor": "white"}
            axis.errorbar(100 * group.difference, shifted, xerr=errors, label=scope_name(scope), **look)
            for line, place in zip(group.itertuples(), shifted, strict=True):
                draw_mark(axis, line.interval_over, at=(100 * line.high, place))
        axis.axvline(0, color="0.4", linewidth=0.8)
        axis.set_title(title)
        axis.set_ylim(bottom=min(places.values()) - 0.7)
        axis.xaxis.set_major_locator(MaxNLocator(4))  # by its length an axis had now one set of ticks, now another


def _shift(scope: str, *, beside: list[str]) -> float:
    """How far from the middle of its row a marker stands, in rows."""
    return min(0.26, 0.8 / len(beside)) * ((len(beside) - 1) / 2 - beside.index(scope))


def sentences(lines: pd.DataFrame, found: Sequence[Result], *, seed: int = 0) -> list[str]:
    """Per change of a part in how many pairs it was measured and what came of it; for a part without a pair, which
    results wait for which rows."""
    said, there = [], lines[lines.missing == ""]
    for part in PARTS:
        for change, group in there[there.part == part].groupby("change", sort=False):
            if len(group) == 1:
                line = next(group.itertuples())
                said.append(f"{part}, {change}: {_points(line)} points ({effects.name(line)}){stale_mark(line.stale)}.")
                continue
            above, below = int((group.low > 0).sum()), int((group.high < 0).sum())
            points = f"from {100 * group.difference.min():.1f} to {100 * group.difference.max():.1f} points"
            said.append(
                f"{part}, {change}: {len(group)} pairs, {points}; the interval lies above zero in {above}, below in "
                f"{below}, and holds it in {len(group) - above - below}{stale_mark(group.stale.any())}."
            )
        if part not in set(lines.part):
            waits = waiting(found, part=part, seed=seed)
            said.append(f"{part}: no two results differ in it alone" + (f"; {'; '.join(waits)}." if waits else "."))
    return said


def waiting(found: Sequence[Result], *, part: str, seed: int = 0) -> list[str]:
    """Which results have rows in the table of pipelines that differ from them in `part` alone, where none has been run
    beside them; of several the first is named."""
    said, pipelines = [], load_pipelines()
    for row in (result.row for result in found if result.row.seed == seed):
        others = [n for n, parts in pipelines.items() if differing(parts, pipelines[row.pipeline]) == [part]]
        if others:
            more = f" or one of {len(others) - 1} other rows" if len(others) > 1 else ""
            said.append(f"{row.pipeline} under {row.protocol}, {row.scope}, waits for {others[0]}{more}")
    return said
