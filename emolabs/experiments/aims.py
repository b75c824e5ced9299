"""What the study is to reach (`params/aims.yaml`), beside what the pipeline chosen on validation has reached."""

from collections.abc import Sequence

import pandas as pd
import yaml

from emolabs import paths
from emolabs.experiments import choice
from emolabs.experiments.choice import Cell
from emolabs.experiments.results import Result
from emolabs.reporting import IN_NOTES, OVER_CLIPS, interval, over_mark, stale_mark
from emolabs.standardization import PROTOCOLS

#: How a level is to be met, and how it is written.
LEVELS = {"at_least": "≥", "above": ">", "published": ">"}
WORDS = {"≥": "from", ">": "over"}
KEYS = {"aim", "protocol", "scope", "clips", "rows", "metric"}
METRICS = {"accuracy": "accuracy", "uar": "UAR"}
#: What is written behind a verdict whose level lies in the interval.
WITHIN = "°"
INSIDE = "the interval contains the level"
LEGEND = (
    "Of the rows that have been run the one with the highest validation UAR is shown, and in brackets of how many it "
    f"was chosen; where several tie, it says how many, and the first by name is shown; the evaluation side has no say. "
    "Which layer of a frozen encoder a row hears was fixed beforehand, from measurements on these corpora. "
    f"Intervals: 95 % over speakers. {IN_NOTES[OVER_CLIPS]} "
    "Where no corpus follows the protocol all were trained on, and on one corpus the "
    "answer is the most probable of its classes. New speakers: the same pipeline under speaker, on TESS alone under "
    "tess-actress."
)
NOTE = f"{LEGEND} The verdict is that of the value alone; {WITHIN} {INSIDE} and leaves it open."
VERDICTS = ("reached", "missed", "not run")


def declared() -> list[dict]:
    """The rows of `params/aims.yaml`, each with `level` (a share) and `sign`.

    Raises `ValueError` naming the row that is none, or whose published number is not there.
    """
    rows = yaml.safe_load(paths.AIMS.read_text(encoding="utf-8"))
    found = []
    for number, row in enumerate(rows, start=1):
        given = [key for key in LEVELS if key in row]
        others = set(row) - KEYS - set(LEVELS) - {"beside"}
        if not set(row) >= KEYS or others or len(given) != 1 or row["metric"] not in METRICS:
            raise ValueError(
                f"{paths.AIMS.name}, row {number}: expected {', '.join(sorted(KEYS))}, one of {', '.join(LEVELS)} and "
                f"perhaps beside, with a metric among {', '.join(METRICS)}, found {row}"
            )
        level = _published(row) if given == ["published"] else float(row[given[0]])
        found.append({**row, "level": level, "sign": LEVELS[given[0]]})
    return found


def _published(row: dict) -> float:
    there = yaml.safe_load(paths.PUBLISHED.read_text(encoding="utf-8"))
    numbers = [r["uar"] for r in there if (r["protocol"], r["model"]) == (row["protocol"], row["published"])]
    if len(numbers) != 1:
        raise ValueError(
            f"{paths.AIMS.name}: expected one row of {paths.PUBLISHED.name} for {row['published']} under "
            f"{row['protocol']}, found {len(numbers)}"
        )
    return float(numbers[0]) / 100


def table(found: Sequence[Result], *, seed: int = 0) -> pd.DataFrame:
    """A line per aim, in its order: what was aimed at (`aim, protocol, scope, on, rows, metric, sign, level`), the
    `pipeline` that validation chose of `candidates` rows (the first of `tied` ones by name), its `value`, `low`,
    `high`, `interval_over` and `stale`, the `verdict` (of `VERDICTS`) with a `reason`, and under `beside_protocol` the
    same pipeline for new speakers (`beside_value, beside_low, beside_high, beside_over`; empty where it has not been
    run there; between which values tied rows lie is in `value_tied` and `beside_tied`)."""
    return pd.DataFrame([_line(aim, found, seed=seed) for aim in declared()])


