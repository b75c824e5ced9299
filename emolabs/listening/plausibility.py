"""Participants whose answers ask for a second look: stated rules, of which none knows whether an answer is right.

Nothing is dropped here. Who is left out of an analysis, and by which rule, is a decision that the analysis states; a
rule that looked at recall would throw out those who hear worst, and make people look better than they are. Attention
checks are no exception: their right answer is said aloud.
"""

from collections.abc import Iterator, Mapping

import pandas as pd

from emolabs.listening.study import Study

#: Half of the answers sooner than this after the end of the playback: hardly anyone chooses a button so fast.
FAST_S = 0.25
#: One answer to more than this share of trials, of `BUTTON_TRIALS` or more.
BUTTON_SHARE = 0.6
BUTTON_TRIALS = 12
#: So many trials with equal answers and times as another participant's are one person's, under two codes.
COPY_TRIALS = 10

_COUNTED = ("trial", "attention")

#: Every flag and its rule.
RULES = {
    "incomplete": "fewer trials than the study has (where that is not known: than anyone of its version answered)",
    "too fast": f"median response time of the trials under {FAST_S} s after the end of the playback",
    "failed check": "an attention check answered otherwise than it says",
    "no check": "no attention check answered, where the study (if not known: anyone of its version) has some",
    "one button": f"one answer to more than {BUTTON_SHARE:.0%} of the trials, if there are {BUTTON_TRIALS} or more",
    "answered twice": "more than one answer to a clip in one modality",
    "same answers": f"the same clips, answers and times as another participant, {COPY_TRIALS} trials or more",
}


def flags(table: pd.DataFrame, *, study: Study | None = None) -> pd.DataFrame:
    """The flags of the participants in a long table: `participant`, `flag` (of `RULES`) and `detail`, sorted.

    How many trials and attention checks there were says the `study`; None: the most that any participant of the same
    version answered. Answers without a participant are of nobody who could be flagged.
    """
    found: list[tuple[str, str, str]] = []
    known = table[table["participant"].notna()]
    judged = known[known["role"].eq("trial")]
    versions = known.groupby("participant")[["study", "digest"]].first()
    number = pd.DataFrame({role: known["role"].eq(role).groupby(known["participant"]).sum() for role in _COUNTED})
    most = number.groupby([versions["study"], versions["digest"]], dropna=False).transform("max")
    has = {role: int(study.clips["role"].eq(role).sum()) for role in _COUNTED} if study else None
    for participant, rows in known.groupby("participant", sort=True):
        expected = has or most.loc[participant].to_dict()
        found += [(participant, flag, detail) for flag, detail in _of_one(rows, expected=expected)]
    found += [(one, "same answers", f"as {others}") for one, others in _copies(judged)]
    flagged = pd.DataFrame(found, columns=["participant", "flag", "detail"], dtype="str")
    return flagged.sort_values(["participant", "flag"], ignore_index=True)


def _of_one(rows: pd.DataFrame, *, expected: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Flag and detail of one participant; `expected` numbers of answers by role."""
    trials, checks = (rows[rows["role"].eq(role)] for role in _COUNTED)
    if len(trials) < expected["trial"]:
        yield "incomplete", f"{len(trials)} of {expected['trial']} trials"
    median_s = trials["response_time_s"].median()
    if median_s < FAST_S:
        yield "too fast", f"median response time {median_s:.2f} s"
    failed = int(checks["answer"].ne(checks["emotion"]).sum())
    if failed:
        yield "failed check", f"{failed} of {len(checks)} attention checks"
    if checks.empty and expected["attention"]:
        yield "no check", f"none of {expected['attention']} attention checks"
    shares = trials["answer"].value_counts(normalize=True)
    if len(trials) >= BUTTON_TRIALS and shares.iloc[0] > BUTTON_SHARE:
        yield "one button", f"{shares.index[0]} in {shares.iloc[0]:.0%} of {len(trials)} trials"
    twice = int(trials.duplicated(["clip", "modality"]).sum())
    if twice:
        yield "answered twice", f"{twice} further answers to clips that have one"


def _copies(trials: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Each participant whose trials, answers and times another has too, and the others."""
    timed = trials[trials["response_time_s"].notna()]
    signatures: dict[tuple, list[str]] = {}
    for participant, rows in timed.groupby("participant", sort=True):
        if len(rows) >= COPY_TRIALS:
            same = rows.sort_values("clip")[["clip", "answer", "response_time_s"]]
            signatures.setdefault(tuple(same.itertuples(index=False, name=None)), []).append(str(participant))
    for people in signatures.values():
        for one in people if len(people) > 1 else []:
            yield one, ", ".join(other for other in people if other != one)
