"""Who speaks in a set of clips, what, and in which language: from the index, or from what the recordings' names say."""

import pandas as pd

from emolabs import paths
from emolabs.corpora import REGISTRY
from emolabs.corpora import index as corpus_index

COLUMNS = ["path", "corpus", "speaker", "sex", "text", "language"]


def describe(clips: pd.DataFrame, *, profile: str) -> pd.DataFrame:
    """`COLUMNS` of each clip of `clips` (`path, corpus, speaker`) once; what is not published, or not known where the
    index is not on this machine, is empty."""
    once = clips.drop_duplicates("path")[COLUMNS[:3]].reset_index(drop=True)
    if paths.index(profile).is_file():
        known = corpus_index.load(profile).set_index("path")[COLUMNS[3:]].reindex(once.path)
    else:
        known = pd.DataFrame([_named(clip.corpus, clip.path) for clip in once.itertuples()], columns=COLUMNS[3:])
    return pd.concat([once, known.fillna("").reset_index(drop=True)], axis=1)


def sexes(described: pd.DataFrame) -> pd.Series:
    """The sex of each speaker."""
    return described.drop_duplicates("speaker").set_index("speaker").sex


def _named(corpus: str, path: str) -> tuple[str, str, str]:
    """Sex, text and language as the name of a recording says them; empty where its corpus needs more than the name."""
    known = REGISTRY.get(corpus)
    if known is None or known.annotate is not None:
        return "", "", ""
    said = known.parse(path.split("/", 1)[1])
    return said.sex, said.text, said.language or known.language
