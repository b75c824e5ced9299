"""What a corpus is, as data, and what the name of one of its recordings says."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import yaml

from emolabs import paths


@dataclass(frozen=True)
class Recording:
    """What a file's name says about it: `name` is canonical, the same in every mirror of the corpus."""

    name: str
    speaker: str
    sex: str  # female, male
    text: str  # the sentence, or its code where the wording is not published
    source_emotion: str  # the corpus' own label
    intensity: str = ""  # the corpus' own grade, where it has one


@dataclass(frozen=True)
class Archive:
    """A zip or tar file that anyone may download from its publisher, with what the publisher states about it."""

    url: str  # its path ends in the file's name
    checksum: str = ""  # "md5:…" or "sha256:…"; empty where none is published, then the SHA-256 of what came is noted
    size: int | None = None  # bytes
    keep: tuple[str, ...] = ()  # patterns of members to unpack beside the recordings, such as "*.csv"

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(urlsplit(self.url).path).name


@dataclass(frozen=True)
class Corpus:
    """A corpus: identity, terms, how to obtain it, what is expected, and how its names are read."""

    key: str  # decides the split; never changes
    name: str
    language: str
    licence: str
    citation: str
    source: str
    obtain: str  # one or two sentences
    layout: str  # an example path inside the corpus folder
    counts: dict[str, int]  # clips expected per emotion
    speakers: int
    parse: Callable[[str], Recording]  # from a path inside the folder, POSIX, without extension; ValueError if unknown
    may_share: bool = False  # whether the licence lets its audio be passed on to listeners
    archives: tuple[Archive, ...] = ()  # what `emolabs.corpora.obtain` fetches; empty where it has to be got by hand

    @property
    def clips(self) -> int:
        """Number of clips expected."""
        return sum(self.counts.values())

    def folders(self) -> list[Path]:
        """The corpus' folders in any spelling (`CREMA-D`, `crema_d`, `cremad`), sorted."""
        root = paths.raw(self.key)
        if not root.is_dir():
            return []
        spelled = {_plain(self.key), _plain(self.name)}
        return sorted(f for f in root.iterdir() if f.is_dir() and _plain(f.name) in spelled)

    def folder(self) -> Path | None:
        """The first of the corpus' folders, or None where there is none."""
        return next(iter(self.folders()), None)

    def missing(self) -> str:
        """The sentence for a user who has not got the corpus: where it was looked for, the layout, how to get it."""
        root = paths.raw(self.key)
        return (
            f"no recordings of {self.name} were found: expected {root / self.key / self.layout} "
            f"(.wav .flac .ogg .opus or .mp3, in any folders). {self.instructions()} "
            f"EMOLABS_RAW names another root than {root}."
        )

    def instructions(self) -> str:
        """How to get the corpus, and from where."""
        command = f" `python -m emolabs.corpora.obtain {self.key}` does it." if self.archives else ""
        return f"{self.obtain}{command} Source: {self.source}."


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


@functools.cache
def _emotions() -> dict:
    return yaml.safe_load(paths.EMOTIONS.read_text(encoding="utf-8"))


def labels() -> list[str]:
    """The seven emotions of EmoCorpus and EmoBench, sorted."""
    return sorted(_emotions()["labels"])


def harmonize(source_emotion: str) -> str:
    """The emotion for a corpus' own label, by `params/emotions.yaml`.

    Raises `ValueError` for a label that the table does not have.
    """
    table = {s.casefold(): emotion for emotion, sources in _emotions()["sources"].items() for s in sources}
    try:
        return table[source_emotion.casefold()]
    except KeyError:
        raise ValueError(
            f"the label {source_emotion!r} is in no row of params/emotions.yaml; add it to the emotion it stands for"
        ) from None


def match(pattern: re.Pattern, name: str, *, expected: str) -> re.Match:
    """Full match of `pattern` on `name`; raises `ValueError` naming what was expected and found."""
    found = pattern.fullmatch(name)
    if not found:
        raise ValueError(f"unknown name: expected {expected}, found {name!r}")
    return found
