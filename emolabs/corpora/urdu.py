"""URDU: Latif et al. 2018. Talk shows; names are sex and speaker, the speaker's file, emotion and its number."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
_NAME = re.compile(rf"(S[FM]\d{{1,2}})_F\d{{1,2}}_([{''.join(EMOTIONS)}])0\d{{1,3}}")


def parse(name: str) -> Recording:
    """`Angry/SM1_F1_A01`; every utterance is another sentence, so its name stands for the wording."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="S<sex and speaker>_F<file>_<emotion><number> such as SM1_F1_A01")
    speaker, emotion = fields.groups()
    return Recording(
        name=stem,
        speaker=speaker,
        sex="female" if speaker[1] == "F" else "male",
        text=stem,
        source_emotion=EMOTIONS[emotion],
    )


URDU = Corpus(
    key="urdu",
    name="URDU",
    language="ur",
    licence="research use",
    citation="Latif et al. 2018, doi 10.48550/arXiv.1812.10411",
    source="https://github.com/siddiquelatif/URDU-Dataset",
    obtain="Clone the repository there.",
    by_hand="its recordings are files of a Git repository, which a clone checks; no checksum of a zip is published",
    layout="Angry/SM1_F1_A01.wav",
    counts=dict.fromkeys(["anger", "happiness", "neutral", "sadness"], 100),
    own_labels=tuple(EMOTIONS.values()),
    speakers=29,  # that occur in the names; the page speaks of 38, but no file is of SM8 to SM16
    parse=parse,
)
