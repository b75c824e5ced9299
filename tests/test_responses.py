"""Answers from every kind of file become the same long table; whatever is wrong is said with file, row and reason."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from listeners import EMOTIONS, page_csv, page_file, page_rows, study

from emolabs.listening import responses, simulation

RECALL = dict.fromkeys(EMOTIONS, 0.7)
STUDY = study()


@pytest.fixture
def read(tmp_path):
    """Writes files (name: text, bytes or JSON) into a folder and reads it as the study's answers."""

    def read_files(files, *, study=STUDY):
        for name, content in files.items():
            content = json.dumps(content) if isinstance(content, dict | list) else content
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return responses.read(tmp_path, study=study)

    return read_files


def said(problems: pd.DataFrame) -> list[tuple]:
    """The problems as (file, row, reason), a missing row None."""
    rows = problems.astype("object").where(problems.notna(), None)
    return list(rows[["file", "row", "reason"]].itertuples(index=False, name=None))


def same(one: pd.DataFrame, other: pd.DataFrame, *, but: tuple = ("file", "row")) -> bool:
    """Whether two long tables are equal beside what says where they were read."""
    pd.testing.assert_frame_equal(one.drop(columns=list(but)), other.drop(columns=list(but)))
    return True


# --- what is right comes through -------------------------------------------------------------------------------------


def test_the_pages_json_is_a_row_an_answer_with_what_the_study_knows_of_the_clip(read):
    file = page_file()
    table, problems = read({"one.json": file})
    assert list(table) == list(responses.COLUMNS) and problems.empty and len(table) == 64
    assert table.dtypes.astype("str").to_dict() == {name: kind for name, (kind, _) in responses.COLUMNS.items()}
    clips = STUDY.clips.set_index("clip")
    for row, trial in zip(table.to_dict("records"), file["trials"], strict=True):
        assert [row[key] for key in ("position", "role", "clip", "answer", "plays")] == [
            trial[key] for key in ("position", "role", "clip", "answer", "plays")
        ]
        assert [row[key] for key in ("path", "id", "speaker", "emotion", "part")] == list(
            clips.loc[trial["clip"], ["path", "id", "speaker", "emotion", "part"]]
        )
    assert table["row"].tolist() == list(range(1, 65)) and set(table["modality"]) == {"audio"}
    assert table["country"].eq("NA").all() and table["english"].eq("none").all() and table["gender"].isna().all()
    assert table["confidence"].isna().sum() == 6 and table["response_time_s"].isna().sum() == 1
    assert not table["simulated"].any()


def test_json_and_csv_of_one_participant_give_the_same_rows_and_count_once(read):
    other, none = read({"one.csv": page_csv(page_file())})
    both, still = read({"one.json": page_file()})
    assert none.empty and still.empty and set(both["file"]) == {"one.json"} and len(both) == 64
    assert same(both, other) and other["row"].tolist() == list(range(2, 66))


def test_the_language_of_the_page_is_not_that_of_the_clips(read):
    for name, content in {"one.json": page_file(), "one.csv": page_csv(page_file())}.items():
        table, _ = read({name: content}, study=None)
        assert len(table) == 64 and table["language"].isna().all()


def test_what_the_simulation_writes_comes_back_equal(tmp_path):
    heard = simulation.presentations(STUDY, listeners=4)
    given = simulation.answer(heard, confusion=simulation.confusion(RECALL), seed=2)
    simulation.simulate(STUDY, folder=tmp_path, confusion=simulation.confusion(RECALL), listeners=4, seed=2)
    table, problems = responses.read(tmp_path, study=STUDY)
    told = ("file", "row", "started", "finished", *simulation._BACKGROUND)
    assert same(table, given, but=told) and problems.empty and table["simulated"].all()
    assert table["started"].notna().all() and set(table["country"].dropna()) <= {"DE", "GB", "IN", "NA"}


@pytest.mark.parametrize("known", [STUDY, None], ids=["study", "no study"])
def test_the_long_table_written_as_csv_comes_back_equal(read, known):
    table, _ = read({"one.json": page_file()})
    again, problems = read({"one.json": [], "long.csv": table.to_csv(index=False)}, study=known)
    assert same(again[again["file"].eq("long.csv")], table)
    assert problems["file"].tolist() == ["one.json"]


