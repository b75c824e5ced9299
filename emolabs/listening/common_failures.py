"""Whether listeners and a pipeline fail alike: on the same clips, with the same wrong answers, where it is hard.

Conventions: the listeners' answer to a clip is that of most of them; a clip on which several answers are tied for it
has none and is left out here. Intervals as in `emolabs.listening.judges`; what rests on the majority covers new
speakers, not new listeners.
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from emolabs.listening import judges
from emolabs.listening.difficulty import relation
from emolabs.listening.intervals import with_bounds
from emolabs.listening.judges import LISTENERS
from emolabs.listening.machine import ANOTHER, Shared

#: The listeners' share is cut into at most so many parts of equal width, with at least so many clips on average.
MOST_BINS, CLIPS_A_BIN = 10, 15


def together(shared: Shared, *, seed: int = 0) -> pd.DataFrame:
    """Who fails where, a row a pipeline: numbers of clips, and how far the failures are the same.

    Columns: `pipeline, clips, ties` (clips left out); `both_right, only_listeners, only_machine, both_fail` (clips);
    `p_mcnemar`; `expected` (clips that both would fail if failing had nothing in common); `kappa` (error consistency,
    Geirhos et al. 2020, arXiv 2006.16736: agreement on right and wrong beyond that) with `kappa_low, kappa_high`;
    `same` (share of the clips failed by both with the same wrong answer) and `same_by_chance` (were wrong answers drawn
    within each intended emotion); `confusions` (rank correlation of the confusions off the diagonal, all listeners
    against the pipeline) with `confusions_low, confusions_high`. The last five are missing where it is not published
    what listeners chose, kappa where a side never fails.
    """
    draws, lines = judges.draw(shared, seed=seed), []
    heard = shared.perceived >= 0
    perceived, truth = shared.perceived[heard], shared.truth[heard]
    tables = judges.tables(shared)
    human = [judges.confusion(tables[LISTENERS], draws=d) for d in (None, draws)]
    for name in shared.machines:
        predicted = shared.predicted(name)[heard]
        people, machine = perceived == truth, predicted == truth
        cells = np.stack([people & machine, people & ~machine, ~people & machine, ~people & ~machine], axis=1)
        numbers = cells.sum(axis=0)
        only_people, only_machine, p = judges.mcnemar(people, machine)
        spread = _consistency(draws.items[:, heard] @ cells)
        line = {"pipeline": name, "clips": int(heard.sum()), "ties": int((~heard).sum())}
        line |= {"both_right": int(numbers[0]), "only_listeners": only_people, "only_machine": only_machine}
        line |= {"both_fail": int(numbers[3]), "p_mcnemar": p}
        line["expected"] = float((~people).mean() * (~machine).mean() * len(people))
        line |= with_bounds(float(_consistency(numbers)), spread, name="kappa")
        if ANOTHER not in shared.choices:
            other = [judges.confusion(tables[name], draws=d) for d in (None, draws)]
            line |= _same_answers(perceived, predicted, truth=truth)
            line |= with_bounds(*map(_likeness, human, other), name="confusions")
        lines.append(line)
    return pd.DataFrame(lines)


def hardest(shared: Shared) -> pd.DataFrame:
    """The clips that most listeners and every pipeline fail, those first that fewest listeners recognize.

    Columns: `path, emotion, perceived` (the answer of most; several with a slash where they are tied for it), `share`
    (of listeners who named the intended emotion), `answers`, and the answer of each pipeline under its name.
    """
    majority = shared.majority
    table = shared.clips[["path", "emotion"]].copy()
    table["perceived"] = ["/".join(np.array(shared.choices)[row > 0]) for row in majority]
    table["share"], table["answers"] = shared.share, shared.counts.sum(axis=1).astype(int)
    failed = majority[np.arange(len(table)), shared.truth] == 0
    for name, machine in shared.machines.items():
        table[name] = machine.prediction
        failed &= (machine.prediction != shared.clips.emotion).to_numpy()
    return table[failed].sort_values(["share", "answers", "path"], ascending=[True, False, True], ignore_index=True)


def difficulty(shared: Shared, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a pipeline makes of clips that are easy or hard for people.

    Returns two tables. By bin of the share of listeners who named the intended emotion: `pipeline, share` (mean in the
    bin), `clips`, and the means `accuracy, confidence` (probability of the answer given) and `probability` (of the
    intended emotion), each with `_low` and `_high`. And a row a pipeline: Spearman's rank correlation of that share
    with the `probability` and with the `confidence`, each with `_low` and `_high`.
    """
    draws, bins, lines = judges.draw(shared, seed=seed), [], []
    parts = max(1, min(MOST_BINS, len(shared.clips) // CLIPS_A_BIN))
    place = np.minimum((shared.share * parts).astype(int), parts - 1)
    for name, machine in shared.machines.items():
        given = machine[[f"p_{choice}" for choice in shared.choices]].to_numpy()
        measured = {"accuracy": (machine.prediction == shared.clips.emotion).to_numpy(float)}
        measured |= {"confidence": given.max(axis=1), "probability": given[np.arange(len(given)), shared.truth]}
        for b in np.unique(place):
            inside, weights = place == b, draws.items[:, place == b]
            line = {"pipeline": name, "share": float(shared.share[inside].mean()), "clips": int(inside.sum())}
            for column, values in measured.items():
                with np.errstate(invalid="ignore"):  # a sample without clips of the bin
                    samples = weights @ values[inside] / weights.sum(axis=1)
                line |= with_bounds(values[inside].mean(), samples, name=column)
            bins.append(line)
        line = {"pipeline": name}
        for column in ("probability", "confidence"):
            both = pd.DataFrame({"share": shared.share, "model": measured[column], "item": np.arange(len(place))})
            found = relation(both, draws)
            line |= {column: found["correlation"], f"{column}_low": found["low"], f"{column}_high": found["high"]}
        lines.append(line)
    return pd.DataFrame(bins), pd.DataFrame(lines)


def _consistency(cells: np.ndarray) -> np.ndarray:
    """Cohen's kappa of right and wrong from numbers of clips [..., (both right, only one, only other, none)]."""
    shares = cells / cells.sum(axis=-1, keepdims=True)
    first, second = shares[..., 0] + shares[..., 1], shares[..., 0] + shares[..., 2]
    expected = first * second + (1 - first) * (1 - second)
    observed = shares[..., 0] + shares[..., 3]
    fails = (np.maximum(first, second) < 1) & (expected < 1)
    return np.divide(observed - expected, 1 - expected, out=np.full_like(expected, np.nan), where=fails)


def _same_answers(perceived: np.ndarray, predicted: np.ndarray, *, truth: np.ndarray) -> dict[str, float]:
    """How often two judges who both fail a clip give the same answer, and how often they would by chance."""
    both = (perceived != truth) & (predicted != truth)
    if not both.any():
        return {"same": np.nan, "same_by_chance": np.nan}
    expected = 0.0
    for emotion in np.unique(truth[both]):
        inside = both & (truth == emotion)
        shares = [
            np.bincount(answers[inside], minlength=1 + max(perceived.max(), predicted.max()))
            for answers in (perceived, predicted)
        ]
        expected += (shares[0] / inside.sum()) @ shares[1]
    return {"same": float((perceived == predicted)[both].mean()), "same_by_chance": float(expected / both.sum())}


def _likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rank correlation of the shares off the diagonal of two confusions [..., truth, answer]."""
    off = ~np.eye(first.shape[-1], dtype=bool)
    ranks = []
    for matrix in (first, second):
        total = matrix.sum(axis=-1, keepdims=True)
        shares = np.divide(matrix, total, out=np.zeros_like(matrix, dtype=float), where=total > 0)
        rank = rankdata(shares[..., off].round(9), axis=-1)  # sums in another order differ in the last digits
        ranks.append(rank - rank.mean(axis=-1, keepdims=True))
    with np.errstate(invalid="ignore"):
        return (ranks[0] * ranks[1]).sum(-1) / np.sqrt((ranks[0] ** 2).sum(-1) * (ranks[1] ** 2).sum(-1))
