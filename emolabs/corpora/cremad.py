"""CREMA-D: Cao et al. 2014. Names are actor, sentence, emotion and intensity."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
TEXTS = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
# VideoDemographics.csv of the corpus: 43 of the 91 actors are women
_FEMALE = {
    *(1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025, 1028, 1029, 1030),
    *(1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060, 1061, 1063, 1072, 1073, 1074, 1075),
    *(1076, 1078, 1079, 1082, 1084, 1089, 1091),
}
# X is a misspelling of XX that the published archive has once (1040_ITH_SAD_X)
_NAME = re.compile(rf"(10\d\d)_({'|'.join(TEXTS)})_({'|'.join(EMOTIONS)})_(LO|MD|HI|XX|X)")


def parse(name: str) -> Recording:
    """`AudioWAV/1001_DFA_ANG_XX`."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<actor>_<sentence>_<emotion>_<intensity> such as 1001_DFA_ANG_XX")
    actor, text, emotion, intensity = fields.groups()
    if not 1001 <= int(actor) <= 1091:
        raise ValueError(f"unknown name: expected an actor from 1001 to 1091, found {stem!r}")
    intensity = "XX" if intensity == "X" else intensity
    return Recording(
        name=f"{actor}_{text}_{emotion}_{intensity}",
        speaker=actor,
        sex="female" if int(actor) in _FEMALE else "male",
        text=TEXTS[text],
        source_emotion=EMOTIONS[emotion],
        intensity=INTENSITIES[intensity],
    )


CREMAD = Corpus(
    key="cremad",
    name="CREMA-D",
    language="en",
    licence="ODbL 1.0 (database), DbCL 1.0 (contents)",
    citation="Cao et al. 2014, doi 10.1109/TAFFC.2014.2336244",
    source="https://github.com/CheyneyComputerScience/CREMA-D",
    obtain="Clone the repository with Git LFS (`git lfs pull`); its zip download holds pointers instead of audio.",
    by_hand="its recordings lie in Git LFS, which a clone checks, and the repository's zip holds none of them",
    layout="AudioWAV/1001_DFA_ANG_XX.wav",
    counts={"anger": 1271, "disgust": 1271, "fear": 1271, "happiness": 1271, "neutral": 1087, "sadness": 1271},
    own_labels=tuple(EMOTIONS.values()),
    speakers=91,
    parse=parse,
    faults=(
        "Three pairs of files are the same recording with two different labels.",
        "One file is silent.",
        "Eight more pairs are one recording under another cut or level; four of them have two emotions, two have two "
        "sentences (`figures/thesis/13_near_duplicates.csv`).",
        "A zip download of the repository holds Git-LFS pointers instead of audio.",
        "One name is misspelled (`1040_ITH_SAD_X`).",
    ),
    may_share=True,
)
