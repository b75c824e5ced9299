"""Differences in differences: what they give, what they need, and what is declared."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from test_paired import BAD, GOOD, predictions, result

from emolabs import paths, reporting
from emolabs.experiments import contrasts, paired
from emolabs.experiments.contrasts import Contrast
from emolabs.modeling import load_pipelines
from emolabs.standardization import PROTOCOLS

FINE, POOR = (result(predictions(hits=hits, seed=seed)) for hits, seed in ((0.8, 3), (0.4, 4)))


def answered(*, anger: int, fear: int):
    """Six speakers who say one clip of each emotion; so many of each are heard as such, the others as the other."""
    rows = []
    for speaker in range(6):
        for emotion, other, hits in (("anger", "fear", anger), ("fear", "anger", fear)):
            path = f"a/{speaker}-{emotion}"
            rows.append((path, path, "a", f"a/{speaker}", emotion, emotion if speaker < hits else other))
    return result(pd.DataFrame(rows, columns=["id", "path", "corpus", "speaker", "emotion", "prediction"]))


def test_a_golden_value():
    difference = answered(anger=6, fear=6), answered(anger=6, fear=3)  # 1 − 3/4
    less = answered(anger=6, fear=0), answered(anger=6, fear=2)  # 1/2 − 2/3
    line = contrasts.compare(difference, less)
    assert line["difference_value"] == pytest.approx(1 / 4) and line["less_value"] == pytest.approx(-1 / 6)
    assert line["contrast"] == pytest.approx(5 / 12)
    assert (line["clips"], line["interval_over"]) == (12, "speakers")
    assert line["low"] <= line["contrast"] <= line["high"]


def test_beside_it_stands_what_is_left_without_corpora_of_few_speakers():
    few = {"a/0", "a/2", "a/4", "a/6"}
    four = [side.predictions[~side.predictions.speaker.isin(few)] for side in (FINE, GOOD, BAD, POOR)]  # two of a
    line = contrasts.compare(*(tuple(map(result, pair)) for pair in (four[:2], four[2:])))
    rest = [result(table[table.corpus == "b"]) for table in four]
    alone = contrasts.compare(tuple(rest[:2]), tuple(rest[2:]))
    assert line["without"] == "without a" and alone["without"] == ""
    assert [line[f"without_{number}"] for number in ("contrast", "low", "high")] == pytest.approx(
        [alone[number] for number in ("contrast", "low", "high")]
    )
    assert line["contrast"] != alone["contrast"]


def test_it_is_the_difference_of_two_paired_differences_on_the_same_draws():
    line = contrasts.compare((FINE, GOOD), (BAD, POOR))
    pairs = {"difference": paired.compare(FINE, GOOD).iloc[0], "less": paired.compare(BAD, POOR).iloc[0]}
    for side, alone in pairs.items():
        found = [line[f"{side}_{number}"] for number in ("value", "low", "high")]
        assert found == pytest.approx([alone.difference, alone.low, alone.high])
    assert line["contrast"] == pytest.approx(pairs["difference"].difference - pairs["less"].difference)
    turned = contrasts.compare((BAD, POOR), (FINE, GOOD))
    assert [turned[name] for name in ("contrast", "low", "high")] == pytest.approx(
        [-line[name] for name in ("contrast", "high", "low")]
    )


def test_a_loop_over_speakers_gives_the_same_interval():
    line = contrasts.compare((FINE, GOOD), (BAD, POOR))
    generator, drawn = np.random.default_rng(5), []
    tables = [side.predictions for side in (FINE, GOOD, BAD, POOR)]
    speakers = sorted(set(tables[0].speaker))
    places = [[i for i, name in enumerate(speakers) if name.startswith(corpus)] for corpus in "ab"]
    for _ in range(200):
        chosen = np.concatenate([generator.choice(members, len(members)) for members in places])
        times = dict(zip(speakers, np.bincount(chosen, minlength=len(speakers)), strict=True))
        one, two, three, four = (
            balanced_accuracy_score(t.emotion, t.prediction, sample_weight=t.speaker.map(times)) for t in tables
        )
        drawn.append((one - two) - (three - four))
    assert np.percentile(drawn, [2.5, 97.5]) == pytest.approx([line["low"], line["high"]], abs=0.02)


@pytest.mark.parametrize("turned", [False, True])
def test_beside_no_difference_it_is_the_paired_one_wider_by_what_cannot_be_known(turned):
    pairs = [(GOOD, BAD), (FINE, FINE)]
    line, alone = contrasts.compare(*pairs[:: -1 if turned else 1]), paired.compare(GOOD, BAD).iloc[0]
    side, other = contrasts.SIDES[:: -1 if turned else 1]
    assert [line[f"{side}_{name}"] for name in ("value", "low", "high")] == [alone.difference, alone.low, alone.high]
    most = line[f"{other}_high"]
    assert line[f"{other}_low"] == -most and most == pytest.approx(1 - 0.025 ** (1 / 360))  # Clopper & Pearson
    ends = alone.low - most, alone.high + most
    assert (line["low"], line["high"]) == pytest.approx((-ends[1], -ends[0]) if turned else ends)
    assert (line["p"], line["interval_over"], line["clips"]) == (1, "clips", 360)


def test_of_a_difference_with_itself_nothing_is_left():
    same = contrasts.compare((GOOD, BAD), (GOOD, BAD))
    assert (same["contrast"], same["low"], same["high"], same["p"]) == (0, 0, 0, 1)


@pytest.mark.parametrize("place", range(4))
def test_each_of_the_four_must_rest_on_the_same_partition(place):
    four = [FINE, GOOD, BAD, POOR]
    four[place] = result(four[place].predictions, manifest="other")
    with pytest.raises(ValueError, match="rest on two versions of the partition"):
        contrasts.compare(tuple(four[:2]), tuple(four[2:]))


def test_only_clips_that_all_four_evaluated_count():
    fewer = result(POOR.predictions.iloc[50:])
    line = contrasts.compare((FINE, GOOD), (BAD, fewer))
    cut = [result(r.predictions[r.predictions.id.isin(fewer.predictions.id)]) for r in (FINE, GOOD, BAD)]
    assert line == contrasts.compare(tuple(cut[:2]), (cut[2], fewer)) and line["clips"] == 310


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """Two contrasts that were made, one that lacks a row, one whose rows do not belong together."""

    def sides(*pipelines):
        return tuple((pipeline, "hash", "pooled") for pipeline in pipelines)

    tables = {"one": FINE, "two": GOOD, "three": BAD, "four": POOR}
    found = [result(side.predictions, pipeline=name, stale=name == "four") for name, side in tables.items()]
    found.append(result(BAD.predictions, pipeline="old", manifest="other"))
    rows = [("one", "two", "three", "four"), ("one", "three", "two", "one"), ("one", "two", "three", "gone")]
    rows.append(("one", "two", "three", "old"))
    declared = [Contrast("what?", sides(*row[:2]), sides(*row[2:]), known=i == 1) for i, row in enumerate(rows)]
    return contrasts.table(declared, found)


def test_a_table_corrects_what_was_made_and_says_what_was_not(lines):
    assert list(lines.missing)[:3] == ["", "", "not run: gone, hash, pooled"]
    assert lines.missing[3].startswith("not comparable: one under hash and old under hash rest on two versions")
    assert lines.contrast.isna().tolist() == lines.p.isna().tolist() == [False, False, True, True]
    assert lines.stale.tolist() == [True, False, False, False]
    assert lines.known.tolist() == [False, True, False, False] and lines.question.tolist()[:2] == ["what?", "what?§"]
    alone = paired.compare(FINE, GOOD).iloc[0]
    assert lines.difference_value[2] == alone.difference, "a difference whose results are there stands"
    assert pd.isna(lines.less_value[2])
    low, high = sorted(lines.p[:2])
    assert sorted(lines.p_holm.dropna()) == pytest.approx([min(1, 2 * low), min(1, max(2 * low, high))])


def test_words_and_tables_hold_the_numbers_and_what_is_missing(lines):
    said, table = contrasts.sentences(lines), contrasts.formatted(lines)
    points = reporting.interval(*lines.loc[0, ["contrast", "low", "high"]])
    assert points in said[0] and table["first less second"][0] == points and "(stale)" in said[0]
    assert list(table["first less second"][2:]) == ["not run", "not comparable"]
    assert "not run: gone; known is one − two, hash:" in said[2] and "two versions" in said[3]
    assert contrasts.note(lines) == f"{contrasts.LEGEND} Not run, hash: gone."
    verdicts = {
        "no difference can be told": lines.assign(p_holm=0.2),
        "is higher": lines.assign(p_holm=0.01, contrast=1),
    }
    for words, changed in verdicts.items():
        assert words in contrasts.sentences(changed)[0]


def test_a_picture_has_a_place_for_every_contrast_and_its_differences(lines):
    figure, axis = reporting.figure(height_in=contrasts.height_in(lines))
    contrasts.draw(axis, lines)
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == "what?" and sum(": first less second" in label for label in labels) == 4
    assert sum(label.startswith(("first: ", "second: ")) for label in labels) == 2 + 2 + 1
    assert [text.get_text().strip() for text in axis.texts] == ["not run", "not comparable"]
    contrasts.draw(axis, lines.assign(interval_over="clips"))
    assert sum("less second†" in label.get_text() for label in axis.get_yticklabels()) == 2


def test_each_number_is_marked_by_what_its_own_interval_is_over(lines):
    line = lines.iloc[[0]].assign(difference_over="clips", less_over="speakers", interval_over="speakers")
    cells = contrasts.formatted(line).iloc[0][["first difference", "second difference", "first less second"]]
    assert [cell.endswith("†") for cell in cells] == [True, False, False]
    figure, axis = reporting.figure(height_in=3)
    contrasts.draw(axis, line)
    assert [label.get_text().endswith("†") for label in axis.get_yticklabels()] == [False, False, True, False]
    assert reporting.IN_PICTURES["†"] in axis.get_xlabel()


def test_what_is_declared_are_rows_and_protocols_that_exist():
    found = contrasts.declared()
    assert len(set(found)) == len(found) >= 9
    for pipeline, protocol, scope in (side for c in found for side in c.difference + c.less):
        assert pipeline in load_pipelines() and protocol in PROTOCOLS and scope in ("pooled", "emodb")
    assert {c.where for c in found} == {"hash", "hash emodb", "speaker", "random − speaker"}


@pytest.mark.parametrize(
    "row",
    [
        "{question: a, difference: [x hash pooled, y hash pooled], less: [x hash pooled, y hash]}",
        "{question: a, difference: [x hash pooled, y hash pooled], less: [x hash pooled]}",
        "{question: a, difference: [x hash pooled, x hash pooled], less: [y hash pooled, z hash pooled]}",
        "{question: a, difference: [x hash pooled, y hash pooled], less: [x hash pooled, y hash pooled]}",
        "{question: a, difference: x hash pooled, less: [y hash pooled, z hash pooled]}",
        "{difference: [x hash pooled, y hash pooled], less: [v hash pooled, w hash pooled]}",
        "a question",
    ],
)
def test_a_row_that_is_none_is_named(tmp_path, monkeypatch, row):
    file = tmp_path / "contrasts.yaml"
    file.write_text(f"- {row}\n")
    monkeypatch.setattr(paths, "CONTRASTS", file)
    with pytest.raises(ValueError, match=r"contrasts.yaml, row 1: expected a question, and difference and less"):
        contrasts.declared()
