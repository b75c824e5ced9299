"""Which results may stand side by side: those of one version of a partition; the others are named and left out.

A partition is the clips of every side of every fold. Results under one protocol and scope are comparable where its
digest (`made_from.manifest` of each fold) and the evaluated clips with their emotions are the same. Of several versions
the one that most rows rest on stays, a row counting once whatever its seeds, then the one with more evaluated clips;
nothing of the others is mixed in.
"""

from dataclasses import dataclass

import pandas as pd

from emolabs import params, storage
from emolabs.experiments import results
from emolabs.experiments.results import Result
from emolabs.experiments.runs import Row
from emolabs.modeling.pipeline import load_pipelines
from emolabs.standardization import split

NOT_RUN, BROKEN, MIXED, OTHER, GONE = "not run", "incomplete", "mixed folds", "other partition", "gone"
COLUMNS = ["protocol", "scope", "pipeline", "seed", "reason", "detail"]


@dataclass(frozen=True)
class Evaluation:
    """The results that can be compared, and what is missing beside them.

    A row that was trained from several seeds stands with the first of them, whatever the others reached: the seeds
    side by side are those of `every`.
    """

    every: list[Result]
    gaps: pd.DataFrame  # `COLUMNS`: cells that stay empty; `reason` is one of the words above, `detail` a sentence
    absent: dict[tuple[str, str], list[str]]  # corpora of the profile that no result of a protocol and scope rests on

    @property
    def found(self) -> list[Result]:
        """Of each row the result with the lowest seed, in their order."""
        first: dict[tuple, Result] = {}
        for result in sorted(self.every, key=lambda result: result.row.seed):
            first.setdefault(_key(result.row)[:3], result)
        return [result for result in self.every if first[_key(result.row)[:3]] is result]

    def sentences(self) -> list[str]:
        """What is not comparable, row by row, and which corpora are absent; rows that were never run are not named."""
        said = [
            f"`{gap.pipeline}` under `{gap.protocol}`, {gap.scope}, seed {gap.seed}, is left empty ({gap.reason}): "
            f"{gap.detail}"
            for gap in self.gaps[self.gaps.reason != NOT_RUN].itertuples()
        ]
        for (protocol, scope), corpora in self.absent.items():
            said.append(
                f"under `{protocol}`, {scope}, no result rests on {', '.join(corpora)}: these corpora were absent "
                f"where the results were made, and their cells are empty"
            )
        return said


def read(profile: str) -> Evaluation:
    """The results of a profile that can be compared, and the cells that stay empty, each with its reason.

    Raises `FileNotFoundError` as `results.rows` does.
    """
    found, gaps = [], []
    for row in results.rows(profile):
        if results.gone(row):
            gaps.append(_gap(row, GONE, results.gone(row)))
            continue
        try:
            result = results.load(row)
        except (FileNotFoundError, ValueError) as error:
            gaps.append(_gap(row, BROKEN, str(error)))
            continue
        problem = _mixture(result)
        if problem:
            gaps.append(_gap(row, MIXED, problem))
        else:
            found.append(result)
    found, others = _of_one_version(found)
    gaps += others
    chosen = params.load_profile(profile)
    there = {_key(result.row) for result in found} | {tuple(gap[:4]) for gap in gaps}
    wanted = params.training_runs(chosen, pipelines=load_pipelines(), wanted=True)
    gaps += [[p, s, name, seed, NOT_RUN, ""] for p, s, name, seed in wanted if (p, s, name, seed) not in there]
    absent = {key: lacking for key, lacking in _absent(found, chosen.corpora).items() if lacking}
    return Evaluation(found, pd.DataFrame(gaps, columns=COLUMNS), absent)


def version(result: Result) -> str:
    """The digest of all that makes two results comparable: the partition of each fold and the evaluated clips."""
    folds = sorted((run["made_from"]["fold"], run["made_from"]["manifest"]) for run in result.runs)
    clips = result.predictions[["id", "emotion"]].sort_values(["id", "emotion"]).values.tolist()
    return storage.digest([folds, clips])


def _key(row: Row) -> tuple[str, str, str, int]:
    return row.protocol, row.scope, row.pipeline, row.seed


def _gap(row: Row, reason: str, detail: str) -> list:
    return [*_key(row), reason, detail]


def _mixture(result: Result) -> str:
    """Why the folds of a row are not of one partition; empty where they are."""
    twice = result.predictions.path[result.predictions.path.duplicated()]
    if len(twice):
        return f"{len(twice)} clips such as {twice.iloc[0]} are evaluated in two folds; train all folds again"
    facts = {(tuple(run["data"]["corpora"]), sum(run["data"]["clips"].values())) for run in result.runs}
    if len(facts) > 1:
        told = "; ".join(f"{count:,} clips of {', '.join(corpora)}" for corpora, count in sorted(facts))
        return f"its folds were made from different partitions ({told}); train all folds again"
    return ""


def _of_one_version(found: list[Result]) -> tuple[list[Result], list[list]]:
    """Of each protocol and scope the results of one version, in their order, and gaps for the rest."""
    groups: dict[tuple[str, str], dict[str, list[Result]]] = {}
    for result in found:
        of_protocol = groups.setdefault((result.row.protocol, result.row.scope), {})
        of_protocol.setdefault(version(result), []).append(result)
    stays, gaps = set(), []
    for versions in groups.values():
        voices = {name: len({result.row.pipeline for result in there}) for name, there in versions.items()}
        first = max(versions, key=lambda name: (voices[name], len(versions[name][0].predictions), name))
        stays |= {id(result) for result in versions[first]}
        reference = versions.pop(first)[0]
        gaps += [_gap(r.row, OTHER, _difference(r, reference)) for rows in versions.values() for r in rows]
    return [result for result in found if id(result) in stays], gaps


def _difference(result: Result, reference: Result) -> str:
    """In which way a result is of another version than the rows that stay."""
    lacking, more = sorted(reference.corpora - result.corpora), sorted(result.corpora - reference.corpora)
    parts = [f"without {', '.join(lacking)}"] * bool(lacking) + [f"with {', '.join(more)}"] * bool(more)
    parts.append(f"{len(result.predictions):,} evaluated clips instead of {len(reference.predictions):,}")
    return f"made from another version of the partition than the other rows ({', '.join(parts)}); train it again"


def _absent(found: list[Result], corpora: tuple[str, ...]) -> dict[tuple[str, str], list[str]]:
    """Of each protocol that speaks of all corpora those that no pooled result rests on."""
    restricted = {protocol.name for protocol in split.PROTOCOLS.values() if protocol.corpora is not None}
    heard: dict[tuple[str, str], set[str]] = {}
    for result in found:
        if result.row.scope == "pooled" and result.row.protocol not in restricted:
            heard.setdefault((result.row.protocol, result.row.scope), set()).update(result.corpora)
    return {key: [corpus for corpus in corpora if corpus not in there] for key, there in heard.items()}
