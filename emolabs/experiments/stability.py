"""What `44_stability` says: tables for people, and sentences written from their numbers, all in points of UAR (%)."""

import pandas as pd

from emolabs.experiments.effects import LEVEL
from emolabs.reporting import interval, over_mark, p_value, stale_mark

#: What names a learning curve.
CURVE = ["pipeline", "protocol", "scope", "on", "axis"]
#: What is left out of the chain, in words.
STEPS = {
    "all": "full chain",
    "without trim": "margins kept",
    "without equalize_loudness": "own loudness",
    "without bound_peak": "peaks unbounded",
    "without remove_dc": "DC kept",
    "none": "none of it",
}


def points(value: float, low: float, high: float) -> str:
    """A value with its interval, or alone where too few speakers were evaluated for one."""
    return f"{100 * value:.1f}" if pd.isna(low) else interval(value, low, high)


def seeds_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `seeds.table` for reading; an interval over clips only is marked †."""
    over = lines.interval_over.map(over_mark)
    bounds = zip(lines.uar, lines.low, lines.high, over, strict=True)
    table = lines[["protocol", "scope", "pipeline", "seeds"]].copy()
    table["mean (%)"] = (100 * lines["mean"]).round(1)
    spread = zip(lines.lowest, lines.highest, lines.runs, lines.is_random, strict=True)
    table["lowest – highest"] = [
        f"{100 * a:.1f} – {100 * b:.1f}" if n > 1 else "one seed" if is_random else "no random start"
        for a, b, n, is_random in spread
    ]
    table["first seed (%)"] = [points(*values) + m for *values, m in bounds]
    table["range / width of interval"] = ["–" if pd.isna(x) else f"{x:.2f}" for x in lines["range"] / lines.width]
    return table.assign(stale=lines.stale.map({True: "stale", False: ""})) if lines.stale.any() else table


def seeds_sentences(lines: pd.DataFrame) -> list[str]:
    """Per row with several seeds whether their range or the interval of one of them is wider, and how many have one."""
    said, lines = [], lines[lines.is_random]
    for line in lines[lines.runs > 1].itertuples():
        wider = "the seeds' range" if line.range > line.width else "the interval"
        said.append(
            f"`{line.pipeline}`, {line.protocol}, {line.scope}{stale_mark(line.stale)}: mean {100 * line.mean:.1f} %, "
            f"{100 * line.lowest:.1f} to {100 * line.highest:.1f} over the seeds {line.seeds}, a range of "
            f"{100 * line.range:.1f} points; the 95 % interval of the first seed is {100 * line.width:.1f} points "
            f"wide: {wider} is wider."
        )
    alone = int((lines.runs == 1).sum())
    return [
        *said,
        f"{alone} of {len(lines)} rows with a random start have one seed: of them it is not known.",
    ]


def curves_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `learning_curves.table` for reading: all clips together."""
    lines = lines[lines.on == "overall"]
    table = lines[["pipeline", "protocol", "scope", "axis"]].copy()
    table["training clips"] = lines.train_clips.round(0).astype(int)
    table["speakers"] = lines.train_speakers.round(0).astype(int)
    table["UAR (%)"] = [points(*values) for values in zip(lines.uar, lines.low, lines.high, strict=True)]
    spread = zip(lines.lowest, lines.highest, lines.draws, strict=True)
    table["draws (%)"] = ["–" if n == 1 else f"{100 * a:.1f} – {100 * b:.1f}" for a, b, n in spread]
    gains = zip(lines.gain, lines.gain_low, lines.gain_high, lines.is_whole, strict=True)
    table["all − this"] = ["–" if whole else points(*values) for *values, whole in gains]
    return table.reset_index(drop=True)


