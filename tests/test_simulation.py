"""Simulated listeners: the truth that they stand for, and that nobody takes them for people."""

import json

import numpy as np
import pandas as pd
import pytest
from listeners import EMOTIONS, study
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from emolabs.listening import simulation
from emolabs.listening.answers import as_long
from emolabs.listening.quadrature import mean_chance

RECALL = dict(zip(EMOTIONS, [0.9, 0.5, 0.6, 0.7, 0.95, 0.3], strict=True))


@pytest.mark.parametrize("sd", [(0.0, 0.0), (0.5, 1.0), (2.0, 3.0)])
def test_the_true_recall_is_the_integral_over_listeners_and_clips(sd):
    whole = simulation.truth(simulation.confusion(RECALL, pull={"neutral": 4}), listener_sd=sd[0], clip_sd=sd[1])
    for emotion, recall in RECALL.items():
        logit, spread = np.log(recall / (1 - recall)), np.hypot(*sd)
        integral, _ = quad(lambda z, a=logit, s=spread: norm.pdf(z) / (1 + np.exp(-(a + s * z))), -9, 9, limit=200)
        assert whole.recall[emotion] == pytest.approx(integral, abs=1e-4)
    assert np.allclose(whole.confusion.sum(axis=1), 1)
    assert whole.confusion.loc["fear", "neutral"] == pytest.approx(4 * whole.confusion.loc["fear", "anger"])


def test_mean_chances_are_the_integral_for_every_pair_of_logits_and_sd():
    logits, sds = np.array([[-6.0, 0.0, 1.3]]), np.array([[0.0], [1.1], [4.0]])
    found = mean_chance(logits, sd=sds)
    for (row, column), value in np.ndenumerate(found):
        a, s = logits[0, column], sds[row, 0]
        integral, _ = quad(lambda z, a=a, s=s: norm.pdf(z) * expit(a + s * z), -12, 12, epsabs=1e-12, limit=400)
        assert value == pytest.approx(integral, abs=1e-6)
    assert np.allclose(found[0], expit(logits[0])) and np.allclose(found[:, 1], 0.5)


def test_answers_have_the_confusion_of_the_truth():
    clips = study(clips_per_emotion=400).clips
    table = simulation.confusion(RECALL, pull={"neutral": 4})
    heard = as_long(pd.concat([clips.assign(participant=f"simulated-{n}") for n in range(40)]))
    given = simulation.answer(heard, confusion=table, listener_sd=0.2, clip_sd=1.0, seed=3)
    trials = given[given.role.eq("trial")]
    found = pd.crosstab(trials.emotion, trials.answer, normalize="index").loc[EMOTIONS, EMOTIONS]
    assert np.abs(found - simulation.truth(table, listener_sd=0.2, clip_sd=1.0).confusion).max().max() < 0.04
    assert given[given.role.eq("attention")].eval("emotion == answer").all()


def test_certain_and_impossible_emotions_stay_so():
    table = simulation.confusion(RECALL | {"anger": 1.0, "fear": 0.0})
    given = simulation.answer(simulation.presentations(study(), listeners=3), confusion=table, seed=1)
    right = given[given.role.eq("trial")].eval("emotion == answer").groupby(given.emotion).mean()
    assert right["anger"] == 1 and right["fear"] == 0
    assert simulation.truth(table, listener_sd=1, clip_sd=1).recall[["anger", "fear"]].tolist() == [1, 0]


def test_the_same_seed_gives_the_same_files_and_every_file_says_that_it_is_simulated(tmp_path):
    table = simulation.confusion(RECALL)
    for folder in ("one", "two"):
        simulation.simulate(study(), folder=tmp_path / folder, confusion=table, listeners=3, seed=5)
    simulation.simulate(study(), folder=tmp_path / "other", confusion=table, listeners=3, seed=6)
    one, two, other = ({f.name: f.read_bytes() for f in (tmp_path / n).iterdir()} for n in ("one", "two", "other"))
    assert one == two != other and sorted(one) == [f"simulated-00{n}.json" for n in (1, 2, 3)]
    for name, content in one.items():
        file = json.loads(content)
        assert file["simulated"] is True and file["participant"] == name.removesuffix(".json")
        assert [trial["position"] for trial in file["trials"]] == [1, 2, *range(1, 63)]


def test_a_confusion_without_an_emotion_of_the_study_is_refused():
    heard = simulation.presentations(study(), listeners=1)
    with pytest.raises(ValueError, match="expected a confusion of the emotions anger, disgust, fear"):
        simulation.answer(heard, confusion=simulation.confusion({"anger": 0.5, "fear": 0.5}))
    with pytest.raises(ValueError, match="expected probabilities that sum to 1 in every row"):
        simulation.answer(heard, confusion=simulation.confusion(RECALL) * 2)
