"""Variance as an axis: against scikit-learn and cases whose answer is known; and the rows that stand over it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from evaluated import answered, clips, write
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from emolabs import paths, reporting, storage
from emolabs.experiments import partitions, variance, variance_drawings
from emolabs.experiments.runs import Row


def facts(*, speakers=8, takes=10, emotions=("anger", "fear", "neutral")) -> pd.DataFrame:
    rows = [(s, e) for s in range(speakers) for e in emotions for _ in range(takes)]
    return pd.DataFrame(rows, columns=["speaker", "emotion"])


def test_shares_are_those_of_the_one_way_decomposition():
    table, generator = facts(), np.random.default_rng(1)
    values = generator.normal(size=(len(table), 5)) + 2 * (table.emotion == "fear").to_numpy()[:, None]
    line = variance.spread_of(values, clips=table)
    lda = LinearDiscriminantAnalysis(solver="eigen", store_covariance=True, priors=[1 / 3] * 3).fit(
        values, table.emotion
    )
    within = np.trace(lda.covariance_)
    total = np.trace(np.cov(values.T, bias=True))  # the classes have as many clips
    assert line["within"] == pytest.approx(within / total)
    assert line["between"] == pytest.approx(1 - line["within"])
    assert line["within"] == pytest.approx(line["by_speaker"] + line["rest"])


def test_every_emotion_counts_the_same_however_many_clips_it_has():
    table, generator = facts(), np.random.default_rng(1)
    values = generator.normal(size=(len(table), 5)) + 2 * (table.emotion == "fear").to_numpy()[:, None]
    often = np.repeat(np.arange(len(table)), np.where(table.emotion == "fear", 4, 1))
    more = variance.spread_of(values[often], clips=table.iloc[often].reset_index(drop=True))
    assert more["within"] == pytest.approx(variance.spread_of(values, clips=table)["within"])


def test_speakers_that_differ_are_seen_and_the_interval_says_over_what():
    table, generator = facts(), np.random.default_rng(2)
    voices = generator.normal(size=(8, 5))[table.speaker]
    apart, alike = (variance.spread_of(part + 0.01 * generator.normal(size=voices.shape), clips=table)
                    for part in (voices, 0 * voices))  # fmt: skip
    assert apart["by_speaker"] > 0.95 and alike["by_speaker"] < 0.2
    assert apart["interval_over"] == "speakers" and apart["low"] <= apart["within"] <= apart["high"] + 0.05
    assert variance.spread_of(voices[:60], clips=table[:60])["interval_over"] == "clips"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / "results" / profile)
    monkeypatch.setattr(paths, "interim", lambda profile: tmp_path / "interim" / profile)
    return tmp_path


def test_a_committed_table_is_read_and_without_one_the_command_is_named(project):
    with pytest.raises(FileNotFoundError, match="python -m emolabs.experiments.variance demo mfcc` makes it"):
        variance.load("demo", branch="mfcc")
    storage.write_text(paths.results("demo") / "variance-mfcc.csv", "corpus,within\ntess,0.5\n")
    assert variance.load("demo", branch="mfcc").within.item() == 0.5


def test_the_row_of_known_speakers_is_followed_to_new_ones(project):
    first, second = "logmel-cnn3-mean", "mfcc-linear"
    about = {"profile": "demo", "scope": "pooled", "seed": 0}
    write(Row(**about, protocol="hash", pipeline=first), answered(clips(), hits=1.0), validation=0.9)
    write(Row(**about, protocol="hash", pipeline=second), answered(clips(), hits=0.9), validation=0.2)
    write(Row(**about, protocol="speaker", pipeline=second), answered(clips(), hits=0.4), validation=0.8)
    chosen = variance.chosen(partitions.read("demo").found)
    assert set(chosen.pipeline[chosen.side == "speakers new"]) == {second}
    said = variance.sentences(chosen, levels={"99 %": 0.99})
    assert said[0].startswith("**99 %** is reached with known speakers in: emosynth-de, LLD 100.0")
    assert f"with new speakers, by `{second}`" in said[1] and f"(`{first}`) (stale): " in said[1]
    write(Row(**about, protocol="speaker", pipeline=first), answered(clips(), hits=0.5), validation=0.1)
    chosen = variance.chosen(partitions.read("demo").found)
    assert set(chosen.pipeline) == {first}
    spread = pd.DataFrame({"corpus": ["emosynth-de", "emosynth-en"], "within": [0.7, 0.9], "low": 0.6, "high": 0.95})
    figure, axis = reporting.figure()
    variance_drawings.draw(axis, chosen[chosen.side == "speakers new"], spread=spread, levels={"99 %": 0.99})
    named = [text.get_text() for text in axis.texts if text.get_text()]  # no mark stands at points over speakers
    assert named == ["emosynth-de", "emosynth-en"]
    plt.close(figure)


@pytest.mark.parametrize("branch", ["egemaps", "mfcc"])
def test_the_committed_table_holds_the_corpora_of_the_thesis(branch):
    table = variance.load("thesis", branch=branch).set_index("corpus")
    assert list(table.index) == ["cremad", "emodb", "ravdess", "tess"] and table.within.between(0, 1).all()
    assert (table.within - table.by_speaker - table.rest).abs().max() < 2e-6
    assert table.speakers.to_dict() == {"cremad": 91, "emodb": 10, "ravdess": 24, "tess": 2}
