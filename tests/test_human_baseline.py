"""The analysis of answers: intervals that hold what they should, a model and a power that agree with them."""

import json
from dataclasses import replace

import listeners
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, hstack
from scipy.stats import spearmanr
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

from emolabs import paths
from emolabs.listening import (
    agreement,
    behaviour,
    difficulty,
    intervals,
    models,
    power,
    published,
    recall,
    simulation,
    sources,
    tally,
    votes,
    wording,
)
from emolabs.reporting import interval

CONFUSION = simulation.confusion(
    dict(zip(listeners.EMOTIONS, [0.8, 0.5, 0.55, 0.6, 0.75, 0.65], strict=True)), pull={"neutral": 3}
)


def answers(*, seed: int = 0, people: int = 12, **spreads: float) -> pd.DataFrame:
    heard = simulation.presentations(listeners.study(), listeners=people)
    return simulation.answer(heard, confusion=CONFUSION, seed=seed, **spreads)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return answers()


@pytest.fixture(scope="module")
def counted(table) -> tally.Tally:
    return tally.count(table, labels=listeners.EMOTIONS)


@pytest.fixture(scope="module")
def draws(counted) -> intervals.Draws:
    return intervals.draw(counted, draws=300)


def as_votes(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(participant=None, position=pd.NA, confidence=pd.NA, response_time_s=np.nan)


class TestTally:
    def test_counts_trials_only(self, table, counted):
        assert counted.answers == (table.role == "trial").sum() == 720
        assert len(counted.items) == 60 and len(counted.listeners) == 12 and counted.simulated
        assert counted.left_out == ()

    def test_votes_are_the_same_counts_in_fewer_rows(self, table, counted):
        found = tally.count(as_votes(table), labels=listeners.EMOTIONS)
        assert found.listeners is None and len(found.rows) < len(counted.rows)
        np.testing.assert_array_equal(found.counts(), counted.counts())

    @pytest.mark.parametrize("known", [True, False])
    def test_clips_without_a_project_path_are_told_apart_by_their_names(self, table, known):
        named = (table if known else as_votes(table)).assign(path=None)
        found = tally.count(named, labels=listeners.EMOTIONS)
        assert (found.answers, len(found.items), found.left_out) == (720, 60, ())
        assert recall.overall(found, intervals.draw(found, draws=20)).clips.tolist() == [60]

    def test_what_is_left_out_is_named(self, table):
        trials = table[table.role == "trial"]
        again = trials.iloc[[0]].assign(position=99, answer="fear")
        unanswered = trials.iloc[[1]].assign(answer=pd.NA, participant="another")
        found = tally.count(pd.concat([table, again, unanswered]), labels=listeners.EMOTIONS)
        assert found.answers == 720
        assert [sentence[:2] for sentence in found.left_out] == ["1 ", "1 "]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"answer": "ennui"}, "expected every answer to be one of anger, .*, found ennui"),
            ({"participant": None}, "with a participant, or none .* found 719 with and 1 without"),
        ],
    )
    def test_answers_that_cannot_be_counted_are_a_sentence(self, table, change, said):
        first = (table.role == "trial").idxmax()
        spoiled = table.copy()
        for name, value in change.items():
            spoiled.loc[first, name] = value
        with pytest.raises(ValueError, match=said):
            tally.count(spoiled, labels=listeners.EMOTIONS)

    def test_no_trials_is_a_sentence(self, table):
        with pytest.raises(ValueError, match="expected answers to trials, found none"):
            tally.count(table[table.role != "trial"], labels=listeners.EMOTIONS)


