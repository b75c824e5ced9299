"""The weights of the pretrained encoders: `python -m emolabs.extraction.obtain` fetches those that are not here."""

import argparse
import sys

from emolabs.modeling import weights


def main() -> int:
    """Say of each encoder where its weights are, fetching what is missing; with `--here` only name those that are."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.extraction.obtain", description=__doc__)
    parser.add_argument("--here", action="store_true", help="only print the branches whose weights are here")
    if parser.parse_args().here:
        print(*(branch for branch in weights.ENCODERS if weights.is_here(branch)))
        return 0
    missing = 0
    for branch, source in weights.ENCODERS.items():
        try:
            print(f"{branch}: {source.hub} ({source.licence}) is in {weights.find(branch)}")
        except FileNotFoundError as error:
            missing += 1
            print(f"{branch}: {error}", file=sys.stderr)
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