def curves_sentences(lines: pd.DataFrame) -> list[str]:
    """Per curve over all clips what the last step, to the whole training side, still brings."""
    said = []
    lines = lines[(lines.on == "overall") & lines.axis.isin(("clips", "speakers"))]
    for (protocol, scope, axis, pipeline), curve in lines.groupby(
        ["protocol", "scope", "axis", "pipeline"], sort=False
    ):
        if len(curve) < 2:
            continue
        before, whole = curve.iloc[-2], curve.iloc[-1]
        count = "train_clips" if axis == "clips" else "train_speakers"
        verdict = "still rises" if before.gain_low > 0 else "rises no more that one could tell"
        said.append(
            f"`{pipeline}`, {protocol}, {scope}{stale_mark(curve.stale.any())}: from {before[count]:,.0f} to "
            f"{whole[count]:,.0f} {axis}, UAR goes from {100 * before.uar:.1f} to {100 * whole.uar:.1f} % "
            f"({points(before.gain, before.gain_low, before.gain_high)} points): {verdict}."
        )
    return said


def contrasts_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `learning_curves.contrasts` for reading."""
    table = lines[["pipeline", "protocol", "scope"]].copy()
    table["training clips"] = lines.train_clips.round(0).astype(int)
    table["few speakers"] = lines.few_speakers.round(0).astype(int)
    table["UAR of few (%)"] = (100 * lines.few).round(1)
    table["many speakers"] = lines.many_speakers.round(0).astype(int)
    table["UAR of many (%)"] = (100 * lines.many).round(1)
    told = zip(lines.difference, lines.low, lines.high, lines.interval_over, strict=True)
    table["many − few"] = [points(*values) + over_mark(over) for *values, over in told]
    table["p (Holm)"] = lines.p_holm.map(p_value)
    return table


def contrasts_sentences(lines: pd.DataFrame) -> list[str]:
    """Per row and partition what more speakers bring at the same number of clips, beside what all their clips bring."""
    said = []
    for (pipeline, protocol, scope), group in lines.groupby(["pipeline", "protocol", "scope"], sort=False):
        parts = [
            f"over {line.few_speakers:.0f} speakers with {line.train_clips:,.0f} clips "
            f"{points(line.difference, line.low, line.high)} (all their clips: {100 * (line.whole - line.few):.1f})"
            for line in group.itertuples()
        ]
        told = int((group.p_holm < LEVEL).sum())
        said.append(
            f"`{pipeline}`, {protocol}, {scope}{stale_mark(group.stale.any())}, points that all speakers bring on as "
            f"many clips: {'; '.join(parts)}. {told} of {len(group)} can be told from none (Holm)."
        )
    return said


def ablations_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `ablations.table` for reading."""
    table = lines[["protocol", "scope", "pipeline"]].copy()
    table["chain"] = lines.steps.map(STEPS)
    table["UAR (%)"] = [points(*values) for values in zip(lines.uar, lines.low, lines.high, strict=True)]
    columns = ("difference", "difference_low", "difference_high", "difference_over")
    told = zip(*(lines[column] for column in columns), strict=True)
    differences = ["–" if pd.isna(values[0]) else points(*values) + over_mark(over) for *values, over in told]
    table["minus full chain"] = differences
    table["p (Holm)"] = lines.p_holm.map(p_value)
    table["clips"] = lines.clips
    return table


def ablations_sentences(lines: pd.DataFrame) -> list[str]:
    """Which steps change a score by more than one can put down to the speakers, and how many do not."""
    lines = lines[lines.steps != "all"]
    told = lines[lines.p_holm < LEVEL]
    said = [
        f"`{line.pipeline}`, {line.protocol}, {line.scope}{stale_mark(line.stale)}, {STEPS[line.steps]}: "
        f"{points(line.difference, line.difference_low, line.difference_high)} points against the full chain."
        for line in told.itertuples()
    ]
    largest = 100 * lines.difference.abs().max()
    rest = f"{len(lines) - len(told)} of {len(lines)} differences cannot be told from none (Holm)"
    return [*said, f"{rest}; the largest of all differences is {largest:.1f} points."]
