"""The manifest split: Base62 ids of project paths, their buckets, and the partitions made from them (DESIGN, stage 1).

Conventions: a manifest has a row per fold and clip, `COLUMNS`, sorted by fold, then id. No random generator, no file
order and no clock takes part. SHA-256 is this project's reading of the thesis' rule («Base62 of the unique project
path, modulo 10»), whose own manifests cannot be recovered.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from emolabs import paths, storage
from emolabs.corpora import labels

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 43  # digits of 2^256 in base 62
SPLITS = ["train", "validation", "evaluation"]
COLUMNS = ["id", "path", "corpus", "speaker", "emotion", "fold", "split"]
FOLDS = 5


def base62(number: int) -> str:
    """`number` (0 ≤ number < 2^256) in the digits 0-9A-Za-z, most significant first, left-padded to 43."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits.rjust(ID_LENGTH, ALPHABET[0])


def sample_id(path: str) -> str:
    """Base62 of the SHA-256 of a project path in UTF-8."""
    return base62(_number(path))


def bucket(path: str) -> int:
    """The SHA-256 of a project path, as an integer, modulo 10."""
    return _number(path) % 10


def _number(path: str) -> int:
    return int.from_bytes(hashlib.sha256(path.encode()).digest(), "big")


def deal(index: pd.DataFrame) -> dict[str, int]:
    """Fold of each speaker: per corpus and sex, speakers in the order of their ids are dealt to the five folds.

    Those of a corpus without three of a sex are dealt together: two folds would leave nobody to train on.
    """
    speakers = index[["corpus", "sex", "speaker"]].drop_duplicates()
    of_a_sex = speakers.groupby(["corpus", "sex"]).speaker.transform("nunique")
    together = of_a_sex.groupby(speakers.corpus).transform("max") <= 2
    folds = {}
    for _, group in speakers.groupby([speakers.corpus, speakers.sex.mask(together, "any")]):
        folds |= {speaker: i % FOLDS for i, speaker in enumerate(sorted(group.speaker, key=sample_id))}
    return folds


def _hash(index: pd.DataFrame) -> list[pd.Series]:
    buckets = index.path.map(bucket)
    return [buckets.map(lambda b: {0: "evaluation", 1: "validation"}.get(b, "train"))]


def _turns(parts: pd.Series, *, folds: int = FOLDS) -> list[pd.Series]:
    """Each of the parts (0 … folds − 1) evaluates once, and the next one, where there is another, validates."""
    return [parts.map({(k + 1) % folds: "validation", k: "evaluation"}).fillna("train") for k in range(folds)]


