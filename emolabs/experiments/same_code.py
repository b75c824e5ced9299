"""Code that was shown to compute the same: rows trained once more with it come out equal to the bit.

    python -m emolabs.experiments.again thesis --same-code "logmel-cnn3-attention hash emodb" "mfcc-linear hash emodb"

A change of the code makes stale what older code trained, also where it mends what never came to pass in a training.
This takes rows that are stale for their code alone and trains each once more. Where all of them give the same answers,
the same probabilities and the same history as the committed results, or as the older code gives on this machine (whose
arithmetic may be another), a line of `data/results/same_code.csv` (committed) says that the code of
now (`code`, a digest) counts as theirs (`same_as`), and on which `rows` that rests; `digests.counts_as` reads it. What
these rows do not pass through is not tried. Without its line, code is other code again.
"""

import sys
from pathlib import Path

import pandas as pd

from emolabs import paths, storage
from emolabs.experiments import again, digests, results
from emolabs.experiments.results import Result
from emolabs.modeling import get_pipeline

COLUMNS = ["code", "same_as", "rows", "beside"]


def record(found: list[Result], *, against: Path | None = None, epochs: int = 0) -> None:
    """Train the stale ones of these results once more, and write a line for each digest of code whose rows are equal.

    They are compared with the committed results, or with what the older code left in the folder `against` on this
    machine (`again --keep`), of so many `epochs` where they are given; the line says it (`beside`).

    A row that is not stale is named and left alone. Exits with a sentence for each digest of which a row differs, after
    the others. Raises `ValueError`, before anything is trained, where a row is stale for another reason, where rows of
    one digest were trained with different code, or where the digest has a line; and as `again.train_again` does.
    """
    waiting: dict[str, list[Result]] = {}
    for result in found:
        if result.stale:
            waiting.setdefault(digests.raw_digest(get_pipeline(result.row.pipeline)), []).append(result)
        else:
            print(f"{again.name(result.row)}: not stale, it needs no proof")
    trained_with = {code: _trained_with(rows, code=code) for code, rows in waiting.items()}
    problems = []
    for code, rows in waiting.items():
        differences = (_difference(row, against=against, epochs=epochs) for row in rows)
        problem = next(filter(None, differences), "")  # one is enough
        if problem:
            problems.append(problem)
        else:
            names = "; ".join(again.name(result.row) for result in rows)
            beside = "the older code on one machine" if against else "the committed results"
            beside += f", {epochs} epochs" if epochs else ""
            _append({"code": code, "same_as": trained_with[code], "rows": names, "beside": beside})
    if problems:
        sys.exit("\n".join(problems))


def _trained_with(rows: list[Result], *, code: str) -> str:
    """The digest of the code that trained these rows, all of which rest on `code` now; refused where there are two."""
    for result in rows:
        now = digests.features_code(get_pipeline(result.row.pipeline))
        if any(run["made_from"].get("features_code", "") != now for run in result.runs):
            raise ValueError(
                f"{again.name(result.row)}: the code of its features has changed as well, which a second training on "
                f"stored features says nothing about; train the row first (`make retrain`)"
            )
    names = ", ".join(again.name(result.row) for result in rows)
    if (there := _table()) is not None and code in set(there.code):
        of = there.rows[there.code == code].iloc[0]
        raise ValueError(f"{names}: the code of now counts as that of {of} already, and these have other code: retrain")
    then = sorted({digests.counts_as(run["made_from"]["code"]) for result in rows for run in result.runs})
    if len(then) > 1:
        raise ValueError(f"{names} were trained with different code ({', '.join(then)}): expected rows of one")
    return then[0]


def _kept(first: Result, *, folder: Path, epochs: int) -> Result:
    """What the older code left of a row in a folder of `again --keep`.

    Raises `ValueError` where that was other code, data or parameters than those of the committed result.
    """
    there = results.load(again.second(first.row, home=again.home_of(first.row, folder)))
    for old, kept in zip(first.runs, there.runs, strict=True):
        expected = old["made_from"] | {"home": kept["made_from"]["home"]}
        if epochs and expected["parameters"]:
            expected["parameters"] = expected["parameters"] | {"epochs": epochs}
        differ = sorted(key for key in expected if expected[key] != kept["made_from"].get(key))
        if differ:
            raise ValueError(
                f"{again.name(first.row)}: what {folder} holds rests on another {', '.join(differ)} than the committed "
                f"result; make it with the code that this one was made with (`again --keep` in a checkout of it)"
            )
    return there


def _difference(first: Result, *, against: Path | None, epochs: int) -> str:
    """What a second training of a row gives differently, as a sentence; empty for nothing."""
    name, profile, row = again.name(first.row), first.row.profile, first
    first = _kept(first, folder=against, epochs=epochs) if against else first
    with again.place(profile) as home:
        second = again.train_again(row, home=Path(home), stale=True, epochs=epochs)
        line, apart = again.compare(first, second), _other_histories(first, second)
    said = []
    if line["same_answers"] < 1:
        said.append(f"{round((1 - line['same_answers']) * line['clips'])} of {line['clips']} answers differ")
    if line["largest_p"] != 0:
        said.append(f"a probability differs by {line['largest_p']:.2g}")
    if apart:
        said.append(f"the history of its training differs in fold {', '.join(map(str, apart))}")
    if second.stale:
        said.append("the code was edited meanwhile")
    if not said:
        print(f"{name}: equal to the bit", flush=True)
        return ""
    if line["first_on"] != line["again_on"]:
        said.append(f"trained on {line['first_on']}, again on {line['again_on']}")
    return f"{name}: {'; '.join(said)}. Nothing is written for this code."


def _other_histories(first: Result, second: Result) -> list[int]:
    """The folds whose `history.csv` is another one; a first training that left none is not compared."""
    apart = []
    for fold in (run["made_from"]["fold"] for run in first.runs):
        one, other = (result.row.results(fold) / "history.csv" for result in (first, second))
        if one.is_file() and not pd.read_csv(one).equals(pd.read_csv(other)):
            apart.append(fold)
    return apart


def _table() -> pd.DataFrame | None:
    file = paths.same_code()
    return pd.read_csv(file, dtype=str) if file.is_file() else None


def _append(line: dict) -> None:
    with storage.atomic(paths.same_code()) as temporary:
        lines = pd.concat([_table(), pd.DataFrame([line], columns=COLUMNS)])
        lines.to_csv(temporary, index=False, lineterminator="\n")
