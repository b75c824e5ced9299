"""Differences in differences: whether what a part changes depends on what a pipeline hears, or on who is heard.

(first − second) less (first − second): four results on the same clips, resampled together as in
`emolabs.experiments.paired`. They were declared later than the paired comparisons and are corrected on their own.
Conventions: UAR and its differences are shares in −1–1; in tables, pictures and sentences they are points.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes

from emolabs import paths
from emolabs.experiments import effects, paired
from emolabs.experiments.effects import LEVEL
from emolabs.experiments.metrics import FEWEST_SPEAKERS
from emolabs.experiments.results import Result
from emolabs.reporting import COLORS, KNOWN, interval, known_mark, meanings, over_mark, p_value, stale_mark

NOT_RUN = "not run: "
LEGEND = (
    f"{KNOWN} all four scores were known when it was declared. Without few: the same without corpora of fewer than "
    f"{FEWEST_SPEAKERS} speakers, of which a bootstrap draws the same ones over and over; exploratory, not declared. "
    "A difference that no sample shows has the exact interval over clips; the contrast is wider by it and not tested. "
    f"{effects.SEED}"
)
#: The two differences of a contrast, by the names of their columns.
SIDES = ("difference", "less")
#: What is known of a side: its difference with the bounds.
_OF_SIDE = ("value", "low", "high")
_TOLD = ("low", "high", "interval_over")
COLUMNS = [
    *("question", "where", "difference_rows", "less_rows", "difference_over", "less_over"),
    *(f"{side}_{number}" for side in SIDES for number in _OF_SIDE),
    *("contrast", "low", "high", "p", "clips", "interval_over", "missing", "stale", "known"),
    *("without", "without_contrast", "without_low", "without_high"),
]
Side = tuple[str, str, str]


@dataclass(frozen=True)
class Contrast:
    """A row of `params/contrasts.yaml`: a question, and two pairs of results as (pipeline, protocol, scope); `known`
    where all four scores were known when it was declared."""

    question: str
    difference: tuple[Side, Side]
    less: tuple[Side, Side]
    known: bool = False

    @property
    def where(self) -> str:
        """Protocol and scope, both protocols where they differ; pooled goes without saying."""
        protocols = dict.fromkeys(side[1] for side in self.difference + self.less)
        scopes = dict.fromkeys(side[2] for side in self.difference + self.less)
        return " ".join([" − ".join(protocols), *(scope for scope in scopes if scope != "pooled")])


def declared() -> list[Contrast]:
    """All differences in differences that were written down before they were computed.

    Raises `ValueError` naming the row that is none.
    """
    found = []
    for number, row in enumerate(yaml.safe_load(paths.CONTRASTS.read_text(encoding="utf-8")), start=1):
        pairs = [_pair(row.get(side)) for side in SIDES] if isinstance(row, dict) else [()]
        keys, known = set(row) - {"known"}, row.get("known", False) if isinstance(row, dict) else None
        is_row = [len(pair) for pair in pairs] == [2, 2] and keys == {"question", *SIDES} and isinstance(known, bool)
        if not is_row or pairs[0] == pairs[1]:
            raise ValueError(
                f"{paths.CONTRASTS.name}, row {number}: expected a question, and difference and less as two different "
                f"pairs of `pipeline protocol scope`, and perhaps known as true or false, found {row}"
            )
        found.append(Contrast(row["question"], *pairs, known=known))
    return found


def _pair(given: object) -> tuple[Side, ...]:
    """Two sides out of their texts; empty where they are none."""
    texts = given if isinstance(given, list) and all(isinstance(text, str) for text in given) else []
    sides = tuple(tuple(text.split()) for text in texts)
    return sides if [len(side) for side in sides] == [3, 3] and sides[0] != sides[1] else ()


def compare(difference: tuple[Result, Result], less: tuple[Result, Result]) -> dict:
    """By how much the difference of two results exceeds that of two others, on the clips that all four evaluated.

    Returns `difference_value`, `…_low`, `…_high`, `…_over` (speakers or clips) and `less_…` of the two differences,
    `contrast` with `low`, `high` (95 %), `p` (two-sided, of the bootstrap), `clips` and `interval_over`; and on what
    `paired.without_few` leaves: `without` (its name, empty for nothing), `without_contrast`, `…_low`, `…_high`.
    A difference of two results that no sample parts has the exact interval of `paired.spread`; the contrast is then
    wider by it, and not tested (p is 1).
    Raises `ValueError` as `paired.common` does.
    """
    clips = paired.common([*difference, *less])
    (one, two, three, four), over = paired.scored(clips, labels=paired.labels_of(clips))
    sides = dict(zip(SIDES, (one - two, three - four), strict=True))
    numbers = {}
    contrast = sides["difference"] - sides["less"]
    told = paired.bounds(contrast[1:]) | {"interval_over": over}
    for side, values in sides.items():
        own = paired.spread(values, clips=len(clips), over=over)
        numbers |= _of_side(side, values[0], own)
        if not values.any():  # what such a side does not show, its exact interval adds
            told |= {"low": told["low"] + own["low"], "high": told["high"] + own["high"]}
            told |= {"p": 1.0, "interval_over": own["interval_over"]}
    facts = {"clips": len(clips), "without": ""}
    for name, rest in paired.without_few(clips).items():
        (one, two, three, four), _ = paired.scored(rest, labels=paired.labels_of(rest))
        left = one - two - (three - four)
        low, high = np.percentile(left[1:], [2.5, 97.5])
        facts |= {"without": name, "without_contrast": left[0], "without_low": low, "without_high": high}
    return numbers | {"contrast": contrast[0]} | told | facts


def table(contrasts: Iterable[Contrast], found: list[Result], *, seed: int = 0) -> pd.DataFrame:
    """A line per contrast, in its order, with the numbers of `compare` and `p_holm`: p corrected for all contrasts that
    could be made (Holm 1979). What lacks a result keeps its line, says in `missing` which, and has no contrast; a
    difference whose two results are there stands all the same. Results that `paired.refusal` refuses are not compared.
    """
    there = paired.by_name(found, seed=seed)
    lines = [_line(contrast, there) for contrast in contrasts]
    result = pd.DataFrame(lines, columns=COLUMNS)
    return result.assign(p_holm=paired.holm(result.p))


def _line(contrast: Contrast, there: dict[Side, Result]) -> dict:
    pairs = {side: getattr(contrast, side) for side in SIDES}
    line = {"question": contrast.question + known_mark(contrast.known), "where": contrast.where}
    line |= {"missing": "", "stale": False, "known": contrast.known, "without": ""}
    for side, pair in pairs.items():
        line[f"{side}_rows"] = effects.named(*(", ".join(name) for name in pair))
    missing = [", ".join(name) for pair in pairs.values() for name in pair if name not in there]
    results = [there[name] for pair in pairs.values() for name in pair if name in there]
    problem = paired.refusal(*results)
    if problem:
        return line | {"missing": f"not comparable: {problem}"}
    if not missing:
        stale = any(result.stale for result in results)
        return line | {"stale": stale} | compare(tuple(results[:2]), tuple(results[2:]))
    for side, pair in pairs.items():
        if set(pair) <= set(there):
            first, second = (there[name] for name in pair)
            known = paired.compare(first, second, by_corpus=False).iloc[0]
            line["stale"] |= first.stale or second.stale
            line |= _of_side(side, known.difference, known)
    return line | {"missing": NOT_RUN + "; ".join(missing)}


def _of_side(side: str, value: float, told: Mapping) -> dict:
    """What a line says of one of its differences, of which `told` has the bounds and what they are over."""
    return dict(zip([f"{side}_{name}" for name in (*_OF_SIDE, "over")], [value, *map(told.get, _TOLD)], strict=True))


def _points(line, side: str) -> str:
    """A difference of a line with its interval; nothing where it is not known."""
    value, low, high = (getattr(line, f"{side}_{number}") for number in _OF_SIDE)
    return "" if pd.isna(value) else interval(value, low, high) + over_mark(getattr(line, f"{side}_over"))


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading: in points, with intervals; an interval over clips only is marked †. A question
    stands in its first line."""
    shown, again = [], lines.question.eq(lines.question.shift())
    for line, is_again in zip(lines.itertuples(), again, strict=True):
        row = {"question": "" if is_again else line.question, "where": line.where}
        row |= {"first difference": _points(line, "difference"), "second difference": _points(line, "less")}
        if line.missing:
            row["first less second"] = line.missing.split(":")[0]
        else:
            row["first less second"] = interval(line.contrast, line.low, line.high) + over_mark(line.interval_over)
            row["without few (exploratory)"] = _rest(line)
            row |= {"p (Holm)": p_value(line.p_holm), "clips": f"{line.clips:,.0f}"}
        shown.append(row | {"stale": "stale" if line.stale else ""})
    columns = ["question", "where", "first difference", "second difference", "first less second", "p (Holm)"]
    columns += ["without few (exploratory)", "clips"]
    return pd.DataFrame(shown).reindex(columns=columns + ["stale"] * bool(lines.stale.any())).astype(object).fillna("")


