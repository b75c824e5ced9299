"""Bring your own corpus: a folder under the raw root with a description and a table, and no code.

`corpus.yaml` says what the corpus is (`FIELDS`) and, under `emotions`, what those of its labels mean that
`params/emotions.yaml` does not have. The table, `clips.csv` unless `table` names another, has a row per recording:
`file` (from the folder, with its ending), `speaker` and `emotion`, and where known `sex` (female, male), `text`,
`intensity` and `language`. The folder is named like the key; the project path is `<key>/<file without its ending>`.
"""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import yaml

from emolabs import paths, storage, types
from emolabs.corpora import audio
from emolabs.corpora.corpus import Corpus, Recording, emotions, harmonize, plain, read_text
from emolabs.corpora.table import read_table

DESCRIPTION = "corpus.yaml"
#: What a description says, and its type; those that end with None may be missing.
FIELDS = {
    "key": "str",
    "name": "str",
    "language": "str",
    "licence": "str",
    "citation": "str",
    "source": "str",
    "may_share": "bool",
    "obtain": "str | None",
    "table": "str | None",
}
REQUIRED = ["file", "speaker", "emotion"]
OPTIONAL = ["sex", "text", "intensity", "language"]
_LANGUAGE = re.compile("[a-z]{2,3}")
_SHOWN = 50  # problems at once; a table with one wrong column has as many as rows


def find(key: str, *, registry: Mapping[str, Corpus]) -> Corpus | None:
    """The user's own corpus `key`, or None where no folder of that name has a description.

    Raises `ValueError` with every problem of its description and its table, a line each, and where its key is spelled
    otherwise.
    """
    described = [folder for folder in folders() if plain(folder.name) == plain(key)]
    if len(described) > 1:
        raise ValueError(f"expected one folder with a {DESCRIPTION} for {key}, found {', '.join(map(str, described))}")
    if not described:
        return None
    corpus = load(described[0], registry=registry)
    if corpus.key != key:
        raise ValueError(f"the corpus in {described[0]} has the key {corpus.key}, not {key}: ask for it so")
    return corpus


def folders() -> list[Path]:
    """The folders under the raw root that describe a corpus, sorted."""
    return sorted(file.parent for file in paths.raw("").glob(f"*/{DESCRIPTION}") if file.is_file())


def load(folder: Path, *, registry: Mapping[str, Corpus]) -> Corpus:
    """The corpus that `folder` describes; its key and name may not be those of a corpus in `registry`.

    Raises `ValueError` with every problem, a line each, naming the field, or the row and column.
    """
    facts, own, problems = _description(folder, registry=registry)
    table = facts.get("table") or "clips.csv"
    recordings, faults = _recordings(folder, table=table, own=own)
    problems += [f"{table}, {fault}" for fault in faults]
    if len(problems) > _SHOWN:
        problems[_SHOWN:] = [f"and {len(problems) - _SHOWN} more"]
    types.refuse(problems, where=f"the corpus in {folder} is not described well")

    def parse(name: str) -> Recording:
        if name not in recordings:
            raise ValueError(f"no row: expected one for {name!r} in {table}; add it, or remove the file")
        return recordings[name]

    found = [harmonize(recording.source_emotion, own=own) for recording in recordings.values()]
    return Corpus(
        **{field: facts[field] for field in ("key", "name", "language", "licence", "citation", "source", "may_share")},
        obtain=facts["obtain"] or "It is the corpus of whoever described it; ask them for a copy.",
        layout=f"{next(iter(recordings))}.wav",
        counts={emotion: found.count(emotion) for emotion in sorted(set(found))},
        own_labels=tuple(sorted({recording.source_emotion for recording in recordings.values()})),
        speakers=len({recording.speaker for recording in recordings.values()}),
        parse=parse,
        annotations=(DESCRIPTION, table),
        emotions=own,
    )


def _description(folder: Path, *, registry: Mapping[str, Corpus]) -> tuple[dict, dict[str, str], list[str]]:
    """What the description says by field, its own labels, and its problems."""
    try:
        facts = yaml.safe_load(read_text(folder / DESCRIPTION))
    except yaml.YAMLError as error:
        return {}, {}, [f"{DESCRIPTION}: expected YAML; {' '.join(str(error).split())}"]
    if not isinstance(facts, dict):
        return {}, {}, [f"{DESCRIPTION}: expected lines such as «key: mine», found {facts!r}"]
    faults = [
        types.unknown(field, known=[*FIELDS, "emotions"], noun="field")
        for field in facts
        if field not in [*FIELDS, "emotions"]
    ]
    given = dict.fromkeys(FIELDS)
    for field, kind in FIELDS.items():
        if facts.get(field) in (None, "") and not kind.endswith("None"):
            faults.append(f"{field}: it is missing")
            continue
        try:
            given[field] = types.convert(facts.get(field), type=kind)
        except TypeError as error:
            faults.append(f"{field}: {error}" + ("; put it in quotes" if kind.startswith("str") else ""))
    own, wrong = _own_labels(facts.get("emotions") or {})
    faults += wrong + _unfit(given, folder=folder, registry=registry)
    return given, own, [f"{DESCRIPTION}, {fault}" for fault in faults]