class TestIntervals:
    def test_recall_and_uar_are_those_of_plain_counting(self, table, counted, draws):
        trials = table[table.role == "trial"]
        right = trials.answer == trials.emotion
        found = recall.by_emotion(counted, draws).set_index("emotion")
        for emotion, share in right.groupby(trials.emotion).mean().items():
            assert found.recall[emotion] == pytest.approx(share)
        total = recall.overall(counted, draws).iloc[0]
        assert total.accuracy == pytest.approx(right.mean()) and total.uar == pytest.approx(found.recall.mean())
        by_corpus = recall.overall(counted, draws, by=["corpus"]).set_index("corpus")
        assert by_corpus.accuracy["emodb"] == pytest.approx(right[trials.corpus == "emodb"].mean())
        assert by_corpus[["answers", "clips", "listeners"]].loc["emodb"].tolist() == [360, 30, 12]

    def test_weights_have_mean_one_and_the_variance_of_a_mean_is_unbiased(self):
        """Rao & Wu: the bootstrap variance of a mean of n units is s² / n, s² with n − 1."""
        values = np.array([0.0, 1.0, 1.0, 3.0])
        weights = intervals.resample(4, draws=200_000, generator=np.random.default_rng(0))
        assert weights.mean(axis=0) == pytest.approx(1, abs=0.02)
        assert (weights @ values / 4).var() == pytest.approx(values.var(ddof=1) / 4, rel=0.02)

    def test_an_item_weighs_the_same_in_every_modality_and_strata_keep_their_size(self, table):
        both = pd.concat([table, table.assign(modality="face")])
        counted = tally.count(both, labels=listeners.EMOTIONS)
        items = intervals.draw(counted, draws=20).items
        for path, rows in counted.items.groupby("path").groups.items():
            assert len(rows) == 2 and (items[:, rows[0]] == items[:, rows[1]]).all(), path
        for _, rows in counted.items.groupby(["emotion", "corpus", "modality"]).groups.items():
            assert items[:, rows].sum(axis=1) == pytest.approx(len(rows))

    def test_votes_are_drawn_by_speakers_and_of_few_speakers_by_clips(self, table):
        votes_ = tally.count(as_votes(table), labels=listeners.EMOTIONS)
        drawn = intervals.draw(votes_, draws=50)
        assert drawn.over == "speakers and clips" and drawn.listeners is None
        away = [
            (drawn.items[:, rows] == 0).all(axis=1).mean() for rows in votes_.items.groupby("speaker").groups.values()
        ]
        assert 0.2 < np.mean(away) < 0.6, "a speaker that is not drawn takes all clips away"
        few = tally.count(as_votes(table[table.speaker == "cremad/0"]), labels=listeners.EMOTIONS)
        assert intervals.draw(few, draws=5).over == "clips"

    def test_sums_by_a_product_of_matrices_are_those_of_single_draws(self, table):
        counted = tally.count(as_votes(table), labels=listeners.EMOTIONS)
        drawn = intervals.draw(counted, draws=4)
        found = intervals.confusions(counted, drawn, by=["corpus"])
        for number, weights in enumerate(drawn.answers(counted)):
            part = (counted.column("corpus") == "emodb").to_numpy()
            single = np.zeros((6, 6))
            np.add.at(single, (counted.rows.truth[part], counted.rows.answer[part]), weights[part])
            np.testing.assert_allclose(found.samples[number, 1], single)

    def test_a_cell_that_a_draw_leaves_empty_does_not_count(self):
        low, high = intervals.bounds(np.array([[np.nan, 1.0], [2.0, 1.0], [2.0, 3.0]]) * [1, 1])
        assert (low[0], high[0]) == (2.0, 2.0)
        assert np.isnan(intervals.bounds(np.full((3, 1), np.nan))).all()

    def test_intervals_hold_the_true_recall_and_wilsons_do_not(self):
        """A quick version of tests/benchmarks/coverage.py; the bands are wide for 30 × 6 intervals."""
        true = simulation.truth(CONFUSION, listener_sd=0.5, clip_sd=1.0).recall
        inside = {"low": 0, "wilson_low": 0}
        for seed in range(30):
            counted = tally.count(answers(seed=seed), labels=listeners.EMOTIONS)
            found = recall.by_emotion(counted, intervals.draw(counted, draws=150, seed=seed)).set_index("emotion")
            for low, high in [("low", "high"), ("wilson_low", "wilson_high")]:
                inside[low] += true[found.index].between(found[low], found[high]).sum()
        assert 0.88 <= inside["low"] / 180 <= 0.995
        assert inside["wilson_low"] / 180 < 0.8


