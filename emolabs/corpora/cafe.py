"""CaFE: Gournay et al. 2018. Twelve actors of Canadian French; names are actor, emotion, intensity and sentence."""

import re

from emolabs.corpora.corpus import Corpus, Recording, match

EMOTIONS = {
    "C": "colère",
    "D": "dégoût",
    "J": "joie",
    "N": "neutre",
    "P": "peur",
    "S": "surprise",
    "T": "tristesse",
}
INTENSITIES = {"1": "faible", "2": "fort"}
TEXTS = [
    "Un cheval fou dans mon jardin",
    "Deux ânes aigris au pelage brun",
    "Trois cygnes aveugles au bord du lac",
    "Quatre vieilles truies éléphantesques",
    "Cinq pumas fiers et passionnés",
    "Six ours aimants domestiqués",
]
_NAME = re.compile(rf"(0[1-9]|1[0-2])-(?:(N)-1|([{''.join(EMOTIONS).replace('N', '')}])-([12]))-([1-6])")


def parse(name: str) -> Recording:
    """`CaFE_48k/Colère/Faible/01-C-1-1`; neutral has one intensity, written 1."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<actor>-<emotion>-<intensity>-<sentence> such as 01-C-1-1")
    actor, neutral, emotion, intensity, sentence = fields.groups()
    return Recording(
        name=stem,
        speaker=actor,
        sex="male" if int(actor) % 2 else "female",
        text=TEXTS[int(sentence) - 1],
        source_emotion=EMOTIONS[neutral or emotion],
        intensity=INTENSITIES.get(intensity, ""),
    )


CAFE = Corpus(
    key="cafe",
    name="CaFE",
    language="fr",
    licence="CC BY-NC-SA 4.0",
    citation="Gournay et al. 2018, doi 10.1145/3204949.3208121",
    source="https://doi.org/10.5281/zenodo.1478765",
    obtain="Download the archive of 48 kHz from Zenodo and unpack it there.",
    by_hand="Zenodo offers CaFE_48k.zip, but its checksum could not be looked up when this was written",
    layout="CaFE_48k/Colère/Faible/01-C-1-1.wav",
    counts=dict.fromkeys(["anger", "disgust", "fear", "happiness", "sadness", "surprise"], 144) | {"neutral": 72},
    own_labels=tuple(EMOTIONS.values()),
    speakers=12,
    parse=parse,
    may_share=True,
)
