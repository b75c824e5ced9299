"""What `make retrain` trains again: the results of a profile that are stale, and those that cannot be read.

python -m emolabs.experiments.retraining thesis     prints their summaries, which Snakemake is asked for
"""

import argparse
import sys

from emolabs import paths
from emolabs.experiments import results
from emolabs.experiments.runs import Row


def wanted(profile: str) -> tuple[list[Row], list[str]]:
    """The rows that are to be trained again, and a sentence for each row that cannot be read or has left the tables.

    Raises `FileNotFoundError` as `results.rows` does.
    """
    again, sentences = [], []
    for row in results.rows(profile):
        why = results.gone(row)
        if not why:
            try:
                is_wanted = results.load(row).stale
            except (FileNotFoundError, ValueError) as error:
                why, is_wanted = str(error), True
            again += [row] * is_wanted
        sentences += [f"{row.pipeline} under {row.protocol}, {row.scope}, seed {row.seed}: {why}"] * bool(why)
    return again, sentences


def main() -> None:
    """Print the summaries, as seen from the root; standard error says what cannot be read, and what left the tables."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.experiments.retraining", description=__doc__)
    parser.add_argument("profile")
    try:
        again, sentences = wanted(parser.parse_args().profile)
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(*sentences, sep="\n", end="\n" * bool(sentences), file=sys.stderr)
    print(*(row.summary.relative_to(paths.ROOT) for row in again))


if __name__ == "__main__":
    main()
