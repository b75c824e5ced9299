"""SUBESCO: Sultana et al. 2021. Twenty Bangla actors; names are sex, number, name, sentence, emotion and take."""

import re

from emolabs.corpora.corpus import Archive, Corpus, Recording, match

EMOTIONS = ["ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE"]
# ] is a slip that the published archive has once (F_02_MONIKA_S_2_SURPRISE_3])
_NAME = re.compile(rf"([FM]_(?:0[1-9]|10))_[A-Z]+_S_([1-9]|10)_({'|'.join(EMOTIONS)})_([1-5])\]?")


def parse(name: str) -> Recording:
    """`F_02_MONIKA_S_1_NEUTRAL_5`; women and men are numbered from 01 to 10 each."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<speaker>_S_<sentence>_<emotion>_<take> such as F_02_MONIKA_S_1_SAD_5")
    speaker, sentence, emotion, _take = fields.groups()
    return Recording(
        name=stem.removesuffix("]"),
        speaker=speaker,
        sex="female" if speaker.startswith("F") else "male",
        text=f"S_{sentence}",
        source_emotion=emotion.lower(),
    )


SUBESCO = Corpus(
    key="subesco",
    name="SUBESCO",
    language="bn",
    licence="CC BY 4.0",
    citation="Sultana et al. 2021, doi 10.1371/journal.pone.0250173",
    source="https://doi.org/10.5281/zenodo.4526477",
    obtain="Download the archive from Zenodo and unpack it there.",
    layout="F_02_MONIKA_S_1_NEUTRAL_5.wav",
    counts=dict.fromkeys(["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"], 1000),
    own_labels=tuple(map(str.lower, EMOTIONS)),
    speakers=20,
    parse=parse,
    may_share=True,
    archives=(
        Archive(
            "https://zenodo.org/records/4526477/files/SUBESCO.zip",
            checksum="md5:13d702cf944bf54d70d66bffc036ed7a",
            size=1_664_512_929,
        ),
    ),
)
