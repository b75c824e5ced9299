"""What the thesis claims (`params/claims.yaml`), and whether the results bear it out: the verdict is computed.

A claim *holds* or *does not hold* where an interval decides it, and is *undecided* where the rows that would decide it
are missing or where the interval leaves it open; the reason says which.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import yaml

from emolabs import params, paths
from emolabs.experiments import aims, choice, paired
from emolabs.experiments.choice import Cell
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import interval, over_mark, stale_mark

HOLDS, FAILS, OPEN = "holds", "does not hold", "undecided"
NOTE = f"{aims.LEGEND} The verdict is that of the interval: where this leaves a claim open, it is undecided."
KEYS = {"claim", "rule", "rows", "protocol", "scope", "clips"}


def declared() -> list[dict]:
    """The rows of `params/claims.yaml`. Raises `ValueError` naming the row that is none."""
    rows = yaml.safe_load(paths.CLAIMS.read_text(encoding="utf-8"))
    for number, row in enumerate(rows, start=1):
        rule = RULES.get(row.get("rule"))
        if rule is None or set(row) - {"beside"} != KEYS | rule[1]:
            raise ValueError(
                f"{paths.CLAIMS.name}, row {number}: expected {', '.join(sorted(KEYS))} with a rule among "
                f"{', '.join(RULES)} and its own keys, found {row}"
            )
    return rows


def table(found: Sequence[Result], *, profile: str, seed: int = 0) -> pd.DataFrame:
    """A line per claim: `claim, protocol, scope, on, rule, rows, verdict, reason`, the numbers that decide it
    (`value, low, high`: a score, or a difference of UAR, as shares), and `new_speakers`, in words, where it asks."""
    lines = []
    for claim in declared():
        cell = Cell(claim["protocol"], claim["scope"], claim["clips"])
        line = {key: claim[key] for key in ("claim", "protocol", "scope", "rule", "rows")} | {"on": cell.on}
        lines.append(line | RULES[claim["rule"]][0](claim, found, cell=cell, seed=seed, profile=profile))
    columns = ["claim", "protocol", "scope", "on", "rule", "rows", "verdict", "reason", "value", "low", "high"]
    return pd.DataFrame(lines).reindex(columns=[*columns, "new_speakers"])


def levels() -> dict[str, float]:
    """The accuracies that the thesis reports, as shares, by how they are written; each once."""
    rows = [row for row in declared() if row["rule"] == "reaches"]
    return {f"{100 * row['at_least']:.1f} %": row["at_least"] for row in rows}


def _reaches(claim: dict, found: Sequence[Result], *, cell: Cell, seed: int, profile: str) -> dict:
    tied = choice.tied(found, cell=cell, rows=claim["rows"], seed=seed)
    if not tied:
        return _missing(claim, cell=cell, profile=profile)
    result = tied[0]
    scores = choice.scores(result, on=cell.on)
    value, low, high = scores[claim["metric"]]
    level, mark = claim["at_least"], over_mark(scores["interval_over"])
    verdict = HOLDS if low >= level else FAILS if high < level else OPEN
    also = f" ({len(tied)} tie)" if len(tied) > 1 else ""
    reason = f"{_named(result)}{also} has {interval(value, low, high)}{mark} % {aims.METRICS[claim['metric']]}"
    reason += f"; {aims.INSIDE}" if verdict == OPEN else ""
    line = {"verdict": verdict, "reason": reason, "value": value, "low": low, "high": high}
    if "beside" not in claim:
        return line
    beside = replace(cell, protocol=claim["beside"])
    other, spread = (
        choice.same(found, result, cell=beside),
        choice.spread(found, tied, cell=beside, metric=claim["metric"]),
    )
    if other is None:
        return line | {"new_speakers": "not run"}
    scores = choice.scores(other, on=cell.on)
    mark = over_mark(scores["interval_over"])
    return line | {"new_speakers": f"{interval(*scores[claim['metric']])}{mark}{aims.of_tied(spread)}"}


def _part(claim: dict, found: Sequence[Result], *, cell: Cell, seed: int, profile: str) -> dict:
    there = choice.candidates(found, cell=cell, rows=claim["rows"], seed=seed)
    pairs, alone = [], []
    for result in there:
        parts = load_pipelines()[result.row.pipeline]
        if getattr(parts, claim["part"]) != claim["with"]:
            continue
        name = replace(parts, **{claim["part"]: claim["without"]}).name
        other = next((r for r in there if r.row.pipeline == name), None)
        pairs += [(result, other)] if other else []
        alone += [] if other else [name]
    if not pairs:
        return _missing(claim, cell=cell, profile=profile, also=alone)
    compared = [(*pair, _difference(*pair, on=cell.on)) for pair in pairs]
    sign = {"worse": -1, "better": 1}[claim["direction"]]
    told = [0 if d.low <= 0 <= d.high else sign * (1 if d.difference > 0 else -1) for _, _, d in compared]
    verdict = HOLDS if min(told) > 0 else FAILS if max(told) < 0 else OPEN
    words = [f"{_named(a)} − {_named(b)}: {_points(d)}" for a, b, d in compared]
    reason = "; ".join(words) + ("; no difference can be told" if not any(told) else "")
    first = compared[0][2] if len(compared) == 1 else None
    numbers = {"value": first.difference, "low": first.low, "high": first.high} if first is not None else {}
    return {"verdict": verdict, "reason": reason} | numbers


def _best(claim: dict, found: Sequence[Result], *, cell: Cell, seed: int, profile: str) -> dict:
    first = choice.chosen(found, cell=cell, rows=claim["rows"], seed=seed)
    second = choice.chosen(found, cell=cell, rows=f"not {claim['rows']}", seed=seed)
    if first is None or second is None:
        rows = claim["rows"] if first is None else f"not {claim['rows']}"
        return _missing(claim | {"rows": rows}, cell=cell, profile=profile)
    d = _difference(first, second, on=cell.on)
    verdict = HOLDS if d.low > 0 else FAILS if d.high < 0 else OPEN
    reason = f"{_named(first)} − {_named(second)}: {_points(d)}"
    return {"verdict": verdict, "reason": reason, "value": d.difference, "low": d.low, "high": d.high}


def _missing(claim: dict, *, cell: Cell, profile: str, also: Sequence[str] = ()) -> dict:
    """Why nothing can be said: which rows of this kind the profile wants under this protocol and scope."""
    table = load_pipelines()
    wanted = params.training_runs(params.load_profile(profile), pipelines=table, wanted=True)
    names = [name for p, s, name, _ in wanted if (p, s) == (cell.protocol, cell.scope)]
    kind = [name for name in dict.fromkeys(names) if choice.GROUPS[claim["rows"]](table[name]) and name != "constant"]
    rows = list(also) or kind
    lacking = f"missing: {', '.join(rows)}" if rows else "the profile trains none"
    return {"verdict": OPEN, "reason": f"no {claim['rows']} row to decide it under {cell} ({lacking})"}


def _difference(first: Result, second: Result, *, on: str) -> pd.Series:
    return paired.compare(first, second, by_corpus=on != "overall").set_index("on").loc[on]


def _points(d: pd.Series) -> str:
    return f"{interval(d.difference, d.low, d.high)}{over_mark(d.interval_over)} points"


def _named(result: Result) -> str:
    return result.row.pipeline + stale_mark(result.stale)


#: The rules by name: the function that decides, and the keys that it needs beside `KEYS`.
RULES: dict[str, tuple[Callable, set[str]]] = {
    "reaches": (_reaches, {"metric", "at_least"}),
    "part": (_part, {"part", "with", "without", "direction"}),
    "best": (_best, set()),
}


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading."""
    where = [str(Cell(line.protocol, line.scope, line.on)) for line in lines.itertuples()]
    columns = {"claim": lines.claim, "where": where, "verdict": lines.verdict, "because": lines.reason}
    return pd.DataFrame(columns | {"new speakers (%)": lines.new_speakers.fillna("–")})
