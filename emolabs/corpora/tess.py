"""TESS: Pichora-Fuller & Dupuis 2020. Two actresses say «Say the word …» with 200 words in seven emotions."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = ["angry", "disgust", "fear", "happy", "neutral", "ps", "sad"]
# OA is a misspelling of OAF that the published archive has once (OA_bite_neutral), not a third speaker
_NAME = re.compile(rf"(OAF|YAF|OA)_([a-z]+)_({'|'.join(EMOTIONS)})", re.IGNORECASE)


def parse(name: str) -> Recording:
    """`OAF_angry/OAF_back_angry`; folders differ between mirrors and say nothing that the name does not."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<OAF or YAF>_<word>_<emotion> such as OAF_back_angry")
    speaker, word, emotion = fields.groups()
    speaker = "OAF" if speaker.upper() == "OA" else speaker.upper()
    return Recording(
        name=f"{speaker}_{word.lower()}_{emotion.lower()}",
        speaker=speaker,
        sex="female",
        text=f"Say the word {word.lower()}.",
        source_emotion=emotion.lower(),
    )


TESS = Corpus(
    key="tess",
    name="TESS",
    language="en",
    licence="CC BY-NC-ND 4.0",
    citation="Pichora-Fuller & Dupuis 2020, doi 10.5683/SP2/E8H2MF",
    source="https://doi.org/10.5683/SP2/E8H2MF",
    obtain="Download the data set from Borealis and unpack it there.",
    by_hand="Dataverse packs the zip of a data set on request and publishes no checksum of it",
    layout="OAF_angry/OAF_back_angry.wav",
    counts=dict.fromkeys(["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"], 400),
    own_labels=tuple(EMOTIONS),
    speakers=2,
    parse=parse,
    sharing="ND lets only unaltered copies be passed on, and a listening study trims them and brings them to one level",
    faults=(
        "One name begins with `OA_` instead of `OAF_`; it is no third speaker.",
        "One file is at 96 kHz, another is AIFF under a `.wav` name.",
        "Folder names differ in case, and circulating copies often hold every file twice.",
    ),
)
