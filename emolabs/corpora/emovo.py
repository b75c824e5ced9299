"""EMOVO: Costantini et al. 2014. Six Italian actors; names are emotion, actor and sentence."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {
    "dis": "disgusto",
    "gio": "gioia",
    "neu": "neutrale",
    "pau": "paura",
    "rab": "rabbia",
    "sor": "sorpresa",
    "tri": "tristezza",
}
# 14 sentences: three short, two questions, four long, five without sense
_NAME = re.compile(rf"({'|'.join(EMOTIONS)})-([fm][123])-(b[123]|d[12]|l[1234]|n[12345])")


def parse(name: str) -> Recording:
    """`f1/dis-f1-b1`; the folder repeats the actor."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<emotion>-<actor>-<sentence> such as dis-f1-b1")
    emotion, actor, sentence = fields.groups()
    return Recording(
        name=stem,
        speaker=actor,
        sex="female" if actor.startswith("f") else "male",
        text=sentence,
        source_emotion=EMOTIONS[emotion],
    )


EMOVO = Corpus(
    key="emovo",
    name="EMOVO",
    language="it",
    licence="none stated, to be cited",
    citation="Costantini et al. 2014, LREC, aclanthology.org/L14-1478",
    source="http://voice.fub.it/activities/corpora/emovo/index.html",
    obtain="Download the archive from the corpus' page (Fondazione Ugo Bordoni) and unpack it there.",
    by_hand="no direct link with a published checksum is known to us",
    layout="f1/dis-f1-b1.wav",
    counts=dict.fromkeys(["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"], 84),
    own_labels=tuple(EMOTIONS.values()),
    speakers=6,
    parse=parse,
)
