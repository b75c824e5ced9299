"""What a pipeline has to beat: every row beside the linear model on openSMILE functionals and the constant answer.

Both rows answer for the same clips, under the same protocol, scope and seed, and are resampled together, speaker by
speaker (`paired.compare`). A row beats the linear model where the 95 % interval of its UAR minus that of the linear
model lies above zero; the others are marked. The intervals are not corrected for their number.
"""

import pandas as pd

from emolabs.experiments import paired
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import IN_NOTES, OVER_CLIPS, interval

LINEAR, CONSTANT = "egemaps-linear", "constant"
#: What is written behind a row that does not beat the linear model, and behind one that there is nothing to compare to.
MARK, OPEN = "‡", "?"
LEGEND = (
    f"{MARK} does not beat {LINEAR}: the 95 % interval of the paired difference (UAR, same clips, speakers "
    f"resampled together) is not above zero. {OPEN} {LINEAR} has not been run under this protocol and scope. "
    f"{IN_NOTES[OVER_CLIPS]}"
)
KEYS = ["protocol", "scope", "pipeline", "seed", "on"]
#: Numbers of a reference row, with the name of the row before them.
NUMBERS = ["difference", "low", "high", "p"]


def compare(found: list[Result]) -> pd.DataFrame:
    """A line per result and set of clips (`overall`, a corpus): `KEYS`, and `linear_…` and `constant_…`, which are
    `NUMBERS` of the row minus the reference. They are empty where the reference has not been run, and for the reference
    itself; beside the constant answer all clips are compared alone.

    `beats_linear` and `beats_constant` are True, False, or None where nothing was compared.
    """
    by_name = {(r.row.protocol, r.row.scope, r.row.seed, r.row.pipeline): r for r in found}
    lines = []
    for result in found:
        row = result.row
        sides = {
            name: _against(
                result, by_name.get((row.protocol, row.scope, row.seed, pipeline)), by_corpus=name == "linear"
            )
            for name, pipeline in (("linear", LINEAR), ("constant", CONSTANT))
        }
        for on in ("overall", *sorted(set(result.predictions.corpus))):
            line = dict(zip(KEYS, (row.protocol, row.scope, row.pipeline, row.seed, on), strict=True))
            for name, numbers in sides.items():
                known = numbers.get(on, dict.fromkeys(NUMBERS))
                line |= {f"{name}_{number}": known[number] for number in NUMBERS}
                line[f"beats_{name}"] = None if known["low"] is None else bool(known["low"] > 0)
            lines.append(line)
    numbers = {f"{name}_{number}": float for name in ("linear", "constant") for number in NUMBERS}
    return pd.DataFrame(lines).astype(numbers)


def _against(result: Result, reference: Result | None, *, by_corpus: bool) -> dict[str, dict]:
    """Lines of `paired.compare` by set of clips; none where there is nothing to compare."""
    if reference is None or reference.row == result.row or result.row.pipeline == CONSTANT:
        return {}
    return paired.compare(result, reference, by_corpus=by_corpus).set_index("on")[NUMBERS].to_dict("index")


def marks(lines: pd.DataFrame) -> list[str]:
    """Behind each line of `compare`: `MARK`, `OPEN`, or nothing where it beats the linear model or is a reference."""
    shown = []
    for line in lines.itertuples():
        if line.pipeline in (LINEAR, CONSTANT) or line.beats_linear is True:
            shown.append("")
        else:
            shown.append(MARK if line.beats_linear is False else OPEN)
    return shown


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """What lines of `compare` gain over the linear model for reading, in points with their intervals, and the mark."""
    bounds = lines[["linear_difference", "linear_low", "linear_high"]].itertuples(index=False)
    shown = ["–" if pd.isna(b[0]) else interval(*b) for b in bounds]
    shown = [f"{text} {mark}".strip() for text, mark in zip(shown, marks(lines), strict=True)]
    return pd.DataFrame({f"over {LINEAR} (points)": shown}, index=lines.index)


def sentence(lines: pd.DataFrame) -> str:
    """How many of the networks beat the linear model and the constant answer on all clips, and which do not."""
    networks = [name for name, parts in load_pipelines().items() if parts.backbone not in ("linear", "constant")]
    overall = lines[(lines.on == "overall") & lines.pipeline.isin(networks)]
    tested = overall[overall.beats_linear.notna()]
    behind = tested[~tested.beats_linear.astype(bool)]
    left = [f"`{line.pipeline}` under `{line.protocol}`, {line.scope}" for line in behind.itertuples()]
    open_ = len(overall) - len(tested)
    text = f"Of {len(tested)} results of networks, {len(tested) - len(left)} beat `{LINEAR}`"
    text += f"; these do not: {'; '.join(left)}." if left else "."
    text += f" {sum(beats is True for beats in overall.beats_constant)} of all beat the constant answer."
    return text + f" For {open_} there is no `{LINEAR}` of the same protocol and scope." * bool(open_)
