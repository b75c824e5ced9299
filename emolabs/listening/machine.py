"""Listeners and pipelines on the same clips: who answered what, side by side.

Conventions. Listeners had a set of buttons, the *choices*; a pipeline is held to the same ones: its answer is the most
probable of the choices, whose probabilities are scaled to sum to one. Every answer of a listener counts the same, and
so does every clip of a pipeline. `given` is [listeners, clips, choices]: how often a listener gave an answer; where
listeners are not told apart (published votes) all of them are one row. Where only the share of right answers is
published, every clip has one answer in all, and the wrong part of it goes to the choice `ANOTHER`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from emolabs import paths
from emolabs.experiments import metrics, results
from emolabs.experiments.results import Result
from emolabs.experiments.runs import Row
from emolabs.listening import sources, votes

#: The answers whose emotion is not published.
ANOTHER = "another"
#: The corpus of which the rates of right answers are published.
EMODB = "emodb"
CLIP = ["id", "path", "corpus", "speaker", "emotion"]


@dataclass(frozen=True)
class Shared:
    """Clips that listeners and every pipeline have answered, sorted by path, and the answers."""

    clips: pd.DataFrame  # the columns of `CLIP`
    choices: list[str]
    given: np.ndarray  # [listeners, clips, choices]
    machines: dict[str, pd.DataFrame]  # by pipeline, a row a clip: `prediction`, `open` (its own answer), p_<choice>
    are_known: bool  # whether listeners are told apart
    simulated: bool = False  # whether a program answered, and no human

    @property
    def truth(self) -> np.ndarray:
        """The intended emotion of each clip, as a number among the choices [clips]."""
        return self.clips.emotion.map(self.choices.index).to_numpy()

    @property
    def counts(self) -> np.ndarray:
        """How many answers of each kind a clip got [clips, choices]."""
        return self.given.sum(axis=0)

    @property
    def share(self) -> np.ndarray:
        """The share of a clip's listeners who named the intended emotion [clips]: how easy it is for people."""
        return self.counts[np.arange(len(self.clips)), self.truth] / self.counts.sum(axis=1)

    @property
    def majority(self) -> np.ndarray:
        """The answer of most listeners [clips, choices], 1 in all; `k` answers that are tied for it have 1 / `k` each.

        Where only the share of right answers is published, a half is a majority: what the others chose may differ.
        """
        counts = self.counts.copy()
        if ANOTHER in self.choices:
            counts[:, self.choices.index(ANOTHER)] -= 1e-9
        most = counts == counts.max(axis=1, keepdims=True)
        return most / most.sum(axis=1, keepdims=True)

    @property
    def perceived(self) -> np.ndarray:
        """The answer of most listeners as a number among the choices [clips]; -1 where several are tied for it."""
        return np.where((self.majority == 1).any(axis=1), self.majority.argmax(axis=1), -1)

    def predicted(self, pipeline: str) -> np.ndarray:
        """The answers of a pipeline as numbers among the choices [clips]."""
        return self.machines[pipeline].prediction.map(self.choices.index).to_numpy()

    def of(self, rows: np.ndarray) -> "Shared":
        """The same for the clips that `rows` (bool [clips]) chooses."""
        machines = {name: machine[rows].reset_index(drop=True) for name, machine in self.machines.items()}
        return replace(
            self, clips=self.clips[rows].reset_index(drop=True), given=self.given[:, rows], machines=machines
        )

    def by_corpus(self) -> dict[str, "Shared"]:
        """A part for each corpus, by its key, sorted."""
        return {corpus: self.of((self.clips.corpus == corpus).to_numpy()) for corpus in sorted(set(self.clips.corpus))}


def share(answers: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], *, choices: Sequence[str]) -> Shared:
    """Put answers of listeners (the long table; its trials) and predictions by pipeline on the same clips.

    `choices` are the emotions that listeners could choose; clips of another emotion are left out.
    Raises `ValueError` with a sentence where no clip is shared, a clip's emotion differs between the sides, or a run
    has a clip twice.
    """
    trials = answers[(answers.role == "trial") & answers.emotion.isin(choices) & answers.answer.isin(choices)]
    clips = trials[CLIP].drop_duplicates("path")
    clips, machines = _common(clips, predictions, choices=list(choices))
    trials = trials[trials.path.isin(clips.path)]
    are_known = bool(trials.participant.notna().all())
    listener, listeners = pd.factorize(trials.participant.fillna(""), sort=True)
    given = np.zeros((len(listeners), len(clips), len(choices)))
    place = pd.Index(clips.path).get_indexer(trials.path)
    np.add.at(given, (listener, place, pd.Index(choices).get_indexer(trials.answer)), 1)
    return Shared(clips, list(choices), given, machines, are_known, bool(trials.simulated.any()))


