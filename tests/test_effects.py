"""What the notebooks say of paired differences, and which pipelines and clips they choose."""

from dataclasses import replace

import pandas as pd
import pytest

from emolabs import paths, reporting
from emolabs.experiments import comparison, contrasts, effects, failures, paired, parts, premiums, results
from emolabs.experiments.paired import Comparison
from emolabs.experiments.runs import Row

PIPELINES = ("constant", "mfcc-linear", "egemaps-linear", "whisper-linear")


@pytest.fixture(scope="module")
def found() -> list[results.Result]:
    """Committed results of four rows with new speakers, and of one with known ones."""
    rows = [("speaker", name) for name in PIPELINES] + [("random", "mfcc-linear")]
    made = [Row(profile="thesis", scope="pooled", seed=0, protocol=p, pipeline=name) for p, name in rows]
    return [results.load(row) for row in made]


@pytest.fixture(scope="module")
def lines(found) -> pd.DataFrame:
    def side(pipeline, protocol="speaker"):
        return (pipeline, protocol, "pooled")

    pairs = [(side("whisper-linear"), side("mfcc-linear")), (side("mfcc-linear", "random"), side("mfcc-linear"))]
    pairs.append((side("logmel-cnn3-mean"), side("mfcc-linear")))
    return paired.table([Comparison("what?", *pair) for pair in pairs], found)


def test_names_say_only_what_differs(lines):
    names = [effects.name(line) for line in lines.itertuples()]
    assert names[0] == "whisper-linear − mfcc-linear, speaker"
    assert names[1] == "mfcc-linear: random − speaker"
    assert effects.name(next(lines.assign(known=True).itertuples())) == f"{names[0]}§"
    assert effects.named("a, hash, emodb", "b, hash, emodb") == "a − b, hash emodb"


def test_words_and_tables_hold_the_numbers_and_what_is_missing(lines):
    said, table = effects.sentences(lines), effects.formatted(lines)
    points = reporting.interval(*lines.loc[0, ["difference", "low", "high"]])
    assert points in said[0] and "the first is better" in said[0]
    assert table.difference[0] == points and table.difference[2] == "not run"
    assert said[-1] == "1 of 3 comparisons have not been made: their runs are not there."
    even = effects.sentences(lines.assign(p_holm=0.2))
    assert "no difference can be told" in even[0]


def test_a_picture_has_a_place_for_every_comparison(lines):
    figure, axis = reporting.figure(height_in=3)
    effects.draw(axis, lines)
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == "what?" and len(labels) == 4
    assert [text.get_text().strip() for text in axis.texts] == ["not run"]


def test_what_is_left_without_corpora_of_few_speakers_stands_beside_every_difference(found):
    first, second = (f"{result.row.pipeline} {result.row.protocol} {result.row.scope}" for result in found[1:3])
    pair = [tuple(name.split()) for name in (first, second)]
    lines = paired.table([Comparison("what?", *pair)], found)
    rest = paired.compare(*found[1:3], by_corpus=False, without=True).set_index("on").loc["without tess"]
    assert lines.without.item() == "without tess" and rest.difference != lines.difference.item()
    assert effects.rest(next(lines.itertuples()), "difference") == tuple(rest[["difference", "low", "high"]])
    shown = effects.formatted(lines)["without TESS (exploratory)"].item()
    assert shown == reporting.interval(rest.difference, rest.low, rest.high)
    figure, (axis, other) = reporting.figure(cols=2)
    effects.draw(axis, lines)
    effects.draw(other, lines.assign(without=""))
    assert [len(a.containers) for a in (axis, other)] == [2, 1]
    assert "orange: without TESS" in axis.get_xlabel() and "orange" not in other.get_xlabel()


def test_pictures_say_what_their_marks_mean(found, lines):
    plain, marked, premium, scopes = reporting.figure(cols=4)[1]
    effects.draw(plain, lines)
    effects.draw(marked, lines.assign(known=True, interval_over="clips"))
    assert [mark for mark in "†§" if mark in plain.get_xlabel()] == []
    assert all(meaning in marked.get_xlabel() for meaning in reporting.IN_PICTURES.values())
    premiums.draw(premium, premiums.table(found), known="random")  # of TESS' two actresses intervals are over clips
    assert premium.get_xlabel() == reporting.IN_PICTURES["†"]
    scores = results.table(found).query("on == 'overall'").assign(interval_over=["clips"] + ["speakers"] * 4, mark="")
    comparison.draw_scores(scopes, scores.assign(pipeline=scores.pipeline.iloc[1]), title="")
    assert [label.get_text()[-1] for label in scopes.get_yticklabels()] == ["†", "r", "r", "r", "r"]


