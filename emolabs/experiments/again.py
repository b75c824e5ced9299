"""Second trainings: finished rows trained once more in a folder of their own, and what came out differently.

    python -m emolabs.experiments.again thesis "whisper-linear speaker pooled" "logmel-cnn3-attention hash emodb"
    python -m emolabs.experiments.again thesis "whisper-linear hash emodb" --keep FOLDER --epochs 3

Parameters, seed, features and partition are those of the first training, whose code must be that of now; where the kind
of device or a version of Python or a package is another, this is said. The folder is removed afterwards, and no result
is replaced: the table says how many answers are the same, and by how much the scores moved against the tolerance of
`verification`. Scores are shares in 0–1. With `--same-code` it is code that is tried, on rows that it made stale: see
`same_code`; `--keep` leaves second trainings in a folder, for that alone.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from emolabs import params, paths, storage
from emolabs.experiments import metrics, partitions, results, verification
from emolabs.experiments.results import Result
from emolabs.experiments.runs import Row, train
from emolabs.modeling import get_pipeline
from emolabs.modeling.training import Training
from emolabs.reporting import interval, over_mark

KEY = ["protocol", "scope", "pipeline", "seed"]


@dataclass(frozen=True, kw_only=True)
class Second(Row):
    """A row that is trained in the folder `home`, whatever has been trained of it before."""

    home: str

    def folder(self, fold: int) -> Path:
        """The run's folder of one fold."""
        return paths.ROOT / self.home / "runs" / f"fold{fold}" / f"seed{self.seed}"

    def results(self, fold: int) -> Path:
        """Where the compact results of one fold go."""
        return paths.ROOT / self.home / "results" / f"fold{fold}" / f"seed{self.seed}"


def name(row: Row) -> str:
    """What a row is called: `pipeline protocol scope`, and the seed where it is not 0."""
    return f"{row.pipeline} {row.protocol} {row.scope}" + (f" {row.seed}" if row.seed else "")


def home_of(row: Row, folder: Path) -> Path:
    """Where the second training of a row lies in a folder of `--keep`."""
    return folder.resolve() / name(row).replace(" ", "_")


def find(profile: str, names: Sequence[str]) -> list[Result]:
    """The results of the rows of these names; without a seed a name is that of the lowest there is.

    Raises `ValueError` naming those that are not there, and as `results.rows` and `results.load` do.
    """
    known: dict[str, Row] = {}
    for row in sorted(results.rows(profile), key=lambda row: row.seed):
        known[name(row)] = row
        known.setdefault(f"{row.pipeline} {row.protocol} {row.scope}", row)
    if unknown := [called for called in names if called not in known]:
        raise ValueError(
            f"no finished row is called {', '.join(map(repr, unknown))}: expected one such as {min(known)!r}"
        )
    return [results.load(known[called]) for called in names]


def second(row: Row, *, home: Path) -> Second:
    """A row as it is trained once more in a folder."""
    return Second(**{name: getattr(row, name) for name in ("profile", *KEY)}, home=str(home))


def train_again(first: Result, *, home: Path, stale: bool = False, epochs: int = 0) -> Result:
    """The row of a result trained once more in `home`, an empty folder within the project, with the code of now; for
    so many `epochs` where these are given.

    Raises `ValueError` where that is other code and `stale` does not allow it, and as `runs.train` does.
    """
    row = first.row
    if first.stale and not stale:
        raise ValueError(
            f"{row.pipeline} under {row.protocol}, {row.scope}: the code has changed since it was trained, so that a "
            f"second training says nothing about the first; train the row first (`make retrain`)"
        )
    given = first.runs[0]["made_from"]["parameters"]
    given = given | {"epochs": epochs} if given and epochs else given
    weights = params.load(row.profile, get_pipeline(row.pipeline).notebook).get("weights", "")
    train(second(row, home=home), parameters=Training(**given) if given else None, weights=weights)
    return results.load(second(row, home=home))