def _own_labels(table: object) -> tuple[dict[str, str], list[str]]:
    if not isinstance(table, dict):
        return {}, [f"emotions: expected lines such as «furious: anger», found {table!r}"]
    return {str(label).casefold(): str(emotion) for label, emotion in table.items()}, [
        f"emotions: {label} cannot mean {emotion}; expected one of {', '.join(emotions())}"
        for label, emotion in table.items()
        if emotion not in emotions()
    ]


def _unfit(given: dict, *, folder: Path, registry: Mapping[str, Corpus]) -> list[str]:
    """What is wrong with a key, a name, a language or a table that is text."""
    key, name, language, table = (given[field] or "" for field in ("key", "name", "language", "table"))
    faults = []
    if key and not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key):
        faults.append(f"key: expected small letters, digits and single hyphens, found {key!r}")
    elif key and plain(key) != plain(folder.name):
        faults.append(f"key: expected the name of the folder, {folder.name}, found {key}")
    owners = {plain(text): corpus.name for corpus in registry.values() for text in (corpus.key, corpus.name)}
    for field, text in (("key", key), ("name", name)):
        if plain(text) in owners or plain(text).startswith("emosynth"):
            owner = owners.get(plain(text), "the embedded corpora")
            faults.append(f"{field}: {text} belongs to {owner}; choose another, and name the folder like the key")
    if language and not _LANGUAGE.fullmatch(language):
        faults.append(f"language: expected two or three letters of ISO 639 such as en, found {language!r}")
    if Path(table).name != table:
        faults.append(f"table: expected the name of a file in the folder, found {table!r}")
    return faults


def _recordings(folder: Path, *, table: str, own: Mapping[str, str]) -> tuple[dict[str, Recording], list[str]]:
    """The recordings by their path without its ending, and the problems of the table."""
    if not (folder / table).is_file():
        return {}, [f"row 1: expected the columns {', '.join(REQUIRED)}, found no such file in the folder"]
    rows, problems = read_table(folder / table, required=REQUIRED)
    if not rows:
        return {}, problems or ["row 2: expected a recording, found no more rows"]
    known = REQUIRED + OPTIONAL
    problems += [
        f"row 1: {types.unknown(name, known=known, noun='column')}" for name in rows[0][1] if name not in known
    ]
    there = {unicodedata.normalize("NFC", file.relative_to(folder).as_posix()) for file in storage.walk(folder)}
    recordings: dict[str, Recording] = {}
    files: dict[str, str] = {}  # path without ending -> the file and its row
    sexes: dict[str, tuple[str, str]] = {}  # speaker -> sex and its row
    for place, row in rows:
        file = unicodedata.normalize("NFC", PurePosixPath(row["file"].replace("\\", "/")).as_posix())
        path, optional = file.rsplit(".", 1)[0], {column: row.get(column, "") for column in OPTIONAL}
        faults = [f"{column}: it is empty" for column in REQUIRED if not row[column]]
        faults += (_file_faults(file, there=there) if row["file"] else []) + _value_faults(row, own=own)
        if row["file"] and path in files:
            faults.append(f"file: {file} has the same project path as {files[path]}; keep one of the two rows")
        sex, before = sexes.setdefault(row["speaker"], (optional["sex"], place))
        if row["speaker"] and sex != optional["sex"]:
            faults.append(
                f"sex: {row['speaker']} is {optional['sex'] or 'unknown'}, but {sex or 'unknown'} in {before}"
            )
        problems += [f"{place}, {fault}" for fault in faults]
        files.setdefault(path, f"{file} in {place}")
        optional["text"] = optional["text"] or path
        recordings[path] = Recording(name=path, speaker=row["speaker"], source_emotion=row["emotion"], **optional)
    return recordings, problems


def _file_faults(file: str, *, there: set[str]) -> list[str]:
    if file.startswith("/") or ".." in file.split("/") or re.match("[A-Za-z]:", file):
        return [f"file: {file} leads out of the folder; expected a path from the folder of the corpus"]
    if PurePosixPath(file).suffix.lower() not in audio.SUFFIXES:
        return [f"file: expected an ending out of {' '.join(sorted(audio.SUFFIXES))}, found {file}"]
    return [] if file in there else [f"file: there is no {file} in the folder"]


def _value_faults(row: Mapping[str, str], *, own: Mapping[str, str]) -> list[str]:
    faults = []
    try:
        harmonize(row["emotion"] or "neutral", own=own)
    except ValueError:
        faults.append(f"emotion: {row['emotion']} is not known; say under emotions in {DESCRIPTION} what it means")
    if row.get("sex", "") not in ("female", "male", ""):
        faults.append(f"sex: expected female, male or nothing, found {row['sex']}")
    if row.get("language") and not _LANGUAGE.fullmatch(row["language"]):
        faults.append(f"language: expected two or three letters of ISO 639 such as en, found {row['language']}")
    return faults
