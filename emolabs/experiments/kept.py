"""Kept tables: measured once, where models or features are, and read from then on by whoever has neither.

A table is `<name>.csv`, and `<name>.json` beside it, written last, says what it was made from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emolabs import storage


@dataclass(frozen=True)
class Kept:
    """A table, what it was made from, and whether that is something else by now."""

    table: pd.DataFrame
    made_from: dict
    stale: bool


def measured(
    file: Path, *, made_from: dict | None, make: Callable[[], pd.DataFrame], command: str, keeps: bool = False
) -> Kept:
    """The table `file` (`….csv`), measured anew by `make` where it is missing or was made from something else.

    `made_from` (anything that JSON can hold) is None where what it takes is not on this machine; what lies there is
    read then. With `keeps` a table stands that was made from something else, and is stale.
    Raises `FileNotFoundError` naming the `command` where there is no table and nothing to make it from.
    """
    about = file.with_suffix(".json")
    there = storage.read_json(about) if about.is_file() and file.is_file() else None
    if there is None and made_from is None:
        raise FileNotFoundError(f"there is no {file.name} and what it is measured on is not here: {command} makes it")
    if there is None or (made_from not in (None, there) and not keeps):
        about.unlink(missing_ok=True)
        with storage.atomic(file) as temporary:
            make().to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
        storage.write_json(about, made_from)
        there = made_from
    table = pd.read_csv(file).copy()  # in one piece: as it is read, columns are added to it slowly
    return Kept(table, there, stale=made_from not in (None, there))
