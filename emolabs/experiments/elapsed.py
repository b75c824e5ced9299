"""Seconds of an interrupted training: those up to its last checkpoint count, what came after it is done again.

Where the code has changed since, the training starts anew, and none of them count.
"""

import time
from pathlib import Path

from emolabs import storage

#: Beside the checkpoint while a run trains: when this sitting began, the digest of its code, and the seconds of those
#: before it.
FILE = "elapsed.json"


def resume(folder: Path, *, code: str) -> float:
    """The seconds that earlier sittings in `folder` spent up to the checkpoint there; 0 without one, and where the last
    of them had another digest than `code`. A sitting begins.

    Times are those of the clock on the wall, as the files of a run have them. A checkpoint that is older than the last
    sitting adds nothing. A file that does not say its code was written before files did, and counts.
    Raises `ValueError` where the file is no JSON, `KeyError` where it lacks one of its two numbers, and `OSError` where
    it cannot be written; deleting it forgets the earlier sittings and nothing else.
    """
    file, checkpoint, before = folder / FILE, folder / "checkpoint.pt", 0.0
    if file.is_file() and checkpoint.is_file():
        last = storage.read_json(file)
        spent = last["before"] + max(0.0, checkpoint.stat().st_mtime - last["started"])
        before = spent if last.get("code", code) == code else 0.0
    storage.write_json(file, {"before": before, "started": time.time(), "code": code})
    return before
