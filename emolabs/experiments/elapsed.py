"""Seconds of an interrupted training: those up to its last checkpoint count, what came after it is done again."""

import time
from pathlib import Path

from emolabs import storage

#: Beside the checkpoint while a run trains: when this sitting began, and the seconds of those before it.
FILE = "elapsed.json"


def resume(folder: Path) -> float:
    """The seconds that earlier sittings in `folder` spent up to the checkpoint there, 0 without one; a sitting begins.

    Times are those of the clock on the wall, as the files of a run have them. A checkpoint that is older than the last
    sitting adds nothing. Raises `ValueError` where the file is no JSON, `KeyError` where it lacks one of its two
    numbers, and `OSError` where it cannot be written; deleting it forgets the earlier sittings and nothing else.
    """
    file, checkpoint, before = folder / FILE, folder / "checkpoint.pt", 0.0
    if file.is_file() and checkpoint.is_file():
        last = storage.read_json(file)
        before = last["before"] + max(0.0, checkpoint.stat().st_mtime - last["started"])
    storage.write_json(file, {"before": before, "started": time.time()})
    return before