class TestGroups:
    @staticmethod
    def sizes(counted, given: list, *, smallest: int) -> dict[str, int]:
        people = counted.listeners.assign(country=given)
        changed = tally.Tally(counted.labels, counted.rows, counted.items, people, (), True)
        return recall.grouped(changed, "country", smallest=smallest).listeners.country.value_counts().to_dict()

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (["DE"] * 6 + ["GB"] * 6, {"DE": 6, "GB": 6}),
            (["DE"] * 6 + [None] * 6, {"DE": 6, "not given": 6}),
            (["DE"] * 7 + ["GB", "IN", "FR", "US", "IT"], {"DE": 7, "other": 5}),
            (["DE"] * 6 + ["GB"] * 5 + ["IN"], {"DE": 6, "other": 6}),  # one person could be had by subtraction
            (["DE"] * 11 + ["GB"], {}),
            (["DE"] * 12, {}),
        ],
    )
    def test_no_small_group_can_be_read_or_had_by_subtraction(self, counted, given, expected):
        assert self.sizes(counted, given, smallest=5) == expected

    def test_suppressed_groups_have_no_rows(self, counted, draws):
        grouped = recall.grouped(counted, "country", smallest=100)
        assert recall.overall(grouped, draws, by=["country"]).empty


class TestBehaviour:
    def test_no_learning_in_the_simulation_and_some_where_it_is_put(self, table, counted, draws):
        blocks, trend = behaviour.learning(counted, draws)
        assert trend["low"] < 0 < trend["high"] and blocks.answers.sum() == 720
        assert blocks[["first", "last"]].iloc[-1].tolist() == [51, 60]
        rank = table[table.role == "trial"].groupby("participant").position.rank()
        late = rank.reindex(table.index) > 30
        taught = tally.count(table.assign(answer=table.answer.mask(late, table.emotion)), labels=listeners.EMOTIONS)
        assert behaviour.learning(taught, draws)[1]["low"] > 0

    def test_the_slope_is_that_of_least_squares(self, table, counted, draws):
        trials = table[table.role == "trial"]
        rank = trials.groupby("participant").position.rank()
        slope = np.polyfit(rank, trials.answer == trials.emotion, 1)[0]
        assert behaviour.learning(counted, draws)[1]["slope"] == pytest.approx(10 * slope)

    def test_answers_without_a_position_have_no_say_in_the_slope(self, table, draws):
        some = table.participant.isin(sorted(table.participant.unique())[:3])
        lacking = table.assign(answer=table.answer.mask(some, table.emotion), position=table.position.mask(some))
        found, expected = (
            behaviour.learning(tally.count(rows, labels=listeners.EMOTIONS), draws)[1]["slope"]
            for rows in (lacking, lacking[~some])
        )
        assert found == pytest.approx(expected)

    def test_times_are_geometric_means_and_early_answers_are_counted(self, table, draws):
        early = table.copy()
        first = early.index[early.role == "trial"][:3]
        early.loc[first, "response_time_s"] = -0.5
        counted = tally.count(early, labels=listeners.EMOTIONS)
        found = behaviour.times(counted, draws)
        assert found.attrs["early"] == 3 and found.answers.sum() == 717
        trials = early[(early.role == "trial") & (early.response_time_s > 0)]
        fear = trials[(trials.emotion == "fear") & (trials.answer == "fear")].response_time_s
        row = found[(found.emotion == "fear") & found.right].iloc[0]
        assert row.seconds == pytest.approx(np.exp(np.log(fear).mean()))

    def test_confidence_of_right_answers(self, table, counted, draws):
        grades, knowing = behaviour.confidence(counted, draws)
        trials = table[table.role == "trial"]
        right = (trials.answer == trials.emotion).to_numpy()
        sure = trials.confidence.to_numpy(float)
        above = sure[right][:, None] - sure[~right]
        assert knowing["auc"] == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())
        assert grades.answers.sum() == 720
        top = grades.set_index("confidence").accuracy[5]
        assert top == pytest.approx(right[sure == 5].mean())

    def test_votes_say_nothing_of_it(self, table):
        found = tally.count(as_votes(table), labels=listeners.EMOTIONS)
        assert not any(behaviour.has(found, name) for name in ("position", "confidence", "response_time_s"))