def share_rates(rates: pd.DataFrame, predictions: Mapping[str, pd.DataFrame]) -> Shared:
    """The same for clips of which only the share of right answers is published: `CLIP` and `recognition`.

    The choices are the emotions of these clips that the pipelines know, and `ANOTHER`; without predictions, all of
    their emotions. Raises as `share` does.
    """
    known = {emotion for table in predictions.values() for emotion in table.emotion}
    choices = sorted(set(rates.emotion) & known if predictions else set(rates.emotion))
    clips, machines = _common(rates[rates.emotion.isin(choices)][CLIP], predictions, choices=choices)
    right = rates.set_index("path").recognition.reindex(clips.path).to_numpy()
    given = np.zeros((1, len(clips), len(choices) + 1))
    given[0, np.arange(len(clips)), clips.emotion.map(choices.index)] = right
    given[0, :, -1] = 1 - right
    machines = {name: machine.assign(**{f"p_{ANOTHER}": 0.0}) for name, machine in machines.items()}
    return Shared(clips, [*choices, ANOTHER], given, machines, are_known=False)


def load(
    answers: Sequence[str],
    *,
    profile: str,
    study: str,
    predictions: Mapping[str, pd.DataFrame],
    leave_out: Sequence[str] = (),
) -> tuple[dict[str, Shared], list[str]]:
    """The shared clips by source of answers, and a sentence for each source that is not here.

    `answers` names rows of `sources.SOURCES`, or `EMODB`, whose rates are published; `study` is the one that listeners
    heard, `leave_out` flags whose participants do not count (`sources.Source.kept`). A source of several corpora comes
    whole and corpus by corpus (`<source>/<corpus>`).
    Raises `FileNotFoundError` with these sentences where no source is here, `ValueError` as `share` does.
    """
    found, missing = {}, []
    for name in answers:
        try:
            shared = _shared(name, profile=profile, study=study, predictions=predictions, leave_out=leave_out)
        except FileNotFoundError as error:
            missing.append(str(error))
            continue
        parts = shared.by_corpus()
        found |= {name: shared} | {f"{name}/{corpus}": part for corpus, part in parts.items() if len(parts) > 1}
    if not found:
        raise FileNotFoundError("; ".join(missing) or "there is nothing to compare: name sources of answers")
    return found, missing


def _shared(
    name: str, *, profile: str, study: str, predictions: Mapping[str, pd.DataFrame], leave_out: Sequence[str]
) -> Shared:
    """One source whole: what was heard of it, whatever else was seen."""
    if name == EMODB:
        rates = votes.emodb_rates().table
        return share_rates(rates[rates.published], predictions)
    source = sources.load(name, profile=profile, study=study)
    table = source.kept(leave_out)
    return share(table[table.modality == "audio"], predictions, choices=source.labels)


def runs(profile: str, *, protocol: str, scope: str, seed: int, pipelines: Sequence[str]) -> dict[str, Result]:
    """The finished runs of these pipelines, by name, in their order; those that are not there are left out.

    Raises `FileNotFoundError` where none is there, saying what makes them.
    """
    rows = [Row(profile=profile, protocol=protocol, scope=scope, pipeline=name, seed=seed) for name in pipelines]
    found = {row.pipeline: results.load(row) for row in rows if row.summary.is_file()}
    if not found:
        raise FileNotFoundError(
            f"no finished run of {', '.join(pipelines)} under {paths.results(profile) / protocol / scope} with seed "
            f"{seed}: train one first (`make reproduce PROFILE={profile}`), or name others as `pipelines`"
        )
    return found


def _common(
    clips: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], *, choices: list[str]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The clips that all pipelines have predicted, sorted by path, and the predictions in their order."""
    paths_, tables = set(clips.path), {}
    for name, table in predictions.items():
        twice = table.path[table.path.duplicated()]
        if len(twice):
            raise ValueError(
                f"{name}: expected one prediction a clip, found {twice.iloc[0]} and {len(twice) - 1} more several "
                f"times; give the run of one seed"
            )
        tables[name] = table.set_index("path")
        paths_ &= set(table.path)
    if not paths_:
        sides = {"listeners": clips, **predictions}
        found = "; ".join(f"{name} {_some(table)}" for name, table in sides.items())
        raise ValueError(
            f"listeners and pipelines share no clip with one of the emotions {', '.join(choices)}: expected answers "
            f"and predictions for the same project paths, found {found}; take runs that evaluate the clips that were "
            f"heard (under the protocol speaker every clip is evaluated once)"
        )
    clips = clips[clips.path.isin(paths_)].sort_values("path", ignore_index=True)
    for name, table in tables.items():
        differ = clips[clips.emotion.to_numpy() != table.emotion.reindex(clips.path).to_numpy()]
        if len(differ):
            path = differ.path.iloc[0]
            raise ValueError(
                f"{name}: expected the emotion that the answers have, found {table.emotion[path]} for {path}, which "
                f"is {differ.emotion.iloc[0]} there ({len(differ)} clips differ); read both from one index"
            )
    return clips, {name: _closed(table.loc[clips.path], choices=choices) for name, table in tables.items()}


def _some(table: pd.DataFrame) -> str:
    return f"{len(table)} clips such as {table.path.iloc[0]}" if len(table) else "no clips"


def _closed(table: pd.DataFrame, *, choices: list[str]) -> pd.DataFrame:
    """The answers and probabilities of a pipeline out of the choices."""
    columns = [f"p_{choice}" for choice in choices]
    shares = metrics.closed(table.reindex(columns=columns, fill_value=0.0).to_numpy(float))
    answers = np.array(choices)[shares.argmax(axis=1)]
    return pd.DataFrame(shares, columns=columns).assign(prediction=answers, open=table.prediction.to_numpy())