def _random(index: pd.DataFrame) -> list[pd.Series]:
    return _turns(index.path.map(bucket) // 2)


def _few(index: pd.DataFrame) -> pd.Series:
    """Whether a clip's corpus has two speakers or one, so that none can be spared for validation."""
    return index.groupby("corpus").speaker.transform("nunique") <= 2


def _speaker(index: pd.DataFrame) -> list[pd.Series]:
    spared, dealt = _few(index), index.speaker.map(deal(index))
    turns = _turns(dealt, folds=int(dealt.max()) + 1)  # fewer than five where no corpus has five of a sex
    return [sides.mask(spared & (sides == "validation"), "train") for sides in turns]


def _corpus(index: pd.DataFrame) -> list[pd.Series]:
    first = (index.speaker.map(deal(index)) == 0) & ~_few(index)
    heard = first.map({True: "validation", False: "train"})
    return [heard.mask(index.corpus == corpus, "evaluation") for corpus in sorted(index.corpus.unique())]


def _tess_actress(index: pd.DataFrame) -> list[pd.Series]:
    heard = index.path.map(bucket).map(lambda b: "validation" if b == 1 else "train")
    return [heard.mask(index.speaker == actress, "evaluation") for actress in sorted(index.speaker.unique())]


def _each_speaker(index: pd.DataFrame) -> list[pd.Series]:
    turns = {speaker: turn for turn, speaker in enumerate(sorted(index.speaker.unique(), key=sample_id))}
    return _turns(index.speaker.map(turns), folds=len(turns))


def _ravdess(tested: list[set[int]]) -> Callable[[pd.DataFrame], list[pd.Series]]:
    """The partition of RAVDESS whose folds test these actors."""
    folds = {f"ravdess/{actor:02d}": fold for fold, actors in enumerate(tested) for actor in actors}
    return lambda index: _turns(index.speaker.map(folds), folds=len(tested))


#: Test actors of EmoBox (Ma et al. 2024, Interspeech), which has no validation side; here the next fold's validate.
_SIX = [{1, 11, 20, 21}, {4, 10, 12, 14}, {8, 9, 19, 23}, {3, 5, 7, 24}, {2, 15, 16, 18}, {6, 13, 17, 22}]
#: Held-out actors of Luna-Jiménez et al. 2021, doi 10.3390/s21227665; here, too, the next fold's validate.
_FIVE = [{2, 5, 14, 15, 16}, {3, 6, 7, 13, 18}, {10, 11, 12, 19, 20}, {8, 17, 21, 23, 24}, {1, 4, 9, 22}]


@dataclass(frozen=True)
class Protocol:
    """A partition: what it answers, its rule, the corpora it is restricted to (None: all) and its label set."""

    name: str
    answers: str
    partition: Callable[[pd.DataFrame], list[pd.Series]]  # index of n clips -> one series of n splits per fold
    corpora: tuple[str, ...] | None = None
    beyond: tuple[str, ...] = ()  # emotions used beyond the seven
    without: tuple[str, ...] = ()  # those of the seven that its corpora lack

    @property
    def labels(self) -> list[str]:
        """The emotions of its clips, sorted: the classes of whatever is trained under it."""
        return sorted({*labels(), *self.beyond} - {*self.without})

    def clips(self, index: pd.DataFrame) -> pd.DataFrame:
        """The rows of an index that it partitions: its corpora, its emotions."""
        return index[index.emotion.isin(self.labels) & (index.corpus.isin(self.corpora) if self.corpora else True)]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in [
        Protocol("hash", "what the thesis reports: one fold, bucket 0 evaluates", _hash),
        Protocol("random", "`hash` at the training size of `speaker`: 5 folds of buckets", _random),
        Protocol("speaker", "new speakers: 5 folds, no speaker on two sides", _speaker),
        Protocol("corpus", "new recordings: one fold per corpus, which evaluates; the others train", _corpus),
        Protocol("ravdess-6fold", "the folds of EmoBox, eight classes", _ravdess(_SIX), ("ravdess",), ("calm",)),
        Protocol("ravdess-5fold", "Luna-Jiménez et al. 2021, eight classes", _ravdess(_FIVE), ("ravdess",), ("calm",)),
        Protocol("tess-actress", "train one actress of TESS, test the other", _tess_actress, ("tess",)),
        Protocol(
            "emodb-speakers",
            "leave one speaker of EmoDB out, its seven classes",
            _each_speaker,
            ("emodb",),
            beyond=("boredom",),
            without=("surprise",),
        ),
    ]
}


def get(protocol: str) -> Protocol:
    """The protocol of this name; raises `ValueError` naming the ones there are."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[protocol]


def manifest(index: pd.DataFrame, *, protocol: str) -> pd.DataFrame:
    """Partition the clips of `index` whose emotion the protocol uses.

    Returns a manifest (`COLUMNS`), each clip once per fold.
    Raises `ValueError` for an unknown protocol and where the index has no clip of the protocol's corpora.
    """
    rule = get(protocol)
    used = rule.clips(index)
    if used.empty:
        raise ValueError(f"protocol {protocol} has no clips here: expected recordings of {rule.corpora or 'a corpus'}")
    used = used.sort_values("path", ignore_index=True).assign(id=lambda clips: clips.path.map(sample_id))
    folds = [used.assign(fold=fold, split=split) for fold, split in enumerate(rule.partition(used))]
    return pd.concat(folds)[COLUMNS].sort_values(["fold", "id"], ignore_index=True)


def csv(clips: pd.DataFrame) -> str:
    """The CSV of a manifest; the same manifest gives the same text."""
    return clips.to_csv(index=False, lineterminator="\n")


def save(clips: pd.DataFrame, *, profile: str, protocol: str) -> None:
    """Write a manifest as CSV, atomically."""
    storage.write_text(paths.manifest(profile, protocol), csv(clips))


def load(profile: str, *, protocol: str) -> pd.DataFrame:
    """The manifest of a protocol; raises `FileNotFoundError` saying what makes it."""
    file = paths.manifest(profile, protocol)
    if not file.is_file():
        raise FileNotFoundError(f"no manifest at {file}: run notebooks/11_split.ipynb with protocol {protocol} first")
    return pd.read_csv(file)