def _line(aim: dict, found: Sequence[Result], *, seed: int) -> dict:
    cell = Cell(aim["protocol"], aim["scope"], aim["clips"])
    line = {key: aim[key] for key in ("aim", "protocol", "scope", "rows", "metric", "sign", "level")}
    line["on"] = aim["clips"]
    line["candidates"] = len(choice.candidates(found, cell=cell, rows=aim["rows"], seed=seed))
    tied = choice.tied(found, cell=cell, rows=aim["rows"], seed=seed)
    line["tied"] = len(tied)
    if not tied:
        known = aim["protocol"] in PROTOCOLS
        reason = "no such row has been run" if known else f"EmoLabs has no protocol {aim['protocol']}"
        return line | {"verdict": "not run", "reason": reason}
    result = tied[0]
    line["value_tied"] = choice.spread(found, tied, cell=cell, metric=aim["metric"])
    line |= {"pipeline": result.row.pipeline, "stale": result.stale} | _numbers(
        result, on=aim["clips"], metric=aim["metric"]
    )
    is_met = line["value"] >= line["level"] if aim["sign"] == "≥" else line["value"] > line["level"]
    holds = line["low"] <= line["level"] <= line["high"]
    reason = INSIDE if holds else "the interval does not contain the level"
    line |= {"verdict": "reached" if is_met else "missed", "reason": reason}
    if "beside" in aim:
        line["beside_protocol"] = aim["beside"]
        cell = Cell(aim["beside"], aim["scope"], aim["clips"])
        other = choice.same(found, result, cell=cell)
        line["beside_tied"] = choice.spread(found, tied, cell=cell, metric=aim["metric"])
        beside = _numbers(other, on=aim["clips"], metric=aim["metric"]) if other else {}
        line |= {f"beside_{key.removeprefix('interval_')}": value for key, value in beside.items()}
    return line


def _numbers(result: Result, *, on: str, metric: str) -> dict:
    scores = choice.scores(result, on=on)
    return dict(zip(("value", "low", "high"), scores[metric], strict=True)) | {"interval_over": scores["interval_over"]}


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading, in percent; an interval over clips only is marked †."""
    shown = []
    for line in lines.to_dict("records"):
        cell = Cell(line["protocol"], line["scope"], line["on"])
        row = {"aim": line["aim"], "where": str(cell)}
        row["level (%)"] = (
            f"{METRICS[line['metric']].replace('accuracy', 'acc.')} {WORDS[line['sign']]} {100 * line['level']:.1f}"
        )
        if line["verdict"] == "not run":
            shown.append(row | {"chosen on validation": f"– (of 0 {line['rows']})", "verdict": "not run"})
            continue
        stale = stale_mark(line["stale"])
        kind = "" if line["rows"] == "any" else f" {line['rows']}"
        of = f"of {line['candidates']:.0f}{kind}{ties(line['tied'])}"
        row["chosen on validation"] = f"{line['pipeline']}{stale} ({of})"
        row["value (%)"] = written(line, "") + of_tied(line["value_tied"])
        row["new speakers (%)"] = beside(line)
        row["verdict"] = line["verdict"] + WITHIN * (line["reason"] == INSIDE)
        shown.append(row)
    return pd.DataFrame(shown).fillna("–")


def ties(tied: int) -> str:
    """What stands behind the number of candidates where several have the highest validation UAR."""
    return f"; {tied:.0f} tie" if tied > 1 else ""


def written(line: dict, prefix: str) -> str:
    """A value of a line with its interval, and † where that is over clips."""
    over = line[f"{prefix}over"] if prefix else line["interval_over"]
    return interval(*(line[f"{prefix}{key}"] for key in ("value", "low", "high"))) + over_mark(over)


def beside(line: dict) -> str:
    """What the same pipeline has with new speakers, in words; a dash where the line asks for none."""
    if pd.isna(line.get("beside_protocol")):
        return "–"
    known = not pd.isna(line.get("beside_value"))
    return written(line, "beside_") + of_tied(line["beside_tied"]) if known else "not run"


def of_tied(spread: str) -> str:
    """What stands behind a score where it is one of several tied rows: between which scores they lie."""
    return f" (the tied: {spread})" if spread else ""


def sentences(lines: pd.DataFrame) -> list[str]:
    """How many aims are reached, missed and not run, and of those not run why."""
    counts = lines.verdict.value_counts()
    said = [f"Of {len(lines)} aims " + ", ".join(f"{counts.get(name, 0)} are {name}" for name in VERDICTS) + "."]
    return said + [f"{line.aim}: {line.reason}." for line in lines[lines.verdict == "not run"].itertuples()]
