"""Agreement, bias and Wilson's interval against published examples and other people's code."""

from dataclasses import replace

import krippendorff as reference
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

from emolabs.listening import agreement, bias, intervals, tally

#: Fleiss 1971, table 1: thirty patients, six psychiatrists, five diagnoses. His kappa is 0.430.
PATIENTS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
#: Krippendorff 2011, "Computing Krippendorff's alpha-reliability", part C: four observers, twelve units, answers
#: missing. His nominal alpha is 0.743.
OBSERVERS = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]


@pytest.fixture
def patients() -> np.ndarray:
    return np.array([[int(count) for count in row] for row in PATIENTS.split()])


@pytest.fixture
def observers() -> np.ndarray:
    """Counts of the values 1 to 5 [units, values]."""
    answers = np.array([line.split() for line in OBSERVERS])
    return np.stack([(answers == str(value)).sum(axis=0) for value in range(1, 6)], axis=1)


def some_counts(*, seed: int, raters: tuple[int, int], items: int = 80, classes: int = 5) -> np.ndarray:
    random = np.random.default_rng(seed)
    chances = random.dirichlet(np.full(classes, 0.4), items)
    return np.stack([random.multinomial(random.integers(*raters), p) for p in chances])


def table(counts: np.ndarray, *, people: bool) -> tally.Tally:
    """Counts as a tally, each answer to an item by a listener of its own number where `people` are known."""
    labels = [f"e{k}" for k in range(counts.shape[1])]
    rows = [
        {"path": f"c/{i:03d}", "answer": labels[k], "emotion": labels[i % len(labels)]}
        for i, row in enumerate(counts)
        for k in np.repeat(np.arange(len(labels)), row)
    ]
    frame = pd.DataFrame(rows).assign(role="trial", modality="audio", corpus="c", started="0")
    who = frame.groupby("path").cumcount().map("p{}".format)
    frame["participant"] = who if people else None
    return tally.count(frame.assign(position=1, confidence=pd.NA, response_time_s=np.nan), labels=labels)