def note(lines: pd.DataFrame) -> str:
    """What stands under the table: what its marks say, and which pipelines have not been run, each once by protocol and
    scope."""
    lacking = {}
    for line in lines.itertuples():
        lacking.setdefault(line.where, {}).update(dict.fromkeys(_lacking(line)))
    said = [f"Not run, {where}: {', '.join(names)}." for where, names in lacking.items() if names]
    return " ".join([LEGEND, *said])


def _lacking(line) -> list[str]:
    """The pipelines that have not been run, with the protocol where a line has two; nothing where all have."""
    if not line.missing.startswith(NOT_RUN):
        return []
    sides = [text.split(", ") for text in line.missing.removeprefix(NOT_RUN).split("; ")]
    return [f"{side[0]} {side[1]}" if " − " in line.where else side[0] for side in sides]


def draw(axis: Axes, lines: pd.DataFrame) -> None:
    """From top to bottom, under its question: each contrast as a dot with its interval, filled where the corrected p is
    under `LEVEL`, and in small under it the two differences that it is made of. What was not run keeps its place."""
    rows = []
    for question, group in lines.groupby("question", sort=False):
        rows.append((question, None))
        for line in group.itertuples():
            face = COLORS["blue"] if line.p_holm < LEVEL else "white"
            look = {"fmt": "o", "color": COLORS["blue"], "ecolor": "black", "capsize": 2, "markerfacecolor": face}
            values = line.missing.split(":")[0] if line.missing else (line.contrast, line.low, line.high)
            made, known = (stale_mark(line.stale) if is_it else "" for is_it in (not line.missing, line.missing))
            over = "" if line.missing else over_mark(line.interval_over)
            label, rest = f"{line.where}: first less second{over}{made}", effects.rest(line, "contrast")
            rows.append((label, (values, look), rest))
            for side, number in zip(SIDES, ("first", "second"), strict=True):
                values = [getattr(line, f"{side}_{name}") for name in _OF_SIDE]
                if not pd.isna(values[0]):
                    look, over = {"fmt": "|", "color": "0.45", "elinewidth": 0.8}, getattr(line, f"{side}_over")
                    rows.append((f"{number}: {getattr(line, f'{side}_rows')}{over_mark(over)}{known}", (values, look)))
    effects.draw_rows(axis, rows)
    said = ["difference of UAR (points), 95 % intervals", effects.FILLED, "grey strokes: its two differences"]
    axis.set_xlabel("\n".join([*said, *effects.rest_told(lines), *meanings(label for label, *_ in rows)]))


