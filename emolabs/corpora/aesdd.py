"""AESDD: Vryzas et al. 2018. Greek actors say 19 sentences and improvise a twentieth in five emotions."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}
# a06 (5)b is a second take of a06 (5); the speaker has a leading zero in some names, f10 (01)
_NAME = re.compile(rf"([{''.join(EMOTIONS)}])(0[1-9]|1\d|20)[ _]?\(0?([1-6])\)([ab]?)")


def parse(name: str) -> Recording:
    """`anger/a06 (5)b`: emotion, sentence, speaker, take."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<emotion><sentence> (<speaker>)<take> such as a06 (5) or a06 (5)b")
    emotion, sentence, speaker, take = fields.groups()
    return Recording(
        name=f"{emotion}{sentence}_{speaker}{take}",
        speaker=speaker,
        sex="",  # the documentation counts women and men but does not say who is who
        text=f"20_{speaker}" if sentence == "20" else sentence,  # everyone improvises another one
        source_emotion=EMOTIONS[emotion],
    )


AESDD = Corpus(
    key="aesdd",
    name="AESDD",
    language="el",
    licence="none stated, to be cited",
    citation="Vryzas et al. 2018, doi 10.17743/jaes.2018.0036",
    source="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    obtain="Download the archive from the corpus' page (Aristotle University of Thessaloniki) and unpack it there.",
    by_hand="no direct link with a published checksum is known to us",
    layout="anger/a01 (1).wav",
    counts={"anger": 121, "disgust": 122, "fear": 120, "happiness": 119, "sadness": 122},
    own_labels=tuple(EMOTIONS.values()),
    speakers=6,
    parse=parse,
)
