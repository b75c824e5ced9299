"""What a corpus is, as data, and what the name of one of its recordings says."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import urlsplit

import yaml

from emolabs import paths, storage


@dataclass(frozen=True)
class Recording:
    """What a file's name says about it: `name` is canonical, the same in every mirror of the corpus."""

    name: str
    speaker: str  # unique in the corpus
    sex: str  # female, male, or empty where it is not published
    text: str  # the sentence, or its code where the name does not say the wording
    source_emotion: str  # the corpus' own label
    intensity: str = ""  # the corpus' own grade, where it has one
    language: str = ""  # ISO 639-1, in a corpus of several languages


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
    """A corpus: identity, terms, how to obtain it, what is expected, and how its names are read.

    Where names alone do not say it, `annotations` names the files that do; `annotate` reads them once a scan, and
    `parse` takes what it returned as a keyword. `parser` puts the two together.
    """

    key: str  # decides the split; never changes
    name: str
    language: str  # ISO 639-1; several, with commas, where each recording states its own
    licence: str
    citation: str
    source: str
    obtain: str  # one or two sentences
    layout: str  # an example path inside the corpus folder
    counts: dict[str, int]  # clips expected per emotion
    own_labels: tuple[str, ...]  # as its recordings carry them; `harmonize` says which emotion each stands for
    speakers: int
    parse: Callable[..., Recording]  # from a path inside the folder, POSIX, without extension; ValueError if unknown
    annotations: tuple[str, ...] = ()  # patterns of files beside the audio, each needed, such as *_sent_emo.csv
    annotate: Callable[[list[Path]], Mapping] | None = None  # from those files; ValueError where one is damaged
    emotions: dict[str, str] = field(default_factory=dict)  # own labels that params/emotions.yaml does not have
    faults: tuple[str, ...] = ()  # what is known to be wrong in circulating copies
    may_share: bool = False  # whether the licence lets its audio be passed on to listeners
    sharing: str = ""  # why, where the name of the licence does not say it
    archives: tuple[Archive, ...] = ()  # what `emolabs.corpora.obtain` fetches; empty where it has to be got by hand
    by_hand: str = ""  # why it has to be

    @property
    def clips(self) -> int:
        """Number of clips expected."""
        return sum(self.counts.values())

    def folders(self) -> list[Path]:
        """The corpus' folders in any spelling (`CREMA-D`, `crema_d`, `cremad`), sorted."""
        root = paths.raw(self.key)
        if not root.is_dir():
            return []
        spelled = {plain(self.key), plain(self.name)}
        return sorted(f for f in root.iterdir() if f.is_dir() and plain(f.name) in spelled)

    def annotation_files(self) -> list[Path]:
        """The files that `annotations` names in the corpus' folders, sorted."""
        beside = (file for folder in self.folders() if self.annotations for file in storage.walk(folder))
        return sorted(f for f in beside if not f.name.startswith(".") and any(map(f.match, self.annotations)))

    def parser(self) -> Callable[[str], Recording]:
        """What reads the names of the corpus: `parse`, which is given the annotations where there are some.

        Raises `FileNotFoundError` or `ValueError` with a sentence where they are missing or damaged.
        """
        if self.annotate is None:
            return self.parse
        files = self.annotation_files()
        lacking = [pattern for pattern in self.annotations if not any(file.match(pattern) for file in files)]
        if lacking:
            raise FileNotFoundError(
                f"{self.name} lacks its annotations: expected {' and '.join(lacking)} beside the audio, found none "
                f"under {', '.join(map(str, self.folders()))}. {self.instructions()}"
            )
        return functools.partial(self.parse, annotations=self.annotate(files))

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
        reason = f" No command fetches it: {self.by_hand}." if self.by_hand else ""
        return f"{self.obtain}{command}{reason} Source: {self.source}."


def plain(name: str) -> str:
    """`name` without case, spaces and punctuation, by which the folder of a corpus is found."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def read_text(file: Path) -> str:
    """The text of an annotation file; raises `ValueError` with a sentence where it is not in UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(
            f"{file} is damaged: expected text in UTF-8, found other bytes; save it so, or copy it anew"
        ) from None


@functools.cache
def _emotions() -> dict:
    return yaml.safe_load(paths.EMOTIONS.read_text(encoding="utf-8"))


@functools.cache
def _sources() -> dict[str, str]:
    return {s.casefold(): emotion for emotion, sources in _emotions()["sources"].items() for s in sources}


def emotions() -> list[str]:
    """Every emotion of `params/emotions.yaml`, those that no protocol uses included, sorted."""
    return sorted(_emotions()["sources"])


def labels() -> list[str]:
    """The seven emotions of EmoCorpus and EmoBench, sorted."""
    return sorted(_emotions()["labels"])


def common() -> list[str]:
    """The six emotions that all core corpora have, sorted."""
    return sorted(_emotions()["common"])


def harmonize(source_emotion: str, *, own: Mapping[str, str] = MappingProxyType({})) -> str:
    """The emotion for a corpus' own label: by `own`, its additions (casefolded), else by `params/emotions.yaml`.

    Raises `ValueError` for a label that neither has.
    """
    try:
        return {**_sources(), **own}[source_emotion.casefold()]
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