def jspsych(*, pressed="response", choices=None, **more) -> str:
    """What jsPsych writes: cells quoted, rows of other plugins between, null where nobody pressed."""
    rows = [{"trial_type": "preload", "trial_index": 0, "stimulus": ""}]
    for number, code in enumerate(STUDY.order(3)[:12], start=1):
        row = {"trial_type": "audio-button-response", "trial_index": number, "stimulus": f"audio/{code}.mp3"}
        row |= {"rt": 2500 + number, pressed: number % 6, "subject_id": "s7"} | more
        rows.append(row | ({"choices": json.dumps(choices)} if choices else {}))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *[[row.get(column, "") for column in columns] for row in rows]]
    return "\r\n".join(",".join('"' + str(c).replace('"', '""') + '"' for c in line) for line in cells) + "\r\n"


@pytest.mark.parametrize("pressed", ["response", "button_pressed"])
def test_jspsych_counts_buttons_from_0_and_time_from_the_beginning_of_the_playback(read, pressed):
    table, problems = read({"a.csv": jspsych(pressed=pressed)})
    assert table["answer"].tolist() == [EMOTIONS[n % 6] for n in range(1, 13)]
    assert table["clip"].tolist() == STUDY.order(3)[:12] and table["row"].tolist() == list(range(3, 15))
    assert table["response_time_s"].isna().all() and set(table["participant"]) == {"s7"}
    reason = "rt counts from the beginning of the playback, whose duration_s is not there: it is left out"
    assert said(problems) == [("a.csv", None, reason)]


def test_jspsych_numbers_that_a_spreadsheet_saved_are_buttons_all_the_same(read):
    table, _ = read({"a.csv": re.sub(r'"(\d)","s7"', r'"\1.0","s7"', jspsych())})
    assert table["answer"].tolist() == [EMOTIONS[n % 6] for n in range(1, 13)]


def test_jspsych_takes_the_choices_and_the_durations_that_were_saved(read):
    table, problems = read({"a.csv": jspsych(choices=["Sad", "Angry", "x", "x", "x", "x"], duration_s=2.2)})
    assert table["answer"].tolist() == ["anger", "sadness"] * 2  # buttons 1 and 0, twice; the others say x
    assert table["response_time_s"].tolist() == pytest.approx([0.301, 0.306, 0.307, 0.312])
    assert len(problems) == 8 and problems["reason"].str.startswith("answer: expected one of anger, disgust").all()


def test_a_long_table_names_clips_by_project_path_and_answers_in_its_own_words(read):
    rows = pd.DataFrame(
        {
            "participant": ["x", "x", "y"],
            "path": ["cremad/000", "emodb/001", "cremad/000"],
            "answer": ["Wut", "happy", "ANGRY"],
            "country": ["na", "", "de"],
        }
    )
    table, problems = read({"t.tsv": rows.to_csv(index=False, sep="\t")})
    assert table["answer"].tolist() == ["anger", "happiness", "anger"] and problems.empty
    assert table["clip"].tolist() == ["k00q", "k01q", "k00q"] and table["country"].tolist()[::2] == ["NA", "DE"]
    assert table["emotion"].eq("anger").all() and table["role"].eq("trial").all()


def test_without_a_study_a_long_table_says_itself_what_was_meant(read):
    text = "participant,clip,emotion,answer,modality\nx,a,fear,sad,face\nx,b,awe,sad,audiovisual\n"
    table, problems = read({"t.csv": text}, study=None)
    assert table["emotion"].tolist()[0] == "fear" and table["emotion"].isna().tolist() == [False, True]
    assert table["modality"].tolist() == ["face", "audiovisual"] and len(problems) == 1


# --- counted votes ---------------------------------------------------------------------------------------------------

VOTES = pd.DataFrame({"clip": ["a", "b"], "emotion": ["fear", "anger"], "A": [0, 2], "F": [3, 1]})


