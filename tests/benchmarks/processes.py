"""Peak memory of a process and of those it starts.

Together they take at a moment what Linux calls their proportional set size (`Pss` in `/proc/<pid>/smaps_rollup`), in
which pages that processes share, such as a memory-mapped store, count once. It is looked at five times a second.
The peak that Linux keeps of each process by itself (`VmHWM` in `/proc/<pid>/status`) misses no moment and bounds it
from below. `ru_maxrss` says the latter too but is inherited from the process that started it.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from emolabs import paths
from tests.benchmarks.measure import Row

_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Peaks:
    """GiB: all processes at once at their highest, and the peak of each by itself, the one that started them first."""

    together: float
    each: tuple[float, ...]


def peaks(module: list[str], *, log: Path) -> Peaks:
    """The peaks of the process that runs a `module` with its arguments, with those it started.

    What it writes to stderr goes to `log`. Raises `RuntimeError` with the last lines of it where the process fails.
    """
    each, together = {}, 0.0
    with open(log, "w+", encoding="utf-8") as stream:
        with subprocess.Popen([sys.executable, "-m", *module], cwd=paths.ROOT, stderr=stream) as process:
            while process.poll() is None:
                found, own = _at_once([process.pid, *_descendants(process.pid)])
                together = max(together, found)
                each = {pid: max(each.get(pid, 0.0), own.get(pid, 0.0)) for pid in {**each, **own}}
                time.sleep(_LOOK_EVERY_S)
        if process.returncode:
            stream.seek(0)
            raise RuntimeError(f"{' '.join(module)} failed: {' '.join(stream.read().splitlines()[-3:])}")
    own = each.pop(process.pid, 0.0)
    others = [peak for peak in each.values() if peak > 0.05]  # smaller ones are the workers' book-keepers
    return Peaks(max(together, own, *others), (own, *others))


def _at_once(pids: list[int]) -> tuple[float, dict[int, float]]:
    """What processes take together now, 0 where one ended meanwhile: its share fell to those still to be read."""
    living = [pid for pid in pids if _gib(pid, "status", "VmHWM:")]
    together = sum(_gib(pid, "smaps_rollup", "Pss:") for pid in living)
    own = {pid: _gib(pid, "status", "VmHWM:") for pid in living}
    return together * all(own.values()), own


def _descendants(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _gib(pid: int, file: str, key: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0.0
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith(key)), 0.0)


def memory_row(name: str, found: Peaks, *, limit_gib: float, note: str) -> Row:
    """The row of a step whose processes shall together take at most `limit_gib`; the sum of their peaks is told too."""
    own, *others = found.each
    return Row(
        name=name,
        ours=f"{own:.2f} GiB, largest of its {len(others)} workers {max(others, default=0.0):.2f} GiB",
        compared_to=f"all at once; their peaks add up to {sum(found.each):.2f} GiB, shared pages counted in each",
        ratio=found.together,
        target=limit_gib,
        at_most=True,
        unit="GiB",
        note=note,
    )