def height_in(lines: pd.DataFrame) -> float:
    """How high a picture of `draw` has to be."""
    sides = sum(int(lines[f"{side}_value"].notna().sum()) for side in SIDES)
    return 1.2 + 0.19 * (len(lines) + sides + 1.4 * lines.question.nunique())


def sentences(lines: pd.DataFrame) -> list[str]:
    """What each contrast says, in words; of those not made what is known, and what is lacking."""
    said = []
    for line in lines.itertuples():
        start = f"{line.question}, {line.where}{stale_mark(line.stale)}"
        pairs = [
            f"{getattr(line, f'{side}_rows')}: {_points(line, side)} points" for side in SIDES if _points(line, side)
        ]
        if line.missing:
            known = f"; known is {'; '.join(pairs)}" if pairs else ""
            lacking = ", ".join(_lacking(line))
            said.append(f"{start}: {NOT_RUN + lacking if lacking else line.missing}{known}.")
            continue
        verdict = "no difference can be told between the two"
        if line.p_holm < LEVEL:
            verdict = f"the first difference is {'higher' if line.contrast > 0 else 'lower'}"
        points = interval(line.contrast, line.low, line.high) + over_mark(line.interval_over)
        rest = f"; {_rest(line)} points (exploratory)" if line.without else ""
        said.append(f"{start}: {'; '.join(pairs)}; the first less the second: {points} points; {verdict}{rest}.")
    return said


def _rest(line) -> str:
    """The contrast without corpora of too few speakers, and without which; nothing where none is left out."""
    if not line.without:
        return ""
    return f"{paired.title(line.without)}: {interval(line.without_contrast, line.without_low, line.without_high)}"