def test_a_vote_is_a_row_of_no_known_listener():
    table, problems = responses.votes_to_long(VOTES, counts={"A": "anger", "F": "fear"}, file="votes.csv")
    assert table["answer"].tolist() == ["fear"] * 3 + ["anger"] * 2 + ["fear"] and problems.empty
    assert table["emotion"].tolist() == ["fear"] * 3 + ["anger"] * 3 and table["row"].tolist() == [2] * 3 + [3] * 3
    assert table["participant"].isna().all() and set(table["file"]) == {"votes.csv"} and set(table["role"]) == {"trial"}


def test_votes_counted_again_are_the_table_that_they_came_from():
    random = np.random.default_rng(0)
    counts = pd.DataFrame(random.poisson(2, (200, 6)), columns=EMOTIONS).assign(neutral=1)
    table, _ = responses.votes_to_long(counts.assign(clip=counts.index), counts={e: e for e in EMOTIONS})
    again = pd.crosstab(table["clip"].astype(int), table["answer"])[EMOTIONS]
    assert (again.to_numpy() == counts.to_numpy()).all()


def test_rows_that_are_no_counts_are_listed_and_the_others_kept():
    table = pd.DataFrame({"clip": list("abcde"), "A": [1, -1, 0.5, 0, None], "F": [0, 2, 1, 0, 1]})
    votes, problems = responses.votes_to_long(table, counts={"A": "anger", "F": "fear"}, file="v.csv")
    assert votes["clip"].tolist() == ["a"]
    assert said(problems) == [
        ("v.csv", 3, "b: expected whole numbers of votes from 0, found A -1.0, F 2; the row is left out"),
        ("v.csv", 4, "c: expected whole numbers of votes from 0, found A 0.5, F 1; the row is left out"),
        ("v.csv", 5, "d: expected at least one vote, found A 0.0, F 0; the row is left out"),
        ("v.csv", 6, "e: expected whole numbers of votes from 0, found A nan, F 1; the row is left out"),
    ]
    with pytest.raises(ValueError, match="expected columns of votes A, X and clip, found clip, A, F without X"):
        responses.votes_to_long(table, counts={"A": "anger", "X": "fear"})


def test_a_file_of_counted_votes_is_read_among_others(read):
    text = "clip,angry,fear\nk00q,2,1\nnobody,1,1\n"
    table, problems = read({"votes.csv": text, "one.json": page_file()})
    votes = table[table["participant"].isna()]
    assert votes["answer"].tolist() == ["anger", "anger", "fear"] and set(votes["path"]) == {"cremad/000"}
    reason = "clip: 'nobody' is not in the study pilot; the row is left out"
    assert said(problems) == [("votes.csv", 3, reason)] and len(table) == 67


# --- bad input: a sentence, and the rest is analysed -----------------------------------------------------------------


def changed(*, trial: int, **values) -> dict:
    """The page's file with one trial (from 1) changed."""
    file = page_file()
    file["trials"][trial - 1] |= values
    return file


