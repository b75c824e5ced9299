"""What a benchmark is made of: interleaved medians, rows with a verdict, one table and the facts of the machine."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Settings:
    """How much is measured: `clips` bounds every benchmark (None: its own number), `folder` is scratch space."""

    clips: int | None
    repeats: int
    full: bool
    folder: Path

    def limit(self, clips: int) -> int:
        """The smaller one of `clips` and the bound."""
        return clips if self.clips is None else min(clips, self.clips)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison. `ratio` shall be at least `target`, or at most where `at_most` is set; no target, no verdict."""

    name: str
    ours: str
    compared_to: str
    ratio: float | None = None
    target: float | None = None
    at_most: bool = False
    unit: str = "×"
    note: str = ""

    @property
    def verdict(self) -> str:
        """`pass`, `miss`, or nothing where there is no target."""
        if self.target is None or self.ratio is None:
            return ""
        return "pass" if (self.ratio <= self.target if self.at_most else self.ratio >= self.target) else "miss"

    def cells(self) -> dict[str, str]:
        """The row of the table."""
        sign = "≤" if self.at_most else "≥"
        return {
            "benchmark": self.name,
            "ours": self.ours,
            "compared to": self.compared_to,
            "ratio": "" if self.ratio is None else f"{self.ratio:.2f} {self.unit}",
            "target": "" if self.target is None else f"{sign} {self.target:g} {self.unit}",
            "verdict": self.verdict,
            "note": self.note,
        }


def interleave(candidates: dict[str, Callable[[], object]], *, repeats: int) -> dict[str, float]:
    """Median seconds of each candidate over `repeats` rounds; every round runs all of them, one after the other."""
    seconds = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            began = time.perf_counter()
            candidate()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def per_clip(seconds: float, *, clips: int) -> str:
    """Seconds in words, with the milliseconds a clip."""
    return f"{seconds:.2f} s ({1000 * seconds / clips:.2f} ms a clip)"


def machine() -> dict[str, str]:
    """Facts without which no number means anything."""
    import torch  # here, because it would weigh on every process whose memory is measured

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "cores": str(os.cpu_count()),
        "CPU": _cpu_model(),
        "GPU": gpu,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load at the start": load,
    }


def markdown(rows: list[Row], *, facts: dict[str, str]) -> str:
    """The table, readable as it stands, under a line of facts."""
    table = [list(row.cells().values()) for row in rows]
    header = list(Row(name="", ours="", compared_to="").cells())
    widths = [max(len(line[i]) for line in [header, *table]) for i in range(len(header))]
    lines = [[*header], ["-" * width for width in widths], *table]
    text = "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines)
    return "; ".join(f"{key}: {value}" for key, value in facts.items()) + "\n\n" + text + "\n"


def write(rows: list[Row], *, facts: dict[str, str], folder: Path) -> None:
    """Leave `benchmarks.md` and `benchmarks.csv` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(markdown(rows, facts=facts), encoding="utf-8")
    table = pd.DataFrame([row.cells() | facts for row in rows])
    table.to_csv(folder / "benchmarks.csv", index=False, lineterminator="\n")


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