class TestModel:
    def test_agrees_with_statsmodels_on_the_spreads_and_with_the_bootstrap_on_the_recalls(self, counted, draws):
        mixed = models.fit(counted)
        right = (counted.rows.truth == counted.rows.answer).to_numpy(float)
        fixed = (counted.rows.truth.to_numpy()[:, None] == np.arange(6)).astype(float)
        sizes = [len(counted.listeners), len(counted.items)]
        columns = [counted.rows.listener, counted.rows.item]
        random = hstack([csr_matrix(pd.get_dummies(column).to_numpy(float)) for column in columns]).tocsr()
        theirs = BinomialBayesMixedGLM(right, fixed, random, np.repeat([0, 1], sizes), vcp_p=1, fe_p=3).fit_vb()
        effects = mixed.effects.set_index("effect")
        assert effects.value.iloc[:2].tolist() == pytest.approx(np.exp(theirs.vcp_mean), rel=0.2)
        both = mixed.recall.merge(recall.by_emotion(counted, draws), on="emotion")
        assert (both.recall_x - both.recall_y).abs().max() < 0.05
        assert (effects.low < effects.value).all() and (effects.value < effects.high).all()

    def test_finds_the_spreads_of_a_large_study(self):
        counted = tally.count(answers(people=40, listener_sd=0.8, clip_sd=0.5, seed=3), labels=listeners.EMOTIONS)
        effects = models.fit(counted).effects
        for row, true in zip(effects.itertuples(), (0.8, 0.5), strict=False):
            assert row.low < true < row.high and row.high - row.low < 0.8

    def test_votes_are_refused_with_a_sentence(self, table):
        with pytest.raises(ValueError, match="listeners are known, found votes"):
            models.fit(tally.count(as_votes(table), labels=listeners.EMOTIONS))


class TestDifficulty:
    def test_share_and_spread(self, counted):
        clips = difficulty.clips(counted)
        assert clips.share.mean() == pytest.approx((counted.rows.truth == counted.rows.answer).mean())
        chance = np.random.default_rng(0).binomial(12, 0.6, 600) / 12  # clips that do not differ at all
        same = pd.DataFrame({"emotion": "fear", "share": chance, "answers": 12})
        assert difficulty.spread(same)["reliability"] < 0.1
        assert 0.1 < difficulty.spread(clips)["sd"] < 0.3

    def test_relation_is_spearmans_and_perfect_where_the_model_knows(self, counted, draws):
        clips = difficulty.clips(counted)
        random = np.random.default_rng(0)
        guess = pd.DataFrame({"path": clips.path, "emotion": clips.emotion, "prediction": clips.emotion})
        for name in listeners.EMOTIONS:
            guess[f"p_{name}"] = clips.share + random.normal(0, 0.2, len(clips))
        both = difficulty.beside(clips, guess.iloc[5:])
        found = difficulty.relation(both, draws)
        assert found["clips"] == 55
        assert found["correlation"] == pytest.approx(spearmanr(both.share, both.model).statistic)
        assert found["low"] < found["correlation"] < found["high"]
        known = difficulty.relation(both.assign(model=both.share), draws)
        assert known["correlation"] == pytest.approx(1) and known["low"] == pytest.approx(1)


