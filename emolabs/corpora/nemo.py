"""nEMO: Christop 2024. Nine Polish actors say 90 sentences; names are speaker, emotion and sentence."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = ["anger", "fear", "happiness", "neutral", "sadness", "surprised"]
# data.tsv of the corpus
SEXES = {
    **dict.fromkeys(["EB0", "IC0", "KD0", "MK0"], "female"),
    **dict.fromkeys(["KS0", "MP0", "SM0", "TP0", "WR0"], "male"),
}
_NAME = re.compile(rf"({'|'.join(SEXES)})_({'|'.join(EMOTIONS)})_([1-9]|[1-8]\d|90)")


def parse(name: str) -> Recording:
    """`samples/EB0_anger_1`; the sentence goes by its number."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<speaker>_<emotion>_<sentence> such as EB0_anger_1")
    speaker, emotion, sentence = fields.groups()
    return Recording(name=stem, speaker=speaker, sex=SEXES[speaker], text=sentence, source_emotion=emotion)


NEMO = Corpus(
    key="nemo",
    name="nEMO",
    language="pl",
    licence="CC BY-NC-SA 4.0",
    citation="Christop 2024, doi 10.48550/arXiv.2404.06292",
    source="https://github.com/amu-cai/nEMO",
    obtain="Clone the repository there.",
    by_hand="its recordings are files of a Git repository, which a clone checks; no checksum of a zip is published",
    layout="samples/EB0_anger_1.wav",
    counts={"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprise": 669},
    own_labels=tuple(EMOTIONS),
    speakers=9,
    parse=parse,
    may_share=True,
)
