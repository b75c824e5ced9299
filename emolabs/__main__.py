"""`python -m emolabs predict RUN FILES…`: what a finished run says of recordings."""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m emolabs", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("predict", help="the probability of each emotion in recordings")
    command.add_argument("run", type=Path, help="folder of a finished run: runs/…/fold<f>/seed<k>")
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings (.wav .flac .ogg .opus .mp3)")
    command.add_argument(
        "--weights", default="", help="folder of the frozen encoder, where it is not found by its name"
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="form", const="json", help="JSON in place of a table")
    form.add_argument("--csv", action="store_const", dest="form", const="csv", help="CSV in place of a table")
    command.set_defaults(run_command=predict, form="table")
    options = parser.parse_args(arguments)
    return options.run_command(options)


def predict(options: argparse.Namespace) -> int:
    """Print what the run says of each file; 1 where a file could not be heard, 2 where the run cannot be used."""
    from emolabs import modeling  # after the command line is understood: it takes seconds

    try:
        model = modeling.load(options.run, weights=options.weights)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    lines, faults = [], 0
    for file in options.files:
        try:
            found = model.predict(file)
        except (OSError, ValueError) as error:
            faults += 1
            print(f"{file}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
            continue
        lines.append({"file": str(file), "emotion": found.emotion, **found.probabilities})
        duration_s, heard_s = len(found.wave) / found.sample_rate_hz, found.heard_s[1] - found.heard_s[0]
        if heard_s < duration_s - 0.1:
            print(f"{file}: {heard_s:.1f} s around the centre of {duration_s:.1f} s are heard", file=sys.stderr)
    if lines or options.form != "table":  # what machines read is whole without a line, too
        print(_FORMS[options.form](pd.DataFrame(lines, columns=["file", "emotion", *model.labels])))
    if faults:
        print(f"{faults} of {len(options.files)} files could not be heard", file=sys.stderr)
    return int(faults > 0)


_FORMS = {
    "table": lambda table: table.to_string(index=False, float_format="{:.3f}".format),
    "csv": lambda table: table.to_csv(index=False, float_format="%.6f", lineterminator="\n").rstrip(),
    "json": lambda table: json.dumps(table.round(6).to_dict("records"), indent=2, ensure_ascii=False),
}

if __name__ == "__main__":
    sys.exit(main())
