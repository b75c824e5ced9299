"""Stage 1, part 1: the corpora as data, the reader of audio and the global index."""

from emolabs.corpora.corpus import Archive, Corpus, Recording, harmonize, labels
from emolabs.corpora.cremad import CREMAD
from emolabs.corpora.emodb import EMODB
from emolabs.corpora.emosynth import EMOSYNTH_DE, EMOSYNTH_EN
from emolabs.corpora.ravdess import RAVDESS
from emolabs.corpora.savee import SAVEE
from emolabs.corpora.tess import TESS

#: Every corpus by its key. Adding one is a module with its `Corpus` and a row here.
REGISTRY: dict[str, Corpus] = {
    corpus.key: corpus for corpus in (RAVDESS, CREMAD, TESS, SAVEE, EMODB, EMOSYNTH_EN, EMOSYNTH_DE)
}

__all__ = ["REGISTRY", "Archive", "Corpus", "Recording", "get", "harmonize", "labels"]


def get(keys: list[str]) -> list[Corpus]:
    """The corpora with these keys, in this order; raises `ValueError` naming the known keys."""
    unknown = sorted(set(keys) - set(REGISTRY))
    if unknown:
        raise ValueError(f"unknown corpus {', '.join(unknown)}: expected keys out of {', '.join(REGISTRY)}")
    return [REGISTRY[key] for key in keys]
