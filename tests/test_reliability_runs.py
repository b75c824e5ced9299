"""What is measured with the models of runs: temperatures of the validation side and answers to degraded recordings."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
import toy
from conftest import voice

from emolabs import dependencies, paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.experiments import results, train
from emolabs.extraction import functionals
from emolabs.reliability import calibration, choice, degradation, losses, models, robustness, validation
from emolabs.standardization import Normalization, split, waveforms

KINDS = degradation.get(["white0", "louder", "quieter-heard"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with its audio, a linear run on it, and what was measured with this run."""
    root, repository = tmp_path_factory.mktemp("reliability"), paths.ROOT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dependencies, "_root", lambda: repository)
        patch.setattr(paths, "ROOT", root)
        patch.setattr(paths, "RAW", root / "raw")
        clips = toy.index()[::4].reset_index(drop=True)
        for i, file in enumerate(clips.file):
            (root / "raw" / file).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(root / "raw" / file, voice(i, duration_s=0.4), 16_000)
        corpus_index.save(clips, clips.head(0).assign(reason=""), profile="toy")
        split.save(split.manifest(clips, protocol="hash"), profile="toy", protocol="hash")
        waves = waveforms.build(clips, profile="toy", steps=Normalization(), workers=1)
        functionals.build(waves, branch="mfcc", profile="toy", workers=1)
        train(toy.LINEAR)
        result = results.load(toy.LINEAR)
        assert validation.measure([result], profile="toy") == []
        assert measured(result) == []
    return root


@pytest.fixture
def result(trained, tmp_path, monkeypatch):
    """The result of a copy of the project that the test may change."""
    root, repository = tmp_path / "project", paths.ROOT
    shutil.copytree(trained, root)
    monkeypatch.setattr(dependencies, "_root", lambda: repository)
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setattr(paths, "RAW", root / "raw")
    return results.load(toy.LINEAR)


def asked(result) -> dict:
    return {"profile": "toy", "clips": robustness.subset([result], per_cell=1, seed=0), "seed": 0}


def measured(result) -> list[str]:
    return robustness.measure([result], degradations=KINDS, **asked(result))


def table() -> pd.DataFrame:
    return pd.read_parquet(paths.reliability("toy") / "robustness.parquet")


def change_run(result) -> None:
    """Let the run on this machine be another training than the result's."""
    file = result.row.folder(0) / "run.json"
    said = storage.read_json(file)
    storage.write_json(file, said | {"made_from": said["made_from"] | {"seed": 9}})


def change_result(result) -> None:
    """Let the committed result be another training than the one that was measured."""
    file = result.row.results(0) / "predictions.parquet"
    predictions = pd.read_parquet(file)
    predictions.assign(p_anger=predictions.p_anger * 0.5).to_parquet(file, index=False)


def test_the_temperature_is_that_of_the_validation_side_and_of_no_other(result):
    line = validation.load(result).loc[0]
    manifest = split.load("toy", protocol="hash")
    heard = manifest[manifest.split == "validation"]
    assert (line.clips, line.speakers) == (len(heard), heard.speaker.nunique())
    model = models.load(result, 0)
    index = corpus_index.load("toy").set_index("path")
    said = [model.predict(paths.RAW / index.file[path]).probabilities[model.labels] for path in heard.path]
    truth = heard.emotion.map(model.labels.index).to_numpy()
    assert line.temperature == pytest.approx(calibration.fit(np.array(said), truth), rel=1e-3)
    assert line.nll_after <= line.nll_before + 1e-9


def test_nothing_is_measured_twice_and_an_interrupted_table_is_completed(result, monkeypatch):
    files = [paths.reliability("toy") / name for name in ("validation.csv", "robustness.parquet")]
    whole, times = table(), [file.stat().st_mtime_ns for file in files]
    assert validation.measure([result], profile="toy") == [] and measured(result) == []
    assert times == [file.stat().st_mtime_ns for file in files]
    left = whole[(whole.path != whole.path.iloc[0]) & (whole.degradation != "louder")]
    left.to_parquet(files[1], index=False)
    heard, listen = [], robustness._heard
    monkeypatch.setattr(robustness, "_heard", lambda *a, **k: heard.append(a) or listen(*a, **k))
    assert measured(result) == []
    assert len(heard) == len(whole) - len(left)
    columns = ["path", "degradation", "prediction", "confidence"]
    pd.testing.assert_frame_equal(table()[columns].astype(str), whole[columns].astype(str))


