"""Metrics against scikit-learn and independent loops, and what their intervals cover."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, recall_score

from emolabs.experiments import metrics

LABELS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def table(corpora: dict[str, int], *, clips: int, hits: float = 0.6, lacks=(), seed: int = 0) -> pd.DataFrame:
    """Predictions of so many speakers by corpus, `clips` each, right with probability `hits`; the answer is the
    most probable emotion. `lacks` are emotions absent from the truth."""
    generator = np.random.default_rng(seed)
    rows = []
    present = [label for label in LABELS if label not in lacks]
    for corpus, speakers in corpora.items():
        for speaker in range(speakers):
            for clip in range(clips):
                emotion = present[generator.integers(len(present))]
                prediction = emotion if generator.random() < hits else LABELS[generator.integers(7)]
                path = f"{corpus}/{speaker:02}-{clip:03}"
                given = generator.dirichlet(np.ones(7))
                best = LABELS.index(prediction)
                given[[best, given.argmax()]] = given[[given.argmax(), best]]
                row = {"id": path, "path": path, "corpus": corpus, "speaker": f"{corpus}/{speaker:02}"}
                row |= {"emotion": emotion, "prediction": prediction}
                rows.append(row | {f"p_{label}": p for label, p in zip(LABELS, given, strict=True)})
    return pd.DataFrame(rows)


def evaluate(predictions: pd.DataFrame) -> dict:
    return metrics.evaluate(predictions, labels=LABELS)


TABLES = {
    "many": table({"a": 9, "b": 7}, clips=20),
    "few clips": table({"a": 6}, clips=2, seed=1),
    "poor": table({"a": 8}, clips=10, hits=0.1, seed=2),
    "two absent": table({"a": 7}, clips=12, lacks=("fear", "surprise"), seed=3),
    "one present": table({"a": 7}, clips=5, lacks=LABELS[1:], seed=4),
}


@pytest.mark.parametrize("predictions", TABLES.values(), ids=TABLES)
class TestScores:
    def test_equal_scikit_learn(self, predictions):
        scores = evaluate(predictions)["overall"]
        truth, heard = predictions.emotion, predictions.prediction
        present = [label for label in LABELS if label in set(truth)]
        assert scores["accuracy"][0] == pytest.approx(accuracy_score(truth, heard))
        recalls = recall_score(truth, heard, labels=present, average=None, zero_division=0)
        assert scores["recall"] == pytest.approx(dict(zip(present, recalls, strict=True)))
        f1 = f1_score(truth, heard, labels=present, average="macro", zero_division=0)
        assert scores["macro_f1"][0] == pytest.approx(f1)
        assert scores["confusion"] == confusion_matrix(truth, heard, labels=LABELS).tolist()
        known = predictions[heard.isin(present)]
        if len(known) == len(predictions):
            assert scores["uar"][0] == pytest.approx(balanced_accuracy_score(truth, heard))
        assert scores["uar"][0] == pytest.approx(np.mean(recalls))
        assert (scores["clips"], scores["speakers"]) == (len(predictions), predictions.speaker.nunique())

    def test_calibration_error_equals_a_loop(self, predictions):
        confidence = predictions[[f"p_{label}" for label in LABELS]].max(axis=1).to_numpy()
        hits = (predictions.emotion == predictions.prediction).to_numpy()
        expected = 0.0
        for k in range(15):
            members = [i for i, p in enumerate(confidence) if k / 15 <= p < (k + 1) / 15 or (k == 14 and p == 1)]
            if members:
                gap = sum(hits[i] for i in members) / len(members) - sum(confidence[i] for i in members) / len(members)
                expected += len(members) / len(confidence) * abs(gap)
        assert evaluate(predictions)["overall"]["ece"] == pytest.approx(expected)

    def test_intervals_hold_their_value_and_lie_within_0_and_1(self, predictions):
        for name in metrics.SCORES:
            value, low, high = evaluate(predictions)["overall"][name]
            assert 0 <= low <= value <= high <= 1

    def test_the_order_of_rows_does_not_matter(self, predictions):
        shuffled = predictions.sample(frac=1, random_state=0)
        a, b = evaluate(predictions), evaluate(shuffled)
        assert a["overall"].pop("ece") == pytest.approx(b["overall"].pop("ece"))
        assert a["overall"] == b["overall"]


@pytest.mark.parametrize("predictions", TABLES.values(), ids=TABLES)
def test_same_predictions_same_numbers(predictions):
    assert evaluate(predictions) == evaluate(predictions)


def test_golden_values():
    """Worked by hand: two of two and one of two right, the other taken for a third emotion."""
    truth, heard = ["anger", "anger", "fear", "fear"], ["anger", "anger", "fear", "sadness"]
    predictions = table({"a": 1}, clips=4).assign(emotion=truth, prediction=heard)
    scores = evaluate(predictions)["overall"]
    assert scores["accuracy"][0] == 0.75 and scores["uar"][0] == 0.75
    assert scores["macro_f1"][0] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["recall"] == {"anger": 1, "fear": 0.5}


def test_golden_calibration_errors():
    confidence, correct = np.array([1.0, 1.0, 0.5, 0.5]), np.array([True, True, True, False])
    assert metrics.calibration_error(confidence, correct) == 0
    assert metrics.calibration_error(confidence, ~correct) == pytest.approx(0.5)
    assert metrics.calibration_error(np.array([0.9, 0.7]), np.array([True, True])) == pytest.approx(0.2)


def test_perfect_predictions():
    predictions = table({"a": 8}, clips=14, hits=1.0)
    columns = [f"p_{label}" for label in LABELS]
    predictions[columns] = (predictions.emotion.to_numpy()[:, None] == np.array(LABELS)).astype(float)
    scores = evaluate(predictions)["overall"]
    for name in metrics.SCORES:
        assert scores[name] == [1, 1, 1]
    assert scores["ece"] == 0 and set(scores["recall"].values()) == {1}


@pytest.mark.parametrize(("clips", "low"), [(281, 0.98695811), (10, 0.69150289), (1, 0.025)])
def test_where_all_is_right_the_interval_is_the_exact_one(clips, low):
    scores = metrics.exact(evaluate(table({"a": clips}, clips=1, hits=1.0)))  # golden: Clopper & Pearson
    for part in (scores["overall"], scores["corpora"]["a"]):
        for name in metrics.SCORES:
            assert part[name] == pytest.approx([1, low, 1])
        assert part["interval_over"] == "clips"


def test_where_an_answer_is_wrong_the_interval_is_the_bootstrap():
    predictions = pd.concat([TABLES["many"], table({"de": 7}, clips=15, lacks=("surprise", "fear"), seed=5)])
    scores = evaluate(predictions)
    assert metrics.exact(scores) == scores


def test_the_closed_set_has_its_own_exact_interval():
    predictions = table({"a": 7}, clips=3, lacks=("surprise", "fear"), hits=1.0)
    wrong = predictions.index[0]
    predictions.loc[wrong, "prediction"] = "surprise"
    predictions.loc[wrong, "p_surprise"] = 2.0  # the most probable of all, and not of the emotions that are there
    scores = metrics.exact(evaluate(predictions))["corpora"]["a"]
    assert scores["accuracy"][0] < 1 and scores["accuracy"][2] == 1 and scores["interval_over"] == "speakers"
    assert scores["closed_set"]["uar"] == pytest.approx([1, 0.83890238, 1])


class TestClosedSet:
    predictions = pd.concat([TABLES["many"], table({"de": 7}, clips=15, lacks=("surprise", "fear"), seed=5)])

    def test_is_the_argmax_over_the_emotions_of_the_corpus(self):
        corpora = evaluate(self.predictions)["corpora"]
        assert set(corpora) == {"a", "b", "de"}
        assert "closed_set" not in corpora["a"] and "closed_set" not in corpora["b"]
        clips = self.predictions[self.predictions.corpus == "de"]
        present = [label for label in LABELS if label not in ("surprise", "fear")]
        heard = [max(present, key=lambda label: row[f"p_{label}"]) for _, row in clips.iterrows()]
        assert set(clips.prediction) > set(heard)
        closed = corpora["de"]["closed_set"]
        assert closed["uar"][0] == pytest.approx(balanced_accuracy_score(clips.emotion, heard))
        assert closed["uar"][0] > corpora["de"]["uar"][0]
        assert corpora["de"]["uar"][0] == pytest.approx(
            np.mean([(clips.prediction[clips.emotion == label] == label).mean() for label in present])
        )

    def test_is_as_confident_as_among_those_emotions(self):
        clips = self.predictions[self.predictions.corpus == "de"]
        present = [f"p_{label}" for label in LABELS if label not in ("surprise", "fear")]
        shares = clips[present].div(clips[present].sum(axis=1), axis=0)
        heard = shares.idxmax(axis=1).str.removeprefix("p_")
        expected = metrics.calibration_error(shares.max(axis=1).to_numpy(), (heard == clips.emotion).to_numpy())
        assert evaluate(self.predictions)["corpora"]["de"]["closed_set"]["ece"] == pytest.approx(expected)

    def test_of_a_model_that_gives_the_corpus_no_probability(self):
        predictions = table({"a": 2}, clips=6, lacks=("surprise",))
        predictions[[f"p_{label}" for label in LABELS]] = [0.0] * 6 + [1.0]
        assert np.isfinite(evaluate(predictions)["corpora"]["a"]["closed_set"]["ece"])

    def test_of_a_model_that_never_hears_the_absent_emotions_is_the_raw_score(self):
        predictions = table({"a": 7}, clips=10, lacks=("surprise",))
        predictions = predictions[predictions.prediction != "surprise"]
        scores = evaluate(predictions)["corpora"]["a"]
        assert scores["closed_set"]["confusion"] == scores["confusion"]

    def test_what_a_corpus_has_is_not_what_these_clips_happen_to_hold(self):
        whole = table({"de": 7}, clips=15, lacks=("surprise",), seed=5)
        part = whole[whole.emotion != "fear"]  # as the speaker of one fold
        known = metrics.classes_of(whole)
        assert known == {"de": sorted({*LABELS} - {"surprise"})}
        closed = metrics.evaluate(part, labels=LABELS, classes=known)["corpora"]["de"]["closed_set"]
        heard = part[[f"p_{label}" for label in known["de"]]].idxmax(axis=1).str.removeprefix("p_")
        assert (heard == "fear").any(), "an answer that is wrong here, and one that the corpus has"
        expected = np.mean([(heard[part.emotion == label] == label).mean() for label in part.emotion.unique()])
        assert closed["uar"][0] == pytest.approx(expected)
        everything = metrics.evaluate(part, labels=LABELS, classes={"de": LABELS})["corpora"]["de"]
        assert "closed_set" not in everything and everything == evaluate(part)["overall"]

    def test_scores_of_a_corpus_are_those_of_its_clips_alone(self):
        alone = evaluate(self.predictions[self.predictions.corpus == "b"])
        assert evaluate(self.predictions)["corpora"]["b"] == alone["overall"]


class TestIntervals:
    @pytest.mark.parametrize(("speakers", "over"), [(1, "clips"), (5, "clips"), (6, "speakers"), (20, "speakers")])
    def test_say_what_was_drawn(self, speakers, over):
        assert evaluate(table({"a": speakers}, clips=8))["overall"]["interval_over"] == over

    def test_overall_and_a_small_corpus_differ_in_what_was_drawn(self):
        scores = evaluate(table({"a": 9, "b": 2}, clips=8))
        assert scores["overall"]["interval_over"] == scores["corpora"]["a"]["interval_over"] == "speakers"
        assert scores["corpora"]["b"]["interval_over"] == "clips"

    def test_equal_an_independent_bootstrap_over_speakers(self):
        predictions = table({"a": 8, "b": 12}, clips=15)
        generator = np.random.default_rng(99)
        groups = dict(list(predictions.groupby("speaker")))
        samples = []
        for _ in range(400):
            drawn = []
            for corpus in ("a", "b"):
                names = [name for name in groups if name.startswith(corpus)]
                drawn += [groups[name] for name in generator.choice(names, len(names))]
            clips = pd.concat(drawn)
            recalls = (clips.emotion == clips.prediction).groupby(clips.emotion).mean()
            samples.append(((clips.emotion == clips.prediction).mean(), recalls.mean()))
        expected = np.percentile(samples, [2.5, 97.5], axis=0).T
        scores = evaluate(predictions)["overall"]
        for name, bounds in zip(("accuracy", "uar"), expected, strict=True):
            assert scores[name][1:] == pytest.approx(bounds.tolist(), abs=0.012)

    def test_are_drawn_within_each_corpus(self):
        """One corpus all right, the other all wrong: only the mixture of corpora could vary."""
        right, wrong = (table({name: 10}, clips=10, hits=1.0) for name in "ab")
        wrong["prediction"] = [LABELS[(LABELS.index(label) + 1) % 7] for label in wrong.emotion]
        assert evaluate(pd.concat([right, wrong]))["overall"]["accuracy"] == [0.5, 0.5, 0.5]

    @pytest.mark.parametrize("speakers", [4, 9])
    def test_of_a_constant_answer_have_no_width_however_rare_an_emotion_is(self, speakers):
        clips = table({"a": speakers}, clips=12, lacks=LABELS[3:]).assign(prediction="anger")
        rare = clips.index[clips.emotion == "fear"][2:]
        clips.loc[rare, "emotion"] = "disgust"  # of two clips an eighth of the draws has none
        assert evaluate(clips)["overall"]["uar"] == pytest.approx([1 / 3] * 3)

    def test_of_draws_that_seldom_hold_every_emotion_are_over_those_they_hold(self):
        clips = table({"a": 7}, clips=1).assign(emotion=LABELS, prediction="anger")
        value, low, high = evaluate(clips)["overall"]["uar"]
        assert value == pytest.approx(1 / 7) and low == 0 and high > value

    @staticmethod
    def clustered(speakers: int) -> pd.DataFrame:
        """240 clips of which half are right: those of every other speaker."""
        predictions = table({"a": speakers}, clips=240 // speakers, hits=1.0)
        wrong = predictions.speaker.str[-2:].astype(int) % 2 == 1
        other = [LABELS[(LABELS.index(label) + 1) % 7] for label in predictions.emotion]
        return predictions.assign(prediction=predictions.prediction.mask(wrong, pd.Series(other)))

    def test_are_wider_with_fewer_speakers_and_narrower_over_clips(self):
        widths = {}
        for speakers in (4, 8, 20, 60):
            value, low, high = evaluate(self.clustered(speakers))["overall"]["accuracy"]
            assert value == 0.5
            widths[speakers] = high - low
        assert widths[8] > 1.3 * widths[20] > 1.3**2 * widths[60]
        assert widths[4] < widths[20]  # drawn over clips: it does not know that new speakers differ


class TestValidation:
    good = TABLES["few clips"]

    def test_missing_columns_are_named(self):
        with pytest.raises(ValueError, match=r"lack the columns \['speaker', 'p_fear'\]: expected .*p_surprise"):
            evaluate(self.good.drop(columns=["speaker", "p_fear"]))

    @pytest.mark.parametrize("column", ["emotion", "prediction"])
    @pytest.mark.parametrize("value", ["calm", np.nan])
    def test_unknown_labels_are_named(self, column, value):
        bad = self.good.assign(**{column: self.good[column].mask(self.good.index == 3, value)})
        with pytest.raises(ValueError, match=rf"hold the labels \['{value}'\]: expected labels out of .*anger"):
            evaluate(bad)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_a_probability_is_a_number(self, value):
        bad = self.good.assign(p_fear=self.good.p_fear.mask(self.good.index == 3, value))
        with pytest.raises(ValueError, match="not a finite number"):
            evaluate(bad)

    def test_no_predictions(self):
        with pytest.raises(ValueError, match="predictions are empty"):
            evaluate(self.good.head(0))
