"""Peak memory of a process and of those it starts.

The peak is what Linux keeps for each process (`VmHWM` in `/proc/<pid>/status`). `ru_maxrss` says the same but is
inherited from the process that started it. Pages that processes share, such as memory-mapped stores, count in each.
"""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from emolabs import paths
from tests.benchmarks.measure import Row

_LOOK_EVERY_S = 0.05


def peaks(module: list[str], *, log: Path) -> tuple[float, list[float]]:
    """Peak GiB of the process that runs a `module` with its arguments, and of each process it started.

    What it writes to stderr goes to `log`. Raises `RuntimeError` with the last lines of it where the process fails.
    """
    found = {}
    with open(log, "w+", encoding="utf-8") as stream:
        with subprocess.Popen([sys.executable, "-m", *module], cwd=paths.ROOT, stderr=stream) as process:
            while process.poll() is None:
                for pid in [process.pid, *_descendants(process.pid)]:
                    found[pid] = max(found.get(pid, 0.0), _high_water_gib(pid))
                time.sleep(_LOOK_EVERY_S)
        if process.returncode:
            stream.seek(0)
            raise RuntimeError(f"{' '.join(module)} failed: {' '.join(stream.read().splitlines()[-3:])}")
    own = found.pop(process.pid)
    return own, [peak for peak in found.values() if peak > 0.05]  # smaller ones are the workers' book-keepers


def _descendants(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _high_water_gib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("VmHWM:")), 0.0)


def memory_row(name: str, *, own: float, others: list[float], limit_gib: float, note: str) -> Row:
    """The row of a step whose peaks, as `peaks` returns them, shall add up to at most `limit_gib`."""
    return Row(
        name=name,
        ours=f"{own:.2f} GiB, largest of its {len(others)} workers {max(others, default=0.0):.2f} GiB",
        compared_to="the sum of all peaks",
        ratio=own + sum(others),
        target=limit_gib,
        at_most=True,
        unit="GiB",
        note=note,
    )
