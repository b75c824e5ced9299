"""The manifest of a profile's figures: which file is what, from what, and with which bytes.

`figures/<profile>/manifest.csv` has one row per file, sorted by file: `file, id, title, provenance, parameters, data,
sha256`; `parameters` and `data` are digests, empty where none was given.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock
import pandas as pd

from emolabs import paths, storage
from emolabs.reporting.catalogue import Entry

#: Columns of the manifest, in order.
COLUMNS = ("file", "id", "title", "provenance", "parameters", "data", "sha256")


@dataclass(frozen=True)
class Record:
    """What is known of an item: its row of the catalogue, profile, provenance and the digests of what made it."""

    entry: Entry
    profile: str
    provenance: str
    parameters: str
    data: str

    def to_json(self) -> str:
        """The record in one line of ASCII, as it is embedded in files."""
        fields = {"id": self.entry.id, "profile": self.profile, "provenance": self.provenance}
        return json.dumps({**fields, "parameters": self.parameters, "data": self.data})


def describe_item(entry: Entry, *, profile: str, provenance: str, parameters: object, data: object) -> Record:
    """The record of an item. `parameters` and `data` are digested: a string is taken to be a digest already, a
    DataFrame counts by its rows, anything else by its JSON.

    Raises `ValueError` with a sentence for an empty profile or provenance, and for what has no digest.
    """
    for name, value, example in (
        ("profile", profile, "'demo'"),
        ("provenance", provenance, "describe(['ravdess'], opus=False, protocol='hash')"),
    ):
        if not isinstance(value, str) or not value.strip():
            raise ValueError(
                f"Expected a {name} for {entry.id!r}, found {value!r}: nothing is saved without it. "
                f"Pass {name}={example} or the like."
            )
    line = " ".join(provenance.split())
    return Record(entry, profile, line, _digest(parameters, "parameters", entry), _digest(data, "data", entry))


def publish(files: Mapping[str, bytes], record: Record) -> list[Path]:
    """Write `files` (name → bytes) into the figures of the record's profile and enter them into the manifest.

    Processes that publish into one profile at once take turns; each file and the manifest are complete or untouched.
    Rows of files that are gone are dropped. Returns the paths, in the order of `files`.

    Raises `ValueError` with a sentence where the manifest on disk is not one.
    """
    folder = paths.figures(record.profile)
    lock = paths.interim(record.profile) / "figures.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(lock):
        rows = _read(folder / "manifest.csv")
        for name, content in files.items():
            with storage.atomic(folder / name) as temporary:
                temporary.write_bytes(content)
            rows[name] = {
                "file": name,
                "id": record.entry.id,
                "title": record.entry.title,
                "provenance": record.provenance,
                "parameters": record.parameters,
                "data": record.data,
                "sha256": storage.sha256(content),
            }
        _write(folder / "manifest.csv", [rows[name] for name in sorted(rows) if (folder / name).exists()])
    return [folder / name for name in files]


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Rows of the manifest at `path` by file; none where there is no file."""
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS or any(None in (*row, *row.values()) for row in rows):
        raise ValueError(
            f"Expected a manifest with the columns {', '.join(COLUMNS)} in {path}, found "
            f"{', '.join(reader.fieldnames or ['nothing'])} or rows of another length. "
            f"Restore or delete that file and save the figures again."
        )
    return {row["file"]: row for row in rows}


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    storage.write_text(path, buffer.getvalue())


def _digest(value: object, name: str, entry: Entry) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, pd.DataFrame):
        return storage.digest(value.to_csv(lineterminator="\n"))
    try:
        return storage.digest(value)
    except TypeError as error:
        raise ValueError(
            f"Expected {name} of {entry.id!r} to be a digest, a DataFrame or plain JSON values, found "
            f"{type(value).__name__} ({error}). Convert paths and arrays to strings, numbers or lists first."
        ) from error
