"""Indexing: every file decoded and hashed, against one worker and against nothing but reading and hashing."""

import hashlib
from pathlib import Path

import soundfile
from joblib import Parallel, delayed

from emolabs.corpora import index
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave, per_clip

WORKERS = 2
_CHUNK = 64


def run(settings: Settings) -> list[Row]:
    """Two rows: how it scales with workers, and what the checks cost."""
    recordings = data.recordings()
    files = data.files(recordings.head(settings.limit(len(recordings))))
    _plain(files[: 2 * _CHUNK])  # starts the workers
    seconds = interleave(
        {
            "one": lambda: index.examine(files, workers=1),
            "two": lambda: index.examine(files, workers=WORKERS),
            "plain": lambda: _plain(files),
        },
        repeats=settings.repeats,
    )
    said = {name: per_clip(value, clips=len(files)) for name, value in seconds.items()}
    note = f"{len(files):,} files, {WORKERS} workers"
    return [
        Row(
            name="indexing: two workers",
            ours=said["two"],
            compared_to=f"one worker: {said['one']}",
            ratio=seconds["one"] / seconds["two"],
            target=1.6,
            note=note,
        ),
        Row(
            name="indexing: cost of the checks",
            ours=said["two"],
            compared_to=f"soundfile.read + SHA-256: {said['plain']}",
            ratio=seconds["two"] / seconds["plain"],
            target=1.25,
            at_most=True,
            note=note,
        ),
    ]


def _plain(files: list[Path]) -> list[str]:
    chunks = [files[i : i + _CHUNK] for i in range(0, len(files), _CHUNK)]
    return sum(Parallel(n_jobs=WORKERS)(delayed(_hash)(chunk) for chunk in chunks), [])


def _hash(files: list[Path]) -> list[str]:
    hashes = []
    for file in files:
        try:
            samples, _ = soundfile.read(file, dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            continue
        hashes.append(hashlib.sha256(samples.data).hexdigest())
    return hashes
