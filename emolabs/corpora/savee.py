"""SAVEE: Haq & Jackson 2009. Four men; file names repeat across speakers, so the folder may carry the speaker."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {
    "sa": "sadness",
    "su": "surprise",
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
}
_NAME = re.compile(r"(?:.*/)?(DC|JE|JK|KL)(?:/|_)(sa|su|a|d|f|h|n)(\d\d)")


def parse(name: str) -> Recording:
    """`AudioData/DC/a01` or `DC_a01`; `sa` and `su` come before `s…` could be mistaken for another label."""
    fields = match(_NAME, name, expected="<speaker>/<emotion><number> or <speaker>_<emotion><number> such as DC/a01")
    speaker, emotion, number = fields.groups()
    if not 1 <= int(number) <= (30 if emotion == "n" else 15):
        raise ValueError(f"unknown name: SAVEE numbers {emotion} from 01 to {30 if emotion == 'n' else 15}: {name!r}")
    return Recording(
        name=f"{speaker}_{emotion}{number}",
        speaker=speaker,
        sex="male",
        text=f"{emotion}{number}",
        source_emotion=EMOTIONS[emotion],
    )


SAVEE = Corpus(
    key="savee",
    name="SAVEE",
    language="en",
    licence="research use, registration required",
    citation="Haq & Jackson 2009, Speaker-dependent audio-visual emotion recognition, AVSP",
    source="http://kahlan.eps.surrey.ac.uk/savee/",
    obtain="Register on the corpus' page, download AudioData.zip and unpack it there.",
    by_hand="its publisher wants a registration",
    layout="AudioData/DC/a01.wav",
    counts={"anger": 60, "disgust": 60, "fear": 60, "happiness": 60, "neutral": 120, "sadness": 60, "surprise": 60},
    own_labels=tuple(EMOTIONS.values()),
    speakers=4,
    parse=parse,
    faults=("File names repeat across speakers: the folder says who speaks.",),
)
