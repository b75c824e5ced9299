"""Calibration, abstention and subgroups against values by hand and against other implementations."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.special
from sklearn.metrics import log_loss

from emolabs import reporting
from emolabs.experiments import metrics
from emolabs.reliability import abstention, calibration, drawings, intended_use, people, reports, subgroups
from emolabs.reliability.calibration import Answers, Draws
from emolabs.reporting import interval
from emolabs.standardization import split

LABELS = ["anger", "fear", "neutral"]


def sampled(clips: int, *, spread: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits [clips, labels] and a truth that is drawn from their probabilities: a model that is calibrated."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, spread, (clips, len(LABELS)))
    drawn = generator.random((clips, 1)) > scipy.special.softmax(logits, axis=1).cumsum(axis=1)
    return logits, np.minimum(drawn.sum(axis=1), len(LABELS) - 1)


def said(probabilities: np.ndarray, truth: np.ndarray, *, speakers: int = 12, corpus: str = "emodb") -> Answers:
    """Answers of clips that the speakers have spoken in turn."""
    numbers = np.arange(len(truth))
    clips = pd.DataFrame({"id": numbers.astype(str), "corpus": corpus, "speaker": numbers % speakers, "fold": 0})
    return Answers(clips, probabilities, truth)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature):
    logits, truth = sampled(20_000)
    found = calibration.fit(scipy.special.softmax(temperature * logits, axis=1), truth)
    assert found == pytest.approx(temperature, rel=0.03)


def test_logarithms_of_probabilities_serve_as_logits_and_no_answer_changes():
    logits, _ = sampled(500)
    probabilities = scipy.special.softmax(logits, axis=1)
    scaled = calibration.scaled(probabilities, temperature=1.7)
    np.testing.assert_allclose(scaled, scipy.special.softmax(logits / 1.7, axis=1), atol=1e-9)
    assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    np.testing.assert_allclose(calibration.scaled(probabilities, temperature=1.0), probabilities, atol=1e-9)


def test_a_calibrated_model_has_next_to_no_error_and_a_sure_one_has_its_overconfidence():
    logits, truth = sampled(50_000)
    assert calibration.scores(scipy.special.softmax(logits, axis=1), truth)["ece"] < 0.01
    sure = np.tile([0.9, 0.1, 0.0], (100, 1))
    right_in_sixty = np.repeat([0, 1], [60, 40])
    assert calibration.scores(sure, right_in_sixty)["ece"] == pytest.approx(0.3)


def test_likelihood_and_brier_score_are_those_of_scikit_learn_and_of_the_formula():
    logits, truth = sampled(400)
    probabilities = scipy.special.softmax(logits, axis=1)
    scores = calibration.scores(probabilities, truth)
    assert scores["nll"] == pytest.approx(log_loss(truth, probabilities))
    assert calibration.brier(np.array([[0.5, 0.3, 0.2]]), np.array([1]))[0] == pytest.approx(0.25 + 0.49 + 0.04)
    assert calibration.nll(np.array([[1.0, 0.0, 0.0]]), np.array([1]))[0] == pytest.approx(27.63, abs=0.01)


def test_resamples_of_everything_once_are_the_values_themselves():
    logits, truth = sampled(300)
    answers = said(scipy.special.softmax(logits, axis=1), truth)
    once = Draws("clips", np.arange(300), np.ones((1, 300)))
    for name, value in calibration.scores(answers.probabilities, truth).items():
        assert calibration._samples(answers, draws=once)[name][0] == pytest.approx(value)
    assert abstention.area(answers.confidence, answers.hits, draws=once)[0] == pytest.approx(
        abstention.area(answers.confidence, answers.hits)
    )


def test_scaling_mends_overconfidence_and_its_interval_says_so():
    logits, truth = sampled(3_000)
    before = said(scipy.special.softmax(3 * logits, axis=1), truth)
    after = said(calibration.scaled(before.probabilities, temperature=3.0), truth)
    line = calibration.compare(before, after)
    assert line["interval_over"] == "speakers" and line["speakers"] == 12
    for name in ("nll", "brier", "ece"):
        assert line[f"{name}_change_high"] < 0
        assert line[f"{name}_before_low"] <= line[f"{name}_before"] <= line[f"{name}_before_high"]
        assert line[f"{name}_after_low"] <= line[f"{name}_after"] <= line[f"{name}_after_high"]


def test_the_diagram_holds_every_clip_in_its_bin():
    logits, truth = sampled(2_000)
    answers = said(scipy.special.softmax(logits, axis=1), truth)
    diagram = calibration.diagram(answers)
    assert diagram.clips.sum() == 2_000 and (diagram.low <= diagram.accuracy).all()
    assert ((diagram.confidence * metrics.BINS).astype(int).clip(upper=metrics.BINS - 1) == diagram.bin).all()
    gap = (diagram.clips / 2_000 * (diagram.accuracy - diagram.confidence).abs()).sum()
    assert gap == pytest.approx(metrics.calibration_error(answers.confidence, answers.hits))


def test_area_and_curve_by_hand():
    confidence, hits = np.array([0.7, 0.9, 0.8]), np.array([True, True, False])
    assert abstention.area(confidence, hits) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    coverage, risk = abstention.curve(confidence, hits)
    assert coverage == pytest.approx([1 / 3, 2 / 3, 1]) and risk == pytest.approx([0, 1 / 2, 1 / 3])


def test_clips_of_one_confidence_are_answered_together_in_any_order():
    confidence = np.array([0.9, 0.5, 0.5, 0.5])
    for hits in ([True, False, True, True], [True, True, True, False]):
        assert abstention.area(confidence, np.array(hits)) == pytest.approx((0 + 3 * 1 / 4) / 4)
        assert abstention.curve(confidence, np.array(hits))[0] == pytest.approx([1 / 4, 1])


def test_a_clip_drawn_twice_counts_as_two():
    confidence, hits = np.array([0.9, 0.8, 0.7]), np.array([False, True, True])
    drawn = Draws("clips", np.arange(3), np.array([[2.0, 0.0, 1.0], [1.0, 1.0, 1.0]]))
    expected = [abstention.area(confidence[rows], hits[rows]) for rows in ([0, 0, 2], [0, 1, 2])]
    assert abstention.area(confidence, hits, draws=drawn) == pytest.approx(expected)


def test_a_threshold_answers_as_much_as_the_target_allows_and_never_for_few():
    confidence = np.linspace(1, 0.01, 100)
    hits = np.arange(100) < 60
    assert abstention.threshold(confidence, hits, target=0.8) == pytest.approx(confidence[74])
    assert (hits[confidence >= confidence[74]]).mean() == pytest.approx(0.8)
    few = np.arange(100) < 20  # right in the first 20 alone: at 30 answers it is two in three
    assert np.isnan(abstention.threshold(confidence, few, target=0.7))
    assert abstention.threshold(confidence, few, target=0.6) == pytest.approx(confidence[32])


@pytest.mark.parametrize(("right", "verdict"), [(0.99, "kept"), (0.5, "broken"), (0.9, "undecided")])
def test_a_promise_is_kept_broken_or_undecided(right, verdict):
    truth = np.random.default_rng(0).permutation(np.arange(600) >= right * 600).astype(int)
    answers = said(np.tile([0.8, 0.1, 0.1], (600, 1)), truth)
    line = abstention.promise(answers, thresholds=np.full(600, 0.7), target=0.9)
    assert (line["verdict"], line["coverage"]) == (verdict, 1.0) and line["accuracy"] == pytest.approx(right)
    none = abstention.promise(answers, thresholds=np.full(600, np.nan), target=0.9)
    assert (none["verdict"], none["answered"]) == ("no answers", 0) and np.isnan(none["accuracy"])


def test_a_target_without_thresholds_is_refused():
    with pytest.raises(ValueError, match=r"expected a target among 0.7, 0.8, 0.9, 0.95, found 0.85"):
        reports.promises([], target=0.85)


class Spoken:
    """A result, as far as `subgroups` looks at it."""

    labels = LABELS

    def __init__(self, rows: list[tuple]):
        clips = pd.DataFrame(rows, columns=["corpus", "speaker", "emotion", "prediction"])
        shares = np.eye(3)[clips.prediction.map(LABELS.index)]
        clips[[f"p_{label}" for label in LABELS]] = shares
        self.predictions = clips.assign(id=clips.index.astype(str), path=clips.index.astype(str))


def spoken(corpus: str, *, people: int, right: dict[str, int], of: int = 10) -> list[tuple]:
    """Speakers f0, m0, f1 … of whose clips of each emotion so many are named rightly, by sex."""
    rows = []
    for number in range(people):
        sex = "fm"[number % 2]
        for emotion, other in zip(LABELS, LABELS[1:] + LABELS[:1], strict=True):
            for clip in range(of):
                rows.append((corpus, f"{corpus}/{sex}{number}", emotion, emotion if clip < right[sex] else other))
    return rows


def sex_of(result: Spoken) -> pd.Series:
    speakers = result.predictions.speaker.unique()
    return pd.Series({s: "female" if s.split("/")[1][0] == "f" else "male" for s in speakers})


def test_the_gap_is_what_was_put_in_and_a_corpus_of_one_sex_does_not_count():
    rows = spoken("cremad", people=16, right={"f": 8, "m": 5})
    women = [row for row in spoken("tess", people=4, right={"f": 10, "m": 0}) if row[1].split("/")[1][0] == "f"]
    result = Spoken(rows + women)
    lines = subgroups.gaps(result, sex=sex_of(result)).set_index(["on", "measure"])
    for measure in ("UAR", *LABELS):
        line = lines.loc[("overall", measure)]
        assert (line.female, line.male, line.gap) == pytest.approx((0.8, 0.5, 0.3))
        assert (line.women, line.men, line.interval_over) == (8, 8, "speakers")
        assert line.low == pytest.approx(0.3) and line.high == pytest.approx(0.3), "all women, and all men, are alike"
    alone = lines.loc[("tess", "UAR")]
    assert np.isnan(alone.gap) and alone.female == 1 and np.isnan(alone.male) and alone.men == 0


def test_where_nobodys_sex_is_known_there_is_no_gap_and_all_that_is_made_of_gaps_is_empty(project):
    result = Spoken(spoken("mine", people=4, right={"f": 8, "m": 5}))
    result.row = SimpleNamespace(pipeline="mfcc-linear")
    known = Spoken(spoken("emodb", people=4, right={"f": 8, "m": 5}))
    lines = reports.gaps([result], sex=pd.Series("", index=result.predictions.speaker.unique()))
    assert lines.empty and list(lines.columns) == [*subgroups.gaps(known, sex=sex_of(known)).columns, "pipeline"]
    figure, axes = reporting.figure(cols=2)
    drawings.draw_gaps(axes[0], lines[lines.measure == "UAR"], rows=["overall", "mine"], column="on")
    drawings.draw_gaps(axes[1], lines[lines.on == "overall"], rows=LABELS, column="measure")
    assert [text.get_text().strip() for axis in axes for text in axis.texts] == ["not known for both"] * 5
    for item in (figure, reports.formatted_gaps(lines)):
        reporting.save(item, "60_gaps", profile="thesis", provenance="mine")
    described = result.predictions.assign(sex="", text="", language="")
    nothing = pd.DataFrame(columns=["on"])
    text = intended_use.statement(described, scores=nothing, promises=nothing, gaps=lines, losses=nothing)
    assert "(4 not published)" in text and "Women and men" not in text


def test_few_speakers_of_a_sex_are_drawn_clip_by_clip():
    result = Spoken(spoken("emodb", people=10, right={"f": 8, "m": 5}))
    line = subgroups.gaps(result, sex=sex_of(result)).iloc[0]
    assert line.interval_over == "clips" and line.low < 0.3 < line.high


def test_a_speaker_who_is_served_worse_than_chance_allows_stands_out():
    alike = spoken("cremad", people=12, right={"f": 7, "m": 7})
    badly = ["cremad/f2", "cremad/f4", "cremad/m5"]
    poor = [(c, s, e, p if s not in badly else "neutral") for c, s, e, p in alike]
    lines = []
    for rows in (alike, poor):
        result = Spoken(rows)
        scored = subgroups.speakers(result, sex=sex_of(result))
        lines.append(subgroups.spread(result, scored).iloc[0])
    assert lines[0].sd == pytest.approx(0) and lines[0].p == 1.0
    assert lines[1].worst == "cremad/f2" and lines[1].worst_uar == pytest.approx(1 / 3)
    assert lines[1].p < 0.01 and lines[1].worst_uar < lines[1].chance_low <= lines[1].chance_high


def test_who_speaks_is_read_from_names_where_no_index_is(project):
    paths = ["cremad/1002_DFA_ANG_XX", "ravdess/03-01-05-01-02-01-12", "emodb/03a01Wa", "mine/a"]
    clips = pd.DataFrame({"path": paths, "corpus": [p.split("/")[0] for p in paths], "speaker": list("abcd")})
    described = people.describe(clips, profile="thesis")
    assert described.sex.tolist() == ["female", "female", "male", ""]
    assert described.language.tolist() == ["en", "en", "de", ""]
    assert described.text[0] == "Don't forget a jacket."


def test_the_statement_takes_its_numbers_from_the_tables_and_says_nothing_it_has_no_table_for():
    result = Spoken(spoken("cremad", people=16, right={"f": 8, "m": 5}))
    sex = sex_of(result)
    described = result.predictions.assign(sex=result.predictions.speaker.map(sex), text="a", language="en")
    gaps = subgroups.gaps(result, sex=sex).assign(pipeline="mfcc-linear")
    nothing = pd.DataFrame(columns=["on"])
    text = intended_use.statement(described, scores=nothing, promises=nothing, gaps=gaps, losses=nothing)
    assert "480 recordings of 16 speakers (8 female, 8 male)" in text and "1 texts in cremad" in text
    assert f"80.0 % for 8 women and 50.0 % for 8 men, a gap of {interval(0.3, 0.3, 0.3)} points" in text
    assert "acted" in text and "no medical device" in text
    assert "Confidence" not in text and "Quiet recordings" not in text and "nan" not in text
    made = intended_use.statement(
        described.assign(corpus="emosynth-en"), scores=nothing, promises=nothing, gaps=gaps, losses=nothing
    )
    assert "spoken by a synthesizer" in made and "acted" not in made


class TestPictures:
    def promises(self, *choices: str) -> pd.DataFrame:
        numbers = {"coverage": 0.25, "answered": 22, "accuracy": 0.7, "accuracy_low": 0.5, "accuracy_high": 0.9}
        return pd.DataFrame({"choice": choices}).assign(**numbers)

    def test_a_promise_says_how_many_clips_it_rests_on_and_what_stands_in_its_place(self):
        _, axis = reporting.figure()
        names = ["hash", "random, then speaker", "hash, then speaker"]
        drawings.draw_promises(axis, self.promises(*names[:2]), names=names, target=0.9, title="")
        assert [text.get_text() for text in axis.texts] == ["25.0 % (22)", "25.0 % (22)", "see random, then new"]
        drawings.draw_promises(axis, self.promises(), names=names[:1], target=0.9, title="")
        assert axis.texts[-1].get_text() == "not run"

    @pytest.mark.parametrize("protocol", split.PROTOCOLS)
    def test_every_protocol_has_a_look_of_its_own(self, protocol):
        logits, truth = sampled(100)
        _, axis = reporting.figure()
        sides = {protocol: said(scipy.special.softmax(logits, axis=1), truth)}
        drawings.draw_curves(axis, sides, protocols=[protocol], title="mfcc-linear")
        (line,) = axis.lines
        assert line.get_label().startswith(protocol) and line.get_label().endswith(", 100 clips")
        drawings.draw_promises(axis, self.promises(protocol), names=[protocol], target=0.9, title="")
        looks = [{**look, "label": ""} for look in drawings.LOOKS.values()]
        assert looks.count({**drawings.LOOKS[protocol], "label": ""}) == 1

    def test_a_loss_that_was_not_measured_is_named(self):
        _, axis = reporting.figure()
        lines = pd.DataFrame({"pipeline": ["mfcc-linear"], "degradation": ["white0"], "on": ["overall"]})
        lines = lines.assign(difference=-0.1, low=-0.2, high=0.0, stale=False, interval_over="clips")
        drawings.draw_losses(axis, lines, pipelines=["mfcc-linear", "whisper-linear"], title="speaker")
        assert axis.get_title() == "speaker\n(not measured: whisper-linear)"
        assert [text.get_text() for text in axis.texts] == ["†"]
