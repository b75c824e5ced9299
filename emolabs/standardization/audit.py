"""The overlap audit: what the sides of a partition share. It is printed beside every result."""

import pandas as pd

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
        row = {"fold": fold, **{s: int((group.split == s).sum()) for s in ("train", "validation", "evaluation")}}
        for name, column in SHARED.items():
            common = evaluated[column].isin(seen[column])
            row[name] = evaluated[column][common].nunique()
            row[f"{name}_share"] = float(common.mean())
        rows.append(row)
    return pd.DataFrame(rows)