class TestPower:
    design = power.Plan()

    @pytest.mark.parametrize("contrast", power.CONTRASTS)
    def test_no_difference_is_rarely_seen_and_a_large_one_nearly_always(self, contrast):
        found = power.curve(self.design, contrast=contrast, differences=[0, 0.6], studies=150, draws=200)
        assert found.power.iloc[0] < 0.12 and found.power.iloc[1] > 0.9

    def test_more_listeners_and_clips_detect_smaller_differences(self):
        sizes = [power.Plan(listeners=6, clips=24), self.design, power.Plan(listeners=24, clips=120)]
        found = [power.curve(d, contrast="sources", differences=[0.15], studies=150, draws=150) for d in sizes]
        assert [f.power.iloc[0] for f in found] == sorted(f.power.iloc[0] for f in found)
        assert found[0].power.iloc[0] < 0.5 < found[2].power.iloc[0]

    def test_the_smallest_difference_is_read_between_those_simulated(self):
        curve = pd.DataFrame({"contrast": "sources", "difference": [0, 0.1, 0.2], "power": [0.04, 0.6, 1.0]})
        found = power.detectable(curve).iloc[0]
        assert found.difference == pytest.approx(0.15) and found.false_alarms == 0.04
        assert np.isnan(power.detectable(curve.iloc[:2]).difference.iloc[0])

    def test_a_study_of_two_listeners_has_a_power_as_well(self):
        found = power.curve(power.Plan(listeners=2), contrast="groups", differences=[0.1], studies=20, draws=20)
        assert found.notna().all(axis=None)

    @pytest.mark.parametrize(("contrast", "difference", "said"), [("colour", 0.1, "colour"), ("groups", 1.0, "lessen")])
    def test_what_cannot_be_simulated_is_a_sentence(self, contrast, difference, said):
        with pytest.raises(ValueError, match=said):
            power.curve(self.design, contrast=contrast, differences=[difference], studies=2, draws=2)


@pytest.fixture(scope="module")
def cremad() -> tuple[tally.Tally, intervals.Draws]:
    try:
        counts = votes.cremad_counts()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    counted = tally.count(votes.long(counts.table), labels=list(votes.LETTERS.values()))
    return counted, intervals.draw(counted, draws=100)


class TestCremad:
    def test_votes_reproduce_the_papers_order_and_come_near_its_percentages(self, cremad):
        counted, drawn = cremad
        assert (counted.answers, len(counted.items), drawn.over) == (212_000, 22_326, "speakers and clips")
        overall = recall.overall(counted, drawn, by=["modality"])
        assert overall.modality.tolist() == list(published.CREMAD)
        assert (overall.uar - overall.modality.map(published.CREMAD)).abs().max() < 0.01
        best = recall.by_emotion(counted, drawn).sort_values("recall", ascending=False).emotion.tolist()
        assert best == ["neutral", "happiness", "anger", "disgust", "fear", "sadness"]  # as the abstract has it

    def test_the_difference_to_the_paper_is_said_in_computed_words(self, cremad):
        counted, drawn = cremad
        overall = recall.overall(counted, drawn, by=["modality"])
        compared = published.beside_cremad(overall, clips=difficulty.clips(counted))
        said = published.explain(compared)
        gap = 100 * (compared.published - compared.uar).abs().max()
        assert f"the UAR, which stays below them by at most {gap:.1f} points" in said and "ten seconds" in said


def test_emodbs_published_clips_were_chosen_by_the_rates(corpora):
    rates = votes.emodb_rates().table
    found = published.emodb_rates(rates).set_index("emotion")
    assert (found.kept > found["all"]).all() and found.published["all emotions"] == 535
    assert "the lowest rate among them is 80 %" in published.selection(rates)


@pytest.mark.parametrize(("simulated", "who"), [(True, "simulated"), (False, "human")])
def test_numbers_of_simulated_listeners_are_not_called_human(counted, draws, simulated, who):
    counted = replace(counted, simulated=simulated)
    overall = recall.overall(counted, draws, by=["modality"])
    agreed = agreement.table(counted, draws, by="modality")
    found = wording.numbers(overall, agreed, tally=counted)
    assert {name.split("-")[0] for name in found} == {who}
    assert found[f"{who}-answers"] == 720 and len(found) == 1 + 2 + len(agreement.MEASURES)
    line = overall.iloc[0]
    assert found[f"{who}-audio-uar"] == interval(line.uar, line.uar_low, line.uar_high)


