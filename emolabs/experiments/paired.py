"""Paired comparisons: two results on the same clips, and by how much they differ.

Both results are resampled together: every draw takes the same speakers, within their corpora, for both, so that what is
hard about a speaker cancels out. Under `metrics.FEWEST_SPEAKERS` speakers clips are drawn, and the interval does not
cover new speakers. Conventions: differences are of UAR, first minus second, as shares in −1–1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import yaml
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from emolabs import paths
from emolabs.experiments import metrics
from emolabs.experiments.results import Result
from emolabs.reporting import corpus_name

#: How the name of a set of clips begins that leaves corpora out.
WITHOUT = "without "
#: The 95 % interval of a difference.
BOUNDS = ("low", "high")


@dataclass(frozen=True)
class Comparison:
    """A row of `params/comparisons.yaml`: a question and the two results, as (pipeline, protocol, scope), that it
    puts side by side; `known` where both scores were known when it was declared."""

    question: str
    first: tuple[str, str, str]
    second: tuple[str, str, str]
    known: bool = False


def declared() -> list[Comparison]:
    """All comparisons that were written down before they were computed.

    Raises `ValueError` naming the row that is none.
    """
    rows = yaml.safe_load(paths.COMPARISONS.read_text(encoding="utf-8"))
    found = []
    for number, row in enumerate(rows, start=1):
        sides = [tuple(row[side].split()) for side in ("first", "second") if isinstance(row.get(side), str)]
        keys, known = {"question", "first", "second"}, row.get("known", False)
        if set(row) - {"known"} != keys or [len(side) for side in sides] != [3, 3] or not isinstance(known, bool):
            raise ValueError(
                f"{paths.COMPARISONS.name}, row {number}: expected a question, first and second as "
                f"`pipeline protocol scope`, and perhaps known as true or false, found {row}"
            )
        found.append(Comparison(row["question"], *sides, known=known))
    return found


def compare(first: Result, second: Result, *, by_corpus: bool = True, without: bool = False) -> pd.DataFrame:
    """By how much the UAR of `first` exceeds that of `second` on the clips that both evaluated, overall and per corpus,
    and, where `without` asks for it, on the clips that `without_few` leaves.

    Returns a line per set of clips: `on`, `first`, `second`, `difference`, `low`, `high` (95 %), `p` (two-sided, of the
    bootstrap), `clips`, `interval_over` (speakers or clips).
    Raises `ValueError` as `refusal` says, where no clip is common, or where a clip has two labels.
    """
    clips = common([first, second])
    sets = {"overall": clips} | (without_few(clips) if without else {})
    sets |= dict(list(clips.groupby("corpus"))) if by_corpus else {}
    labels = labels_of(clips)
    return pd.DataFrame([{"on": name, **_difference(group, labels=labels)} for name, group in sets.items()])


def common(results: Sequence[Result]) -> pd.DataFrame:
    """The clips that all results evaluated, sorted by `id`, with `corpus, speaker, emotion` and the prediction of each
    result in a column named by its place: 0, 1, …

    Raises `ValueError` as `refusal` says, where no clip is common, or where a clip has two labels.
    """
    problem = refusal(*results)
    if problem:
        raise ValueError(problem)
    about = ["id", "corpus", "speaker", "emotion"]
    clips = results[0].predictions[[*about, "prediction"]].rename(columns={"prediction": 0})
    for place, other in enumerate(results[1:], start=1):
        names = " and ".join(_names(results[0], other))
        answers = other.predictions[["id", "emotion", "prediction"]].rename(columns={"prediction": place})
        clips = clips.merge(answers, on="id", suffixes=("", "_other"))
        if clips.empty:
            raise ValueError(f"{names} evaluated no clip in common: compare results of the same corpora")
        if (clips.emotion != clips.pop("emotion_other")).any():
            raise ValueError(f"{names} give a clip two emotions: their label sets differ, run both again")
    return clips.sort_values("id")


def without_few(clips: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The clips without those of corpora with too few speakers to draw from, by a name that says which are left out;
    empty where that is no corpus or every one.

    Of such a corpus a pooled bootstrap draws the same few speakers over and over: how wide its interval is depends on
    how alike these happen to be.
    """
    speakers = clips.groupby("corpus").speaker.nunique()
    few = sorted(speakers.index[speakers < metrics.FEWEST_SPEAKERS])
    if not few or len(few) == len(speakers):
        return {}
    return {WITHOUT + ", ".join(few): clips[~clips.corpus.isin(few)]}


def title(on: str) -> str:
    """The name of a set of clips as people write it.

    >>> title("tess"), title("without tess"), title("overall")
    ('TESS', 'without TESS', 'overall')
    """
    start = WITHOUT if on.startswith(WITHOUT) else ""
    return start + ", ".join(corpus_name(key) for key in on.removeprefix(start).split(", "))


def labels_of(clips: pd.DataFrame) -> list[str]:
    """All emotions that are true or answered in the table of `common`, sorted."""
    return sorted(set().union(*(clips[column] for column in clips if column == "emotion" or isinstance(column, int))))


def refusal(*results: Result) -> str:
    """Why results must not be compared clip by clip, as a sentence: two of them rest on two versions of one partition,
    or under two protocols on other corpora. Empty where they may be."""
    return next((problem for pair in combinations(results, 2) if (problem := _refusal(*pair))), "")


