"""IEMOCAP: Busso et al. 2008. Ten actors in dialogues; labels and wording lie beside the audio, a file per dialogue."""

import re
from collections.abc import Mapping
from pathlib import Path

from emolabs.corpora.corpus import Corpus, Recording, match, read_text

#: What most evaluators said. oth is something else, xxx no agreement: both stay in the index as labels of their own.
EMOTIONS = {
    "ang": "anger",
    "dis": "disgust",
    "exc": "excited",
    "fea": "fear",
    "fru": "frustration",
    "hap": "happiness",
    "neu": "neutral",
    "oth": "other",
    "sad": "sadness",
    "sur": "surprise",
    "xxx": "no agreement",
}
_UTTERANCE = r"Ses0[1-5][FM]_(?:impro|script)\d\d[a-z]?(?:_\d[a-z]?)?_[FM]\d{3}"
_NAME = re.compile(_UTTERANCE)
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_LABEL = re.compile(rf"^\[[\d.]+ - [\d.]+\]\t({_UTTERANCE})\t(\w+)\t\[", re.MULTILINE)
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_WORDING = re.compile(rf"^({_UTTERANCE}) \[[\d.]+-[\d.]+\]: *(.*)$", re.MULTILINE)


def annotate(files: list[Path]) -> dict[str, tuple[str, str]]:
    """Label and wording of every utterance that the files tell of; the wording is empty where it is missing."""
    labels, wording = {}, {}
    for file in files:
        is_label = file.parent.name == "EmoEvaluation"
        found = dict((_LABEL if is_label else _WORDING).findall(read_text(file)))
        if not found:
            line = "[6.29 - 8.24] <utterance> neu [2.5, 2.5, 2.5]" if is_label else "<utterance> [006.29-008.24]: …"
            raise ValueError(f"{file} is damaged: expected lines such as «{line}», found none; copy the file anew")
        (labels if is_label else wording).update(found)
    return {name: (label, wording.get(name, "").strip()) for name, label in labels.items()}


def parse(name: str, *, annotations: Mapping[str, tuple[str, str]]) -> Recording:
    """`Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000`: session, who wore the markers, dialogue, turn."""
    stem = name.rsplit("/", 1)[-1]
    match(_NAME, stem, expected="<session><sex>_<dialogue>_<sex><turn> such as Ses01F_impro01_F000")
    if stem not in annotations:
        raise ValueError(f"no label: expected a line for {stem!r} in EmoEvaluation/{stem[:-5]}.txt, found none")
    label, wording = annotations[stem]
    if label not in EMOTIONS:
        raise ValueError(f"unknown label: expected one of {', '.join(EMOTIONS)} for {stem!r}, found {label!r}")
    sex = stem[-4]  # of who speaks; the one at the front wore the markers
    return Recording(
        name=stem,
        speaker=stem[:5] + sex,
        sex="female" if sex == "F" else "male",
        text=wording or stem,
        source_emotion=EMOTIONS[label],
    )


IEMOCAP = Corpus(
    key="iemocap",
    name="IEMOCAP",
    language="en",
    licence="research use, licence to be signed",
    citation="Busso et al. 2008, doi 10.1007/s10579-008-9076-6",
    source="https://sail.usc.edu/iemocap/",
    obtain="Request the corpus on its page and unpack sessions 1 to 5 there, their `dialog` folders included.",
    by_hand="its publisher wants a signed licence",
    layout="Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    counts={
        "anger": 1103,
        "disgust": 2,
        "excitement": 1041,
        "fear": 40,
        "frustration": 1849,
        "happiness": 595,
        "neutral": 1708,
        "other": 3,
        "sadness": 1084,
        "surprise": 107,
        "undecided": 2507,
    },
    own_labels=tuple(EMOTIONS.values()),
    speakers=10,
    parse=parse,
    annotations=("EmoEvaluation/Ses*.txt", "transcriptions/Ses*.txt"),
    annotate=annotate,
)
