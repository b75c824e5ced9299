"""EmoDB (Berlin Database of Emotional Speech): Burkhardt et al. 2005. Names: speaker, text, emotion, version."""

import re

from emolabs.corpora.corpus import Archive, Corpus, Recording, match

EMOTIONS = {
    "W": "anger",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
}
SEXES = {
    "03": "male",
    "08": "female",
    "09": "female",
    "10": "male",
    "11": "male",
    "12": "male",
    "13": "female",
    "14": "female",
    "15": "male",
    "16": "female",
}
TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
_NAME = re.compile(rf"({'|'.join(SEXES)})({'|'.join(TEXTS)})([{''.join(EMOTIONS)}])([a-z])")


def parse(name: str) -> Recording:
    """`wav/03a01Wa`."""
    stem = name.rsplit("/", 1)[-1]
    fields = match(_NAME, stem, expected="<speaker><text><emotion><version> such as 03a01Wa")
    speaker, text, emotion, _version = fields.groups()
    return Recording(name=stem, speaker=speaker, sex=SEXES[speaker], text=TEXTS[text], source_emotion=EMOTIONS[emotion])


EMODB = Corpus(
    key="emodb",
    name="EmoDB",
    language="de",
    licence="free to use, to be cited",
    citation="Burkhardt et al. 2005, doi 10.21437/Interspeech.2005-446",
    source="https://doi.org/10.21437/Interspeech.2005-446",
    obtain="Download the archive from Zenodo, or from the page of the corpus (TU Berlin), and unpack it there.",
    layout="wav/03a01Wa.wav",
    counts={
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "neutral": 79,
        "sadness": 62,
    },
    own_labels=tuple(EMOTIONS.values()),
    speakers=10,
    parse=parse,
    faults=("Recordings peak at full scale.",),
    may_share=True,
    # the same 535 recordings as an audformat package, version 1.3.0
    archives=(
        Archive(
            "https://zenodo.org/records/7447302/files/emodb.zip",
            checksum="md5:9d21362dbc5676ef3ab4745d83ced0db",
            size=39_981_818,
        ),
    ),
)
