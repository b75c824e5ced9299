"""Verification: whether results made here are those that were committed, number by number.

    python -m emolabs.experiments.verification thesis [--against results.csv]

Two trainings on different machines give different last digits. So a number counts as equal within `TOLERANCE`, and as
near where it lies in the interval of the committed one; what lies outside, is missing, or was evaluated on another
partition is listed, and the command then ends with 1. Committed results are those of the repository's last commit;
only where there is no repository those of the disk. Compared is what `partitions` lets stand, as in the committed
table; what it leaves out is named first.
"""

import argparse
import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from emolabs import paths
from emolabs.experiments import partitions, results

#: Half a point in a hundred: what the same training on another machine may differ by.
TOLERANCE = 0.005
KEY = list(results.COLUMNS[:7])
#: What a comparison can say, from good to bad.
VERDICTS = ("equal", "within interval", "outside interval", "different", "other partition", "missing here", "new here")


def compare(here: pd.DataFrame, committed: pd.DataFrame, *, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """A line per number of two tables of `results.long`: its key, `here`, `committed`, `low`, `high` and a `verdict`.

    `tolerance` is a share. Scores without an interval, such as recalls, are `equal` or `different`.
    Raises `ValueError` where a table lacks columns or holds a number twice.
    """
    for name, table in (("the results here", here), ("the committed results", committed)):
        missing = [column for column in results.COLUMNS if column not in table]
        if missing:
            raise ValueError(f"{name} lack the columns {missing}: expected a table such as figures/thesis/results.csv")
        if table.duplicated(KEY).any():
            twice = ", ".join(map(str, table.loc[table.duplicated(KEY), KEY].iloc[0]))
            raise ValueError(f"{name} hold a number twice ({twice}): make the table anew with 40_evaluation")
    tables = [table.astype({"fold": str, "seed": int}) for table in (here, committed)]
    both = tables[0].merge(tables[1], on=KEY, how="outer", suffixes=("_here", ""), indicator="side")
    lines = both[KEY].assign(here=both.value_here, committed=both.value, low=both.low, high=both.high)
    lines["verdict"] = [_verdict(line, tolerance=tolerance) for line in both.itertuples()]
    return lines


def _verdict(line, *, tolerance: float) -> str:
    if line.side != "both":
        return "missing here" if line.side == "right_only" else "new here"
    if line.manifest_here != line.manifest:
        return "other partition"
    if abs(line.value_here - line.value) <= tolerance:
        return "equal"
    if pd.isna(line.low):
        return "different"
    return "within interval" if line.low <= line.value_here <= line.high else "outside interval"


def committed(profile: str) -> pd.DataFrame:
    """The table of results that the repository's last commit holds. Where the project is no git repository, the one on
    the disk, and standard error says so: it may be that of these very results.

    Raises `FileNotFoundError` where there is none, or where the repository does not hold it or cannot be asked.
    """
    file = paths.figures(profile) / "results.csv"
    command = ["git", "show", f"HEAD:./{file.relative_to(paths.ROOT).as_posix()}"]
    words = {"capture_output": True, "encoding": "utf-8", "env": {**os.environ, "LC_ALL": "C"}}
    try:
        done = subprocess.run(command, cwd=paths.ROOT, **words)
        text, why = done.stdout, " ".join(done.stderr.split())
        in_repository = "not a git repository" not in why
    except FileNotFoundError:
        text, why, in_repository = "", "git is not installed", (paths.ROOT / ".git").exists()
    if not in_repository and file.is_file():
        print(f"no git repository here: compared with {file}, which may have been made from them", file=sys.stderr)
        text = file.read_text(encoding="utf-8")
    if not text:
        raise FileNotFoundError(
            f"no committed results of {profile}: expected {file.relative_to(paths.ROOT)} in the repository's last "
            f"commit, found none ({why}); the demo commits none: name a profile that does, such as thesis, or a table "
            f"with --against"
        )
    return pd.read_csv(io.StringIO(text), dtype={"fold": str, "manifest": str})


def summary(lines: pd.DataFrame) -> str:
    """How many numbers have which verdict, then the pooled UAR of every row whose UAR is neither equal nor near."""
    counts = lines.verdict.value_counts()
    text = [f"{counts[verdict]:6,} {verdict}" for verdict in VERDICTS if verdict in counts]
    rows = lines[(lines.fold == "all") & (lines.corpus == "overall") & (lines.metric == "uar")]
    for line in rows[~rows.verdict.isin(VERDICTS[:2])].itertuples():
        name = f"{line.pipeline}, {line.protocol}, {line.scope}, seed {line.seed}"
        text.append(f"{line.verdict}: {name}: UAR here {line.here:.3f}, committed {line.committed:.3f}")
    return "\n".join(text)


def main() -> None:
    """Print how the results here compare; ends with 1 where a number is neither equal nor within its interval."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.experiments.verification", description=__doc__)
    parser.add_argument("profile")
    parser.add_argument("--against", type=Path, help="a table of results; default: the committed one of the profile")
    chosen = parser.parse_args()
    try:
        reference = pd.read_csv(chosen.against, dtype={"fold": str}) if chosen.against else committed(chosen.profile)
        evaluation = partitions.read(chosen.profile)
        lines = compare(results.long(evaluation.every), reference)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    for sentence in evaluation.sentences():
        print(sentence, file=sys.stderr)
    print(summary(lines))
    sys.exit(int(not lines.verdict.isin(VERDICTS[:2]).all()))


if __name__ == "__main__":
    main()
