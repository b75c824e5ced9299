"""Sources of answers: where the analysis reads them, and the sentence that says so in every picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emolabs import paths
from emolabs.listening import responses, simulation, votes
from emolabs.listening.answers import Answers
from emolabs.listening.study import Study
from emolabs.reporting import describe

#: Recall of the simulated listeners on an average clip, and how they pull answers to neutral: made up.
RECALL = (0.80, 0.45, 0.50, 0.60, 0.75, 0.65, 0.55)
PULL = {"neutral": 3.0}
LISTENERS = 12


@dataclass(frozen=True)
class Source:
    """Answers and what is known of them. `truth` is what simulated answers estimate, None where people answered."""

    answers: Answers
    flags: pd.DataFrame  # participant, flag, detail
    labels: list[str]
    provenance: str
    truth: simulation.Truth | None = None

    def kept(self, leave_out: Sequence[str]) -> pd.DataFrame:
        """The answers of those participants who have none of the flags `leave_out` (of `responses.RULES`).

        Raises `ValueError` naming a flag that there is not.
        """
        if unknown := sorted({*leave_out} - {*responses.RULES}):
            raise ValueError(
                f"leave_out: expected flags among {', '.join(responses.RULES)}, found {', '.join(unknown)}"
            )
        dropped = self.flags.participant[self.flags.flag.isin(leave_out)]
        return self.answers.table[~self.answers.table.participant.isin(dropped)]


def load(answers: str, *, profile: str, study: str) -> Source:
    """Read a row of `SOURCES`. Raises `ValueError` naming them for another; `FileNotFoundError` where there is none."""
    if answers not in SOURCES:
        raise ValueError(f"expected answers among {', '.join(SOURCES)}, found {answers!r}")
    return SOURCES[answers](profile, study)


def _files(profile: str, study: str) -> Source:
    """What participants sent, in the study's folder."""
    chosen = Study.load(paths.study(study))
    found = responses.read(paths.answers(study), study=chosen)
    trials = found.table[found.table.role == "trial"]
    if trials.empty:
        raise FileNotFoundError(_nothing(found.problems, study=study))
    people = trials.participant.nunique()
    simulated = ", simulated" if found.table.simulated.any() else ""
    provenance = describe(sorted(trials.corpus.unique()), opus=False, study=study, listeners=f"{people}{simulated}")
    flags = responses.flags(found.table, study=chosen)
    return Source(found, flags, list(chosen.emotions), provenance)


def _nothing(problems: pd.DataFrame, *, study: str) -> str:
    """Why there are no answers: nothing has been put there, or nothing of it can be used."""
    folder = paths.answers(study)
    reasons = [f"{p.file}: {p.reason}" for p in problems[problems.file != str(folder)].itertuples()]
    if not reasons:
        return f"no answers to the study {study} were found: put the participants' files into {folder}"
    return (
        f"none of the files in {folder} holds answers to the study {study} that can be used: {'; '.join(reasons[:3])}. "
        f"`python -m emolabs.listening.responses {folder}` lists all that is wrong"
    )


def _simulated(profile: str, study: str) -> Source:
    """Files of simulated listeners, written and read as a participant's are."""
    chosen = Study.load(paths.study(study))
    folder = paths.interim(profile) / "listening" / study / "simulated"
    emotions = list(chosen.emotions)
    confusion = simulation.confusion(dict(zip(emotions, np.resize(RECALL, len(emotions)), strict=True)), pull=PULL)
    truth = simulation.simulate(chosen, folder=folder, confusion=confusion, listeners=LISTENERS)
    found = responses.read([folder / f"simulated-{n + 1:03d}.json" for n in range(LISTENERS)], study=chosen)
    corpora = sorted(chosen.trials.corpus.unique())
    facts = {"study": study, "answers": f"of {LISTENERS} simulated listeners, no human"}
    flags = responses.flags(found.table, study=chosen)
    return Source(found, flags, emotions, describe(corpora, opus=False, **facts), truth)


def _cremad(profile: str, study: str) -> Source:
    """CREMA-D's published votes."""
    counts = votes.cremad_counts()
    table = votes.long(counts.table)
    provenance = describe(["cremad"], opus=False, answers=f"{len(table):,} published votes, listeners unknown")
    nobody = pd.DataFrame(columns=["participant", "flag", "detail"])
    return Source(Answers(table, counts.problems), nobody, list(votes.LETTERS.values()), provenance)


#: Where answers come from; adding a source is adding a row.
SOURCES: dict[str, Callable[[str, str], Source]] = {"files": _files, "simulated": _simulated, "cremad": _cremad}