OTHER = page_file(participant="npqrstvwxz", started="2024-06-01T08:00:00Z")
LEFT = "; the row is left out"
HALF = json.dumps(page_file())[:3000]
CUT = (
    f"expected JSON, found a file that ends or breaks at line 1, column {HALF.rindex(chr(34)) + 1}: it is cut off or "
    "was changed; ask the participant for it again, or for the CSV file beside it"
)
ONE_OF = "expected one of anger, disgust, fear, happiness, neutral, sadness, found"
#: What is put beside a good file, how many of its 64 answers count, and the (row, reason) that are said.
FAULTS = {
    "another version": (
        page_file(digest="ffffffffffff"),
        0,
        [
            (
                None,
                "64 answers were given to version ffffffffffff of the study pilot, and this is pilot, version "
                f"{STUDY.digest}: read them with the study.json and clips.csv of that page; left out",
            )
        ],
    ),
    "another study": (
        page_file(study="main"),
        0,
        [
            (
                None,
                "64 answers were given to the study main, and this is pilot, version "
                + STUDY.digest
                + ": read them with the "
                "study.json and clips.csv of that page; left out",
            )
        ],
    ),
    "unknown clip": (changed(trial=5, clip="zzz"), 63, [(5, f"clip: 'zzz' is not in the study pilot{LEFT}")]),
    "clip a spreadsheet changed": (
        changed(trial=5, clip="1.00E+23"),
        63,
        [(5, f"clip: '1.00E+23' is not in the study pilot (a spreadsheet may have changed it){LEFT}")],
    ),
    "unknown emotion": (changed(trial=6, answer="hapiness"), 63, [(6, f"answer: {ONE_OF} 'hapiness'{LEFT}")]),
    "emotion that was no choice": (changed(trial=6, answer="boredom"), 63, [(6, f"answer: {ONE_OF} 'boredom'{LEFT}")]),
    "no answer": (changed(trial=7, answer=None), 63, [(7, f"no answer was given{LEFT}")]),
    "no clip": (changed(trial=7, clip=""), 63, [(7, f"expected the code of a clip, found nothing{LEFT}")]),
    "formula in a clip": (
        changed(trial=8, clip="=cmd|' /C calc'!A0"),
        63,
        [(8, f"clip: \"=cmd|' /C calc'!A0\" begins as a formula{LEFT}")],
    ),
    "formula in a background": (
        page_file(background={"gender": "@SUM(1+1)*cmd|' /C calc'!A0"}),
        64,
        [(None, "in all 64 rows: gender: \"@SUM(1+1)*cmd|' /C calc'!A0\" begins as a formula; it is left missing")],
    ),
    "impossible numbers": (
        changed(trial=9, confidence=6, plays=1.5, response_time_s="1. Mai"),
        64,
        [
            (9, "confidence: expected a whole number, 1 to 5, found '6'; it is left missing"),
            (9, "plays: expected a whole number, 0 or more, found '1.5'; it is left missing"),
            (9, "response_time_s: expected a number, found '1. Mai'; it is left missing"),
        ],
    ),
    "impossible moment": (
        page_file(finished="soon"),
        64,
        [(None, "in all 64 rows: finished: expected a time as 2024-05-31T09:30:00Z, found 'soon'; it is left missing")],
    ),
    "answered twice": (
        page_file(trials=[*page_file()["trials"], page_file()["trials"][3]]),
        64,
        [(65, f"bcdfghjklm answered {page_file()['trials'][3]['clip']} before, in row 4; the first answer counts")],
    ),
    "truncated JSON": (HALF, 0, [(None, CUT)]),
    "no trials": (
        page_file(trials=[]),
        0,
        [(None, "expected answers, found none: the participant closed the page before the first")],
    ),
    "a damaged trial": (
        page_file(trials=[*page_file()["trials"][:2], {"clip": "k00q"}]),
        2,
        [(3, "expected a trial with clip and answer, found {'clip': 'k00q'}; it is left out")],
    ),
    "missing keys": (
        {key: value for key, value in page_file().items() if key != "digest"},
        0,
        [
            (
                None,
                "expected study, digest, participant, order, started, finished, background, trials, found the file "
                "without digest",
            )
        ],
    ),
    "another format": (
        page_file(format="emolabs-listening-9"),
        0,
        [
            (
                None,
                "expected a file of the page (format emolabs-listening-1), found 'emolabs-listening-9'; the file is "
                "left out",
            )
        ],
    ),
    "empty": ("", 0, [(None, "the file is empty; ask for it again")]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_with_its_row_and_the_rest_is_analysed(read, fault):
    content, answers, expected = FAULTS[fault]
    table, problems = read({"bad.json": content, "good.json": OTHER})
    assert said(problems) == [("bad.json", *problem) for problem in expected]
    assert table["file"].value_counts().to_dict() == {"good.json": 64} | ({"bad.json": answers} if answers else {})


SHEETS = {
    "semicolons and decimal commas": page_csv(page_file(), separator=";", comma=","),
    "a line that names the separator": "sep=;\r\n" + page_csv(page_file(), separator=";", comma=","),
    "decimal commas in quotes": page_csv(page_file(), comma=","),
    "tabs": page_csv(page_file(), separator="\t"),
    "BOM": page_csv(page_file()).encode("utf-8-sig"),
    "UTF-16": page_csv(page_file(), separator="\t").encode("utf-16"),
    "UTF-16, the other way round": b"\xfe\xff" + page_csv(page_file()).encode("utf-16-be"),
    "apostrophes before cells": page_csv(page_file(), mark="'"),
    "empty rows and columns": page_csv(page_file()).replace("\r\n", ",,\r\n") + ",,,,\r\n\r\n",
}


@pytest.mark.parametrize("how", SHEETS)
def test_a_table_that_went_through_a_spreadsheet_gives_the_same_rows(read, how):
    table, problems = read({"one.csv": SHEETS[how]})
    assert problems.empty and len(table) == 64
    plain, _ = read({"one.csv": page_csv(page_file())})
    assert same(table, plain)


TABLES = {
    "truncated": (
        page_csv(page_file())[:-60],
        63,
        [(65, r"expected 21 cells, found the end of the file: it is cut off; the row is left out")],
    ),
    "truncated in its last cell": (
        page_csv(page_file())[:-5],
        63,
        [(65, r"expected 21 cells, found the end of the file: it is cut off; the row is left out")],
    ),
    "a short row in the middle": (
        page_csv(page_file()).replace("\r\n", "\r\nshort,row\r\n", 3).replace("short,row\r\n", "", 2),
        64,
        [(4, r"expected 21 cells, found 2; the row is left out")],
    ),
    "missing columns": (
        "participant,clip\nx,k00q\n",
        0,
        [(None, r"expected the columns answer and one of clip, path, id .*, found participant, clip; the file is.*")],
    ),
    "nothing below the header": (
        "participant,clip,answer\n",
        0,
        [(None, r"expected answers below the first row, found none; the file is left out")],
    ),
    "a column twice": (
        "clip,answer,answer\nk00q,fear,fear\n",
        0,
        [(None, r"expected a first row that names each column once, found answer twice; the file is left out")],
    ),
    "an unknown column": (
        "participant,clip,answer,mood\nx,k00q,fear,good\n",
        1,
        [(1, r"the columns mood are not known and left out")],
    ),
    "no participant in a row": (
        "participant,clip,answer\nx,k00q,fear\n,k00q,fear\n",
        1,
        [(3, r"expected the code of a participant, found nothing; the row is left out")],
    ),
    "another intended emotion": (
        "participant,clip,answer,emotion\nx,k00q,fear,fear\n",
        1,
        [(2, r"emotion: the file says fear, the study anger of this clip; the study counts")],
    ),
    "letters of Windows": (
        "participant,clip,answer\nJörg,k00q,Ärger\n".encode("cp1252"),
        1,
        [(None, r"expected text in UTF-8, found other bytes: read as Windows-1252; look at letters with accents")],
    ),
    "binary": (
        b"PK\x03\x04\x00\x00",
        0,
        [(None, r"expected text, found a binary file; save the table as CSV \(UTF-8\)")],
    ),
}


@pytest.mark.parametrize("fault", TABLES)
def test_a_fault_of_a_table_is_said_and_the_rest_is_analysed(read, fault):
    content, answers, expected = TABLES[fault]
    table, problems = read({"bad.csv": content, "good.json": OTHER})
    assert [(p.file, None if pd.isna(p.row) else p.row) for p in problems.itertuples()] == [
        ("bad.csv", row) for row, _ in expected
    ]
    for reason, (_, pattern) in zip(problems["reason"], expected, strict=True):
        assert pd.Series([reason]).str.fullmatch(pattern).all(), reason
    assert table["file"].value_counts().to_dict() == {"good.json": 64} | ({"bad.csv": answers} if answers else {})


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_a_file_that_is_cut_anywhere_is_said_and_what_is_whole_is_kept(read, ending):
    text = {"json": json.dumps(page_file()), "csv": page_csv(page_file()).replace("\r\n", "\n")}[ending]
    header = text.index("\n") if ending == "csv" else 0
    whole, _ = read({f"bad.{ending}": text})
    for place in [*np.random.default_rng(0).integers(header + 2, len(text), 20), len(text) - 2]:
        table, problems = read({f"bad.{ending}": text[:place]})
        between_rows = text.startswith(text[:place].rstrip("\n") + "\n")
        assert len(problems) == (not between_rows)
        assert same(table, whole.iloc[: len(table)], but=())


NASTY = [
    None,
    "",
    " ",
    "NA",
    0,
    -1,
    2**70,
    1e308,
    1e999,
    True,
    [],
    {},
    ["fear"],
    "=1+1",
    "'",
    "\ud800",
    "\0",
    "é" * 5000,
]


def test_no_value_of_the_page_makes_reading_fail(read):
    files = {"good.json": OTHER}
    for key in page_rows(page_file())[0]:
        for number, value in enumerate(NASTY):
            file = page_file(participant=f"{key}{number}", trials=page_file()["trials"][:5])
            for part in (file, file["background"], file["trials"][3]):
                part |= {key: value} if key in part else {}
            files[f"{key}{number}.json"] = file
    table, _ = read(files)
    assert (table["file"] == "good.json").sum() == 64


def test_no_value_of_jspsych_makes_reading_fail(read):
    files = {"good.json": OTHER}
    row = {"trial_type": "audio-button-response", "stimulus": "k00q.wav", "response": 1, "rt": 1, "duration_s": 1}
    for key in [*row, "choices", "subject_id"]:
        files |= {f"{key}{number}.json": [row | {key: value}] for number, value in enumerate(NASTY)}
    table, _ = read(files)
    assert (table["file"] == "good.json").sum() == 64


def test_a_workbook_is_named_and_files_beside_the_answers_are_none(read):
    beside = {
        "README.md": "what to put here",
        "study.json": "{}",
        "clips.csv": "clip",
        ".hidden": "x",
        "page.html": "x",
    }
    table, problems = read(beside | {"answers.xlsx": b"PK", "my study.json": OTHER})
    reason = "expected a file .json, .csv, .tsv, .txt, found answers.xlsx; save the table as CSV (UTF-8)"
    assert said(problems) == [("answers.xlsx", None, reason)] and len(table) == 64


@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_an_empty_folder_is_said_and_gives_an_empty_table(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    table, problems = responses.read(tmp_path / folder, study=STUDY)
    reason = "expected files of answers, found none: put those that participants sent here"
    assert said(problems) == [(str(tmp_path / folder), None, reason)]
    assert table.empty and list(table) == list(responses.COLUMNS) and responses.flags(table).empty


def test_a_file_that_is_not_there_is_said_and_the_others_are_read(read, tmp_path):
    read({"good.json": OTHER})
    table, problems = responses.read([tmp_path / "no.json", tmp_path / "good.json"], study=STUDY)
    assert said(problems) == [(str(tmp_path / "no.json"), None, "No such file or directory")] and len(table) == 64


# --- two files of one participant ------------------------------------------------------------------------------------


def counted(*, part: str, other: str, differ: int) -> str:
    return (
        f"bcdfghjklm: {part} answers are to clips answered in {other} too, and {differ} of them differ; "
        f"those of {other}, which was started first or has more, count"
    )


def test_an_identical_copy_counts_once(read):
    table, problems = read({"one.json": page_file(), "one (1).json": page_file()})
    assert said(problems) == [("one.json", None, counted(part="64 of 64", other="one (1).json", differ=0))]
    assert len(table) == 64


def test_a_file_saved_before_the_end_gives_way_to_the_whole(read):
    early = page_file(trials=page_file()["trials"][:20], finished=None)
    table, problems = read({"a.json": early, "b.json": page_file()})
    assert said(problems) == [("a.json", None, counted(part="20 of 20", other="b.json", differ=0))]
    assert set(table["file"]) == {"b.json"} and len(table) == 64 and responses.flags(table).empty


def test_of_two_files_that_differ_the_first_started_counts(read):
    again = changed(trial=10, answer="fear") | {"started": "2024-06-02T09:30:00Z"}
    assert page_file()["trials"][9]["answer"] != "fear"
    table, problems = read({"a.json": again, "b.json": page_file()})
    assert said(problems) == [("a.json", None, counted(part="64 of 64", other="b.json", differ=1))]
    assert set(table["file"]) == {"b.json"}


def test_two_sittings_of_one_participant_are_one(read):
    rows = page_rows(page_file())
    parts = {f"{n}.csv": pd.DataFrame(part).to_csv(index=False) for n, part in enumerate([rows[:30], rows[30:]])}
    table, problems = read(parts)
    assert len(table) == 64 and problems.empty


def test_simulated_answers_among_those_of_people_are_said(read):
    table, problems = read({"a.json": page_file(simulated=True), "b.json": OTHER})
    assert (
        said(problems) == [(None, None, "64 of 128 answers are simulated: keep them out of what is reported")]
        and table["simulated"].sum() == 64
    )


# --- flags -----------------------------------------------------------------------------------------------------------


def test_each_rule_flags_whom_it_means_and_nobody_else(read):
    def altered(code: str, **values) -> dict:
        trials = [
            trial | {"response_time_s": trial["position"] / len(code)} | values for trial in page_file()["trials"]
        ]
        return page_file(participant=code, trials=trials)

    files = {
        "good": page_file(participant="good"),
        "fast": altered("fast", response_time_s=0.1),
        "button": altered("button", answer="neutral"),
        "slow": altered("a slow one", response_time_s=90.0),
        "half": page_file(participant="half", trials=page_file()["trials"][:40], finished=None),
        "failing": page_file(participant="failing"),
        "copy": page_file(participant="copy"),
        "unchecked": altered("unchecked"),
    }
    files["unchecked"]["trials"] = [t for t in files["unchecked"]["trials"] if t["role"] != "attention"]
    files["half"]["trials"] = [t | {"response_time_s": t["position"] / 3} for t in files["half"]["trials"]]
    check = next(t for t in files["failing"]["trials"] if t["role"] == "attention")
    files["failing"]["trials"] = [t | {"response_time_s": t["position"] / 7} for t in files["failing"]["trials"]]
    files["failing"]["trials"] = [
        t | ({"answer": "neutral"} if t["clip"] == check["clip"] else {}) for t in files["failing"]["trials"]
    ]
    table, problems = read({f"{name}.json": file for name, file in files.items()})
    trials = (table["role"].eq("trial") & table["participant"].eq("half")).sum()
    assert problems.empty and len(table) == 6 * 64 + 40 + 62
    assert list(responses.flags(table).itertuples(index=False, name=None)) == [
        ("button", "failed check", "2 of 2 attention checks"),
        ("button", "one button", "neutral in 100% of 60 trials"),
        ("copy", "same answers", "as good"),
        ("failing", "failed check", "1 of 2 attention checks"),
        ("fast", "too fast", "median response time 0.10 s"),
        ("good", "same answers", "as copy"),
        ("half", "incomplete", f"{trials} of 60 trials"),
        ("unchecked", "no check", "none of 2 attention checks"),
    ]
    for name, flag in [("half", "incomplete"), ("unchecked", "no check")]:
        alone = table[table["participant"].eq(name)]
        assert responses.flags(alone, study=STUDY)["flag"].tolist() == [flag]
        assert responses.flags(alone).empty, "where the study is not known, nobody has more"
    assert set(responses.flags(pd.concat([table, table]))["flag"]) == set(responses.RULES)


def test_votes_are_nobodys_and_give_no_flag():
    table, _ = responses.votes_to_long(VOTES, counts={"A": "anger", "F": "fear"})
    assert responses.flags(table).empty


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_was_read_and_what_was_not(tmp_path):
    (tmp_path / "t.csv").write_text("participant,clip,answer\nx,a,fear\nx,b,hapiness\n", encoding="utf-8")
    command = [sys.executable, "-m", "emolabs.listening.responses", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stderr
    assert done.stdout.startswith("answers: 1, participants: 1, of no study")
    assert "\nproblems: 1\n  t.csv, row 3: answer: expected one of anger," in done.stdout
