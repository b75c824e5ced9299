"""Second trainings: they leave the first alone, find what changed, and say what they rest on."""

from dataclasses import replace

import pandas as pd
import pytest
import toy
from evaluated import answered, clips, write

from emolabs import params, paths
from emolabs.experiments import again, results, train


@pytest.fixture
def first(project, monkeypatch):
    """A network of the toy project, trained once."""
    toy.project()
    monkeypatch.setattr(params, "load", lambda profile, notebook: {})
    train(toy.NETWORK, parameters=toy.training(epochs=2))
    return results.load(toy.NETWORK)


def beside(project, *, home) -> dict:
    """Every file of a project but those in `home`, with its time of modification."""
    files = (file for file in project.rglob("*") if file.is_file() and not file.is_relative_to(home))
    return {file: file.stat().st_mtime_ns for file in files}


def test_a_second_training_gives_the_same_and_leaves_the_first_alone(first, project):
    home = project / "second"
    home.mkdir()
    before = beside(project, home=home)
    second = again.train_again(first, home=home)
    assert beside(project, home=home) == before
    assert list(home.rglob("model.safetensors")), "it was trained, not read"
    line = again.compare(first, second)
    assert (line["same_answers"], line["largest_p"], line["largest"], line["verdict"]) == (1, 0, 0, "equal")
    assert line["uar"] == line["uar_again"] and line["clips"] == len(first.predictions)


def test_what_changed_is_counted(project):
    row, table = replace(toy.LINEAR, profile="demo"), answered(clips(), hits=1.0)
    write(row, table)
    one = results.load(row)
    wrong = table.index[[0, 1, 2]]
    other = {"anger": "fear", "fear": "neutral", "neutral": "anger"}
    table.loc[wrong, "prediction"] = table.emotion[wrong].map(other)
    table.loc[0, "p_anger"] = 0.05
    write(row, table)
    line = again.compare(one, results.load(row))
    assert line["same_answers"] == pytest.approx(105 / 108) and line["largest_p"] == pytest.approx(0.75)
    assert (line["uar"], line["uar_again"]) == (1.0, pytest.approx(105 / 108))
    assert line["largest"] == pytest.approx(3 / 54, abs=1e-3) and line["verdict"] == "different"


def test_code_that_changed_is_refused_with_a_sentence(first, tmp_path):
    with pytest.raises(ValueError, match="the code has changed since it was trained"):
        again.train_again(replace(first, stale=True), home=tmp_path)


def test_other_clips_are_refused_with_a_sentence(project):
    row = replace(toy.LINEAR, profile="demo")
    write(row, answered(clips(), hits=0.8))
    one = results.load(row)
    write(row, answered(clips()[1:], hits=0.8))
    with pytest.raises(ValueError, match="evaluated other clips"):
        again.compare(one, results.load(row))


@pytest.fixture
def compared(project, monkeypatch):
    """A row of the demo that was compared with itself, and its predictions."""
    monkeypatch.setattr(results, "_is_stale", lambda made_from: False)
    row, table = replace(toy.LINEAR, profile="demo"), answered(clips(), hits=0.8)
    write(row, table)
    again.write("demo", again.compare(results.load(row), results.load(row)))
    return row, table


def test_the_table_keeps_a_line_per_row_and_marks_what_another_training_replaced(compared):
    row, _ = compared
    again.write("demo", again.compare(results.load(row), results.load(row)))
    lines = again.table("demo")
    assert len(lines) == 1 and not lines.stale.any()
    write(row, answered(clips(), hits=0.6))
    assert again.table("demo").stale.all() and "stale" in again.formatted(again.table("demo"))


def test_without_a_second_training_there_is_no_table(project):
    assert again.table("demo") is None


def test_the_same_answers_with_other_probabilities_are_another_training(compared):
    row, table = compared
    write(row, table.assign(p_anger=table.p_anger + 0.01))
    assert again.table("demo").stale.all()


def test_the_order_of_the_clips_is_no_other_training(compared):
    row, table = compared
    write(row, table[::-1])
    assert not again.table("demo").stale.any()


def test_lines_that_do_not_say_what_they_compared_are_read_and_stale(compared):
    file = paths.results("demo") / "again.csv"
    pd.read_csv(file).drop(columns="first_predictions").to_csv(file, index=False)
    assert again.table("demo").stale.all()


def test_words_count_what_stands_now(compared):
    line = again.table("demo")
    said = again.sentence(line)
    assert said.startswith("1 row was trained a second time: 1 of 1 comes out within the tolerance of 0.5 points")
    moved = line.assign(verdict="different", same_answers=0.9, largest=0.02)
    both = again.sentence(pd.concat([line, line, moved]))
    assert both.startswith("3 rows were trained a second time: 2 of them come out within the tolerance")
    assert "2 with the same answer for every clip; the largest change of a score is 2.00 points." in both
    stale = again.sentence(pd.concat([line, moved.assign(stale=True)]))
    assert stale.startswith(said) and stale.endswith("1 more, marked stale, compares with a training that is gone.")
    for nothing in (line[:0], line.assign(stale=True)):
        assert again.sentence(nothing).startswith("No row that stands now was trained a second time.")


def test_another_device_or_version_is_said(compared):
    row, _ = compared
    result = results.load(row)
    other = [run | {"machine": run["machine"] | {"torch": "3"}} for run in result.runs]
    line = again.compare(result, replace(result, runs=other))
    assert (line["first_on"], line["again_on"]) == ("cpu, torch 2", "cpu, torch 3")
    again.write("demo", line)
    lines = again.table("demo")
    assert again.formatted(lines)["other device or versions"].tolist() == ["yes"]
    assert again.sentence(lines).endswith(" In 1 of them device or versions were not those of the first training.")
    same = lines.assign(again_on=lines.first_on)
    assert "other device or versions" not in again.formatted(same) and "device" not in again.sentence(same)


def test_every_part_of_the_machine_that_a_run_names_is_compared(compared):
    row, _ = compared
    result = results.load(row)
    named = {"device": "cpu", "torch": "2", "numpy": "2.4", "python": "3.11"}
    first = replace(result, runs=[run | {"machine": named} for run in result.runs])
    second = replace(result, runs=[run | {"machine": named | {"numpy": "2.5"}} for run in result.runs])
    assert again.compare(first, second)["first_on"] == "cpu, numpy 2.4, python 3.11, torch 2"
    assert again.compare(first, second)["again_on"] == "cpu, numpy 2.5, python 3.11, torch 2"


def test_every_committed_line_says_what_it_compared(committed, monkeypatch):
    monkeypatch.setattr(again.partitions, "read", lambda profile: committed)
    assert again.table("thesis").first_predictions.str.fullmatch("[0-9a-f]{16}").all()
