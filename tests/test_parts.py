"""Pairs of results that differ in one part of their pipeline: which are found, and what is said of them."""

from dataclasses import replace

import pandas as pd
import pytest
from test_paired import BAD, GOOD, predictions, result

from emolabs import reporting
from emolabs.experiments import paired, parts
from emolabs.modeling import load_pipelines

#: Every pair of these rows that differs in one part alone, by part: first, then second.
PAIRS = {
    "temporal": [("logmel-cnn3-lstm-attention", "logmel-cnn3-attention")],
    "aggregation": [("logmel-cnn3-attention", "logmel-cnn3-mean")],
    "tuning": [("whisper-direct-attention-full", "whisper-direct-attention")],
    "backbone": [("whisper-direct-attention", "whisper-cnn3-attention")],
    "dims": [("logmel-cnn3-1d-mean", "logmel-cnn3-mean")],
    "bands": [("logmel32-cnn3-mean", "logmel-cnn3-mean")],
    "branch": [("whisper-cnn3-attention", "logmel-cnn3-attention"), ("whisper-linear", "egemaps-linear")],
}
ROWS = sorted({name for pairs in PAIRS.values() for pair in pairs for name in pair} | {"constant"})


@pytest.fixture(scope="module")
def found():
    made = [result(predictions(hits=0.6, seed=i), pipeline=name) for i, name in enumerate(ROWS)]
    return made + [result(BAD.predictions, pipeline="logmel-cnn3-flatten", protocol="speaker")]


@pytest.fixture(scope="module")
def lines(found):
    return parts.table(found)


def test_the_pairs_are_those_that_differ_in_one_part(found):
    pairs = [(part, first.row.pipeline, second.row.pipeline) for part, first, second in parts.matched(found)]
    assert pairs == [(part, *pair) for part in parts.PARTS for pair in PAIRS[part]]


def test_parts_are_all_that_a_row_of_the_table_has():
    fields = {field for field in load_pipelines()["constant"].__dataclass_fields__ if field != "demo"}
    assert set(parts.PARTS) == fields


@pytest.mark.parametrize("change", [{"protocol": "speaker"}, {"scope": "emodb"}, {"seed": 1}])
def test_only_results_of_one_protocol_scope_and_seed_are_a_pair(change):
    one, two = (
        result(side.predictions, pipeline=f"whisper-{name}") for side, name in ((GOOD, "linear"), (BAD, "linear"))
    )
    two = replace(two, row=replace(two.row, pipeline="egemaps-linear"))
    assert len(parts.matched([one, two])) == 1
    assert parts.matched([one, replace(two, row=replace(two.row, **change))]) == []


def test_the_numbers_are_those_of_the_paired_comparison(found, lines):
    by_name = {r.row.pipeline: r for r in found}
    assert len(lines) == sum(map(len, PAIRS.values()))
    for line in lines.itertuples():
        alone = paired.compare(*(by_name[row.split(", ")[0]] for row in (line.first_row, line.second_row))).iloc[0]
        names = ("first", "second", "difference", "low", "high", "clips", "interval_over")
        assert [getattr(line, name) for name in names] == [alone[name] for name in names]
    assert list(lines.change[lines.part.isin(("bands", "dims"))]) == ["1 − 2", "32 − 64"]
    assert parts.table(found, seed=3).empty and list(parts.table([]).columns) == parts.COLUMNS


def test_a_pair_of_two_partitions_is_named_and_has_no_numbers():
    other = result(BAD.predictions, pipeline="egemaps-linear", manifest="other")
    lines = parts.table([result(GOOD.predictions, pipeline="whisper-linear"), other])
    assert "two versions of the partition" in lines.missing[0] and pd.isna(lines.difference[0])
    assert parts.formatted(lines).difference[0] == "not comparable" and parts.shown(lines).empty


def test_words_say_how_many_and_what_waits(lines, found):
    said = parts.sentences(lines, found)
    assert len(said) == len(lines), "one sentence a change"
    points = reporting.interval(*lines.loc[0, ["difference", "low", "high"]])
    assert said[0] == f"temporal, lstm − none: {points} points ({parts.effects.name(next(lines.itertuples()))})."
    left = [r for r in found if r.row.pipeline != "whisper-direct-attention"]
    said = "\n".join(parts.sentences(parts.table(left), left))
    assert (
        "tuning: no two results differ in it alone; whisper-direct-attention-full under hash, pooled, waits for" in said
    )
    twice = pd.concat([lines, lines.assign(scope="emodb", low=0.1)], ignore_index=True)
    assert "branch, whisper − egemaps: 2 pairs, from" in "\n".join(parts.sentences(twice, found))


def test_ticks_do_not_hang_on_the_last_digit_of_a_length(lines):
    found = []
    for width_in in (4, 6.3, 10):
        figure, axes = reporting.figure(cols=2, height_in=5, sharex=True, sharey=True)
        parts.draw(axes, lines)
        figure.set_size_inches(width_in, 5)
        figure.canvas.draw()
        found.append(axes[0].get_xticks().tolist())
    assert found[0] == found[1] == found[2]


def test_a_picture_has_a_row_for_every_pair_and_a_panel_for_both_kinds_of_speakers(lines):
    figure, axes = reporting.figure(cols=2, height_in=5, sharey=True)
    both = lines.assign(stale=lines.part == "tuning")
    parts.draw(axes, pd.concat([both, both.assign(protocol="speaker"), both.assign(protocol="random")]))
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    assert [label for label in labels if " − " not in label] == list(parts.PARTS)
    assert sum("(stale)" in label for label in labels) == 1
    for axis in axes:
        points = [line for line in axis.lines if line.get_marker() == "v"]
        assert sum(len(line.get_xdata()) for line in points) == len(lines)
        marks = [text.get_text() for text in axis.texts]
        assert marks.count("†") == (lines.interval_over == "clips").sum()
