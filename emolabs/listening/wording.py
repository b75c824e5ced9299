"""Wording: sentences whose figures are computed. A notebook shows them; nothing in them is typed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emolabs.listening.tally import Tally
from emolabs.reporting import interval


def tabled(
    table: pd.DataFrame,
    *,
    keys: Sequence[str],
    scores: Mapping[str, Sequence[str]],
    scale: float = 100,
    digits: int = 1,
) -> pd.DataFrame:
    """`table` for reading: the columns `keys` as they are, and under each heading of `scores` the value of its column,
    or of three columns a value with its interval; shares times `scale`."""
    shown = table[list(keys)].reset_index(drop=True)
    for heading, columns in scores.items():
        rows = table[list(columns)].to_numpy(float)
        if len(columns) == 3:
            shown[heading] = ["–" if np.isnan(row[0]) else interval(*row, digits=digits, scale=scale) for row in rows]
        else:
            shown[heading] = ["–" if np.isnan(row[0]) else f"{scale * row[0]:.{digits}f}" for row in rows]
    return shown


def scope(tally: Tally, *, over: str) -> str:
    """What the answers are, and what an interval over these units covers."""
    people = (
        f"{len(tally.listeners):,} listeners"
        if tally.listeners is not None
        else "listeners whom nobody can tell apart, so that all that needs them (their groups, learning, response "
        "time, confidence, the mixed model) is left out"
    )
    covers = {
        "listeners and clips": "other listeners drawn as these were, with other clips of the same sources",
        "speakers and clips": "other speakers with other clips of theirs, heard by the same crowd; another crowd they "
        "do not cover",
        "clips": "other clips of the same speakers, and neither new speakers nor new listeners",
    }
    said = "**Simulated listeners: nothing here says how people hear.** " if tally.simulated else ""
    left = f" {'; '.join(tally.left_out)}." if tally.left_out else ""
    clips, speakers = tally.items.path.nunique(), tally.items.speaker.nunique()
    return (
        f"{said}{tally.answers:,} answers to {len(tally.items):,} items ({clips:,} clips of {speakers} speakers) by "
        f"{people}.{left} The intervals, over {over}, cover {covers[over]}."
    )


def numbers(overall: pd.DataFrame, agreed: pd.DataFrame, *, tally: Tally) -> dict[str, str | int]:
    """What the text quotes of `recall.overall` and `agreement.table` by modality, as `<who>-<modality>-<score>`, and
    the number of answers; `who` is `human`, or `simulated` where nobody listened."""
    who = "simulated" if tally.simulated else "human"
    found: dict[str, str | int] = {f"{who}-answers": tally.answers}
    for line in overall.itertuples():
        found[f"{who}-{line.modality}-uar"] = interval(line.uar, line.uar_low, line.uar_high)
        found[f"{who}-{line.modality}-accuracy"] = interval(line.accuracy, line.accuracy_low, line.accuracy_high)
    for line in agreed.itertuples():
        found[f"{who}-{line.modality}-{line.measure}"] = interval(line.value, line.low, line.high, scale=1, digits=2)
    return found


def contrast(table: pd.DataFrame) -> str:
    """How much wider the bootstrap's intervals of `recall.by_emotion` are than Wilson's."""
    ratio = ((table.high - table.low) / (table.wilson_high - table.wilson_low)).mean()
    return (
        f"Wilson's interval takes every answer for a draw of its own. Over all recalls it is {ratio:.1f} times "
        f"narrower than the bootstrap's, because it does not see that speakers, listeners and clips differ; it stands "
        f"here once and is not used."
    )


def recovered(table: pd.DataFrame) -> str:
    """How many of the true recalls of simulated listeners (column `true`) their intervals hold."""
    inside = {
        name: int(table.true.between(table[low], table[high]).sum())
        for name, low, high in [("bootstrap", "low", "high"), ("Wilson", "wilson_low", "wilson_high")]
    }
    return (
        f"The simulation's true recall lies within the bootstrap's interval for {inside['bootstrap']} of {len(table)} "
        f"emotions, and within Wilson's for {inside['Wilson']}."
    )


def models_agree(mixed: pd.DataFrame, bootstrap: pd.DataFrame) -> str:
    """How far the recalls of the mixed model are from those of the bootstrap."""
    both = mixed.merge(bootstrap, on="emotion", suffixes=("", "_counted"))
    apart = (both.recall - both.recall_counted).abs().max()
    widths = (both.high - both.low).mean() / (both.high_counted - both.low_counted).mean()
    return (
        f"The model's recalls differ from the counted ones by at most {100 * apart:.1f} points, and its intervals are "
        f"{widths:.2f} times as wide."
    )


def bias(table: pd.DataFrame) -> str:
    """Which emotion is answered most beyond its share, and what that does to its recall."""
    row = table.assign(excess=table.named / table.meant).sort_values("excess").iloc[-1]
    above = int((table.above_low > 0).sum())
    return (
        f"«{row.emotion}» is answered {row.excess:.1f} times as often as it was meant: its recall of "
        f"{100 * row.recall:.0f} % shrinks to an unbiased hit rate of {100 * row.unbiased:.0f} %. The unbiased hit "
        f"rate is above its chance level, interval included, for {above} of {len(table)} emotions."
    )


def trend(found: dict[str, float]) -> str:
    """The slope of `behaviour.learning` in points."""
    value = interval(found["slope"], found["low"], found["high"])
    is_flat = found["low"] <= 0 <= found["high"]
    end = "no change can be told from none" if is_flat else "listeners change while they listen"
    return f"Over ten trials the accuracy changes by {value} points: {end}."


def knowing(found: dict[str, float]) -> str:
    """Whether confidence goes with being right (`behaviour.confidence`)."""
    value = interval(found["auc"], found["low"], found["high"], scale=1, digits=2)
    if found["low"] > 0.5:
        end = "confidence goes with being right"
    elif found["high"] < 0.5:
        end = "confidence goes with being wrong"
    else:
        end = "confidence says nothing that could be told from chance"
    return f"A right answer bears more confidence than a wrong one with a probability of {value} (0.5: a coin): {end}."


def difficulty(spread: dict[str, float], relation: dict[str, float] | None, *, model: str) -> str:
    """What clips differ in, and what a model's confidence has to do with it."""
    said = (
        f"Beyond the chance of who listened, clips of one emotion differ in difficulty by {100 * spread['sd']:.0f} "
        f"points (standard deviation); {100 * spread['reliability']:.0f} % of the variance of the shares is their own."
    )
    if relation is None:
        return f"{said} No predictions of {model} for these clips are at hand."
    value = interval(*(relation[name] for name in ("correlation", "low", "high")), scale=1, digits=2)
    ceiling = np.sqrt(spread["reliability"])
    return (
        f"{said} Over {relation['clips']:,} clips the rank correlation with the probability that {model} gives the "
        f"intended emotion is {value}; with so many answers a clip, even a model that knew the true difficulty would "
        f"reach about {ceiling:.2f}."
    )


def detectable(table: pd.DataFrame, *, design: Sequence[object]) -> str:
    """Which differences the study can detect (`power.detectable`)."""
    listeners, clips = design
    found = [
        f"{row.contrast} {100 * row.difference:.0f} points"
        if row.difference == row.difference
        else f"{row.contrast} none"
        for row in table.itertuples()
    ]
    alarms = table.false_alarms
    return (
        f"With {listeners} listeners and {clips} clips, four of five studies detect these differences: "
        f"{', '.join(found)}. Where there is none, {100 * alarms.min():.1f}–{100 * alarms.max():.1f} % see one."
    )
