"""Losses: what the degradations of `robustness` cost, in UAR on the same clips."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from emolabs.experiments import paired
from emolabs.experiments.results import Result
from emolabs.reliability.degradation import DEGRADATIONS, Degradation
from emolabs.reporting import interval, stale_mark

KEY = ["protocol", "pipeline", "degradation"]


def differences(table: pd.DataFrame, found: Sequence[Result], *, clips: pd.DataFrame) -> pd.DataFrame:
    """What each degradation costs each result: lines of `paired.compare` (degraded minus as recorded, of UAR), overall
    and per corpus, with `protocol, pipeline, degradation`, `confidence` (mean), `accuracy` and `stale`.

    `table` is what `robustness.load` gives for the `clips`. A degradation that lacks clips is left out.
    """
    lines = []
    for result in found:
        row = result.row
        rows = table[(table.protocol == row.protocol) & (table.pipeline == row.pipeline)]
        groups = {name: group for name, group in rows.groupby("degradation") if len(group) == len(clips)}
        said = {name: replace(result, predictions=clips.merge(group, on="path")) for name, group in groups.items()}
        for name, degraded in said.items() if "clean" in said else ():
            answers = degraded.predictions
            facts = dict(zip(KEY, (row.protocol, row.pipeline, name), strict=True))
            facts |= {
                "confidence": answers.confidence.mean(),
                "accuracy": (answers.prediction == answers.emotion).mean(),
            }
            facts |= {"stale": result.stale or answers.stale.any()}
            lines.append(paired.compare(degraded, said["clean"]).assign(**facts))
    if not lines:
        return pd.DataFrame(columns=[*KEY, "on", "difference", "stale"])
    order = [*DEGRADATIONS]
    every = pd.concat(lines, ignore_index=True).rename(columns={"first": "uar", "second": "uar_clean"})
    return every.sort_values("degradation", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def missing(lines: pd.DataFrame, found: Sequence[Result], *, degradations: Sequence[Degradation]) -> list[str]:
    """What of these results and degradations `differences` had nothing of, a sentence for each result."""
    there, said = set(lines[KEY].itertuples(index=False, name=None)), []
    for row in (result.row for result in found):
        names = [kind.name for kind in degradations if (row.protocol, row.pipeline, kind.name) not in there]
        if names:
            said.append(
                f"{row.pipeline} under {row.protocol} was not measured with {', '.join(names)}: `python -m "
                f"emolabs.reliability {row.profile}` does it where the runs and the recordings are"
            )
    return said


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `differences` of one protocol, over all clips, for reading: a row per degradation, a column per
    pipeline, in points with intervals."""
    overall = lines[lines.on == "overall"]
    cells = [
        f"{100 * line.uar:.1f}" if line.degradation == "clean" else interval(line.difference, line.low, line.high)
        for line in overall.itertuples()
    ]
    names = overall.pipeline + overall.stale.map(stale_mark)
    table = pd.DataFrame({"degradation": overall.degradation, "name": names, "cell": cells})
    wide = table.pivot(index="degradation", columns="name", values="cell")
    wide = wide.reindex(index=[*dict.fromkeys(table.degradation)], columns=[*dict.fromkeys(table.name)])
    wide.insert(0, "recording", [DEGRADATIONS[name].title for name in wide.index])
    wide.loc["clean", "recording"] += ", UAR (%)"
    return wide.reset_index(drop=True).rename_axis(columns=None).fillna("")


def sureness(line: pd.Series) -> str:
    """How often the answers of a line are right, and how sure they are (as trained, without scaling), in words."""
    return f"{100 * line.accuracy:.0f} % are right, at a mean confidence of {100 * line.confidence:.0f} %"


def sentences(lines: pd.DataFrame) -> list[str]:
    """Of each result what costs most, and what costs nothing that can be told, in words."""
    said = []
    overall = lines[(lines.on == "overall") & (lines.degradation != "clean")]
    for (protocol, pipeline), group in overall.groupby(["protocol", "pipeline"], sort=False):
        worst = group.loc[group.difference.idxmin()]
        harmless = [DEGRADATIONS[line.degradation].title for line in group.itertuples() if line.high >= 0]
        text = f"`{pipeline}` under `{protocol}` loses most to {DEGRADATIONS[worst.degradation].title}: "
        text += f"{interval(worst.difference, worst.low, worst.high)} points of UAR. There {sureness(worst)}. "
        said.append(f"{text}No loss can be told from: {'; '.join(harmless) or 'none of all'}.")
    return said
