"""MELD: Poria et al. 2019. Utterances of the series Friends; speaker, wording and label lie in a table per split."""

import re
from collections.abc import Mapping
from pathlib import Path

from emolabs import types
from emolabs.corpora.corpus import Corpus, Recording, match
from emolabs.corpora.table import read_table

COLUMNS = ["Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"]
SPLITS = ["train", "dev", "test"]
# The six who speak most; the sex of the others is not published
SEXES = dict.fromkeys(["Monica", "Phoebe", "Rachel"], "female") | dict.fromkeys(["Chandler", "Joey", "Ross"], "male")
_NAME = re.compile(rf"(?:.*/)?(?:({'|'.join(SPLITS)})_)?dia(\d+)_utt(\d+)")


def annotate(files: list[Path]) -> dict[str, dict[str, str]]:
    """The rows of the tables by canonical name; of two tables of one split the last counts."""
    rows = {}
    for file in files:
        table, problems = read_table(file, required=COLUMNS)
        types.refuse(problems, where=f"{file} is damaged, copy it anew")
        split = file.name.split("_")[0]
        rows |= {f"{split}_dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}": row for _, row in table}
    return rows


def parse(name: str, *, annotations: Mapping[str, dict[str, str]]) -> Recording:
    """`train_splits/dia0_utt0` or `train_dia0_utt0`; numbers repeat across splits, which the folder may name."""
    fields = match(_NAME, name, expected="<split>/dia<number>_utt<number> such as train_splits/dia0_utt0")
    split, dialogue, utterance = fields.groups()
    words = re.split(r"[^a-z]+", name.lower())  # output_repeated_splits_test is the folder of the test split
    split = split or next((word for word in reversed(words) if word in SPLITS), None)
    if split is None:
        raise ValueError(f"unknown name: expected a folder that names the split ({', '.join(SPLITS)}), found {name!r}")
    canonical = f"{split}_dia{int(dialogue)}_utt{int(utterance)}"
    if canonical not in annotations:
        raise ValueError(f"no label: expected a row for {canonical!r} in {split}_sent_emo.csv, found none")
    row = annotations[canonical]
    return Recording(
        name=canonical,
        speaker=row["Speaker"],
        sex=SEXES.get(row["Speaker"], ""),
        text=row["Utterance"],
        source_emotion=row["Emotion"],
    )


MELD = Corpus(
    key="meld",
    name="MELD",
    language="en",
    licence="GPL-3.0 (annotations); the audio is of a television series",
    citation="Poria et al. 2019, doi 10.18653/v1/P19-1050",
    source="https://affective-meld.github.io/",
    obtain="Download the raw data, unpack them there and save the sound of each .mp4 as .wav beside it.",
    by_hand="it is published as video, whose sound you have to save",
    layout="train_splits/dia0_utt0.wav",
    # The tables list two more neutral utterances: train_dia125_utt3 cannot be decoded, dev_dia110_utt7 is not there
    counts={
        "anger": 1607,
        "disgust": 361,
        "fear": 358,
        "happiness": 2308,
        "neutral": 6434,
        "sadness": 1002,
        "surprise": 1636,
    },
    own_labels=("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"),
    speakers=304,
    parse=parse,
    annotations=tuple(f"{split}_sent_emo.csv" for split in SPLITS),
    annotate=annotate,
)
