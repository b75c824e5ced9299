"""Stage 1, part 1: the corpora as data, the reader of audio and the global index."""

from emolabs import paths
from emolabs.corpora import own
from emolabs.corpora.aesdd import AESDD
from emolabs.corpora.cafe import CAFE
from emolabs.corpora.corpus import Archive, Corpus, Recording, common, emotions, harmonize, labels
from emolabs.corpora.cremad import CREMAD
from emolabs.corpora.emodb import EMODB
from emolabs.corpora.emosynth import EMOSYNTH_DE, EMOSYNTH_EN
from emolabs.corpora.emovo import EMOVO
from emolabs.corpora.esd import ESD
from emolabs.corpora.iemocap import IEMOCAP
from emolabs.corpora.jl import JL
from emolabs.corpora.meld import MELD
from emolabs.corpora.nemo import NEMO
from emolabs.corpora.ravdess import RAVDESS
from emolabs.corpora.savee import SAVEE
from emolabs.corpora.shemo import SHEMO
from emolabs.corpora.subesco import SUBESCO
from emolabs.corpora.tess import TESS
from emolabs.corpora.urdu import URDU

#: Every published corpus by its key. Adding one is a module with its `Corpus` and a row here.
REGISTRY: dict[str, Corpus] = {
    corpus.key: corpus
    for corpus in (
        *(RAVDESS, CREMAD, TESS, SAVEE, EMODB, EMOVO, IEMOCAP, MELD, ESD, SHEMO, SUBESCO, AESDD, URDU, NEMO, CAFE, JL),
        *(EMOSYNTH_EN, EMOSYNTH_DE),
    )
}

__all__ = ["REGISTRY", "Archive", "Corpus", "Recording", "common", "emotions", "get", "harmonize", "labels"]


def get(keys: list[str]) -> list[Corpus]:
    """The corpora with these keys, in this order: of the registry, or the user's own (`emolabs.corpora.own`).

    Raises `ValueError` naming the known keys, or every problem in the description of an own corpus.
    """
    found = {key: own.find(key, registry=REGISTRY) or REGISTRY.get(key) for key in keys}
    unknown = sorted(key for key, corpus in found.items() if corpus is None)
    if unknown:
        raise ValueError(
            f"unknown corpus {', '.join(unknown)}: expected keys out of {', '.join(REGISTRY)}, or of a folder with a "
            f"{own.DESCRIPTION} under {paths.raw(unknown[0])}"
        )
    return [found[key] for key in keys]
