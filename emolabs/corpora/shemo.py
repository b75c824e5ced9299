"""ShEMO: Mohamad Nezami et al. 2019. Persian radio plays; names are sex, speaker, emotion and number."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {"A": "anger", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness", "W": "surprise"}
# 31 women and 56 men
_NAME = re.compile(rf"(F(?:0[1-9]|[12]\d|3[01])|M(?:0[1-9]|[1-4]\d|5[0-6]))([{''.join(EMOTIONS)}])(\d\d+)")


def parse(name: str) -> Recording:
    """`female/F01A01`; every utterance is another sentence, so its name stands for the wording."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<sex and speaker><emotion><number> such as F01A01")
    speaker, emotion, _number = fields.groups()
    return Recording(
        name=stem,
        speaker=speaker,
        sex="female" if speaker.startswith("F") else "male",
        text=stem,
        source_emotion=EMOTIONS[emotion],
    )


SHEMO = Corpus(
    key="shemo",
    name="ShEMO",
    language="fa",
    licence="free for academic use",
    citation="Mohamad Nezami et al. 2019, doi 10.1007/s10579-018-9427-x",
    source="https://github.com/mansourehk/ShEMO",
    obtain="Download female.zip and male.zip from the repository and unpack them there.",
    by_hand="the repository publishes no checksum of its two zips, and users have met broken ones",
    layout="female/F01A01.wav",
    counts={"anger": 1059, "fear": 38, "happiness": 201, "neutral": 1028, "sadness": 449, "surprise": 225},
    own_labels=tuple(EMOTIONS.values()),
    speakers=87,
    parse=parse,
)
