"""What `60_reliability` tables and says of calibration, abstention and subgroups; numbers come from the results."""

from collections.abc import Sequence

import pandas as pd

from emolabs.experiments.results import Result
from emolabs.reliability import abstention, calibration, subgroups, validation
from emolabs.reliability.calibration import Answers
from emolabs.reliability.choice import NEW
from emolabs.reporting import interval, over_mark, stale_mark

#: The protocols whose promise is tried on new speakers.
KNOWN = ("random", "hash")


def scaled(found: Sequence[Result], *, measure: bool) -> tuple[list[tuple[Result, pd.DataFrame]], list[str]]:
    """The results whose validation side is known, each with its lines of `validation.load`; a sentence for others.

    With `measure` what is missing is measured first, where the runs are.
    """
    known, missing = [], validation.measure(found, profile=found[0].row.profile) if measure and found else []
    for result in found:
        try:
            known.append((result, validation.load(result)))
        except LookupError as error:
            missing.append(str(error))
    return known, list(dict.fromkeys(missing))


def calibrations(known: Sequence[tuple[Result, pd.DataFrame]]) -> pd.DataFrame:
    """`calibration.compare` of each result, with `protocol, pipeline, stale, temperature` (its range over folds)."""
    lines = []
    for result, chosen in known:
        low, high = (f"{value:.2f}" for value in (chosen.temperature.min(), chosen.temperature.max()))
        name = {"protocol": result.row.protocol, "pipeline": result.row.pipeline, "stale": result.stale}
        name |= {"temperature": low if low == high else f"{low}–{high}"}
        after = calibration.answers(result, temperatures=chosen.temperature.to_dict())
        lines.append(name | calibration.compare(calibration.answers(result), after))
    return pd.DataFrame(lines)


