"""The selection of a source's trials: which of the possible sets of clips is drawn.

Of all sets that are exactly balanced, it is the one with the fewest pairs of trials of one speaker; of these the one
with the fewest pairs of one sentence, then of one sex within an emotion; of these the one with the least sum of lots.
Pairs are fewest where speakers, sentences and sexes come equally often. Integer programming finds it (HiGHS, by SciPy).
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, csr_array, hstack, vstack

from emolabs import types
from emolabs.listening.design import Design


def trials(pool: pd.DataFrame, *, design: Design, where: str) -> pd.DataFrame:
    """The trials of one source: the rows of `pool` that are drawn, without `lot`.

    `pool` has the source's clips on the evaluation sides, sorted by id: the columns of an index and `id, part, lot`.
    Every cell must have enough of them. Raises `ValueError` where speakers are too few for `design.speaker_max`.
    """
    chosen = _choose(pool, design=design)
    if chosen is None:
        least = _choose(pool, design=replace(design, speaker_max=None)).speaker.value_counts().max()
        said = (
            f"{pool.corpus.iloc[0]}: expected at most {design.speaker_max} trials of a speaker, and for that its "
            f"evaluation sides have too few speakers; set `speaker_max` to {least} or more, or to null"
        )
        types.refuse([said], where=where)
    return chosen


def _choose(pool: pd.DataFrame, *, design: Design) -> pd.DataFrame | None:
    """The trials of one source, by integer programming; None where `design.speaker_max` leaves no set of them.

    A variable says whether a row of `pool` is drawn. Every speaker, sentence, and sex within an emotion has, besides,
    a step for each trial that it may have; the n-th costs n - 1, the pairs that this trial makes with those before it.
    """
    cell = pool.emotion + " " + pool.corpus + " " + pool.part
    needs = {" ".join(names): number for names, number in design.needs().items()}
    need = [needs[name] for name in sorted(set(cell))]
    alike = {"speaker": pool.speaker, "text": pool.text, "sex": pool.emotion + " " + pool.sex}
    members = [_members(values) for values in (cell, pool.id, *alike.values())]
    steps = np.repeat([design.speaker_max or sum(need), sum(need), sum(need)], [m.shape[0] for m in members[2:]])
    kinds = np.repeat([0, 1, 2], [m.shape[0] for m in members[2:]])
    once = np.ones(pool.id.nunique())
    taken = block_diag([np.ones((1, number)) for number in steps])
    counted = hstack([vstack(members), vstack([csr_array((len(need) + len(once), taken.shape[1])), -taken])])
    low = np.concatenate([need, 0 * once, 0 * steps])
    constraints = [LinearConstraint(counted.tocsr(), low, np.concatenate([need, once, 0 * steps]))]
    pairs = np.concatenate([np.arange(number) for number in steps])
    costs = [np.append(np.zeros(len(pool)), pairs * (np.repeat(kinds, steps) == kind)) for kind in range(3)]
    whole = np.append(np.ones(len(pool)), 0 * pairs)  # the steps follow by themselves
    for cost in [*costs, np.append(pool.lot, 0 * pairs)]:
        found = milp(cost, constraints=constraints, integrality=whole, bounds=Bounds(0, 1), options={"mip_rel_gap": 0})
        if found.x is None:
            return None
        constraints.append(LinearConstraint(cost, -np.inf, round(found.fun) + 1e-3))
    return pool[found.x[: len(pool)] > 0.5].drop(columns="lot")


def _members(groups: pd.Series) -> csr_array:
    """Which rows are of which group, [groups, rows] of 0 and 1, the groups sorted."""
    codes, names = pd.factorize(groups, sort=True)
    return csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(len(names), len(codes)))
