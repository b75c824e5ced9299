"""Normalization ablations: what a score becomes when a step of the chain is left out.

Rows on functionals are trained and evaluated within one corpus on waveforms that went through the chain without one of
its steps, or through none of them (`none`: mono at the common rate), and set beside the full chain, which is the
profile's own store, on the same clips.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from emolabs import paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.experiments import cells, counts, paired, runs
from emolabs.extraction import functionals, store
from emolabs.extraction.store import Features
from emolabs.modeling.pipeline import get_pipeline
from emolabs.standardization import measures, split, waveforms
from emolabs.standardization.normalization import Normalization

DESIGN = "ablations"
NAMES = ("pipeline", "protocol", "scope", "steps")
#: The full chain, as `measures.variants` calls it.
FULL = "all"


def measure(
    profile: str, *, pipelines: Sequence[str], under: Sequence[str], steps: Sequence[str], workers: int | None = None
) -> None:
    """Compute the cells that are missing: rows × partitions (`protocol scope`) × what is left out of the chain.

    `steps` are switches of `Normalization`, or `none`. The stores are found under the name of the corpus and of what is
    left out. Raises `FileNotFoundError` where index, manifest or current store are missing, saying what makes them, and
    `ValueError` for a row that hears no functionals or a step that the chain does not have.
    """
    wanted = list(_wanted(profile, pipelines=pipelines, under=under, steps=steps, workers=workers))
    cells.measure(profile, DESIGN, wanted=wanted, names=NAMES)


def _wanted(profile: str, *, pipelines, under, steps, workers) -> Iterator[tuple]:
    current = storage.read_json(storage.current(paths.waveforms(profile), notebook="12_normalization") / "store.json")
    chains = measures.variants(Normalization(**current["steps"]))
    chosen = [FULL, *(name if name == "none" else f"without {name}" for name in steps)]
    if unknown := [name for name in chosen if name not in chains]:
        raise ValueError(f"the chain of {profile} has no {unknown}: expected steps out of {', '.join(chains)}")
    index = corpus_index.load(profile)
    for place in under:
        protocol, scope = place.split()
        manifest = runs.scoped(split.load(profile, protocol=protocol), scope=scope, protocol=protocol)
        clips = index[(index.corpus == scope) & index.emotion.isin(_labels(under, scope=scope))]
        for pipeline in pipelines:
            branch = get_pipeline(pipeline).branch
            if branch not in functionals.SETS:
                raise ValueError(f"{pipeline} hears no functionals: expected rows on {', '.join(functionals.SETS)}")
            data = storage.digest([manifest[["fold", "id", "split", "emotion"]].values.tolist(), current])
            for name in chosen:
                features = partial(_features, profile, clips, branch=branch, chain=chains[name], name=name)
                row = {"pipeline": pipeline, "protocol": protocol, "scope": scope, "steps": name}
                yield row, data, partial(_counted, row, manifest, features=partial(features, workers=workers))


def _labels(under: Sequence[str], *, scope: str) -> set[str]:
    """The emotions of all protocols that a corpus is asked under, so that its waveforms are made once."""
    return {label for place in under if place.split()[1] == scope for label in split.get(place.split()[0]).labels}


def _features(profile: str, clips: pd.DataFrame, *, branch: str, chain, name: str, workers: int | None) -> Features:
    if name == FULL:
        return store.load(profile, branch=branch)
    variant = f"{clips.corpus.iloc[0]}-{name.replace(' ', '-')}"
    waves = waveforms.build(clips, profile=profile, steps=chain, workers=workers, variant=variant)
    return functionals.build(waves, branch=branch, profile=profile, workers=workers, variant=variant)


def _counted(row: dict, manifest: pd.DataFrame, *, features) -> pd.DataFrame:
    return cells.train(row["pipeline"], manifest, features=features(), protocol=row["protocol"])


def table(profile: str) -> pd.DataFrame:
    """A line per cell: what names it, `uar, low, high`, `difference` to the full chain with `difference_low` and
    `difference_high` (paired; `difference_over` speakers, or clips where no draw differs), its `p` and `p_holm`,
    corrected for all differences, `speakers` and `clips` evaluated, `stale`; empty where nothing was measured. The full
    chain has no difference."""
    measured = cells.load(profile, DESIGN, names=NAMES)
    lines = []
    for _, group in measured.groupby(["scope", "protocol", "pipeline"]):
        variants = [FULL, *sorted({*group.steps} - {FULL}, key=lambda name: (name == "none", name))]
        if FULL not in set(group.steps):
            continue  # interrupted before the first cell
        tables = [group[group.steps == name] for name in variants]
        values, samples = counts.bootstrap(tables)
        for i, (name, part) in enumerate(zip(variants, tables, strict=True)):
            low, high = counts.bounds(samples[:, i])
            line = {**part.iloc[0][list(NAMES)], "uar": values[i], "low": low, "high": high}
            if name != FULL:
                line["difference"] = values[i] - values[0]
                drawn = samples[:, i] - samples[:, 0]
                found = counts.difference(line["difference"], drawn, clips=part.clips.sum())
                line["p"] = found.pop("p")
                line |= {"difference_" + key.removeprefix("interval_"): bound for key, bound in found.items()}
            line |= {"clips": part.clips.sum(), "speakers": part.speaker.nunique(), "stale": part.stale.any()}
            lines.append(line)
    scores = ["uar", "low", "high", "difference", "difference_low", "difference_high", "difference_over", "p"]
    table = pd.DataFrame(lines, columns=[*NAMES, *scores, "clips", "speakers", "stale"])
    return table.assign(p_holm=paired.holm(table.p))
