"""Listeners beside pipelines: what people name from the voice alone, as `52_human_vs_machine` has computed it."""

import textwrap
from collections.abc import Sequence

import pandas as pd

from emolabs import paths
from emolabs.reporting import corpus_name

#: The corpora whose listeners' answers are published.
CORPORA = ("cremad", "emodb")
#: Which clips their listeners heard, and what is to be known of them.
CLIPS = {
    "cremad": "all clips with audio alone",
    "emodb": "the published clips, kept because listeners knew their emotion",
}


def scores(profile: str) -> pd.DataFrame:
    """What listeners reach against the intended emotion: a line per corpus of `CORPORA`: `corpus, uar, low, high` (95 %
    over speakers and clips), `clips`. Empty where the profile has no table `52_scores`, or none of published answers.
    """
    file = paths.figures(profile) / "52_scores.csv"
    columns = {"source": "corpus", "value": "uar", "low": "low", "high": "high", "clips": "clips"}
    if not file.is_file():
        return pd.DataFrame(columns=list(columns.values()))
    table = pd.read_csv(file)
    is_asked = (table.judge == "listeners") & (table.score == "uar") & (table.against == "intended")
    lines = table[is_asked & table.source.isin(CORPORA)]
    return lines[list(columns)].rename(columns=columns).reset_index(drop=True)


def sentence(lines: pd.DataFrame) -> str:
    """What the band in a figure is, in words; what makes it where it is missing."""
    if lines.empty:
        return "No scores of listeners: `52_human_vs_machine` makes them from published answers (docs/running.md)."
    parts = [f"{line.corpus}: {CLIPS[line.corpus]} ({line.clips:,})" for line in lines.itertuples()]
    return f"The band is the UAR of listeners who heard audio alone, with its 95 % interval ({'; '.join(parts)})."


def note(lines: pd.DataFrame, *, corpora: Sequence[str]) -> str:
    """For the foot of a figure which clips the listeners of each of `corpora` heard, and of which there are no answers;
    nothing where there are none at all."""
    if lines.empty:
        return ""
    heard = [f"{corpus_name(line.corpus)}, {CLIPS[line.corpus]}" for line in lines.itertuples()]
    without = [corpus_name(key) for key in corpora if key not in set(lines.corpus)]
    unheard = [f"{', '.join(without)}, no published answers"] if without else []
    return textwrap.fill(f"Listeners: {'; '.join(heard + unheard)}.", width=110)