def formatted_calibrations(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `calibrations` for reading: ECE in percent, NLL in nats, Brier from 0 to 2, intervals of all."""
    table = pd.DataFrame({"protocol": lines.protocol, "pipeline": _names(lines), "T": lines.temperature})
    for measure, title, scale, digits in [("ece", "ECE (%)", 100, 1), ("nll", "NLL", 1, 2), ("brier", "Brier", 1, 2)]:
        for side in ("before", "after"):
            name = f"{measure}_{side}"
            values = zip(lines[name], lines[f"{name}_low"], lines[f"{name}_high"], strict=True)
            table[f"{title} {side}"] = [interval(*v, digits=digits, scale=scale) for v in values]
    return table


def promises(known: Sequence[tuple[Result, pd.DataFrame]], *, target: float) -> pd.DataFrame:
    """`abstention.promises` of each result at its own temperatures and thresholds, and of each result under `NEW` at
    those (mean over folds) that the same pipeline got with known speakers; `choice` says which.

    Raises `ValueError` for a target for which no thresholds were chosen.
    """
    if target not in abstention.TARGETS:
        raise ValueError(f"expected a target among {', '.join(map(str, abstention.TARGETS))}, found {target}")
    by_name, column, tables = {(r.row.pipeline, r.row.protocol): (r, c) for r, c in known}, f"threshold_{target}", []
    for (pipeline, protocol), (result, chosen) in by_name.items():
        choices = {protocol: (chosen.temperature.to_dict(), chosen[column].to_dict())}
        other = next((name for name in KNOWN if (pipeline, name) in by_name), None) if protocol == NEW else None
        if other:
            of_known = by_name[pipeline, other][1]
            means = of_known.temperature.mean(), of_known[column].mean()
            choices[f"{other}, then {NEW}"] = tuple(dict.fromkeys(chosen.index, value) for value in means)
        for choice, (temperatures, thresholds) in choices.items():
            said = calibration.answers(result, temperatures=temperatures)
            lines = abstention.promises(said, thresholds=thresholds, target=target)
            facts = {"protocol": protocol, "choice": choice, "stale": result.stale} | abstention.areas(said)
            lines = lines.assign(pipeline=pipeline, **facts)
            lines.loc[lines.on != "overall", ["aurc", "aurc_low", "aurc_high", "error"]] = float("nan")
            tables.append(lines)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["pipeline", "choice", "on"])


def formatted_promises(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `promises` for reading, in percent; an interval over clips only is marked †."""
    mark = lines.interval_over.map(over_mark)
    shown = {"chosen, tried": lines.choice, "pipeline": _names(lines), "corpus": lines.on, "clips": lines.clips}
    for name, title in (("coverage", "answered (%)"), ("accuracy", "of these right (%)")):
        values = zip(lines[name], lines[f"{name}_low"], lines[f"{name}_high"], mark, strict=True)
        shown[title] = ["–" if pd.isna(value) else interval(value, *rest) + m for value, *rest, m in values]
    areas = zip(lines.aurc, lines.aurc_low, lines.aurc_high, strict=True)
    shown["AURC (%)"] = ["" if pd.isna(value) else interval(value, *rest) for value, *rest in areas]
    return pd.DataFrame(shown | {"promise": lines.verdict})


def promise_sentences(lines: pd.DataFrame) -> list[str]:
    """What the promises of all clips came to, in words."""
    said = []
    for line in lines[lines.on == "overall"].itertuples():
        start = f"`{line.pipeline}`, {line.choice}: {100 * line.target:.0f} % promised"
        if not line.answered:
            said.append(f"{start}; no threshold of validation can promise it, so nothing is answered.")
            continue
        right = interval(line.accuracy, line.accuracy_low, line.accuracy_high)
        said.append(
            f"{start}, {right} % right of the {100 * line.coverage:.1f} % of clips that are answered: {line.verdict}."
        )
    return said


def gaps(found: Sequence[Result], *, sex: pd.Series) -> pd.DataFrame:
    """`subgroups.gaps` of each result, with its `pipeline`."""
    return pd.concat([subgroups.gaps(result, sex=sex).assign(pipeline=result.row.pipeline) for result in found])


def speakers(result: Result, *, sex: pd.Series, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`subgroups.speakers` of a result, and `subgroups.spread` of these with its `pipeline`."""
    scored = subgroups.speakers(result, sex=sex)
    return scored, subgroups.spread(result, scored, seed=seed).assign(pipeline=result.row.pipeline)


def formatted_gaps(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `gaps` for reading: in percent and points, over clips only marked †."""
    mark = lines.interval_over.map(over_mark)
    values = zip(lines.gap, lines.low, lines.high, mark, strict=True)
    return pd.DataFrame(
        {
            "pipeline": lines.pipeline,
            "corpus": lines.on,
            "of": lines.measure,
            "women": lines.women,
            "men": lines.men,
            "female (%)": [_percent(value) for value in lines.female],
            "male (%)": [_percent(value) for value in lines.male],
            "gap (points)": ["–" if pd.isna(value) else interval(value, *rest) + m for value, *rest, m in values],
        }
    )


def formatted_spread(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of the spread of `speakers` for reading, in percent and points."""
    return pd.DataFrame(
        {
            "pipeline": lines.pipeline,
            "corpus": lines.corpus,
            "speakers": lines.speakers,
            "mean (%)": (100 * lines["mean"]).round(1),
            "spread (points)": (100 * lines.sd).round(1),
            "by chance": (100 * lines.sd_chance).round(1),
            "p": lines.p.map(lambda p: f"{p:.3f}"),
            "worst speaker (%)": _intervals(lines, "worst_uar", "worst_low", "worst_high"),
            "worst by chance (%)": [
                f"{100 * a:.1f}–{100 * b:.1f}" for a, b in zip(lines.chance_low, lines.chance_high, strict=True)
            ],
            "best (%)": (100 * lines.best_uar).round(1),
        }
    )


def sides(known: Sequence[tuple[Result, pd.DataFrame]], *, pipeline: str) -> dict[str, Answers]:
    """What a pipeline answered at its temperatures, by protocol."""
    return {
        result.row.protocol: calibration.answers(result, temperatures=chosen.temperature.to_dict())
        for result, chosen in known
        if result.row.pipeline == pipeline
    }


def _names(lines: pd.DataFrame) -> pd.Series:
    return lines.pipeline + lines.stale.map(stale_mark)


def _percent(value: float) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.1f}"


def _intervals(lines: pd.DataFrame, *names: str) -> list[str]:
    return [interval(*values) for values in lines[list(names)].itertuples(index=False)]
