"""Learning curves: what a score is worth in training clips, and in training speakers.

Only the training side shrinks; the validation side, which chooses the regularization, and the evaluation side stay
whole. Subsets are nested and seeded, and each holds its share of every stratum. Three axes:

- `clips`: a share of the training clips, stratified by corpus and emotion, of all speakers;
- `speakers`: so many speakers, stratified by corpus, with all their clips;
- `spread`: as many clips as the `speakers` subset of that size has, but of all speakers.

`speakers` and `spread` of one size train on equally many clips: few speakers with many clips each, or many with few.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from emolabs.experiments import cells, counts, paired, runs
from emolabs.extraction.store import Features
from emolabs.modeling.pipeline import get_pipeline
from emolabs.standardization import split

DESIGN = "learning_curves"
#: Columns of `table` and of `contrasts`, where there is nothing.
PLACE = ("pipeline", "protocol", "scope")
_POINT = ("on", "axis", "train_clips", "train_speakers", "uar", "stale")
_CONTRAST = ("few", "many", "whole", "difference", "low", "high", "p", "interval_over", "p_holm")
NAMES = ("pipeline", "protocol", "scope", "axis", "size", "draw")
AXES = ("clips", "speakers", "spread")
#: The axis of the whole training side, where all curves end.
WHOLE = "whole"


@dataclass(frozen=True, kw_only=True)
class Design:
    """Which cells there are: rows × curves (`protocol scope axis`) × sizes × draws."""

    pipelines: Sequence[str]
    curves: Sequence[str]
    fractions: Sequence[float]  # of the training clips
    speakers: Sequence[int]
    draws: int

    def __post_init__(self):
        for curve in self.curves:
            if len(curve.split()) != 3 or curve.split()[2] not in AXES:
                raise ValueError(f"expected a curve as `protocol scope axis` with an axis of {AXES}, found {curve!r}")
        if wrong := [size for size in self.fractions if not 0 < size < 1]:
            raise ValueError(f"expected shares of the training clips between 0 and 1, found {wrong}")


def systematic(strata: Sequence, *, generator: np.random.Generator) -> np.ndarray:
    """An order of items, given the stratum of each, of which every beginning holds about its share of every stratum.

    Within a stratum the order is random. (Systematic sampling with a random start in each stratum.)
    """
    strata = np.asarray(strata)
    places = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = generator.permutation(np.flatnonzero(strata == stratum))
        places[members] = (np.arange(len(members)) + generator.random()) / len(members)
    return places.argsort(kind="stable")


def subset(train: pd.DataFrame, *, axis: str, size: float, draw: int) -> pd.DataFrame:
    """The clips of a subset of one fold's training side; `size` is a share of its clips or a number of speakers."""
    if axis == WHOLE:
        return train
    fold = int(train.fold.iloc[0])
    by_clip = systematic(train.corpus + " " + train.emotion, generator=np.random.default_rng([draw, fold, 0]))
    if axis == "clips":
        return train.iloc[by_clip[: round(size * len(train))]]
    speakers = train[["corpus", "speaker"]].drop_duplicates().sort_values("speaker")
    order = systematic(speakers.corpus, generator=np.random.default_rng([draw, fold, 1]))
    few = train[train.speaker.isin(speakers.speaker.iloc[order[: int(size)]])]
    return few if axis == "speakers" else train.iloc[by_clip[: len(few)]]


def measure(profile: str, design: Design) -> None:
    """Compute the cells that are missing; raises `FileNotFoundError` where a manifest or a store is not there, saying
    what makes it."""
    wanted = sorted(_wanted(profile, design), key=lambda cell: cell[0]["draw"])  # interrupted, every curve is there
    cells.measure(profile, DESIGN, wanted=wanted, names=NAMES)


def _wanted(profile: str, design: Design) -> Iterator[tuple]:
    places = dict.fromkeys(tuple(curve.split()[:2]) for curve in design.curves)
    for pipeline in design.pipelines:
        features = cells.vectors(runs.features_of(get_pipeline(pipeline), profile=profile))
        for protocol, scope in places:
            manifest = runs.scoped(split.load(profile, protocol=protocol), scope=scope, protocol=protocol)
            data = cells.data_of(manifest, features)
            for axis, size, draw in _sizes(manifest, design, place=(protocol, scope)):
                name = dict(zip(NAMES, (pipeline, protocol, scope, axis, float(size), draw), strict=True))
                yield name, data, partial(_counted, name, manifest, features=features)


def _sizes(manifest: pd.DataFrame, design: Design, *, place: tuple[str, str]) -> Iterator[tuple[str, float, int]]:
    """(axis, size, draw) of a partition's cells; only numbers of speakers that every fold exceeds."""
    yield WHOLE, 1.0, 0
    fewest = manifest[manifest.split == "train"].groupby("fold").speaker.nunique().min()
    sizes = {"clips": design.fractions, "speakers": [size for size in design.speakers if size < fewest]}
    sizes["spread"] = sizes["speakers"]
    for axis in AXES:
        if " ".join([*place, axis]) in design.curves:
            yield from ((axis, size, draw) for size in sizes[axis] for draw in range(design.draws))