def test_sentences_hold_computed_figures(counted, draws):
    said = wording.scope(counted, over=draws.over)
    assert said.startswith("**Simulated") and "720 answers to 60 items" in said and "12 listeners" in said
    recalls = recall.by_emotion(counted, draws)
    ratio = ((recalls.high - recalls.low) / (recalls.wilson_high - recalls.wilson_low)).mean()
    assert f"{ratio:.1f} times" in wording.contrast(recalls)
    flat, rising = {"slope": 0.0, "low": -0.1, "high": 0.1}, {"slope": 0.2, "low": 0.1, "high": 0.3}
    assert "no change" in wording.trend(flat) and "listeners change" in wording.trend(rising)
    for low, high, end in [(0.55, 0.7, "goes with being right"), (0.4, 0.6, "says nothing"), (0.3, 0.45, "wrong")]:
        assert end in wording.knowing({"auc": (low + high) / 2, "low": low, "high": high}).split(": ")[-1]


class TestSources:
    @pytest.fixture
    def study(self, project):
        drawn = listeners.study()
        drawn.save(paths.study(drawn.name))
        return drawn

    def test_simulated_listeners_are_read_from_files_and_called_so(self, study):
        found = sources.load("simulated", profile="demo", study=study.name)
        assert found.answers.problems.empty and found.answers.table.simulated.all()
        assert "simulated listeners, no human" in found.provenance and list(found.truth.recall.index) == found.labels
        counted = tally.count(found.answers.table, labels=found.labels)
        assert (len(counted.listeners), counted.answers) == (12, 12 * len(study.trials))

    def test_files_of_participants_are_read_with_their_faults_and_flags(self, study):
        sources.load("simulated", profile="demo", study=study.name)
        made = paths.interim("demo") / "listening" / study.name / "simulated"
        folder = paths.answers(study.name)
        folder.mkdir(parents=True)
        for file in sorted(made.glob("*.json"))[:3]:
            (folder / file.name).write_bytes(file.read_bytes())
        whole = json.loads(file.read_text())
        (folder / file.name).write_text(json.dumps(whole | {"trials": whole["trials"][:20]}))
        (folder / "cut.json").write_text('{"format": "emolabs')
        found = sources.load("files", profile="demo", study=study.name)
        assert found.answers.problems.file.tolist() == ["cut.json"]
        assert "incomplete" in set(found.flags.flag) and "3, simulated" in found.provenance

    def test_what_is_not_there_is_a_sentence(self, study):
        with pytest.raises(ValueError, match="answers among files, simulated, cremad, found 'votes'"):
            sources.load("votes", profile="demo", study=study.name)
        with pytest.raises(FileNotFoundError, match="put the participants' files into"):
            sources.load("files", profile="demo", study=study.name)

    def test_files_of_another_version_are_said_to_be_no_use_and_why(self, study):
        sources.load("simulated", profile="demo", study=study.name)
        made = paths.interim("demo") / "listening" / study.name / "simulated" / "simulated-001.json"
        folder = paths.answers(study.name)
        folder.mkdir(parents=True)
        old = json.loads(made.read_text()) | {"digest": "0123456789ab"}
        (folder / "old.json").write_text(json.dumps(old))
        (folder / "cut.json").write_text('{"format": "emolabs')
        with pytest.raises(FileNotFoundError, match="old.json: .* version 0123456789ab .*responses.* lists") as caught:
            sources.load("files", profile="demo", study=study.name)
        assert "put the participants' files" not in str(caught.value)

    def test_flagged_participants_are_left_out_where_that_is_asked_for(self, study):
        found = sources.load("simulated", profile="demo", study=study.name)
        flags = pd.DataFrame({"participant": ["simulated-002", "simulated-003"], "flag": ["too fast", "one button"]})
        found = replace(found, flags=flags.assign(detail=""))
        assert found.kept([]).equals(found.answers.table)
        assert set(found.answers.table.participant) - set(found.kept(["too fast"]).participant) == {"simulated-002"}
        with pytest.raises(ValueError, match="leave_out: .*too fast.* found too_fast"):
            found.kept(["too_fast"])
