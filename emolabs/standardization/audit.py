"""The audit of a partition: what its sides share, who and what is on them, and labels that contradict each other."""

import pandas as pd

from emolabs.corpora import index as corpus_index
from emolabs.standardization import split

#: What two sides may share, as columns of the index.
SHARED = {"speakers": "speaker", "texts": "text", "paths": "path", "recordings": "pcm_sha256"}


def overlap(manifest: pd.DataFrame, *, index: pd.DataFrame) -> pd.DataFrame:
    """Measure what the evaluation side of each fold shares with its training side.

    Returns a row per fold: `fold, train, validation, evaluation` (clips), and for each key of `SHARED` the number of
    distinct values on both sides (`speakers` …) and the share of evaluated clips that carry such a value
    (`speakers_share` …, 0–1). Texts are compared within a language. The training side includes validation.
    """
    facts = index.set_index("path")[["language", "text", "pcm_sha256"]]
    clips = manifest.join(facts, on="path")
    clips["text"] = clips.language + ":" + clips.text
    rows = []
    for fold, group in clips.groupby("fold"):
        evaluated, seen = group[group.split == "evaluation"], group[group.split != "evaluation"]
        row = {"fold": fold, **{side: int((group.split == side).sum()) for side in split.SPLITS}}
        for name, column in SHARED.items():
            common = evaluated[column].isin(seen[column])
            row[name] = evaluated[column][common].nunique()
            row[f"{name}_share"] = float(common.mean())
        rows.append(row)
    return pd.DataFrame(rows)


def composition(manifests: dict[str, pd.DataFrame], *, index: pd.DataFrame) -> pd.DataFrame:
    """Count the clips of every protocol by fold, side, corpus, sex and emotion.

    Returns a row per `protocol, fold, split, corpus, sex` that has clips, in that order, with a column per emotion;
    protocol and split are ordered categories.
    """
    clips = pd.concat(manifests, names=["protocol"]).reset_index(level=0).join(index.set_index("path").sex, on="path")
    clips["protocol"] = pd.Categorical(clips.protocol, list(manifests), ordered=True)
    clips["split"] = pd.Categorical(clips.split, split.SPLITS, ordered=True)
    keys = ["protocol", "fold", "split", "corpus", "sex"]
    counts = clips.groupby([*keys, "emotion"], observed=True).size().unstack(fill_value=0)
    return counts.reset_index().rename_axis(columns=None)


def condensed(counts: pd.DataFrame) -> pd.DataFrame:
    """`composition` for reading: a row per protocol, side, corpus and sex, clips over the folds as «fewest–most».

    A fold in which they have no clip does not count; `folds` says how many do.
    """
    groups = counts.drop(columns="fold").groupby(["protocol", "split", "corpus", "sex"], observed=True)
    low, high = groups.min(), groups.max()
    cells = low.astype(str).where(low == high, low.astype(str) + "–" + high.astype(str))
    cells.insert(0, "folds", groups.size())
    return cells.reset_index()


def conflicts(rejected: pd.DataFrame) -> pd.DataFrame:
    """Recordings that exist with different labels, from the table of rejected files: `path, reason`, each once."""
    found = rejected[corpus_index.kinds(rejected) == corpus_index.CONTRADICTORY]
    return found[["path", "reason"]].drop_duplicates().sort_values("path", ignore_index=True)
