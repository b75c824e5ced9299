"""Run the benchmarks and print one table; a benchmark is a row of `BENCHMARKS`.

python -m tests.benchmarks [--only NAME ...] [--clips N] [--repeats N] [--full] [--out FOLDER]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import (
    arithmetic,
    coverage,
    data,
    embeddings,
    epochs,
    indexing,
    measure,
    memory,
    normalization,
    scale,
    spectrograms,
)
from tests.benchmarks import notebooks as one_notebook

#: Every benchmark: `run(settings)` returns its rows.
BENCHMARKS = {
    "indexing": indexing.run,
    "normalization": normalization.run,
    "logmel": spectrograms.run,
    "embeddings": embeddings.run,
    "arithmetic": arithmetic.run,
    "training": epochs.run,
    "notebook": one_notebook.run,
    "memory": memory.run,
    "scale": scale.run,
    "coverage": coverage.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure every step.")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--clips", type=int, help="at most so many clips in every benchmark")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--full", action="store_true", help="also the peak memory of every step on all clips")
    parser.add_argument("--out", type=Path, help="also write benchmarks.md and benchmarks.csv to this folder")
    chosen = parser.parse_args(arguments)
    facts = measure.machine() | {"data": data.description(), "rounds": str(chosen.repeats)}
    rows = []
    with tempfile.TemporaryDirectory(prefix="emolabs-bench-") as folder:
        for name in chosen.only:
            print(f"{name} …", file=sys.stderr, flush=True)
            scratch = Path(folder, name)
            scratch.mkdir()
            rows += BENCHMARKS[name](measure.Settings(chosen.clips, chosen.repeats, chosen.full, scratch))
    print(measure.markdown(rows, facts=facts))
    if chosen.out:
        measure.write(rows, facts=facts, folder=chosen.out)
    return int(any(row.verdict == "miss" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