def test_a_line_breaks_where_a_protocol_has_not_been_run(found):
    of_corpus = replace(found[1], row=replace(found[1].row, protocol="corpus"))
    figure, axis = reporting.figure()
    premiums.draw_protocols(axis, [*(r for r in found if r.row.protocol != "speaker"), found[2], of_corpus])
    drawn = {bar.get_label(): bar.lines[0].get_ydata() for bar in axis.containers}
    assert list(pd.isna(drawn["mfcc-linear"])) == [False, True, False], "random, speaker, corpus"
    assert list(pd.isna(drawn["egemaps-linear"])) == [True, False, True]


def test_premiums_pair_the_protocols_and_leave_out_the_constant(found):
    lines = premiums.table(found)
    assert set(lines.pipeline) == {"mfcc-linear"} and list(lines.on)[:2] == ["overall", "without tess"]
    rest = lines.iloc[1]
    assert f"without TESS: {reporting.interval(-rest.difference, -rest.high, -rest.low)}" in premiums.sentence(lines)
    assert "`mfcc-linear`" in premiums.sentence(lines)
    assert len(premiums.formatted(lines)) == len(lines)
    assert premiums.table(found[:4]).empty


def test_pairs_that_are_all_refused_are_named_and_nothing_else_is_drawn_or_tabled(found, project):
    fewer = found[1].predictions[found[1].predictions.corpus != "tess"]
    lines = premiums.table([replace(found[1], predictions=fewer), found[4]])
    assert list(lines.columns) == premiums.COLUMNS == list(premiums.table(found).columns)
    figure, axis = reporting.figure()
    premiums.draw(axis, lines, known="random")
    assert [bar.get_label() for bar in axis.containers] == ["mfcc-linear (not comparable)"]
    table = premiums.formatted(lines)
    assert table.empty and list(table.columns) == list(premiums.formatted(premiums.table(found)).columns)
    for item in (figure, table):
        reporting.save(item, "42_premium", profile="thesis", provenance="tess")
    said = "With new speakers instead of known ones, no pair can be compared. Not compared: "
    assert premiums.sentence(lines) == f"{said}{lines.missing[0]}."


def test_of_each_kind_validation_chooses(found):
    chosen = effects.representatives(found)
    assert set(zip(chosen.kind, chosen.pipeline, strict=True)) >= {("HSF", "whisper-linear")}
    lld = max(found[1:3], key=failures.validation_uar).row.pipeline
    assert set(chosen.pipeline[chosen.kind == "LLD"]) == {lld}
    assert effects.representatives([]).empty


def test_the_evaluation_side_has_no_say_in_the_choice(found):
    worse = found[1].predictions.assign(prediction="anger")
    spoiled = [replace(found[3], predictions=worse, scores={}), found[1]]
    assert failures.best(spoiled).row.pipeline == "whisper-linear"
    with pytest.raises(ValueError, match="expected results with a validation score"):
        failures.best([])


def test_the_hardest_clips_are_those_that_all_get_wrong(found):
    some = found[1:4]
    table = failures.hardest(some, most=30)
    for line in table.head(3).itertuples():
        answers = [r.predictions.set_index("path").loc[line.path] for r in some]
        assert [a.prediction != a.emotion for a in answers].count(True) == line.wrong == line.of == 3
        given = sum(answer[f"p_{answer.emotion}"] for answer in answers) / 3
        assert line.confidence == pytest.approx(given, abs=1e-6)
        assert line.answer in {answer.prediction for answer in answers}
    assert table.confidence[table.wrong == 3].is_monotonic_increasing
    every = failures.hardest(some, most=10**6)
    said = failures.missed(some)
    assert said.startswith(f"None of 3 pipelines names {(every.wrong == 3).sum():,} of {len(every):,} clips: CREMA-D ")


def test_the_committed_tables_are_those_of_the_committed_results(committed):
    everything = committed.found
    lines = pd.read_csv(paths.figures("thesis") / "42_premium.csv", dtype={"missing": object}).fillna({"missing": ""})
    pd.testing.assert_frame_equal(lines, premiums.table(everything), check_dtype=False, atol=1e-9)
    lines = pd.read_csv(paths.figures("thesis") / "41_effects.csv").fillna({"missing": "", "without": ""})
    made = paired.table(paired.declared(), everything)
    pd.testing.assert_frame_equal(lines, made, check_dtype=False, atol=1e-9)
    lines = pd.read_csv(paths.figures("thesis") / "41_contrasts.csv").fillna({"missing": "", "without": ""})
    made = contrasts.table(contrasts.declared(), everything)
    pd.testing.assert_frame_equal(lines, made, check_dtype=False, atol=1e-9)
    lines = pd.read_csv(paths.figures("thesis") / "41_parts.csv", dtype={"missing": object}).fillna({"missing": ""})
    pd.testing.assert_frame_equal(lines, parts.table(everything), check_dtype=False, atol=1e-9)