def test_clean_clips_are_answered_as_in_the_results_and_loudness_is_cancelled(result):
    said = robustness.load([result], **asked(result))
    assert not said.stale.any() and set(said.degradation) == {kind.name for kind in KINDS}
    wide = said.pivot(index="path", columns="degradation", values="confidence")
    stored = result.predictions.set_index("path")
    columns = [f"p_{label}" for label in result.labels]
    np.testing.assert_allclose(wide.clean, stored.loc[wide.index, columns].max(axis=1), atol=1e-3)
    np.testing.assert_allclose(wide.louder, wide.clean, atol=2e-3)
    assert (wide["quieter-heard"] - wide.clean).abs().max() > 0.01, "a level that is not equalized is heard"


def test_differences_are_those_of_the_answers(result):
    said, clips = robustness.load([result], **asked(result)), asked(result)["clips"]
    lines = losses.differences(said, [result], clips=clips)
    overall = lines[lines.on == "overall"].set_index("degradation")
    assert overall.difference["clean"] == 0 and overall.index.tolist()[0] == "clean"
    assert overall.difference["white0"] == pytest.approx(overall.uar["white0"] - overall.uar["clean"])
    assert (lines.clips[lines.on == "overall"] == len(clips)).all()
    incomplete = said.drop(said.index[said.degradation == "louder"][0])
    assert "louder" not in set(losses.differences(incomplete, [result], clips=clips).degradation)
    assert losses.differences(said.head(0), [result], clips=clips).empty
    assert "not measured with louder" in losses.missing(
        lines[lines.degradation != "louder"], [result], degradations=KINDS
    )[0]  # fmt: skip


def test_the_clips_are_as_many_of_each_cell_and_the_same_for_a_seed(result):
    clips = robustness.subset([result], per_cell=1, seed=0)
    assert (clips.groupby(["corpus", "emotion"]).size() == 1).all()
    cells = result.predictions.groupby(["corpus", "emotion"]).ngroups
    assert len(clips) == cells and clips.equals(robustness.subset([result], per_cell=1, seed=0))
    every = robustness.subset([result], per_cell=100, seed=0)
    assert len(every) == len(result.predictions)


def test_a_run_that_is_not_here_is_said_and_what_was_measured_stays(result):
    shutil.rmtree(result.row.folder(0))
    assert validation.measure([result], profile="toy") == [] and len(validation.load(result)) == 1
    said = measured(result)
    assert len(said) == 1 and "fold0/seed0 is not on this machine: train it again" in said[0]
    assert len(robustness.load([result], **asked(result))) == len(table())


@pytest.mark.parametrize("changed", [change_run, change_result])
def test_another_training_than_the_results_is_refused(result, changed):
    (paths.reliability("toy") / "validation.csv").unlink()
    changed(result)
    said = validation.measure([result], profile="toy")
    assert len(said) == 1 and "is another training" in said[0] and "whose results are in" in said[0]
    with pytest.raises(LookupError, match="has no temperature: `python -m emolabs.reliability toy`"):
        validation.load(result)


def test_a_temperature_of_another_training_is_refused(result):
    change_result(result)
    with pytest.raises(LookupError, match="is that of another training"):
        validation.load(result)
    assert robustness.load([result], **asked(result)).empty


def test_a_model_that_does_not_say_what_its_predictions_have_is_refused(result):
    for folder in (result.row.folder(0), result.row.results(0)):
        file = folder / "predictions.parquet"
        predictions = pd.read_parquet(file)
        predictions.assign(p_anger=1 - predictions.p_anger).to_parquet(file, index=False)
    (paths.reliability("toy") / "validation.csv").unlink()
    said = validation.measure([results.load(toy.LINEAR)], profile="toy")
    assert len(said) == 1 and "does not say again what its predictions have" in said[0]


def test_missing_recordings_are_said(result):
    shutil.rmtree(paths.RAW)
    (paths.reliability("toy") / "robustness.parquet").unlink()
    said = measured(result)
    assert len(said) == 1 and said[0].startswith("the clips cannot be degraded here:")
    assert robustness.load([result], **asked(result)).empty


def test_results_that_are_not_there_are_named():
    with pytest.raises(LookupError, match="seed 0 of mfcc-linear under speaker, found none"):
        choice.degraded([], rows=["mfcc-linear speaker"], seed=0)
    with pytest.raises(ValueError, match="expected rows such as"):
        choice.degraded([], rows=["mfcc-linear"], seed=0)


def test_without_new_speakers_no_gap_is_drawn_and_a_sentence_says_why():
    known, new = (SimpleNamespace(row=SimpleNamespace(pipeline="mfcc-linear", protocol=p)) for p in ("hash", "speaker"))
    assert choice.new_speakers([known, new]) == [new]
    with pytest.raises(LookupError, match="expected one under speaker, found mfcc-linear under hash; name speaker"):
        choice.new_speakers([known])


def test_code_that_degraded_otherwise_makes_answers_stale(result, monkeypatch):
    monkeypatch.setattr(robustness, "code_digest", lambda: "0" * 16)
    assert robustness.load([result], **asked(result)).stale.all()
