"""The index: every recording of the corpora with what its name and its samples say, and every refusal with its reason.

Conventions: paths are project paths (`<corpus key>/<canonical name>`), files are relative to the root of the raw audio.
"""

import os
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from emolabs import paths, storage
from emolabs.corpora import audio
from emolabs.corpora.corpus import Corpus, Recording, harmonize
from emolabs.progress import progress

COLUMNS = [
    *("path", "file", "corpus", "speaker", "sex", "language", "text", "intensity", "emotion", "source_emotion"),
    *("sample_rate", "channels", "subtype", "duration_s", "pcm_sha256"),
]
#: Kinds of reasons: what stands before the colon of those that are not about one file alone.
CONTRADICTORY, DUPLICATE = "contradictory duplicate", "duplicate recording"
_CHUNK = 64


def build(corpora: Iterable[Corpus], *, workers: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scan the folders of `corpora`, decoding every file in `workers` processes (default: all cores).

    Returns the index (`COLUMNS`, sorted by path) and the rejected files (`path, file, reason`, sorted by file); each
    file found is in exactly one of them.
    Raises `FileNotFoundError` where a corpus has no recordings, saying which layout is expected and how to get it, or
    lacks annotations that it needs, and `ValueError` where those are damaged.
    """
    rows, refused = [], []
    for corpus in corpora:
        found = files(corpus)
        if not found:
            raise FileNotFoundError(corpus.missing())
        parse = corpus.parser()
        for file in found:
            row, reason = describe(corpus, file, parse=parse)
            (refused if reason else rows).append(row | ({"reason": reason} if reason else {}))
    examined = examine([paths.raw(row["corpus"]) / row["file"] for row in rows], workers=workers)
    kept = []
    for row, facts in zip(rows, examined, strict=True):
        (refused if "reason" in facts else kept).append(row | facts)
    index = pd.DataFrame(kept, columns=COLUMNS).sort_values(["path", "file"], ignore_index=True)
    index, duplicates = _without_duplicates(index)
    columns = ["path", "file", "reason"]
    rejected = pd.concat([pd.DataFrame(refused, columns=columns), duplicates[columns]])
    return index, rejected.sort_values("file", ignore_index=True)


def files(corpus: Corpus) -> list[str]:
    """Recordings under the corpus' folders, relative to the raw root, POSIX, sorted; empty where there is no folder."""
    root = paths.raw(corpus.key)
    return sorted(
        file.relative_to(root).as_posix()
        for folder in corpus.folders()
        for file in storage.walk(folder)
        if file.suffix.lower() in audio.SUFFIXES
    )


def describe(corpus: Corpus, file: str, *, parse: Callable[[str], Recording]) -> tuple[dict, str]:
    """What the name of `file` (as `files` gives it) says: the columns up to `source_emotion`, and an empty reason.

    `parse` is `corpus.parser()`, made once a scan. Where the name is not understood, `path` and `file` alone and the
    reason.
    """
    readable = file.encode(errors="backslashreplace").decode()
    if readable != file:
        return {"path": "", "file": readable}, "unreadable name: expected UTF-8; rename the file or its folder"
    name = unicodedata.normalize("NFC", file.split("/", 1)[-1]).rsplit(".", 1)[0]
    try:
        recording = parse(name)
        emotion = harmonize(recording.source_emotion, own=corpus.emotions)
    except ValueError as error:
        return {"path": "", "file": file}, str(error)
    return {
        "path": unicodedata.normalize("NFC", f"{corpus.key}/{recording.name}"),
        "file": file,
        "corpus": corpus.key,
        "speaker": f"{corpus.key}/{recording.speaker}",
        "sex": recording.sex,
        "language": recording.language or corpus.language,
        "text": recording.text,
        "intensity": recording.intensity,
        "emotion": emotion,
        "source_emotion": recording.source_emotion,
    }, ""


def examine(recordings: list[Path], *, workers: int | None = None) -> list[dict]:
    """`audio.examine` of each file in parallel, in order; `{"reason": …}` for those it refuses."""
    chunks = [recordings[i : i + _CHUNK] for i in range(0, len(recordings), _CHUNK)]
    pool = Parallel(n_jobs=workers or os.cpu_count(), return_as="generator")
    results = []
    with progress((), label="decoding", total=len(recordings)) as bar:
        for chunk in pool(delayed(_examine)(chunk) for chunk in chunks):
            results += chunk
            bar.update(len(chunk))
    return results


def save(index: pd.DataFrame, rejected: pd.DataFrame, *, profile: str) -> None:
    """Write both tables of a profile atomically."""
    with storage.atomic(paths.rejected(profile)) as temporary:
        rejected.to_csv(temporary, index=False, lineterminator="\n")
    with storage.atomic(paths.index(profile)) as temporary:
        index.to_parquet(temporary, index=False)


def load(profile: str) -> pd.DataFrame:
    """The index of a profile; raises `FileNotFoundError` saying what makes it."""
    if not paths.index(profile).is_file():
        raise FileNotFoundError(f"no index at {paths.index(profile)}: run notebooks/10_indexing.ipynb first")
    return pd.read_parquet(paths.index(profile))


def load_rejected(profile: str) -> pd.DataFrame:
    """The rejected files of a profile; raises `FileNotFoundError` saying what makes the table."""
    if not paths.rejected(profile).is_file():
        raise FileNotFoundError(f"no table at {paths.rejected(profile)}: run notebooks/10_indexing.ipynb first")
    return pd.read_csv(paths.rejected(profile), keep_default_na=False)


def kinds(rejected: pd.DataFrame) -> pd.Series:
    """The kind of each reason of a table of rejected files, such as `silent`."""
    return rejected.reason.str.split(":").str[0]


def _examine(recordings: list[Path]) -> list[dict]:
    results = []
    for recording in recordings:
        try:
            results.append(audio.examine(recording))
        except (ValueError, OSError) as error:
            results.append({"reason": str(error)})
    return results


def _without_duplicates(index: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split an index sorted by path and file into what stays and what goes, the latter with a reason.

    What is true of a recording wherever it lies is said in project paths, what is true of a copy in files.
    """
    names, files, emotions, sounds = (index[c].tolist() for c in ("path", "file", "emotion", "pcm_sha256"))
    reasons, first, alike = [""] * len(index), {}, {}
    for i, path in enumerate(names):
        original = first.setdefault(path, i)
        if original == i:
            alike.setdefault(sounds[i], []).append(i)
        else:
            what = "the same audio as" if sounds[i] == sounds[original] else "the same name, other audio than"
            reasons[i] = f"duplicate file: {what} {files[original]}"
    for group in alike.values():
        if len({emotions[i] for i in group}) == 1:
            for i in group[1:]:
                reasons[i] = f"{DUPLICATE}: the same audio as {names[group[0]]}"
        else:
            labels = ", ".join(f"{names[i]} is {emotions[i]}" for i in group)
            for i in group:
                reasons[i] = f"{CONTRADICTORY}: the same audio with different labels ({labels})"
    reasons = pd.Series(reasons, index=index.index, dtype=str)
    return index[reasons == ""].reset_index(drop=True), index.assign(reason=reasons)[reasons != ""]