def _refusal(first: Result, second: Result) -> str:
    names = " and ".join(_names(first, second))
    if (first.row.protocol, first.row.scope) == (second.row.protocol, second.row.scope):
        if first.manifest != second.manifest:
            return f"{names} rest on two versions of the partition: train both from one, then compare"
        return ""
    apart = sorted(set(first.predictions.corpus) ^ set(second.predictions.corpus))
    if "pooled" == first.row.scope == second.row.scope and apart:
        return f"{names} rest on other corpora: {', '.join(apart)} in one of them only; train both from one index"
    return ""


def _names(first: Result, second: Result) -> list[str]:
    return [f"{result.row.pipeline} under {result.row.protocol}" for result in (first, second)]


def _difference(clips: pd.DataFrame, *, labels: list[str]) -> dict:
    (one, two), over = scored(clips, labels=labels)
    scores = {"first": one[0], "second": two[0], "difference": one[0] - two[0]}
    return {**scores, **spread(one - two, clips=len(clips), over=over), "clips": len(clips)}


def spread(values: np.ndarray, *, clips: int, over: str) -> dict:
    """`low`, `high`, `p` and `interval_over` of a difference and its bootstrap [1 + RESAMPLES] of so many clips.

    Two results that no sample parts, such as two that are all right, have a bootstrap without width, however few the
    clips are. The interval is then the exact one, over clips, of a share of which none was seen (Clopper & Pearson).
    """
    if values.any():
        return {**bounds(values[1:]), "interval_over": over}
    most = float(binomtest(0, clips).proportion_ci(0.95).high)
    return {"low": -most, "high": most, "p": 1.0, "interval_over": "clips"}


def scored(clips: pd.DataFrame, *, labels: list[str]) -> tuple[np.ndarray, str]:
    """UAR of every result of a table of `common` [results, 1 + RESAMPLES], of all clips, then of bootstrap samples that
    are the same for all results; and what was drawn (speakers or clips)."""
    over, units = metrics.units_of(clips)
    truth = clips.emotion.map(labels.index).to_numpy()
    scores = []
    for column in (column for column in clips if isinstance(column, int)):
        answers = clips[column].map(labels.index).to_numpy()
        matrices, strata = metrics.unit_confusions(
            truth, answers, units=units, corpora=clips.corpus, classes=len(labels)
        )
        drawn = metrics.from_confusion(metrics.resampled(matrices, strata=strata))["uar"]
        scores.append([metrics.from_confusion(matrices.sum(axis=0))["uar"], *drawn])
    return np.array(scores), over


def bounds(drawn: np.ndarray) -> dict[str, float]:
    """`low` and `high` (95 %) of a difference's bootstrap values [RESAMPLES], and its two-sided `p` against none."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p = min(1.0, 2 * (tail + 1) / (len(drawn) + 1))  # Davison & Hinkley (1997), section 4.2
    return {"low": low, "high": high, "p": p}


def by_name(found: Iterable[Result], *, seed: int) -> dict[tuple[str, str, str], Result]:
    """The results of one seed by (pipeline, protocol, scope)."""
    return {(r.row.pipeline, r.row.protocol, r.row.scope): r for r in found if r.row.seed == seed}


def holm(p: pd.Series) -> pd.Series:
    """p corrected for all that are there (Holm 1979); empty stays empty."""
    tested = p.notna()
    corrected = pd.Series(np.nan, index=p.index)
    if tested.any():
        corrected[tested] = multipletests(p[tested].astype(float), method="holm")[1]
    return corrected


def table(comparisons: Iterable[Comparison], found: list[Result], *, seed: int = 0) -> pd.DataFrame:
    """A line per comparison, in its order, with the columns of `compare` for all its clips and `p_holm`: p corrected
    for all comparisons that could be made (Holm 1979); and the difference on what `without_few` leaves: `without` (its
    name, empty where it leaves nothing out), `without_difference`, `…_low`, `…_high`. What lacks a result keeps its
    line, says so in `missing`, and has no numbers; results of two versions of a partition, or on other corpora, are not
    compared either.
    """
    there, lines = by_name(found, seed=seed), []
    for comparison in comparisons:
        sides = {"first_row": comparison.first, "second_row": comparison.second}
        line = {"question": comparison.question, "known": comparison.known}
        line |= {name: ", ".join(side) for name, side in sides.items()}
        missing = [", ".join(side) for side in sides.values() if side not in there]
        if missing:
            lines.append(line | {"missing": "not run: " + "; ".join(missing), "stale": False})
            continue
        pair = [there[side] for side in sides.values()]
        if refusal(*pair):
            lines.append(line | {"missing": f"not comparable: {refusal(*pair)}", "stale": False})
            continue
        overall, *rest = compare(*pair, by_corpus=False, without=True).to_dict("records")
        scores = overall | {"without": ""}
        for other in rest:
            scores |= {"without": other["on"], **{f"without_{name}": other[name] for name in ("difference", *BOUNDS)}}
        lines.append(line | {"missing": "", "stale": any(result.stale for result in pair)} | scores)
    numbers = ["first", "second", "difference", "low", "high", "p", "clips", "interval_over"]
    about = ["question", "known", "first_row", "second_row"]
    rest = ["without", *(f"without_{name}" for name in ("difference", *BOUNDS))]
    result = pd.DataFrame(lines).reindex(columns=[*about, *numbers, "missing", "stale", *rest])
    return result.assign(p_holm=holm(result.p), without=result.without.fillna(""))