def _counted(name: dict, manifest: pd.DataFrame, *, features: Features) -> pd.DataFrame:
    is_train = manifest.split == "train"
    subsets = [
        subset(clips, axis=name["axis"], size=name["size"], draw=name["draw"])
        for _, clips in manifest[is_train].groupby("fold")
    ]
    chosen = pd.concat([*subsets, manifest[~is_train]]).sort_values(["fold", "id"])
    return cells.train(name["pipeline"], chosen, features=features, protocol=name["protocol"])


def table(profile: str) -> pd.DataFrame:
    """A line per point of a curve and set of clips (`on`: overall or a corpus): mean UAR over the draws with its
    interval `low`–`high` (speakers resampled for all draws together), `lowest` and `highest` draw, `train_clips` and
    `train_speakers`, and the `gain` that the whole training side brings with its interval, on the same speakers.

    The whole training side ends the curve of every axis. Where too few speakers were evaluated, intervals are NaN.
    """
    measured = cells.load(profile, DESIGN, names=NAMES)
    lines = []
    for (pipeline, protocol, scope), group in measured.groupby([*PLACE], sort=False):
        if WHOLE not in set(group.axis):
            continue  # interrupted before the first cell
        for on in ["overall", *sorted(group.corpus.unique())] if group.corpus.nunique() > 1 else ["overall"]:
            part = group if on == "overall" else group[group.corpus == on]
            place = {"pipeline": pipeline, "protocol": protocol, "scope": scope, "on": on}
            lines += [place | point for point in _points(part)]
    return pd.DataFrame(lines) if lines else pd.DataFrame(columns=[*PLACE, *_POINT])


def _points(part: pd.DataFrame) -> Iterator[dict]:
    named = list(part.groupby(["axis", "size", "draw"]))
    keys = pd.DataFrame([key for key, _ in named], columns=["axis", "size", "draw"])
    values, samples = counts.bootstrap([table for _, table in named])
    whole = int(np.flatnonzero(keys.axis == WHOLE)[0])
    for axis in [axis for axis in AXES if axis in set(keys.axis)]:
        for size, rows in [*keys[keys.axis == axis].groupby("size").groups.items(), (1.0, [whole])]:
            tables = [named[i][1].iloc[0] for i in rows]
            mean = samples[:, rows].mean(axis=1)
            low, high = counts.bounds(mean)
            gain_low, gain_high = counts.bounds(samples[:, whole] - mean)
            yield {
                "axis": axis,
                "size": size,
                "is_whole": list(rows) == [whole],
                "draws": len(rows),
                "train_clips": np.mean([table.train_clips for table in tables]),
                "train_speakers": np.mean([table.train_speakers for table in tables]),
                "uar": values[rows].mean(),
                "low": low,
                "high": high,
                "lowest": values[rows].min(),
                "highest": values[rows].max(),
                "gain": values[whole] - values[rows].mean(),
                "gain_low": gain_low,
                "gain_high": gain_high,
                "speakers": part.speaker.nunique(),
                "stale": bool(part.stale.any()),
            }


def contrasts(profile: str) -> pd.DataFrame:
    """Many speakers with few clips each (`spread`) minus few speakers with many (`speakers`), of equally many clips:
    a line per row, partition and number of speakers with `few`, `many`, `difference`, `low`, `high`, means over the
    draws, paired; `interval_over` speakers, or clips where no draw differs; `p` and `p_holm`, corrected for all lines;
    `whole`, the UAR of all clips of all speakers; `train_clips`, `few_speakers` and `many_speakers`."""
    measured = cells.load(profile, DESIGN, names=NAMES)
    wholes = dict(list(measured[measured.axis == WHOLE].groupby([*PLACE])))
    measured = measured[measured.axis.isin(("speakers", "spread"))]
    lines = []
    for place, group in measured.groupby([*PLACE, "size"], sort=False):
        sides = [[part for _, part in group[group.axis == axis].groupby("draw")] for axis in ("speakers", "spread")]
        if not all(sides) or place[:-1] not in wholes:
            continue
        values, samples = counts.bootstrap([*sides[0], *sides[1], wholes[place[:-1]]])
        cut = len(sides[0])
        few, many = values[:cut].mean(), values[cut:-1].mean()
        drawn = samples[:, cut:-1].mean(axis=1) - samples[:, :cut].mean(axis=1)
        line = dict(zip((*PLACE, "size"), place, strict=True))
        line |= {"few": few, "many": many, "whole": values[-1], "difference": many - few}
        line |= counts.difference(many - few, drawn, clips=sides[0][0].clips.sum())
        line["train_clips"] = np.mean([part.train_clips.iloc[0] for part in sides[0]])
        line["few_speakers"], line["many_speakers"] = (
            np.mean([part.train_speakers.iloc[0] for part in side]) for side in sides
        )
        lines.append(line | {"draws": cut, "stale": bool(group.stale.any())})
    if not lines:
        return pd.DataFrame(columns=[*PLACE, *_CONTRAST])
    table = pd.DataFrame(lines)
    return table.assign(p_holm=paired.holm(table.p))
