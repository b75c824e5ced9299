"""Listeners and pipelines on the same clips: independent references, properties and bad input."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, cohen_kappa_score, recall_score
from statsmodels.stats.contingency_tables import mcnemar

from emolabs.listening import beside, common_failures, judges, machine
from emolabs.listening.answers import as_long

CHOICES = ["anger", "fear", "neutral", "sadness"]
LABELS = [*CHOICES, "surprise"]


def clips(*, speakers: int = 8, each: int = 12) -> pd.DataFrame:
    """Clips of so many speakers, the choices in turn."""
    rows = [
        {"path": f"toy/{s}-{c:02}", "corpus": "toy", "speaker": f"toy/{s}", "emotion": CHOICES[c % len(CHOICES)]}
        for s in range(speakers)
        for c in range(each)
    ]
    return pd.DataFrame(rows).assign(id=lambda table: table.path)


def heard(table: pd.DataFrame, answers: np.ndarray, *, known: bool = True) -> pd.DataFrame:
    """The long table of `answers` [listeners, clips] (emotions); without participants where they are not known."""
    rows = [
        table.assign(answer=row, participant=f"p{number}" if known else None, role="trial", modality="audio")
        for number, row in enumerate(answers)
    ]
    return as_long(pd.concat(rows, ignore_index=True))


def predicted(table: pd.DataFrame, answers: np.ndarray, *, seed: int = 0) -> pd.DataFrame:
    """Predictions whose most probable emotion is `answers` [clips]."""
    given = np.random.default_rng(seed).dirichlet(np.ones(len(LABELS)), len(table))
    best = np.array([LABELS.index(answer) for answer in answers])
    top = given.argmax(axis=1)
    row = np.arange(len(given))
    given[row, best], given[row, top] = given[row, top].copy(), given[row, best].copy()
    return table.assign(prediction=answers, **{f"p_{label}": given[:, i] for i, label in enumerate(LABELS)})


def some(table: pd.DataFrame, *, hits: float, seed: int, listeners: int = 1) -> np.ndarray:
    """Answers [listeners, clips] that are right with probability `hits`, else any of the choices."""
    random = np.random.default_rng(seed)
    right = random.random((listeners, len(table))) < hits
    return np.where(right, table.emotion.to_numpy(), random.choice(CHOICES, (listeners, len(table))))


@pytest.fixture(scope="module")
def shared() -> machine.Shared:
    table = clips()
    runs = {
        name: predicted(table, some(table, hits=h, seed=s)[0]) for name, h, s in [("good", 0.7, 1), ("bad", 0.2, 2)]
    }
    answers = heard(table, some(table, hits=0.5, seed=3, listeners=5))
    return machine.share(answers, runs, choices=CHOICES)


def one_vote(first: np.ndarray, second: np.ndarray) -> machine.Shared:
    """One anonymous vote a clip, and a pipeline."""
    table = clips(speakers=6)
    return machine.share(heard(table, first[None], known=False), {"m": predicted(table, second)}, choices=CHOICES)


class TestShared:
    def test_only_trials_on_clips_of_all_sides_count(self):
        table = clips()
        answers = heard(table, some(table, hits=0.5, seed=0, listeners=2))
        answers.loc[answers.path == table.path[10], "role"] = "practice"
        runs = {"a": predicted(table[:-1], table.emotion[:-1]), "b": predicted(table[5:], table.emotion[5:])}
        shared = machine.share(answers, runs, choices=CHOICES)
        assert shared.clips.path.tolist() == sorted(table.path[5:-1].drop(10))
        assert shared.given.shape == (2, len(table) - 7, 4) and (shared.given.sum(axis=2) == 1).all()

    def test_majority_and_ties(self):
        table = clips(speakers=1, each=3)
        answers = np.array([["anger"] * 3, ["fear", "anger", "fear"], ["fear", "anger", "sadness"]])
        shared = machine.share(heard(table, answers), {"m": predicted(table, table.emotion)}, choices=CHOICES)
        assert shared.majority.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [1 / 3, 1 / 3, 0, 1 / 3]]
        assert shared.perceived.tolist() == [1, 0, -1] and shared.share.tolist() == [1 / 3, 0, 0]

    def test_a_pipeline_answers_out_of_the_choices(self):
        table = clips(speakers=1, each=4)
        run = predicted(table, np.array(["surprise"] * 4))
        shared = machine.share(heard(table, table.emotion.to_numpy()[None]), {"m": run}, choices=CHOICES)
        columns = [f"p_{choice}" for choice in CHOICES]
        expected = run[columns].idxmax(axis=1).str.removeprefix("p_")
        assert shared.machines["m"].prediction.tolist() == expected.tolist()
        assert shared.machines["m"].open.tolist() == ["surprise"] * 4
        assert np.allclose(shared.machines["m"][columns].sum(axis=1), 1)

    def test_rates_are_the_mean_of_what_was_published(self):
        table = clips().assign(recognition=np.random.default_rng(0).random(96))
        shared = machine.share_rates(table, {"m": predicted(table, table.emotion)})
        found = judges.scores(shared).query("judge == 'listeners' and score == 'recall'").set_index("emotion").value
        assert np.allclose(found, table.groupby("emotion").recognition.mean()[found.index])
        assert machine.ANOTHER not in found.index


class TestScores:
    def test_agree_with_scikit_learn(self, shared):
        found = judges.scores(shared).set_index(["judge", "score", "emotion"]).value.sort_index()
        truth = shared.clips.emotion
        for name in ("good", "bad"):
            answers = shared.machines[name].prediction
            assert np.isclose(found[name, "accuracy", ""], accuracy_score(truth, answers))
            assert np.isclose(found[name, "uar", ""], balanced_accuracy_score(truth, answers))
            assert np.allclose(
                found[name, "recall"][CHOICES], recall_score(truth, answers, labels=CHOICES, average=None)
            )

    def test_of_listeners_are_those_of_the_long_table(self):
        table = clips()
        answers = heard(table, some(table, hits=0.4, seed=5, listeners=4))
        shared = machine.share(answers, {"m": predicted(table, table.emotion)}, choices=CHOICES)
        found = judges.scores(shared).query("judge == 'listeners'").set_index(["score", "emotion"]).value
        right = answers.answer == answers.emotion
        assert np.isclose(found["accuracy", ""], right.mean())
        assert np.allclose(found["recall"], right.groupby(answers.emotion).mean()[CHOICES])
        for emotion in CHOICES:  # Wagner's unbiased hit rate, from its definition
            hits = ((answers.answer == emotion) & (answers.emotion == emotion)).sum()
            expected = hits**2 / ((answers.emotion == emotion).sum() * (answers.answer == emotion).sum())
            assert np.isclose(found["hu", emotion], expected)

    def test_a_listener_is_scored_against_the_others(self, shared):
        """The loop that the arrays stand for."""
        expected = np.zeros((4, 4))
        for clip in range(len(shared.clips)):
            for listener in range(5):
                rest = np.delete(shared.given[:, clip], listener, axis=0).sum(axis=0)
                winners = np.flatnonzero(rest == rest.max())
                if len(winners) == 1:
                    expected[winners[0], shared.given[listener, clip].argmax()] += 1
        judge = judges.tables(shared, against="perceived")[judges.LISTENERS]
        assert np.array_equal(judges.confusion(judge), expected)

    def test_informed_votes_undo_a_confusion_that_never_varies(self):
        table = clips()
        swapped = table.emotion.map(dict(zip(CHOICES, [*CHOICES[1:], CHOICES[0]], strict=True))).to_numpy()
        shared = machine.share(
            heard(table, np.array([swapped] * 3), known=False), {"m": predicted(table, table.emotion)}, choices=CHOICES
        )
        found = judges.scores(shared).query("score == 'uar'").set_index("judge").value
        assert found[judges.LISTENERS] == found[judges.MAJORITY] == 0 and found[judges.INFORMED] == 1

    def test_informed_votes_know_nothing_of_the_speaker_that_is_asked(self):
        table = clips(speakers=5, each=60)
        table = table[(table.speaker == "toy/3") | (table.groupby("speaker").cumcount() < 8)]
        mine, found = (table.speaker == "toy/3").to_numpy(), []
        turned = table.emotion.map(dict(zip(CHOICES, CHOICES[::-1], strict=True)))
        for emotion in (table.emotion, table.emotion.where(~mine, turned)):
            told = table.assign(emotion=emotion)
            votes = heard(told, some(table, hits=0.6, seed=4, listeners=3), known=False)
            found.append(judges.informed(machine.share(votes, {"m": predicted(told, emotion)}, choices=CHOICES)))
        assert np.array_equal(found[0][mine], found[1][mine]) and not np.array_equal(*found)

    def test_intervals_hold_their_value_and_are_wider_with_listeners(self, shared):
        found = judges.scores(shared)
        assert ((found.low <= found.value) & (found.value <= found.high)).all()
        assert set(found.over) == {"listeners and clips"}
        crowd = machine.Shared(**(vars(shared) | {"are_known": False, "given": shared.given.sum(axis=0)[None]}))
        assert set(judges.scores(crowd).over) == {"speakers and clips"}


class TestTests:
    def test_mcnemar_is_that_of_statsmodels(self):
        random = np.random.default_rng(0)
        for size in (8, 60, 500):
            first, second = random.random(size) < 0.7, random.random(size) < 0.55
            table = [
                [(first & second).sum(), (first & ~second).sum()],
                [(~first & second).sum(), (~first & ~second).sum()],
            ]
            only_first, only_second, p = judges.mcnemar(first, second)
            assert (only_first, only_second) == (table[0][1], table[1][0])
            assert np.isclose(p, mcnemar(table, exact=True).pvalue)

    def test_the_swap_test_is_close_to_all_assignments(self):
        table = clips(speakers=6)
        first, second = some(table, hits=0.6, seed=1)[0], some(table, hits=0.45, seed=9)[0]
        truth, speaker = table.emotion.to_numpy(), pd.factorize(table.speaker)[0]
        gaps = []
        for swap in product([False, True], repeat=6):
            swapped = np.array(swap)[speaker]
            sides = np.where(swapped, second, first), np.where(swapped, first, second)
            gaps.append(np.subtract(*(balanced_accuracy_score(truth, side) for side in sides)))
        expected = (np.abs(gaps) >= abs(gaps[0]) - 1e-12).mean()
        found = judges.swap_test(one_vote(first, second), "m", score="uar")
        assert 0 < expected < 0.9 and abs(found - expected) < 0.02

    def test_who_is_called_the_listener_makes_no_difference(self):
        table = clips(speakers=6)
        answers = some(table, hits=0.6, seed=1)[0], some(table, hits=0.4, seed=2)[0]
        one, other = (one_vote(*order) for order in (answers, answers[::-1]))
        first, second = judges.differences(one), judges.differences(other)
        assert np.allclose(first.difference, -second.difference) and np.allclose(first.low, -second.high)
        assert np.allclose(first.p_swap, second.p_swap, atol=0.02)
        first, second = common_failures.together(one), common_failures.together(other)
        assert first.only_listeners.equals(second.only_machine) and first.kappa.equals(second.kappa)
        assert first.confusions.round(9).equals(second.confusions.round(9)) and first.same.equals(second.same)


class TestFailures:
    def test_of_perfect_sides_there_are_none(self):
        table = clips(speakers=6)
        shared = one_vote(table.emotion.to_numpy(), table.emotion.to_numpy())
        found = judges.differences(shared)
        assert (found.difference == 0).all() and (found.p_swap == 1).all() and (found.low == 0).all()
        together = common_failures.together(shared).iloc[0]
        assert together.both_right == len(table) and together.both_fail == 0 and together.p_mcnemar == 1
        assert np.isnan(together.kappa) and common_failures.hardest(shared).empty

    def test_consistency_is_the_kappa_of_scikit_learn(self, shared):
        heard = shared.perceived >= 0
        people = shared.perceived[heard] == shared.truth[heard]
        for line in common_failures.together(shared).itertuples():
            right = shared.predicted(line.pipeline)[heard] == shared.truth[heard]
            assert (
                np.isclose(line.kappa, cohen_kappa_score(people, right))
                and line.kappa_low < line.kappa < line.kappa_high
            )
            assert line.both_right + line.only_listeners + line.only_machine + line.both_fail == line.clips
            assert line.clips + line.ties == len(shared.clips)
            assert np.isclose(line.expected, (~people).mean() * (~right).mean() * len(people))

    def test_the_same_wrong_answers_are_found(self):
        table = clips(speakers=6)
        wrong = table.emotion.map(dict(zip(CHOICES, CHOICES[::-1], strict=True))).to_numpy()
        together = common_failures.together(one_vote(wrong, wrong)).iloc[0]
        assert together.same == together.same_by_chance == 1 and np.isclose(together.confusions, 1)

    def test_confusions_that_are_equal_up_to_rounding_are_ties(self):
        random = np.random.default_rng(0)
        first, second = random.integers(0, 4, (2, 5, 5)).astype(float)
        rounded = first * (1 + random.choice([-1, 0, 1], (20, 5, 5)) * 2e-16)  # as sums in another order are
        off = ~np.eye(5, dtype=bool)
        shares = [(m / m.sum(axis=1, keepdims=True))[off] for m in (first, second)]
        assert np.allclose(common_failures._likeness(rounded, second), spearmanr(*np.round(shares, 9)).statistic)

    def test_the_hardest_clips_are_failed_by_all(self, shared):
        table = common_failures.hardest(shared)
        assert len(table) and table.share.is_monotonic_increasing
        assert (table.good != table.emotion).all() and (table.bad != table.emotion).all()
        assert not any(row.emotion in row.perceived.split("/") for row in table.itertuples())

    def test_difficulty_is_spearman_and_its_bins_hold_every_clip(self, shared):
        bins, ranks = common_failures.difficulty(shared)
        assert (bins.groupby("pipeline").clips.sum() == len(shared.clips)).all()
        for line in ranks.itertuples():
            given = shared.machines[line.pipeline][[f"p_{choice}" for choice in CHOICES]].to_numpy()
            expected = spearmanr(shared.share, given[np.arange(len(given)), shared.truth]).statistic
            assert np.isclose(line.probability, expected)
            assert line.probability_low <= line.probability <= line.probability_high
        for name, rows in bins.groupby("pipeline"):
            right = (shared.machines[name].prediction == shared.clips.emotion).mean()
            assert np.isclose((rows.accuracy * rows.clips).sum() / rows.clips.sum(), right)


class TestBadInput:
    def test_no_clip_in_common(self):
        table = clips()
        run = predicted(table.assign(path="other/" + table.path), table.emotion)
        with pytest.raises(
            ValueError, match="share no clip .* listeners 96 clips such as toy/0-00; m 96 clips such as other/"
        ):
            machine.share(heard(table, table.emotion.to_numpy()[None]), {"m": run}, choices=CHOICES)
        with pytest.raises(ValueError, match="listeners no clips"):
            machine.share(heard(table, table.emotion.to_numpy()[None]), {"m": run}, choices=["boredom"])

    def test_a_clip_twice_and_another_emotion(self):
        table = clips()
        answers, run = heard(table, table.emotion.to_numpy()[None]), predicted(table, table.emotion)
        with pytest.raises(ValueError, match="m: expected one prediction a clip, found toy/0-00"):
            machine.share(answers, {"m": pd.concat([run, run])}, choices=CHOICES)
        run.loc[3, "emotion"] = "anger"
        with pytest.raises(ValueError, match=r"found anger for toy/0-03, which is sadness there \(1 clips differ\)"):
            machine.share(answers, {"m": run}, choices=CHOICES)

    def test_no_run_and_no_answers(self, project, raw, monkeypatch, tmp_path):
        monkeypatch.setenv("EMOLABS_HUMAN", str(tmp_path))
        with pytest.raises(FileNotFoundError, match="no finished run of mfcc-linear .* train one first"):
            machine.runs("demo", protocol="speaker", scope="pooled", seed=0, pipelines=["mfcc-linear"])
        with pytest.raises(
            FileNotFoundError, match="votes of CREMA-D's listeners .*; the recognition rates of EmoDB's"
        ):
            machine.load(["cremad", "emodb"], profile="demo", study="none", predictions={})
        with pytest.raises(FileNotFoundError, match="no study at .*none"):
            machine.load(["simulated"], profile="demo", study="none", predictions={})
        with pytest.raises(FileNotFoundError, match="nothing to compare"):
            machine.load([], profile="demo", study="none", predictions={})


def test_tables_and_numbers_say_what_was_measured(shared):
    sources = {"cremad": shared}
    table, raw = beside.scores(sources)
    assert table.source.unique().tolist() == ["CREMA-D"] and "listeners" in table.judge.tolist()
    assert beside.numbers(raw)["cremad-good-uar"] == table.set_index("judge").at["good", "UAR, intended"]
    assert beside.numbers(raw)["cremad-good-uar-perceived"] == table.set_index("judge").at["good", "UAR, perceived"]
    shown, raw = beside.recalls(sources)
    assert shown.emotion.tolist() == [*CHOICES, "UAR"] and {"listeners", "majority", "good"} <= set(shown)
    assert beside.overview(sources)["a clip"].tolist() == ["5–5"]