def compare(first: Result, second: Result) -> dict:
    """What a second training changed: `KEY`, `clips`, `same_answers` (share), `largest_p` (largest difference of a
    probability), `uar, low, high` of the first, `uar_again`, `largest` (largest difference of accuracy, UAR or macro-F1
    over all clips and each corpus), `verdict`: equal within `verification.TOLERANCE`, or `different`,
    `first_on` and `again_on`: the kind of device and the versions; `first_predictions`, a digest that knows the first
    training again."""
    joined = first.predictions.merge(second.predictions, on=["id", "fold"], suffixes=("", "_again"), validate="1:1")
    if not len(joined) == len(first.predictions) == len(second.predictions):
        raise ValueError(f"the two trainings of {first.row.pipeline} evaluated other clips: one partition is expected")
    columns = [f"p_{label}" for label in first.labels]
    apart = np.abs(joined[columns].to_numpy() - joined[[f"{name}_again" for name in columns]].to_numpy())
    scores = [{"overall": r.scores["overall"], **r.scores["corpora"]} for r in (first, second)]
    moved = [abs(scores[0][on][name][0] - scores[1][on][name][0]) for on in scores[0] for name in metrics.SCORES]
    uar, low, high = first.scores["overall"]["uar"]
    return {
        **{name: getattr(first.row, name) for name in KEY},
        "folds": len(first.runs),
        "clips": len(joined),
        "same_answers": float((joined.prediction == joined.prediction_again).mean()),
        "largest_p": float(apart.max()),
        **{"uar": uar, "low": low, "high": high, "uar_again": second.scores["overall"]["uar"][0]},
        "interval_over": first.scores["overall"]["interval_over"],
        "largest": max(moved),
        "verdict": "equal" if max(moved) <= verification.TOLERANCE else "different",
        "first_on": _machine(first),
        "again_on": _machine(second),
        "first_predictions": _digest(first),
    }


def _digest(result: Result) -> str:
    """Digest of all answers and probabilities, whatever the order of the clips."""
    clips = result.predictions.sort_values(["fold", "id"])
    shares = clips[[f"p_{label}" for label in result.labels]].astype(float)
    return storage.digest([clips[["fold", "id", "prediction"]].values.tolist(), shares.values.tolist()])


def _machine(result: Result) -> str:
    """The kind of device, then all versions that the runs name; which machine it was they do not say."""
    machines = [dict(run["machine"]) for run in result.runs]
    told = {", ".join([m.pop("device"), *(f"{name} {m[name]}" for name in sorted(m))]) for m in machines}
    return "; ".join(sorted(told))


def table(profile: str) -> pd.DataFrame | None:
    """The committed lines of `compare`, None where no row was trained again; `stale` marks those whose first training
    is another one by now, is gone, or is not said."""
    file = _file(profile)
    if not file.is_file():
        return None
    lines = pd.read_csv(file)
    lines = lines.reindex(columns=[*lines, *({"first_predictions"} - {*lines})])  # older ones do not say them
    now = {tuple(getattr(r.row, name) for name in KEY): r for r in partitions.read(profile).every}
    kept = []
    for line in lines.itertuples():
        result = now.get(tuple(getattr(line, name) for name in KEY))
        is_there = result is not None and not result.stale
        kept.append(is_there and _digest(result) == line.first_predictions)
    return lines.assign(stale=[not there for there in kept])


