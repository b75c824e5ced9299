"""ESD: Zhou et al. 2022. Ten speakers of Mandarin and ten of English say 350 sentences in five emotions."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

#: In the order of the numbers: 000001 to 000350 are neutral, and so on.
EMOTIONS = ["Neutral", "Angry", "Happy", "Sad", "Surprise"]
SENTENCES = 350
_MALE = {4, 5, 6, 8, 10, 11, 12, 13, 14, 20}
_NAME = re.compile(r"(00(?:0[1-9]|1\d|20))_(00[01]\d{3})")


def parse(name: str) -> Recording:
    """`0011/Angry/0011_000351`: speaker and number; the number says emotion and sentence, the folder may not differ."""
    *folders, stem = name.split("/")
    speaker, digits = match(_NAME, stem, expected="<speaker>_<number> such as 0011_000351").groups()
    part, sentence = divmod(int(digits) - 1, SENTENCES)
    if not 0 <= part < len(EMOTIONS):
        raise ValueError(f"unknown name: ESD numbers from 000001 to 001750, found {stem!r}")
    named = {folder.capitalize() for folder in folders} & set(EMOTIONS)
    if named and named != {EMOTIONS[part]}:
        raise ValueError(f"contradictory name: expected {EMOTIONS[part]} by its number, found {name!r}")
    return Recording(
        name=stem,
        speaker=speaker,
        sex="male" if int(speaker) in _MALE else "female",
        text=f"{sentence + 1:03d}",
        source_emotion=EMOTIONS[part],
        language="zh" if int(speaker) <= 10 else "en",
    )


ESD = Corpus(
    key="esd",
    name="ESD",
    language="zh, en",
    licence="research use, licence to be signed",
    citation="Zhou et al. 2022, doi 10.1016/j.specom.2021.11.006",
    source="https://hltsingapore.github.io/ESD/",
    obtain="Sign the licence on the corpus' page, download the archive and unpack it there.",
    by_hand="its publisher wants a signed licence",
    layout="0011/Angry/0011_000351.wav",
    counts=dict.fromkeys(["anger", "happiness", "neutral", "sadness", "surprise"], 7000),
    own_labels=tuple(EMOTIONS),
    speakers=20,
    parse=parse,
)
