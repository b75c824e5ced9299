"""Intended use in plain language: what a model of emotion may be used for, and what its data cannot support.

Every number comes from the clips that were evaluated and from the tables of `60_reliability`; what a table does not say
is left out of the text.
"""

import pandas as pd

from emolabs.corpora.cards import CORE
from emolabs.experiments import metrics
from emolabs.reliability.degradation import DEGRADATIONS
from emolabs.reliability.losses import sureness
from emolabs.reporting import interval
from emolabs.reporting.provenance import SYNTHETIC

_USE = """**What it is for.** Research: to compare ways of recognizing emotion in speech, and to show where they fail.
An answer says what label a recording like these would carry, not what somebody feels.

**What it is not for.** It is no medical device. It may decide nothing about a person: no diagnosis, no triage, no
monitoring of patients, pupils, applicants or employees. Whoever thinks of such a use has to begin with recordings of
the people concerned, made where and how they would be made, with their consent, and to evaluate with speakers who were
not trained on."""
_ACTED = "**Acted.** All of it is acted speech: emotions that were asked for, one at a time."
_SPOKEN = "**Synthetic.** All of it was spoken by a synthesizer: nothing here says anything about people."
_ADULTS = (
    "**Adults, no patients.** The corpora recorded adults who act; none describes patients, children or people with "
    "impaired speech, and nothing was evaluated on them."
)


def statement(
    described: pd.DataFrame, *, scores: pd.DataFrame, promises: pd.DataFrame, gaps: pd.DataFrame, losses: pd.DataFrame
) -> str:
    """The statement in Markdown.

    `described` are the evaluated clips as of `people.describe`; `scores` has lines of `experiments.results.table`,
    `promises`, `gaps` (with `pipeline`) and `losses` those of `reports`, `subgroups` and `losses`, each of the one
    pipeline that the text speaks of; an empty table leaves its sentence out.
    """
    corpora = set(described.corpus)
    spoken = all(corpus.startswith(SYNTHETIC) for corpus in corpora)
    limits = [_SPOKEN] if spoken else [_ACTED, _ADULTS] if corpora <= set(CORE) else []
    limits += [
        _few(described),
        _languages(described),
        *_new(scores),
        *_sure(promises),
        *_unequal(gaps),
        *_noisy(losses),
    ]
    return "\n\n".join([_USE, "**What the data cannot support.**", "\n".join(f"- {limit}" for limit in limits)])


def _few(described: pd.DataFrame) -> str:
    people = described.drop_duplicates("speaker")
    of_sex = people.sex.replace("", "not published").value_counts()
    counts = people.corpus.value_counts()
    few = [corpus for corpus in counts.index if counts[corpus] < metrics.FEWEST_SPEAKERS]
    texts = described[described.text != ""].groupby("corpus").text.nunique()
    said = f"**Few speakers.** {len(described):,} recordings of {len(people)} speakers "
    said += f"({', '.join(f'{n} {sex}' for sex, n in of_sex.items())}): "
    said += ", ".join(f"{n} in {corpus}" for corpus, n in counts.items()) + "."
    if few:
        said += f" Of so few speakers as in {' and '.join(few)} nothing can be said about other people."
    if len(texts):
        said += (
            f" They speak {', '.join(f'{n} texts in {corpus}' for corpus, n in texts.items())}: nobody speaks freely."
        )
    return said


def _languages(described: pd.DataFrame) -> str:
    shares = described.language.replace("", "not known").value_counts(normalize=True)
    listed = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
    return f"**Languages.** {listed} of the recordings; other languages, dialects and accents were not evaluated."


def _new(scores: pd.DataFrame) -> list[str]:
    if not len(scores):
        return []
    overall = scores[scores.on == "overall"].set_index("protocol")
    known = next((name for name in ("random", "hash") if name in overall.index), None)
    titles = {known: "speakers that were heard in training", "speaker": "new speakers", "corpus": "a new corpus"}
    parts = [
        f"{interval(line.uar, line.uar_low, line.uar_high)} % with {title}"
        for name, title in titles.items()
        if name in overall.index
        for line in [overall.loc[name]]
    ]
    return [f"**New voices, new rooms.** `{scores.pipeline.iloc[0]}` has a UAR of {', '.join(parts)}."] if parts else []


def _sure(promises: pd.DataFrame) -> list[str]:
    parts = [
        f"{interval(line.accuracy, line.accuracy_low, line.accuracy_high)} % of the {100 * line.coverage:.1f} % that "
        f"are answered ({line.choice})"
        for line in promises[promises.on == "overall"].itertuples()
        if line.answered
    ]
    if not parts:
        return []
    start = (
        f"**Confidence.** Where {100 * promises.target.iloc[0]:.0f} % right answers were promised on validation clips, "
    )
    return [f"{start}`{promises.pipeline.iloc[0]}` is right in {'; in '.join(parts)}."]


def _unequal(gaps: pd.DataFrame) -> list[str]:
    lines = gaps[(gaps.on == "overall") & (gaps.measure == "UAR")] if len(gaps) else gaps
    return [
        f"**Women and men.** With new speakers the UAR of `{line.pipeline}` is {100 * line.female:.1f} % for "
        f"{line.women} women and {100 * line.male:.1f} % for {line.men} men, a gap of "
        f"{interval(line.gap, line.low, line.high)} points (over {line.interval_over})."
        for line in lines.itertuples()
    ]


def _noisy(losses: pd.DataFrame) -> list[str]:
    lines = losses[(losses.on == "overall") & (losses.degradation != "clean")] if len(losses) else losses
    if not len(lines):
        return []
    parts = [
        f"{interval(line.difference, line.low, line.high)} points with {DEGRADATIONS[line.degradation].title}"
        for line in lines.nsmallest(3, "difference").itertuples()
    ]
    said = f"**Quiet recordings.** Degraded, the UAR of `{lines.pipeline.iloc[0]}` changes by {'; '.join(parts)}."
    return [f"{said} With the worst of these {sureness(lines.loc[lines.difference.idxmin()])}."]
