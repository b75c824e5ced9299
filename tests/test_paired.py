"""Paired comparisons: what they give, what they need, and that pairing is worth something."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from emolabs import paths
from emolabs.experiments import metrics, paired
from emolabs.experiments.paired import Comparison
from emolabs.experiments.results import Result
from emolabs.experiments.runs import Row
from emolabs.modeling import load_pipelines
from emolabs.standardization import PROTOCOLS

LABELS = ["anger", "fear", "neutral"]


def predictions(*, hits: float, seed: int, speakers: int = 12, clips: int = 30) -> pd.DataFrame:
    """Clips of two corpora; each speaker is easy or hard, which is the same for every seed."""
    ease = np.random.default_rng(99).uniform(-0.25, 0.25, speakers)
    generator = np.random.default_rng(seed)
    rows = []
    for speaker in range(speakers):
        for clip in range(clips):
            emotion = LABELS[clip % 3]
            is_hit = generator.random() < hits + ease[speaker]
            answer = emotion if is_hit else LABELS[(clip + 1 + generator.integers(2)) % 3]
            corpus = "ab"[speaker % 2]
            path = f"{corpus}/{speaker:02}-{clip:02}"
            rows.append((path, path, corpus, f"{corpus}/{speaker}", emotion, answer))
    return pd.DataFrame(rows, columns=["id", "path", "corpus", "speaker", "emotion", "prediction"])


def result(table: pd.DataFrame, *, pipeline="mfcc-linear", protocol="hash", manifest="m", stale=False) -> Result:
    row = Row(profile="demo", protocol=protocol, scope="pooled", pipeline=pipeline, seed=0)
    return Result(row, table, [{"made_from": {"manifest": manifest}}], {}, LABELS, stale)


GOOD, BAD = (result(predictions(hits=hits, seed=seed)) for hits, seed in ((0.7, 1), (0.55, 2)))


def test_values_are_those_of_scikit_learn_and_a_loop_gives_the_same_interval():
    line = paired.compare(GOOD, BAD).iloc[0]
    one, two = GOOD.predictions, BAD.predictions
    assert line["first"] == pytest.approx(balanced_accuracy_score(one.emotion, one.prediction))
    assert line.difference == pytest.approx(line["first"] - balanced_accuracy_score(two.emotion, two.prediction))
    generator, drawn = np.random.default_rng(5), []
    groups = [[frame[frame.speaker == name] for name in sorted(set(one.speaker))] for frame in (one, two)]
    places = {corpus: [i for i, g in enumerate(groups[0]) if g.corpus.iloc[0] == corpus] for corpus in "ab"}
    for _ in range(400):
        chosen = np.concatenate([generator.choice(members, len(members)) for members in places.values()])
        frames = [pd.concat([side[i] for i in chosen]) for side in groups]
        scores = [balanced_accuracy_score(frame.emotion, frame.prediction) for frame in frames]
        drawn.append(scores[0] - scores[1])
    assert np.percentile(drawn, [2.5, 97.5]) == pytest.approx([line.low, line.high], abs=0.015)
    assert line.low > 0 and line.p < 0.01 and line.interval_over == "speakers" and line.clips == 360


def test_turned_around_it_says_the_opposite_and_of_itself_nothing():
    there, back = paired.compare(GOOD, BAD), paired.compare(BAD, GOOD)
    assert np.allclose(there.difference, -back.difference) and np.allclose(there.low, -back.high)
    same = paired.compare(GOOD, GOOD)
    assert (same.difference == 0).all() and (same.p == 1).all()


@pytest.mark.parametrize(("speakers", "most"), [(1, 0.1157), (12, 0.0102)])  # golden: Clopper & Pearson, 30 and 360
def test_two_that_are_all_right_are_not_known_to_be_equal(speakers, most):
    right = result(predictions(hits=2, seed=1, speakers=speakers))
    line = paired.compare(right, right, by_corpus=False).iloc[0]
    assert (line["first"], line.difference, line.p, line.interval_over) == (1, 0, 1, "clips")
    assert (line.low, line.high) == pytest.approx((-most, most), abs=1e-4)


def test_pairing_makes_the_interval_narrower_than_two_intervals():
    line = paired.compare(GOOD, BAD).iloc[0]
    alone = []
    for one in (GOOD, BAD):
        probabilities = {f"p_{label}": (one.predictions.prediction == label).astype(float) for label in LABELS}
        _, low, high = metrics.score(one.predictions.assign(**probabilities), labels=LABELS)["uar"]
        alone.append(high - low)
    assert line.high - line.low < np.hypot(*alone)


def test_order_does_not_matter_and_only_common_clips_count():
    shuffled = result(BAD.predictions.sample(frac=1, random_state=0)[50:])
    lines = paired.compare(GOOD, shuffled)
    kept = result(BAD.predictions[BAD.predictions.id.isin(shuffled.predictions.id)])
    pd.testing.assert_frame_equal(lines, paired.compare(GOOD, kept))
    assert lines.clips[0] == 310 and list(lines.on) == ["overall", "a", "b"]


def test_corpora_of_few_speakers_are_left_out_where_that_is_asked():
    many = {"a/1", "b/1", "b/3", "b/5", "b/7", "b/9", "b/11"} | {f"a/{n}" for n in (0, 2)}
    one, two = (result(side.predictions[side.predictions.speaker.isin(many)]) for side in (GOOD, BAD))
    lines = paired.compare(one, two, without=True).set_index("on")
    assert list(lines.index) == ["overall", "without a", "a", "b"]
    pd.testing.assert_series_equal(lines.loc["without a"], lines.loc["b"], check_names=False)
    assert list(paired.compare(one, two).on) == ["overall", "a", "b"]
    for apart in (GOOD.predictions, one.predictions[one.predictions.corpus == "a"]):
        assert paired.without_few(apart) == {}, "either every corpus has speakers enough, or none has"


def test_few_speakers_are_said():
    few = GOOD.predictions[GOOD.predictions.speaker.isin(["a/0", "b/1"])]
    assert (paired.compare(result(few), BAD).interval_over == "clips").all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda clips: clips.assign(id="other"), "evaluated no clip in common"),
        (lambda clips: clips.assign(emotion="fear"), "give a clip two emotions"),
    ],
)
def test_results_that_do_not_belong_together_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        paired.compare(GOOD, result(change(BAD.predictions)))


def test_a_table_corrects_what_was_computed_and_leaves_open_what_was_not():
    def key(pipeline, protocol="hash"):
        return (pipeline, protocol, "pooled")

    found = [
        result(GOOD.predictions, pipeline="one"),
        result(BAD.predictions, pipeline="two", stale=True),
        result(predictions(hits=0.66, seed=3), pipeline="three"),
        result(BAD.predictions, pipeline="old", manifest="other"),
        result(BAD.predictions, pipeline="one", protocol="speaker", manifest="other"),
    ]
    pairs = [("one", "two"), ("one", "three"), ("one", "gone"), ("one", "old")]
    comparisons = [Comparison("?", key(a), key(b)) for a, b in pairs]
    comparisons.append(Comparison("?", key("one"), key("one", "speaker")))
    lines = paired.table(comparisons, found)
    assert list(lines.missing) == ["", "", "not run: gone, hash, pooled", lines.missing[3], ""]
    assert lines.missing[3].startswith("not comparable: one under hash and old under hash rest on two versions")
    assert lines.difference.isna().tolist() == [False, False, True, True, False]
    assert lines.stale.tolist() == [True, False, False, False, False]
    p = lines.p.dropna().astype(float).to_numpy()
    order = p.argsort()
    by_hand = np.empty(3)
    by_hand[order] = np.minimum(1, np.maximum.accumulate(p[order] * [3, 2, 1]))
    assert np.allclose(lines.p_holm.dropna(), by_hand)


def test_what_is_declared_are_rows_and_protocols_that_exist():
    comparisons = paired.declared()
    assert len(set(comparisons)) == len(comparisons) > 15
    for pipeline, protocol, scope in (side for c in comparisons for side in (c.first, c.second)):
        assert pipeline in load_pipelines() and protocol in PROTOCOLS and scope == "pooled"


def test_a_row_that_is_none_is_named(tmp_path, monkeypatch):
    file = tmp_path / "comparisons.yaml"
    file.write_text("- {question: a, first: x hash pooled, second: y hash}\n")
    monkeypatch.setattr(paths, "COMPARISONS", file)
    with pytest.raises(ValueError, match=r"comparisons.yaml, row 1: expected a question, first and second as"):
        paired.declared()
