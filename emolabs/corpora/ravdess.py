"""RAVDESS, speech, audio only: Livingstone & Russo 2018. Names are seven two-digit fields."""

import re

from emolabs.corpora.corpus import Archive, Corpus, Recording, match

EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
TEXTS = ["Kids are talking by the door.", "Dogs are sitting by the door."]
_NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")


def parse(name: str) -> Recording:
    """`…/03-01-05-01-02-01-12`: modality (03 audio), channel (01 speech), emotion, intensity, text, take, actor."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="03-01-EE-II-TT-RR-AA (audio-only speech) such as 03-01-05-01-02-01-12")
    emotion, intensity, text, _take, actor = fields.groups()
    if (emotion, intensity) == ("01", "02"):
        raise ValueError(f"unknown name: neutral has no strong intensity, found {stem!r}")
    return Recording(
        name=stem,
        speaker=actor,
        sex="male" if int(actor) % 2 else "female",
        text=TEXTS[int(text) - 1],
        source_emotion=EMOTIONS[int(emotion) - 1],
        intensity="normal" if intensity == "01" else "strong",
    )


RAVDESS = Corpus(
    key="ravdess",
    name="RAVDESS",
    language="en",
    licence="CC BY-NC-SA 4.0",
    citation="Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391",
    source="https://doi.org/10.5281/zenodo.1188976",
    obtain="Download Audio_Speech_Actors_01-24.zip (208 MB) and unpack it there.",
    layout="Actor_01/03-01-01-01-01-01-01.wav",
    counts={
        "anger": 192,
        "calm": 192,
        "disgust": 192,
        "fear": 192,
        "happiness": 192,
        "neutral": 96,
        "sadness": 192,
        "surprise": 192,
    },
    own_labels=tuple(EMOTIONS),
    speakers=24,
    parse=parse,
    faults=(
        "Circulating copies often hold every file twice, in a second tree of folders.",
        "Published WAV files carry extra chunks before the sound.",
        "Five files are stereo.",
        "One recording is there under two names (`03-01-03-01-02-01-07`, `03-01-03-01-02-02-07`).",
    ),
    may_share=True,
    archives=(
        Archive(
            "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
            checksum="md5:bc696df654c87fed845eb13823edef8a",
            size=208_468_073,
        ),
    ),
)
