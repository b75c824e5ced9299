"""Memory of a training: what it has read of a mapped store is let go of, and what it has freed goes back.

A page that was read through a mapping counts as a process's own until the system needs it elsewhere, although it lies
in the system's cache all the same; schedulers that bound the memory of a job count it, too. And the C library keeps
what was freed between blocks in use, so that a process grows from fold to fold.
"""

import ctypes
import gc
import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

#: From here on pages are let go of, GiB, and how often it is looked, seconds.
LIMIT_GIB, INTERVAL_S = 2.4, 0.2
_STATUS = Path("/proc/self/statm")  # pages: size, resident, ...


@contextmanager
def bounded(
    values: np.ndarray | None, *, limit_gib: float = LIMIT_GIB, interval_s: float = INTERVAL_S
) -> Iterator[None]:
    """While something runs inside, let go of the pages of the mapped `values` whenever the process holds more than
    `limit_gib`; whoever reads them again finds them in the system's cache.

    Does nothing where `values` are not mapped, or where the system does not say what a process holds (Linux does).
    """
    mapped, ended = _mapping(values), threading.Event()
    if mapped is None or not _STATUS.is_file():
        yield
        return

    def watch() -> None:
        """Look until it has ended."""
        while not ended.wait(interval_s):
            if resident_gib() > limit_gib:
                mapped.madvise(mmap.MADV_DONTNEED)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def release() -> None:
    """Give back what is not used any more: cycles of objects, and free memory that the C library holds (glibc)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def resident_gib() -> float:
    """What this process holds in memory, GiB."""
    return int(_STATUS.read_text().split()[1]) * mmap.PAGESIZE / 2**30


def _mapping(values: np.ndarray | None) -> mmap.mmap | None:
    """The mapping under an array, None where it has none."""
    while isinstance(values, np.ndarray):
        values = values.base
    return values if isinstance(values, mmap.mmap) else None
