"""JL-Corpus: James et al. 2018. Four speakers of New Zealand English; five primary and five secondary emotions."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = [
    *("angry", "excited", "happy", "neutral", "sad"),
    *("anxious", "apologetic", "assertive", "concerned", "encouraging"),
]
_NAME = re.compile(rf"((?:fe)?male[12])_({'|'.join(EMOTIONS)})_((?:[1-9]|1[0-5])[ab])_([12])")


def parse(name: str) -> Recording:
    """`…/male1_angry_1a_1`: speaker, emotion, sentence, take; the wording lies in a text file beside each recording."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<speaker>_<emotion>_<sentence>_<take> such as male1_angry_1a_1")
    speaker, emotion, sentence, _take = fields.groups()
    return Recording(name=stem, speaker=speaker, sex=speaker[:-1], text=sentence, source_emotion=emotion)


JL = Corpus(
    key="jl",
    name="JL-Corpus",
    language="en",
    licence="CC0 1.0",
    citation="James et al. 2018, doi 10.21437/Interspeech.2018-1349",
    source="https://www.kaggle.com/datasets/tli725/jl-corpus",
    obtain="Download the archive from Kaggle and unpack it there.",
    by_hand="no direct link with a published checksum is known to us",
    layout="Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/male1_angry_1a_1.wav",
    counts=dict.fromkeys(
        [
            *("anger", "excitement", "happiness", "neutral", "sadness"),
            *("anxiety", "apology", "assertiveness", "concern", "encouragement"),
        ],
        240,
    ),
    own_labels=tuple(EMOTIONS),
    speakers=4,
    parse=parse,
    may_share=True,
)
