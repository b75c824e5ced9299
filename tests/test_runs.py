"""Runs and results on a toy project: what a run leaves, when it is trained again, and what survives a kill."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import toy
from sklearn.metrics import balanced_accuracy_score

from emolabs import dependencies, modeling, paths, reporting, storage
from emolabs.corpora import index as corpus_index
from emolabs.corpora import labels
from emolabs.experiments import comparison, digests, find, metrics, networks, results, runs, table, train
from emolabs.extraction import store
from emolabs.modeling import get_pipeline, load_pipelines
from emolabs.standardization import split

PARAMETERS = toy.training()
RUN_FILES = {"metrics.json", "predictions.parquet", "history.csv", "run.json"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A toy project in which a network, a linear and a constant row are trained."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        toy.point(patch, root)
        toy.project()
        train(toy.NETWORK, parameters=PARAMETERS)
        for row in (toy.LINEAR, CONSTANT, replace(CONSTANT, protocol="speaker")):
            train(row)
    return root


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    """A copy of the trained toy project that the test may change."""
    shutil.copytree(trained, tmp_path / "project")
    toy.point(monkeypatch, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def untrained(project):
    """The toy project before its first run."""
    shutil.rmtree(project / "runs")
    shutil.rmtree(project / "data" / "results")
    return project


CONSTANT = replace(toy.LINEAR, pipeline="constant")


def written(folder) -> dict[str, int]:
    """Files of a run and when they were written; the page of its whole row is not one of them."""
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.name != "card.md"}


def same_run(a, b) -> None:
    """The same history, metrics, predictions and weights, to the byte."""
    for name in ("history.csv", "metrics.json", "predictions.parquet", "model.safetensors"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


class TestContents:
    def test_a_run_of_a_network(self, project):
        folder = toy.NETWORK.folder(0)
        assert folder == project / "runs/toy/hash/pooled/logmel-cnn3-attention/fold0/seed0"
        model = {"model.safetensors", "config.json", "tensorboard", "card.md"}
        assert set(os.listdir(folder)) == RUN_FILES | model | {"gradients.csv"}
        times = written(folder)
        assert max(times, key=times.get) == "metrics.json"

    @pytest.mark.parametrize("row", [toy.LINEAR, CONSTANT], ids=lambda row: row.pipeline)
    def test_a_run_of_a_classical_row(self, project, row):
        assert set(os.listdir(row.folder(0))) == RUN_FILES | {"model.safetensors", "config.json", "card.md"}

    @pytest.mark.parametrize("row", [toy.NETWORK, toy.LINEAR, CONSTANT], ids=lambda row: row.pipeline)
    def test_predictions(self, project, row):
        predictions = pd.read_parquet(row.folder(0) / "predictions.parquet")
        probabilities = [f"p_{label}" for label in labels()]
        columns = ["id", "path", "corpus", "speaker", "emotion", "prediction"]
        assert {*columns, *probabilities} <= set(predictions) and list(predictions)[:6] == columns
        manifest = split.load("toy", protocol="hash")
        evaluated = manifest[manifest.split == "evaluation"]
        pd.testing.assert_frame_equal(
            predictions[columns[:5]], evaluated[columns[:5]].reset_index(drop=True), check_dtype=False
        )
        assert predictions[probabilities].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
        heard = predictions[probabilities].idxmax(axis=1).str.removeprefix("p_")
        assert (heard == predictions.prediction).all()

    def test_metrics_are_those_of_the_predictions(self, project):
        folder = toy.NETWORK.folder(0)
        scores = storage.read_json(folder / "metrics.json")
        predictions = pd.read_parquet(folder / "predictions.parquet")
        assert scores["overall"]["uar"][0] == pytest.approx(
            balanced_accuracy_score(predictions.emotion, predictions.prediction)
        )
        assert scores["labels"] == labels()
        assert set(scores["corpora"]) == set(toy.SPEAKERS)
        assert "closed_set" in scores["corpora"]["emosynth-de"]
        history = pd.read_csv(folder / "history.csv")
        assert scores["validation"]["uar"] == pytest.approx(history.validation_uar.max(), abs=1e-6)

    def test_a_closed_set_is_that_of_the_corpus_and_not_of_its_evaluated_clips(self, untrained):
        clips = split.load("toy", protocol="hash")
        lost = (clips.split == "evaluation") & (clips.emotion == "surprise")
        split.save(clips[~lost], profile="toy", protocol="hash")
        train(CONSTANT)
        scores = storage.read_json(CONSTANT.results(0) / "metrics.json")
        assert scores["classes"] == {"emosynth-de": sorted(set(labels()) - {"surprise"}), "emosynth-en": labels()}
        for corpora in (scores["corpora"], results.load(CONSTANT).scores["corpora"]):
            assert {corpus for corpus, of in corpora.items() if "closed_set" in of} == {"emosynth-de"}

    def test_classes_are_those_of_the_protocol_and_folds_keep_their_numbers(self, project):
        index = toy.index().assign(corpus="ravdess", path=lambda rows: rows.path.str.replace("emosynth", "ravdess"))
        index["speaker"] = [f"ravdess/{1 + i % 24:02d}" for i in range(len(index))]
        index["emotion"] = index.emotion.replace("surprise", "calm")
        corpus_index.save(index, index.head(0).assign(reason=""), profile="eight")
        clips = split.manifest(index, protocol="ravdess-6fold")
        split.save(clips[clips.fold.isin([0, 4])], profile="eight", protocol="ravdess-6fold")
        row = replace(CONSTANT, profile="eight", protocol="ravdess-6fold")
        assert train(row) == [row.folder(0), row.folder(4)]
        result = results.load(row)
        assert result.labels == ["anger", "calm", *labels()[1:]] == split.get("ravdess-6fold").labels
        assert sorted(result.predictions.fold.unique()) == [0, 4] and result.predictions.p_calm.notna().all()
        assert result.corpora == {"ravdess"} and result.provenance.startswith("RAVDESS · protocol ravdess-6fold")

    def test_run_json_says_how_it_came_about(self, project):
        run = storage.read_json(toy.NETWORK.folder(0) / "run.json")
        made = run["made_from"]
        assert made["parameters"] == vars(PARAMETERS)
        expected = {"pipeline": "logmel-cnn3-attention", "protocol": "hash", "seed": 0, "fold": 0}
        assert {key: made[key] for key in expected} == expected
        assert made["features"] == store.load("toy", branch="logmel").digest
        assert made["code"] == digests.code_digest(get_pipeline(toy.NETWORK.pipeline))
        assert run["machine"]["device"] in ("cpu", "cuda") and run["machine"]["torch"] == version("torch")
        assert run["seconds"] > 0 and 0.01 < run["peak_memory_gib"] < 1000
        assert 0 < run["cpu_utilization"] < 1.1
        assert (run["gpu_utilization"] is None) == (not torch.cuda.is_available())
        clips = split.load("toy", protocol="hash").split.value_counts().to_dict()
        assert run["data"]["clips"] == clips
        assert run["data"]["corpora"] == sorted(toy.SPEAKERS) and run["data"]["speakers"] == 14
        assert run["data"]["overlap"]["speakers_share"] == 1 and run["data"]["overlap"]["paths"] == 0

    def test_compact_results_are_copies_and_a_summary_says_all_folds_are_there(self, project):
        rows = [toy.NETWORK, replace(CONSTANT, protocol="speaker")]
        for row, folds in zip(rows, ([0], [0, 1, 2, 3, 4]), strict=True):
            assert storage.read_json(row.summary)["folds"] == folds
            for fold in folds:
                kept = RUN_FILES | {"gradients.csv"} if row == toy.NETWORK else RUN_FILES
                assert set(os.listdir(row.results(fold))) == kept
                for name in kept:
                    assert (row.results(fold) / name).read_bytes() == (row.folder(fold) / name).read_bytes()
        assert rows[1].summary == project / "data/results/toy/speaker/pooled/constant/seed0.json"

    def test_the_model_that_is_left_predicts_what_was_predicted(self, project):
        features = store.load("toy", branch="logmel")
        predictions = pd.read_parquet(toy.NETWORK.folder(0) / "predictions.parquet")
        model = modeling.load(toy.NETWORK.folder(0)).network
        assert not model.training
        clips = features.clips.reset_index().set_index("id").loc[predictions.id]
        for place in (0, 7, len(clips) - 1):
            number, length = clips["index"].iloc[place], clips.length.iloc[place]
            x = torch.tensor(features.values[number : number + 1, :, :length]).float()
            with torch.inference_mode():
                given = model(x, torch.tensor([length]))[0].softmax(dim=1)[0].numpy()
            expected = predictions[[f"p_{label}" for label in labels()]].iloc[place].to_numpy(float)
            np.testing.assert_allclose(given, expected, atol=1e-4)


class TestTrainingAgain:
    def test_a_finished_run_is_left_alone(self, project):
        before = written(toy.NETWORK.folder(0))
        assert train(toy.NETWORK, parameters=PARAMETERS) == [toy.NETWORK.folder(0)]
        assert written(toy.NETWORK.folder(0)) == before

    @pytest.mark.parametrize("change", ["parameter", "code", "features", "manifest"])
    def test_what_it_was_made_from_has_changed(self, project, change):
        folder, parameters = toy.NETWORK.folder(0), PARAMETERS
        before = written(folder)
        if change == "parameter":
            parameters = toy.training(epochs=2)
        elif change == "code":
            toy.edit("modeling/convolution.py", "EDITED = True")
        elif change == "features":
            file = paths.features("toy", "logmel")
            other = store.load("toy", branch="logmel").folder.rename(file / "other")
            storage.write_json(file / "current.json", {"store": other.name})
        else:
            clips = split.load("toy", protocol="hash")
            clips.loc[clips.index[clips.split == "train"][0], "split"] = "validation"
            split.save(clips, profile="toy", protocol="hash")
        train(toy.NETWORK, parameters=parameters)
        after = written(folder)
        assert set(after) == set(before) and all(after[name] > before[name] for name in before)
        if change == "parameter":
            assert len(pd.read_csv(folder / "history.csv")) == 2
            assert storage.read_json(toy.NETWORK.results(0) / "run.json")["made_from"]["parameters"]["epochs"] == 2

    def test_one_seed_one_run(self, trained, untrained):
        train(toy.NETWORK, parameters=PARAMETERS)
        same_run(toy.NETWORK.folder(0), trained / toy.NETWORK.folder(0).relative_to(untrained))

    def test_killed_in_the_middle_it_continues_as_if_nothing_had_been(self, trained, untrained):
        folder = toy.NETWORK.folder(0)
        batches = -(-int((split.load("toy", protocol="hash").split == "train").sum()) // PARAMETERS.batch_size)
        script = [sys.executable, toy.__file__, str(untrained), str(2 * batches + 3)]  # in the third of four epochs
        home = os.path.dirname(os.path.dirname(toy.__file__))
        found = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
        child = subprocess.run(script, capture_output=True, env=os.environ | {"PYTHONPATH": found}, timeout=300)
        assert child.returncode == -signal.SIGKILL, child.stderr.decode()
        assert (folder / "checkpoint.pt").is_file() and not (folder / "metrics.json").exists()
        assert len(torch.load(folder / "checkpoint.pt")["history"]) == 2
        storage.write_json(folder / "elapsed.json", storage.read_json(folder / "elapsed.json") | {"before": 1000.0})
        with pytest.raises(FileNotFoundError, match="no finished runs under .*make reproduce PROFILE=toy"):
            find("toy")
        train(toy.NETWORK, parameters=PARAMETERS)
        same_run(folder, trained / folder.relative_to(untrained))
        assert 1000 < storage.read_json(folder / "run.json")["seconds"] < 1300, "earlier sittings count"
        assert not (folder / "checkpoint.pt").exists() and not (folder / "elapsed.json").exists()
        assert len(find("toy")) == 1

    def test_an_interrupted_run_does_not_continue_with_other_parameters(self, untrained, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(networks, "save_file", _killed)
            with pytest.raises(KeyboardInterrupt):
                train(toy.NETWORK, parameters=PARAMETERS)
        with pytest.raises(ValueError, match=r"checkpoint.pt .*: parameters width was 4, is 8\. Restore them"):
            train(toy.NETWORK, parameters=toy.training(width=8))

    def test_seconds_that_other_code_spent_do_not_count(self, untrained, monkeypatch):
        folder = toy.NETWORK.folder(0)
        with monkeypatch.context() as patch:
            patch.setattr(networks, "save_file", _killed)
            patch.setattr(runs, "code_digest", lambda pipeline: "other")
            with pytest.raises(KeyboardInterrupt):
                train(toy.NETWORK, parameters=PARAMETERS)
        storage.write_json(folder / "elapsed.json", storage.read_json(folder / "elapsed.json") | {"before": 1000.0})
        train(toy.NETWORK, parameters=PARAMETERS)
        assert storage.read_json(folder / "run.json")["seconds"] < 1000, "the run has started anew"

    def test_without_its_metrics_a_run_is_not_finished(self, trained, untrained, monkeypatch):
        folder, original = toy.NETWORK.folder(0), storage.write_json

        def dies_before_the_metrics(path, value):
            if path.name == "metrics.json":
                raise KeyboardInterrupt
            original(path, value)

        with monkeypatch.context() as patch:
            patch.setattr(storage, "write_json", dies_before_the_metrics)
            with pytest.raises(KeyboardInterrupt):
                train(toy.NETWORK, parameters=PARAMETERS)
        assert (folder / "run.json").is_file() and not (folder / "metrics.json").exists()
        assert not toy.NETWORK.summary.exists() and not toy.NETWORK.results(0).exists()
        train(toy.NETWORK, parameters=PARAMETERS)
        same_run(folder, trained / folder.relative_to(untrained))

    def test_killed_between_metrics_and_results_it_is_published_the_next_time(self, untrained, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(runs, "_publish", _killed)
            with pytest.raises(KeyboardInterrupt):
                train(CONSTANT)
        assert (CONSTANT.folder(0) / "metrics.json").is_file() and not CONSTANT.results(0).exists()
        train(CONSTANT)
        assert [result.row for result in find("toy")] == [CONSTANT]

    @pytest.mark.parametrize("content", ["{", "{}", "[]"])
    def test_a_run_whose_file_is_torn_is_trained_again(self, trained, project, content):
        (CONSTANT.folder(0) / "run.json").write_text(content)
        train(CONSTANT)
        again = storage.read_json(CONSTANT.folder(0) / "run.json")["made_from"]
        assert again == storage.read_json(trained / CONSTANT.folder(0).relative_to(project) / "run.json")["made_from"]
        assert CONSTANT in [result.row for result in find("toy")]

    def test_old_metrics_do_not_outlive_the_start_of_a_new_run(self, project, monkeypatch):
        monkeypatch.setattr(networks, "network", _killed)
        with pytest.raises(KeyboardInterrupt):
            train(toy.NETWORK, parameters=toy.training(epochs=2))
        assert not (toy.NETWORK.folder(0) / "metrics.json").exists()

    def test_folds_of_two_versions_are_never_pooled(self, project, monkeypatch):
        row, original = replace(CONSTANT, protocol="speaker"), runs._run
        toy.edit("experiments/learners.py", "EDITED = True")
        with monkeypatch.context() as patch:
            patch.setattr(runs, "_run", lambda *a, **k: _killed() if k["fold"] == 2 else original(*a, **k))
            with pytest.raises(KeyboardInterrupt):
                train(row)
        assert row not in [result.row for result in find("toy")]
        before = written(row.folder(1))
        train(row)
        assert written(row.folder(1)) == before  # what was made anew stays
        codes = {run["made_from"]["code"] for run in results.load(row).runs}
        assert len(codes) == 1


def _killed(*_, **__):
    raise KeyboardInterrupt


class TestRefusals:
    def test_a_scope_without_validation_clips(self, project):
        row = replace(CONSTANT, protocol="speaker", scope="emosynth-de")
        with pytest.raises(
            ValueError, match="emosynth-de under protocol speaker: fold 0 has no validation clips"
        ) as error:
            train(row)
        assert "too few speakers" in str(error.value) and "hash or random" in str(error.value)
        assert not row.folder(0).exists()

    def test_a_scope_that_is_not_there(self, project):
        with pytest.raises(ValueError, match="scope emodb under protocol hash: fold any has no train clips"):
            train(replace(CONSTANT, scope="emodb"))

    def test_a_store_that_lacks_clips_of_the_manifest(self, project):
        clips = toy.index()
        evaluated = split.load("toy", protocol="hash").query("split == 'evaluation'").path
        toy.features(clips[~clips.path.isin(evaluated[:3])])
        for row in (toy.NETWORK, toy.LINEAR):
            with pytest.raises(ValueError, match="feature store .* lacks 3 clips of the manifest.*normalization"):
                train(row, parameters=PARAMETERS)
            assert not (row.folder(0) / "metrics.json").exists()

    def test_an_unknown_pipeline(self, project):
        with pytest.raises(ValueError, match="unknown pipeline 'lda'.*mfcc-linear"):
            train(replace(CONSTANT, pipeline="lda"))

    def test_what_has_to_be_run_first(self, tmp_path, monkeypatch):
        toy.point(monkeypatch, tmp_path)
        with pytest.raises(FileNotFoundError, match="11_split.ipynb"):
            train(CONSTANT)
        with pytest.raises(FileNotFoundError, match="make reproduce PROFILE=toy"):
            find("toy")


def test_a_scope_trains_and_evaluates_on_its_corpus_alone(untrained):
    row = replace(CONSTANT, scope="emosynth-de")
    train(row)
    result = results.load(row)
    assert set(result.predictions.corpus) == result.corpora == {"emosynth-de"}
    manifest = split.load("toy", protocol="hash")
    clips = manifest[manifest.corpus == "emosynth-de"].split.value_counts().to_dict()
    assert result.runs[0]["data"]["clips"] == clips


class TestResults:
    def test_find_reads_every_finished_row(self, project):
        found = find("toy")
        assert [result.row for result in found] == [
            CONSTANT,
            toy.NETWORK,
            toy.LINEAR,
            replace(CONSTANT, protocol="speaker"),
        ]
        assert not any(result.stale for result in found)

    def test_results_outlive_the_runs(self, project):
        before = table(find("toy"))
        shutil.rmtree(project / "runs")
        pd.testing.assert_frame_equal(table(find("toy")), before)

    def test_folds_are_pooled(self, project):
        result = results.load(replace(CONSTANT, protocol="speaker"))
        clips = toy.index()
        assert sorted(result.predictions.path) == sorted(clips.path)
        assert result.predictions.index.is_unique
        assert result.scores["overall"] == metrics.evaluate(result.predictions, labels=labels())["overall"]
        assert result.facts["folds"] == 5 and result.facts["speaker_overlap"] == 0
        assert result.facts["text_overlap"] == 1  # the toy's two texts are everywhere
        assert "not human" in result.provenance and f"evaluated clips {len(clips)}" in result.provenance

    @pytest.mark.parametrize("module", ["modeling/temporal.py", "modeling/training.py", "experiments/networks.py"])
    def test_changed_code_makes_what_it_trained_stale_and_nothing_else(self, project, module):
        toy.edit(module, "EDITED = True")
        assert {result.row.pipeline for result in find("toy") if result.stale} == {toy.NETWORK.pipeline}

    @pytest.mark.parametrize("module", ["modeling/classical.py", "modeling/recall.py", "experiments/learners.py"])
    def test_changed_code_of_all_rows_makes_all_stale(self, project, module):
        toy.edit(module, "EDITED = True")
        assert all(result.stale for result in find("toy"))
        toy.edit("modeling/added.py", "ADDED = True")
        train(CONSTANT)
        assert [result.row for result in find("toy") if not result.stale] == [CONSTANT]

    @pytest.mark.parametrize("module", ["corpora/audio.py", "standardization/normalization.py"])
    def test_changed_code_of_its_features_makes_a_result_stale(self, project, module):
        toy.edit(module, "EDITED = True")
        assert {result.row.pipeline for result in find("toy") if not result.stale} == {"constant"}

    def test_changed_code_of_other_features_does_not(self, project):
        toy.edit("extraction/functionals.py", "EDITED = True")
        assert [result.stale for result in find("toy") if result.row.pipeline == toy.NETWORK.pipeline] == [False]

    def test_a_comment_makes_nothing_stale(self, project):
        toy.edit("modeling/training.py", "# a remark")
        assert not any(result.stale for result in find("toy"))

    def test_table_has_a_line_for_each_set_of_clips(self, project):
        lines = table(find("toy"))
        assert len(lines) == 4 * 3 and set(lines.on) == {"overall", *toy.SPEAKERS}
        for result in find("toy"):
            scores = result.scores["corpora"]["emosynth-de"]
            (line,) = lines[
                (lines.protocol == result.row.protocol)
                & (lines.pipeline == result.row.pipeline)
                & (lines.on == "emosynth-de")
            ].to_dict("records")
            assert [line["uar"], line["uar_low"], line["uar_high"]] == scores["uar"]
            assert line["closed_set_uar"] == scores["closed_set"]["uar"][0]
            assert line["interval_over"] == "clips" and line["speakers"] == 2
            assert not line["stale"]

    def test_formatted_scores_are_percent_with_marked_intervals(self, project):
        lines = table(find("toy"))
        read = comparison.formatted(lines, by_corpus=True)
        assert "stale" not in read
        for (_, line), (_, shown) in zip(lines.iterrows(), read.iterrows(), strict=True):
            for score, title in (("accuracy", "accuracy"), ("uar", "UAR"), ("macro_f1", "macro-F1")):
                text = shown[f"{title} (%)"]
                assert text.endswith("†") == (line.interval_over == "clips")
                for bound in (score, f"{score}_low", f"{score}_high"):
                    assert f"{100 * line[bound]:.1f}" in text
            assert shown["closed-set UAR (%)"] == pytest.approx(100 * line.closed_set_uar, abs=0.051)
        overall = comparison.formatted(lines[lines.on == "overall"])
        assert overall["known speakers (%)"].tolist() == [100, 100, 100, 0]
        assert overall.clips.tolist() == lines[lines.on == "overall"].clips.tolist()

    def test_stale_rows_say_so_in_the_table(self, project):
        toy.edit("modeling/training.py", "EDITED = True")
        train(toy.LINEAR)
        lines = table(find("toy"))
        shown = comparison.formatted(lines[lines.on == "overall"])
        assert dict(zip(shown.pipeline, shown.stale, strict=True)) == {
            toy.NETWORK.pipeline: "stale",
            "mfcc-linear": "",
            "constant": "",
        }

    def test_leakage_pairs_are_of_one_pipeline_and_scope(self):
        keys = [("hash", "pooled", "a"), ("hash", "pooled", "b"), ("hash", "tess", "a"), ("speaker", "pooled", "b")]
        keys += [("speaker", "pooled", "c"), ("speaker", "pooled", "constant"), ("hash", "pooled", "constant")]
        keys += [("tess-actress", "tess", "a")]
        lines = pd.DataFrame(keys, columns=["protocol", "scope", "pipeline"])
        pairs = comparison.leakage_pairs(lines)
        sides = [(known.protocol.tolist(), new.protocol.tolist(), list(new.index)) for _, known, new in pairs]
        assert all(list(known.index) == list(new.index) for _, known, new in pairs)
        assert sides == [(["hash"], ["tess-actress"], ["a"]), (["hash"], ["speaker"], ["b"])]

    def test_leakage_is_measured_at_equal_training_size_where_it_can_be(self):
        keys = [(protocol, "pooled", "a") for protocol in ("hash", "random", "speaker")]
        lines = pd.DataFrame(keys, columns=["protocol", "scope", "pipeline"])
        ((_, known, new),) = comparison.leakage_pairs(lines)
        assert known.protocol.tolist() == ["random"] and new.protocol.tolist() == ["speaker"]

    def test_names_below_the_bars_of_the_leakage_and_scores_above_them_do_not_touch(self):
        names = ["egemaps-linear", "logmel-cnn3-attention", "logmel-cnn3-lstm-attention", "mfcc-linear"]
        names += ["whisper-cnn3-attention"]
        lines = pd.DataFrame(
            [(p, name) for p in ("random", "speaker") for name in names], columns=["protocol", "pipeline"]
        )
        lines = lines.assign(
            scope="pooled", stale=False, mark="", uar=lines.protocol.map({"random": 1, "speaker": 0.336})
        )
        lines = lines.assign(uar_low=lines.uar, uar_high=lines.uar, interval_over="clips", train_clips=9, clips=5)
        ((title, known, new),) = comparison.leakage_pairs(lines)
        figure, axes = reporting.figure(cols=2, height_in=3.5, width_ratios=[5, 4])
        comparison.draw_leakage(axes[0], known, new, title=title, chance=None)
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in axes[0].get_xticklabels()]
        assert len(boxes) == len(names) and all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
        bars = [bar.get_window_extent() for bar in axes[0].patches]
        scores = [text.get_window_extent() for text in axes[0].texts]
        assert len(scores) == len(bars) and not any(text.overlaps(bar) for text in scores for bar in bars)
        assert not any(a.overlaps(b) for a, b in itertools.combinations(scores, 2))
        plt.close(figure)

    def test_pictures_say_which_pipelines_are_stale(self):
        rows = [("hash", "mfcc-linear", False), ("hash", "logmel-cnn3-mean", True), ("hash", "constant", False)]
        rows += [("speaker", "mfcc-linear", False), ("speaker", "logmel-cnn3-mean", False)]
        lines = pd.DataFrame(rows, columns=["protocol", "pipeline", "stale"])
        lines = lines.assign(
            scope="pooled", mark="", uar=0.5, uar_low=0.4, uar_high=0.6, interval_over="clips", train_clips=9
        ).assign(clips=5, speaker_overlap=lines.protocol.eq("hash").astype(float))
        figure, axes = reporting.figure(cols=3)
        comparison.draw_scores(axes[0], lines[lines.protocol == "hash"], title="")
        ((title, known, new),) = comparison.leakage_pairs(lines)
        assert comparison.chance(lines, new) is None and comparison.chance(lines, known) == 0.5
        comparison.draw_leakage(axes[1], known, new, title=title, chance=0.5)
        assert "fewer" not in axes[1].get_title()
        comparison.draw_leakage(axes[1], known, new.assign(train_clips=4), title=title, chance=None)
        assert "trained on 9 / 4 clips (fewer: their speakers are held out)" in axes[1].get_title()
        names = comparison.labels(lines)
        of_tess = lines[lines.protocol == "speaker"].assign(on="tess", low=0.4, high=0.6)
        comparison.draw_corpora(axes[2], of_tess, title="", names=names)
        figure.canvas.draw()
        written = {label.get_text() for label in axes[0].get_yticklabels()}
        assert written == {"mfcc-linear†", "logmel-cnn3-mean (stale)†"}
        written = {label.get_text() for label in axes[1].get_xticklabels()}
        assert written == {"mfcc\nlinear", "logmel\ncnn3\nmean\n(stale)"}  # one of the two sides is
        written = set(axes[2].get_legend_handles_labels()[1])
        assert written == {"mfcc-linear", "logmel-cnn3-mean (stale)"}  # under another protocol
        assert [label.get_text() for label in axes[2].get_xticklabels()] == ["TESS†"]
        plt.close(figure)


class TestBesideOthers:
    def overall(self) -> pd.DataFrame:
        lines = pd.DataFrame({"protocol": ["ravdess-6fold", "hash"], "scope": ["ravdess", "pooled"]})
        lines = lines.assign(pipeline=["mfcc-linear", "logmel-cnn3-mean"], interval_over="speakers")
        return lines.assign(uar=0.5, uar_low=0.4, uar_high=0.6)

    def test_published_numbers_stand_under_ours_and_say_so(self):
        table = comparison.published(self.overall())
        assert set(table.protocol) == {"ravdess-6fold"} and table.source.iloc[0] == "EmoLabs"
        assert table.source.iloc[1:].str.startswith("published: EmoBox").all() and len(table) == 5
        assert not len(comparison.published(self.overall().tail(1)))
        marked = comparison.published(self.overall().assign(interval_over="clips"))["UAR (%)"]
        assert marked[0] == f"{table['UAR (%)'][0]}†" and list(marked[1:]) == list(table["UAR (%)"][1:])

    def test_rows_without_a_result_are_listed_with_a_reason(self, monkeypatch, tmp_path):
        monkeypatch.setenv("EMOLABS_WEIGHTS", str(tmp_path))
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        (tmp_path / "whisper-base").mkdir()
        missing = comparison.not_run(self.overall()).set_index("pipeline").reason
        assert len(missing) == len(load_pipelines()) - 2
        assert missing["logmel-cnn3-attention"] == missing["whisper-cnn3-mean"] == "not run yet"


@pytest.mark.parametrize("notebook", ["40_evaluation", "41_representations", "42_generalization", "44_stability"])
def test_code_that_makes_a_result_stale_reruns_the_notebooks_that_say_so(notebook, monkeypatch):
    named = set()
    monkeypatch.setattr(dependencies, "own_digest", lambda files: named.update(files) or "")
    for pipeline in load_pipelines().values():
        digests.code_digest(pipeline), digests.features_code(pipeline)
    assert len(named) > 20 and named <= set(dependencies.modules(paths.NOTEBOOKS / f"{notebook}.ipynb"))