def test_fleiss_kappa_of_fleiss_patients(patients):
    assert agreement.measure(patients)["fleiss"] == pytest.approx(0.430, abs=5e-4)
    assert agreement.measure(patients)["fleiss"] == pytest.approx(fleiss_kappa(patients), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_kappas_of_equal_numbers_are_those_of_statsmodels(seed):
    counts = some_counts(seed=seed, raters=(7, 8))
    assert agreement.measure(counts)["fleiss"] == pytest.approx(fleiss_kappa(counts, method="fleiss"), abs=1e-12)
    assert agreement.measure(counts)["randolph"] == pytest.approx(fleiss_kappa(counts, method="randolph"), abs=1e-12)


def test_unequal_numbers_average_the_agreement_of_items_and_pool_the_answers():
    counts = np.array([[2, 0], [1, 3], [0, 1]])  # the last has nobody to agree with
    observed = (1 + (1 * 0 + 3 * 2) / (4 * 3)) / 2
    expected = (3 / 6) ** 2 + (3 / 6) ** 2
    assert agreement.measure(counts)["fleiss"] == pytest.approx((observed - expected) / (1 - expected), abs=1e-12)
    assert agreement.measure(counts)["randolph"] == pytest.approx((observed - 0.5) / 0.5, abs=1e-12)


def test_alpha_of_krippendorffs_example_and_of_his_package(observers):
    assert agreement.measure(observers)["krippendorff"] == pytest.approx(0.743, abs=5e-4)
    for counts in (observers, some_counts(seed=3, raters=(1, 9))):
        theirs = reference.alpha(value_counts=counts, level_of_measurement="nominal")
        assert agreement.measure(counts)["krippendorff"] == pytest.approx(theirs, abs=1e-12)


def test_all_alike_is_one_and_where_nothing_can_be_said_nothing_is():
    assert set(agreement.measure(np.array([[3, 0], [0, 3]])).values()) == {1.0}
    assert np.isnan(agreement.measure(np.array([[3, 0], [3, 0]]))["fleiss"])
    assert np.isnan(agreement.measure(np.array([[1, 0], [0, 1]]))["krippendorff"])


def test_a_listener_drawn_twice_is_not_compared_with_itself():
    counts = np.array([[1.0, 1.0], [2.0, 0.0]])
    doubled = np.array([[2.0, 1.0], [3.0, 0.0]])  # listener A (answers 0 and 0) counts twice
    squares = np.array([[4.0, 1.0], [5.0, 0.0]])
    assert agreement.measure(doubled, squares=squares)["observed"] == agreement.measure(counts)["observed"] == 0.5


@pytest.mark.parametrize("people", [True, False])
def test_table_has_the_same_values_with_and_without_listeners_in_an_interval(people):
    counts = some_counts(seed=5, raters=(4, 9), items=60, classes=3)
    counted = table(counts, people=people)
    found = agreement.table(counted, intervals.draw(counted, draws=200)).set_index("measure")
    for name in agreement.MEASURES:
        assert found.value[name] == pytest.approx(agreement.measure(counts)[name], abs=1e-12)
        assert found.low[name] < found.value[name] < found.high[name]
    assert found["items"].iloc[0] == 60 and found.answers.iloc[0] == counts.sum()


def test_votes_drawn_at_once_are_what_draws_one_by_one_give():
    counts = some_counts(seed=6, raters=(2, 9), items=30)
    weights = np.random.default_rng(0).multinomial(30, np.full(30, 1 / 30), 5).astype(float)
    together = agreement.measure(counts, weights=weights)
    for number, row in enumerate(weights):
        repeated = np.repeat(counts, row.astype(int), axis=0)
        for name in ("fleiss", "randolph", "krippendorff"):
            assert together[name][number] == pytest.approx(agreement.measure(repeated)[name], abs=1e-12)


def test_majority_decides_ties_by_lot():
    counted = table(np.array([[3, 1, 0], [1, 1, 0], [2, 2, 2], [0, 0, 2]]), people=False)  # e0 e1 e2 e0 are meant
    found = agreement.majority(counted, intervals.draw(counted, draws=50)).iloc[0]
    assert found.accuracy == pytest.approx((1 + 1 / 2 + 1 / 3 + 0) / 4)
    assert (found.tied, found.tie_lost, found.tie_won) == (0.5, 0.25, 0.75)


def test_the_interval_of_the_majority_says_whom_it_covers():
    counts = some_counts(seed=8, raters=(4, 9), items=40, classes=3)
    of_people, of_votes = (table(counts, people=people) for people in (True, False))
    over = []
    for counted in (of_people, of_votes):
        draws = intervals.draw(counted, draws=50)
        found = agreement.majority(counted, draws)
        only_clips = replace(draws, listeners=None)
        assert found.equals(agreement.majority(counted, only_clips)), "listeners are not drawn"
        over.append((draws.over, found.attrs["over"]))
    assert over[0] == ("listeners and clips", "clips, of the listeners who were there")
    assert over[1][0] == over[1][1], "of votes nobody is drawn but what the draw says"


def test_unbiased_hit_rate_by_hand():
    """Wagner 1993: hits² / (row × column), against row × column / total²."""
    rate, chance = bias.unbiased(np.array([[8, 2, 0], [4, 6, 0], [5, 5, 0]]))
    assert rate.tolist() == pytest.approx([64 / (10 * 17), 36 / (10 * 13), 0.0])
    assert chance.tolist() == pytest.approx([10 * 17 / 900, 10 * 13 / 900, 0.0])


def test_one_button_for_everything_has_a_perfect_recall_and_an_unbiased_hit_rate_at_chance():
    rate, chance = bias.unbiased(np.array([[10, 0], [10, 0]]))
    assert rate[0] == pytest.approx(0.5) and chance[0] == pytest.approx(0.5)


@pytest.mark.parametrize(("hits", "answers"), [(0, 12), (1, 12), (7, 12), (12, 12), (300, 720)])
def test_wilsons_interval_is_that_of_statsmodels(hits, answers):
    theirs = proportion_confint(hits, answers, method="wilson")
    assert intervals.wilson(hits, answers) == pytest.approx(theirs, abs=1e-12)
