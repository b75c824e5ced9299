"""Utilization: how busy the processor and the GPU are while something runs, as shares in 0–1.

The processor's is the processor time of this process, and of processes it has waited for, over the time of all cores
that it may use. The GPU's is the mean of samples of what NVML calls utilization: the share of the last sample period in
which any kernel ran, whoever started it. A kernel that fills a corner of the GPU counts like one that fills it; for
how much of its arithmetic is used, see the benchmarks.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import joblib
import numpy as np

INTERVAL_S = 1.0  # NVML's own sample periods are between 1/6 s and 1 s


@contextmanager
def measured(
    *, gpu: Callable[[], float | None] | None = None, interval_s: float = INTERVAL_S
) -> Iterator[dict[str, float | None]]:
    """Measure what runs inside. The dictionary is filled when it ends, also by an error: `cpu_utilization` and
    `gpu_utilization`, rounded to three digits; the latter is None where there is no GPU or it cannot be asked.

    `gpu` says how busy the GPU is now (default: `gpu_share`); it is asked every `interval_s` seconds and at the end.
    """
    found: dict[str, float | None] = {}
    ask, samples, ended = gpu or gpu_share, [], threading.Event()

    def watch() -> None:
        """Ask until it has ended, or cannot be asked."""
        is_over = False
        while not is_over:
            is_over = ended.wait(interval_s)
            samples.append(ask())
            if samples[-1] is None:
                return

    watcher = threading.Thread(target=watch, daemon=True)
    started, spent = time.perf_counter(), _processor_s()
    watcher.start()
    try:
        yield found
    finally:
        busy = (_processor_s() - spent) / ((time.perf_counter() - started) * joblib.cpu_count())
        ended.set()
        watcher.join()
        known = [sample for sample in samples if sample is not None]
        found["cpu_utilization"] = round(busy, 3)
        found["gpu_utilization"] = round(float(np.mean(known)), 3) if known else None


def gpu_share() -> float | None:
    """How busy PyTorch's current GPU is now (0–1), None where there is none, its driver does not say or nothing in this
    process has loaded PyTorch."""
    torch = sys.modules.get("torch")
    if not torch or not torch.cuda.is_available():
        return None
    try:
        return torch.cuda.utilization() / 100
    except Exception:  # NVML's errors have no common base with torch's, and none is worth a training
        return None


def _processor_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