def formatted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `table` for reading, in percent and points."""
    bounds = zip(lines.uar, lines.low, lines.high, lines.interval_over.map(over_mark), strict=True)
    columns = {
        "pipeline": lines.pipeline,
        "where": lines.protocol + ", " + lines.scope,
        "folds": lines.folds,
        "clips": [f"{clips:,}" for clips in lines.clips],
        "UAR (%)": [interval(*values) + mark for *values, mark in bounds],
        "again (%)": [f"{100 * uar:.1f}" for uar in lines.uar_again],
        "same answers (%)": [f"{100 * share:.2f}" for share in lines.same_answers],
        "largest change of a score (points)": [f"{100 * change:.2f}" for change in lines.largest],
        "within the tolerance": lines.verdict.map({"equal": "yes", "different": "no"}),
    }
    shown, is_other = pd.DataFrame(columns), lines.first_on != lines.again_on
    if is_other.any():
        shown["other device or versions"] = is_other.map({True: "yes", False: "no"})
    return shown.assign(stale=lines.stale.map({True: "stale", False: ""})) if lines.stale.any() else shown


def sentence(lines: pd.DataFrame) -> str:
    """The table in words; what is stale is counted apart."""
    is_stale = lines.stale.astype(bool)
    now, gone = lines[~is_stale], int(is_stale.sum())
    said = "No row that stands now was trained a second time."
    if len(now):
        equal, same = int((now.verdict == "equal").sum()), int((now.same_answers == 1).sum())
        rows, them = ("1 row was", "1") if len(now) == 1 else (f"{len(now)} rows were", "them")
        said = (
            f"{rows} trained a second time: {equal} of {them} {'comes' if equal == 1 else 'come'} out within the "
            f"tolerance of {100 * verification.TOLERANCE:g} points in every score, {same} with the same answer for "
            f"every clip; the largest change of a score is {100 * now.largest.max():.2f} points."
        )
        other = int((now.first_on != now.again_on).sum())
        said += f" In {other} of them device or versions were not those of the first training." if other else ""
    compares = "compares with a training that is" if gone == 1 else "compare with trainings that are"
    return said + (f" {gone} more, marked stale, {compares} gone." if gone else "")


def _file(profile: str) -> Path:
    return paths.results(profile) / "again.csv"


def write(profile: str, line: dict) -> None:
    """Put a line of `compare` into the table, in place of an older one of its row."""
    file = _file(profile)
    lines = pd.DataFrame([line])
    if file.is_file():
        old = pd.read_csv(file)
        is_other = (old[KEY].astype(str) != lines[KEY].astype(str).iloc[0]).any(axis=1)
        lines = pd.concat([old[is_other], lines])
    with storage.atomic(file) as temporary:
        lines.sort_values(KEY).to_csv(temporary, index=False, lineterminator="\n")


def place(profile: str) -> TemporaryDirectory:
    """An empty folder for a second training, beside the runs; it is removed when it is left."""
    paths.executed(profile).mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(dir=paths.executed(profile), prefix="again")


def main() -> None:
    """Train the named rows again, one after the other, and keep what each changed."""
    from emolabs.experiments import same_code  # which trains with what stands here

    parser = argparse.ArgumentParser(prog="python -m emolabs.experiments.again", description=__doc__)
    parser.add_argument("profile")
    parser.add_argument("rows", nargs="+", help="`pipeline protocol scope` of a finished row, with a seed or without")
    parser.add_argument("--same-code", action="store_true", help="show that changed code computes the same")
    parser.add_argument("--against", type=Path, help="with --same-code: what older code left there with --keep")
    parser.add_argument(
        "--keep", type=Path, help="leave the second trainings in this folder of the project, and nothing else"
    )
    parser.add_argument("--epochs", type=int, default=0, help="with --keep and --against: train for so many")
    chosen = parser.parse_args()
    if chosen.epochs and not (chosen.keep or chosen.against) or chosen.against and not chosen.same_code:
        parser.error("--epochs goes with --keep or --against, and --against with --same-code")
    if chosen.keep and not chosen.keep.resolve().is_relative_to(paths.ROOT):
        parser.error(f"--keep expects a folder within {paths.ROOT}, found {chosen.keep}")
    try:
        found = find(chosen.profile, chosen.rows)
        if chosen.same_code:
            same_code.record(found, against=chosen.against, epochs=chosen.epochs)
            return
        if chosen.keep:
            for first in found:
                train_again(first, home=home_of(first.row, chosen.keep), epochs=chosen.epochs)
            return
        for first in found:
            with place(chosen.profile) as home:
                line = compare(first, train_again(first, home=Path(home)))
            write(chosen.profile, line)
            scores = f"UAR {line['uar']:.4f}, again {line['uar_again']:.4f}, {line['verdict']}"
            print(f"{name(first.row)}: {scores}", flush=True)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
