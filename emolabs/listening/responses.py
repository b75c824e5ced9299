"""Answers of listeners, from whatever files they come in: read, checked and flagged; nothing is dropped silently.

`python -m emolabs.listening.responses FOLDER` prints what was read, what is wrong with the rest, and who is flagged.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from emolabs import storage
from emolabs.corpora.corpus import emotions as every_emotion
from emolabs.listening import importers, validation
from emolabs.listening.answers import COLUMNS, Answers, as_long, as_problems, votes_to_long
from emolabs.listening.plausibility import RULES, flags
from emolabs.listening.study import Study

__all__ = ["COLUMNS", "RULES", "Answers", "as_long", "flags", "read", "votes_to_long"]
#: Files beside the answers that are none.
BESIDE = {"study.json", "clips.csv"}
_NO_ANSWERS = {".md", ".html"}
_KEY = ["clip", "role", "modality"]
_SAME = ["position", "answer", "confidence", "plays", "response_time_s"]
_SHOWN = 50  # problems printed at once; a file with one wrong column has as many as rows


def read(source: Path | Sequence[Path], *, study: Study | None) -> Answers:
    """The answers in a folder and its folders, or in files; what could not be used is in `problems`.

    Args:
        source: files of the page (JSON or CSV), of jsPsych, long tables or counted votes (`importers`).
        study: whose clips and version the answers must be of; None takes what the tables say of themselves.

    A participant's first answer to a clip counts. Where several files have one, it is that of the file that was started
    first, since whoever answers again has heard the clip, and of equal starts that of the one with the most answers.
    The page's JSON and CSV with the same answers are a pair that needs no sentence.
    """
    cells, problems = [], []
    for file, name in _files(source, problems=problems):
        try:
            raw = importers.load(file, emotions=every_emotion() if study is None else study.emotions)
        except (OSError, ValueError, RecursionError) as error:
            problems.append((name, None, getattr(error, "strerror", None) or str(error)))
            continue
        cells.append(raw.cells.assign(file=name))
        problems += [(name, *note) for note in raw.notes]
    whole = as_long(pd.DataFrame())
    if cells:
        whole, wrong = validation.check(pd.concat(cells, ignore_index=True), study=study)
        problems += wrong
    for rows, file, reason in _surplus(whole):
        problems.append((file, None, reason)) if reason else None
        whole = whole.drop(index=rows)
    if whole["simulated"].nunique() > 1:
        count = int(whole["simulated"].sum())
        problems.append(
            (None, None, f"{count} of {len(whole)} answers are simulated: keep them out of what is reported")
        )
    listed = as_problems(problems).sort_values(["file", "row"], na_position="first", ignore_index=True)
    return Answers(as_long(whole), listed)


def _files(source: Path | Sequence[Path], *, problems: list) -> Iterator[tuple[Path, str]]:
    """The files that may hold answers, and how to name them."""
    if not isinstance(source, str | Path):
        yield from ((Path(file), str(file)) for file in source)
        return
    folder = Path(source)
    if folder.is_file():
        yield folder, folder.name
        return
    there = (file for file in storage.walk(folder) if not file.name.startswith(".") and file.name not in BESIDE)
    files = sorted(file for file in there if file.suffix.lower() not in _NO_ANSWERS)
    if not files:
        problems.append(
            (str(folder), None, "expected files of answers, found none: put those that participants sent here")
        )
    yield from ((file, file.relative_to(folder).as_posix()) for file in files)


def _surplus(table: pd.DataFrame) -> Iterator[tuple[pd.Index, str, str]]:
    """Rows whose clip the participant answered in another file, which counts; their file, and a sentence or ""."""
    known = table[table["participant"].notna()]
    several = known[known.groupby("participant")["file"].transform("nunique") > 1]
    for participant, rows in several.groupby("participant"):
        files = [part for _, part in rows.groupby("file")]
        files.sort(
            key=lambda part: (str(part["started"].iloc[0]), -len(part), not part["file"].iloc[0].endswith("json"))
        )
        counted = files[0]
        for part in files[1:]:
            both = part.reset_index().merge(counted, on=_KEY, suffixes=("", "_counted")).set_index("index")
            same = [_agree(both[name], both[f"{name}_counted"]) for name in _SAME]
            differ = int((~pd.concat(same, axis=1).all(axis=1)).sum())
            file, other = part["file"].iloc[0], ", ".join(both["file_counted"].unique())
            reason = (
                f"{participant}: {len(both)} of {len(part)} answers are to clips answered in {other} too, and {differ} "
                f"of them differ; those of {other}, which was started first or has more, count"
            )
            counted = pd.concat([counted, part.drop(index=both.index)])
            if len(both):
                yield both.index, file, "" if not differ and _pair(file, other) else reason


def _pair(file: str, other: str) -> bool:
    """Whether two files are the page's JSON and CSV of one participant."""
    return file != other and Path(file).with_suffix("") == Path(other).with_suffix("")


def _agree(one: pd.Series, other: pd.Series) -> pd.Series:
    return one.eq(other).fillna(False).astype(bool) | (one.isna() & other.isna())


def main(arguments: list[str] | None = None) -> int:
    """Print what a folder of answers holds; 1 where some could not be used, 2 where the study cannot."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.listening.responses", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="where the files of the participants are, such as data/listening/…/answers"
    )
    parser.add_argument("--study", type=Path, help="folder with study.json (default: FOLDER, or the one above it)")
    options = parser.parse_args(arguments)
    beside = [
        folder for folder in (options.folder, options.folder.absolute().parent) if (folder / "study.json").is_file()
    ]
    try:
        study = Study.load(options.study or beside[0]) if options.study or beside else None
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    table, problems = read(options.folder, study=study)
    of = f"the study {study.name}, version {study.digest}" if study else "no study (none is named, and none is here)"
    print(f"answers: {len(table):,}, participants: {table['participant'].nunique():,}, of {of}")
    for roles in [table["role"].value_counts()] if len(table) else []:
        print(", ".join(f"{count:,} {role}" for role, count in roles.items()))
    print(f"\nproblems: {len(problems):,}")
    for problem in problems.head(_SHOWN).itertuples():
        where = [str(problem.file)] * pd.notna(problem.file) + [f"row {problem.row}"] * pd.notna(problem.row)
        print(f"  {', '.join(where)}{': ' if where else ''}{problem.reason}")
    if len(problems) > _SHOWN:
        print(f"  … and {len(problems) - _SHOWN:,} more")
    flagged = flags(table, study=study)
    print(f"\nflags: {len(flagged):,}")
    for flag in flagged.itertuples():
        print(f"  {flag.participant}: {flag.flag}: {flag.detail}")
    return int(len(problems) > 0)


if __name__ == "__main__":
    raise SystemExit(main())
