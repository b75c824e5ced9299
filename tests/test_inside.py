"""What networks listen to, and which layer says most: kept tables, maps and their checks, neighbours, the probe."""

import itertools
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import toy

from emolabs import paths, reporting, storage
from emolabs.corpora import labels
from emolabs.experiments import (
    failures,
    inside_drawings,
    kept,
    layer_drawings,
    layer_sums,
    layers,
    learners,
    metrics,
    neighbours,
    results,
    saliency,
)
from emolabs.experiments.averages import averages
from emolabs.experiments.runs import Row
from emolabs.extraction import store
from emolabs.modeling import classifier, get_pipeline
from emolabs.standardization import split


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy project with the pooled statistics of an encoder of three layers, of which the last says the emotion."""
    for place, name, value in toy.sources(tmp_path):
        monkeypatch.setattr(place, name, value)
    toy.project()
    for module in (layers, metrics, neighbours, saliency):  # whose code decides what is kept
        copy = shutil.copy(module.__file__, tmp_path / "emolabs" / "experiments")
        monkeypatch.setattr(module, "__file__", str(copy))
    clips = toy.index()
    values = np.random.default_rng(0).normal(size=(len(clips), 3, 2 * 8)).astype(np.float32)
    values[np.arange(len(clips)), 2, clips.emotion.map(labels().index)] += 6
    known = clips[["path", "corpus"]].assign(id=clips.path.map(split.sample_id), length=10)
    made = {"branch": "whisper-pooled", "encoder": {"name": "toy"}}
    store.build([values], clips=known, shape=values.shape[1:], dtype="float32", branch="whisper-pooled",
                profile="toy", made_from=made)  # fmt: skip
    return tmp_path


def network(**options) -> classifier.Classifier:
    """A network over spectrograms of eight bands whose statistics are not those of a new one."""
    torch.manual_seed(0)
    pipeline = replace(get_pipeline("logmel-cnn3-attention"), bands=8)
    model = classifier.Classifier(pipeline, channels=8, classes=3, width=4, **options).eval().requires_grad_(False)
    model.standardization.mean += torch.linspace(-2, 2, 8)
    return model


class TestKept:
    @staticmethod
    def measured(file, made_from, *, value=1, keeps=False):
        return kept.measured(
            file, made_from=made_from, make=lambda: pd.DataFrame({"x": [value]}), command="make it", keeps=keeps
        )

    def test_is_measured_once_and_anew_when_it_rests_on_something_else(self, tmp_path):
        file = tmp_path / "deep" / "table.csv"
        assert self.measured(file, {"code": "a"}).table.x[0] == 1
        assert self.measured(file, {"code": "a"}, value=2).table.x[0] == 1
        changed = self.measured(file, {"code": "b"}, value=3)
        assert changed.table.x[0] == 3 and not changed.stale

    def test_stands_and_is_called_stale_where_results_are_kept(self, tmp_path):
        self.measured(tmp_path / "table.csv", {"code": "a"})
        old = self.measured(tmp_path / "table.csv", {"code": "b"}, value=2, keeps=True)
        assert old.table.x[0] == 1 and old.stale and old.made_from == {"code": "a"}

    def test_is_read_where_nothing_is_there_to_measure_and_else_the_command_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="make it makes it"):
            self.measured(tmp_path / "table.csv", None)
        self.measured(tmp_path / "table.csv", {"code": "a"})
        assert not self.measured(tmp_path / "table.csv", None).stale

    def test_what_was_interrupted_between_its_two_files_is_measured_again(self, tmp_path):
        self.measured(tmp_path / "table.csv", {"code": "a"})
        (tmp_path / "table.json").unlink()
        assert self.measured(tmp_path / "table.csv", {"code": "a"}, value=2).table.x[0] == 2


class TestAverages:
    clips = pd.DataFrame({"corpus": "a", "speaker": [f"a/{i // 4}" for i in range(40)], "id": range(40)})

    def test_are_means_that_leave_out_what_is_missing_with_an_interval_around_them(self):
        values = np.random.default_rng(0).normal(size=40)
        clips = self.clips.assign(x=np.where(np.arange(40) % 3, values, np.nan), same=2.0)
        table = averages(clips, ["x", "same"]).set_index("measure")
        assert table.value["x"] == pytest.approx(clips.x.mean()) and table.clips["x"] == clips.x.notna().sum()
        assert averages(clips.assign(x=clips.x.where(clips.index < 8)), ["x"]).speakers.tolist() == [2]
        assert table.low["x"] < table.value["x"] < table.high["x"]
        assert table.loc["same", ["value", "low", "high"]].tolist() == [2, 2, 2]

    def test_draw_speakers_and_not_clips(self):
        of_speakers = self.clips.assign(x=np.repeat(np.arange(10.0), 4))
        of_clips = self.clips.assign(x=np.tile([0.0, 3.0, 6.0, 9.0], 10))
        wide, none = (averages(clips, ["x"]).iloc[0] for clips in (of_speakers, of_clips))
        assert wide.high - wide.low > 3 and none.high == none.low
        few = averages(of_speakers[:20], ["x"]).iloc[0]
        assert (wide.interval_over, few.interval_over) == ("speakers", "clips")


class TestMaps:
    x = torch.randn(1, 8, 37, generator=torch.Generator().manual_seed(1))

    def test_add_up_to_the_change_of_the_margin(self):
        explained = saliency.explain(network(), self.x, steps=200)
        assert explained.map.shape == (8, 37)
        assert explained.map.sum() == pytest.approx(explained.change, abs=0.02 * abs(explained.change))
        assert explained.error == pytest.approx(explained.map.sum() - explained.change, abs=1e-5)

    def test_are_the_gradient_summed_on_the_line_from_the_mean_spectrum(self):
        model, steps = network(), 200
        baseline = model.standardization.mean[None, :, None].expand_as(self.x)
        total = torch.zeros_like(self.x)
        for k in range(steps):  # the middle of each step
            point = (baseline + (k + 0.5) / steps * (self.x - baseline)).requires_grad_()
            logits, _ = model(point, torch.tensor([37]))
            total += torch.autograd.grad(logits[0, 1] - logits.mean(), point)[0] / steps
        expected = ((self.x - baseline) * total)[0].numpy()
        found = saliency.explain(model, self.x, target=1, steps=100).map
        assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()

    def test_of_the_mean_spectrum_itself_are_empty(self):
        model = network()
        x = model.standardization.mean[None, :, None].expand(1, 8, 20).contiguous()
        assert np.abs(saliency.explain(model, x, steps=8).map).max() == 0

    def test_of_random_weights_are_others_and_the_network_stays_as_it_was(self):
        model = network()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        first = saliency.explain(model, self.x, target=0, steps=50).map
        agreed = {}
        for name, drawn in saliency.drawn_anew(model, seed=1):
            agreed[name] = saliency.ranks(first, saliency.explain(drawn, self.x, target=0, steps=50).map)
        assert list(agreed) == ["output", "aggregation", "layer3", "layer2", "layer1"]
        assert abs(agreed["layer1"]) < 0.5 and saliency.ranks(first, first) == pytest.approx(1)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        learned = [name for name, _ in model.named_parameters() if not name.endswith("norm.bias")]
        last = drawn.state_dict()
        assert all(not torch.equal(last[name], before[name]) for name in learned if not name.endswith("norm.weight"))
        assert torch.equal(drawn.standardization.mean, model.standardization.mean)

    def test_shares_over_time_keep_the_sum_wherever_the_frames_end(self):
        assert saliency.shares_over_time(np.array([1.0, 3.0]), parts=4).tolist() == [0.125, 0.125, 0.375, 0.375]
        assert saliency.shares_over_time(np.arange(1.0, 8), parts=20).sum() == pytest.approx(1)

    def test_frames_are_summed_where_they_are_aggregated(self):
        assert saliency.by_frame(np.arange(7.0), frames=3, stride=2).tolist() == [1, 5, 9]
        assert saliency.by_frame(np.ones(3), frames=2, stride=2).tolist() == [2, 1]

    def test_measures_are_shares_and_coefficients(self):
        model = network()
        row = saliency.measures(self.x, saliency.explain(model, self.x, steps=50), network=model, is_picture=True)
        for name in ("saliency", "attention", "band"):
            assert sum(v for k, v in row.items() if k.startswith(f"{name}_")) == pytest.approx(1)
        assert all(-1 <= row[f"{one} and level"] <= 1 for one in ("attention", "saliency"))

    def test_a_run_of_other_features_is_refused(self, project, monkeypatch):
        from emolabs.experiments import train

        train(toy.NETWORK, parameters=toy.training(epochs=1))
        model, features = saliency.opened(toy.NETWORK)
        assert model.made_from["features"] == features.digest
        monkeypatch.setattr(saliency, "features_of", lambda *_, **__: replace(features, digest="other"))
        with pytest.raises(ValueError, match=f"was trained on the features {features.digest}, found other"):
            saliency.opened(toy.NETWORK)

    def test_a_run_is_measured_and_then_read_without_it(self, project):
        from emolabs.experiments import train

        train(toy.NETWORK, parameters=toy.training(epochs=3))
        options = {"steps": 8, "most": 2, "checked": 2, "keeps": False}
        found = saliency.table(toy.NETWORK, **options).table
        assert set(found.emotion) - {"all"} <= set(labels()) and found.clips.max() <= 14
        points = neighbours.points(toy.NETWORK, keeps=False).table
        (toy.NETWORK.folder(0) / "model.safetensors").unlink()
        pd.testing.assert_frame_equal(saliency.table(toy.NETWORK, **options).table, found)
        pd.testing.assert_frame_equal(neighbours.points(toy.NETWORK, keeps=False).table, points)


class TestNeighbours:
    def clips(self) -> tuple[np.ndarray, pd.DataFrame]:
        """Two speakers far apart, whose emotions are side by side in the same way."""
        rows = [(s, e, k) for s in range(2) for e in range(2) for k in range(6)]
        clips = pd.DataFrame({"speaker": [f"a/{s}" for s, _, _ in rows], "emotion": [str(e) for _, e, _ in rows]})
        clips = clips.assign(sex=clips.speaker, corpus="a", id=range(len(rows)))
        return np.array([[100 * s + 0.01 * k, 10 * e] for s, e, k in rows]), clips

    def test_purity_is_the_share_of_the_nearest_and_no_voice_answers_for_an_emotion(self):
        vectors, clips = self.clips()
        found = neighbours.purity(vectors, clips).mean()
        assert found["near speaker"] == found["near emotion"] == found["near corpus"] == 1
        assert found["blind speaker"] == pytest.approx(11 / 23) and found["blind emotion"] == pytest.approx(11 / 23)
        assert found[f"blind {neighbours.ELSEWHERE}"] == 0.5
        turned = vectors * [1, 1] + np.where((clips.speaker == "a/1").to_numpy()[:, None], [0, 10], 0)
        turned[(clips.speaker == "a/1") & (clips.emotion == "1"), 1] = 0  # the second speaker's the other way round
        turned = neighbours.purity(turned, clips).mean()
        assert turned["near emotion"] == 1 and turned[f"near {neighbours.ELSEWHERE}"] == 0

    def test_shuffled_labels_are_as_pure_as_chance(self):
        generator = np.random.default_rng(0)
        _, clips = self.clips()
        clips = pd.concat([clips] * 20, ignore_index=True)
        clips["emotion"] = generator.permutation(clips.emotion)
        found = neighbours.purity(generator.normal(size=(len(clips), 4)), clips).mean()
        assert found["near emotion"] == pytest.approx(found["blind emotion"], abs=0.05)

    def test_above_a_map_stands_what_other_voices_and_chance_say(self):
        lines = pd.DataFrame({"measure": ["emotion", "sex", "speaker", neighbours.ELSEWHERE]}).set_index("measure")
        lines = lines.assign(value=[0.48, 0.7, 0.3, 0.391], chance=[0.154, 0.5, 0.03, 0.15])
        title = inside_drawings.map_title("emotion", lines)
        assert title == "emotion 48.0 %\n(other speakers 39.1, by chance 15.4)"
        assert inside_drawings.map_title("sex", lines).endswith("speaker 30.0 % (by chance 3.0)")

    def test_a_map_is_the_same_twice_and_keeps_neighbours_together(self):
        vectors, clips = self.clips()
        one, two = (neighbours.project(vectors) for _ in range(2))
        assert np.array_equal(one, two) and one.shape == (24, 2)
        assert neighbours.purity(one, clips)["near speaker"].mean() > 0.9


class TestProbe:
    def test_names_the_layer_that_says_the_emotion_and_goes_on_where_it_was(self, project, monkeypatch):
        fitted, fit = [], learners.linear

        def linear(*arguments, **options):
            if len(fitted) == 4:
                raise KeyboardInterrupt
            fitted.append(1)
            return fit(*arguments, **options)

        monkeypatch.setattr(learners, "linear", linear)
        with pytest.raises(KeyboardInterrupt):
            layers.probe("toy", keeps=False)
        monkeypatch.setattr(learners, "linear", lambda *a, **o: fitted.append(1) or fit(*a, **o))
        found = layers.probe("toy", keeps=False)
        assert len(fitted) == 3 * (1 + 5), "what was fitted before the interruption is not fitted again"
        lines = found.table[found.table.on == "overall"].set_index(["protocol", "layer"])
        assert (lines.xs("2", level="layer").chosen_in == [1, 5]).all()
        assert (lines.xs(layers.CHOSEN, level="layer").uar == lines.xs("2", level="layer").uar).all()
        assert (lines.xs("0", level="layer").below_low > 0).all()
        said = layer_drawings.sentences(found.table)
        assert len(said) == 2 and all("layer 2 has the highest UAR" in sentence for sentence in said)

    def test_chooses_in_each_fold_by_its_own_validation_side(self):
        rows = []
        for fold, layer, i in itertools.product((0, 1), (0, 1), range(20)):
            truth, right = "anger" if i % 2 else "fear", layer != fold
            key = (f"{fold}-{i}", "a", f"a/{fold}{i}", truth, fold, layer)
            rows.append((*key, truth if right else "fear", 0.5 if right else 0.6))
        names = ["id", "corpus", "speaker", "emotion", "fold", "layer", "prediction", "validation_uar"]
        lines = layers.scores(pd.DataFrame(rows, columns=names).assign(protocol="speaker", path=""))
        lines = lines[lines.on == "overall"].set_index("layer")
        assert lines.uar["0"] == lines.uar["1"] == 0.75 and lines.uar[layers.CHOSEN] == 0.5
        assert lines.chosen_in["0"] == lines.chosen_in["1"] == 1

    def test_the_committed_probe_agrees_with_the_committed_linear_row(self):
        lines = pd.read_csv(paths.results("thesis") / "inside" / "layers_whisper.csv", dtype={"layer": str})
        for protocol, group in lines[lines.layer == str(learners.LAYER)].groupby("protocol"):
            row = Row(profile="thesis", protocol=protocol, scope="pooled", pipeline="whisper-linear", seed=0)
            scores = results.load(row).scores
            for line in group.itertuples():
                expected = scores["overall"] if line.on == "overall" else scores["corpora"][line.on]
                close = (
                    0.005 if line.clips > 1000 else 0.03
                )  # the solver stops before it has converged to the last digit
                assert [line.uar, line.low, line.high] == pytest.approx(expected["uar"], abs=close)

    def test_of_a_profile_without_encoder_and_table_says_the_command(self, project):
        with pytest.raises(
            FileNotFoundError, match="python -m emolabs.experiments.layers toy --branch hubert makes it"
        ):
            layers.probe("toy", branch="hubert", keeps=False)


def test_of_the_hardest_clips_those_whose_recording_is_here_can_be_played(project, monkeypatch):
    clips = toy.index()[["path", "corpus", "file", "emotion"]].head(2).assign(wrong=2, of=3, answer="fear")
    monkeypatch.setattr(paths, "raw", lambda _: project / "raw")
    assert failures.recordings(clips, profile="toy") == []
    here = project / "raw" / clips.file[1]
    here.parent.mkdir(parents=True)
    here.write_bytes(b"audio")
    ((caption, file),) = failures.recordings(clips, profile="toy")
    assert file == here and clips.path[1] in caption and "2 of 3 pipelines miss it" in caption
    paths.index("toy").unlink()
    assert failures.recordings(clips, profile="toy") == []


def test_uar_of_a_layer_is_that_of_the_metrics():
    generator = np.random.default_rng(0)
    names = labels()
    clips = pd.DataFrame({"emotion": generator.choice(names, 300), "prediction": generator.choice(names, 300)})
    clips = clips.assign(id=[f"{i:03}" for i in range(300)], corpus=np.where(np.arange(300) % 2, "a", "b"), path="")
    clips["speaker"] = clips.corpus + "/" + generator.integers(0, 8, 300).astype(str)
    clips[[f"p_{name}" for name in names]] = 0.1
    line = layers.scores(clips.assign(protocol="hash", fold=0, layer=0, validation_uar=0.5)).iloc[0]
    expected = metrics.evaluate(clips, labels=names)["overall"]
    assert [line.uar, line.low, line.high] == pytest.approx(expected["uar"])


def test_learned_weights_outlast_the_models_of_runs_whose_results_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / "results")
    monkeypatch.setattr(paths, "executed", lambda profile: tmp_path / "runs")
    assert layer_sums.read("some").empty
    sums = {"emodb": [0.25, 0.75], "pooled": [0.5, 0.5]}

    def load(folder):
        scope = folder.parts[-4]
        network = SimpleNamespace(layer_sum=SimpleNamespace(weights=torch.tensor(sums[scope])))
        return SimpleNamespace(network=network, made_from={"scope": scope})

    def train(scope, made_from):
        run = f"hash/{scope}/whisper-direct-mean/fold0/seed0"
        storage.write_json(tmp_path / "runs" / run / "metrics.json", {})
        storage.write_json(tmp_path / "results" / run / "run.json", {"made_from": made_from})

    monkeypatch.setattr(layer_sums.predictor, "load", load)
    train("pooled", {"scope": "pooled"})
    file = tmp_path / "results" / "inside" / "layers_learned.csv"
    storage.write_text(file, ",".join(layer_sums.COLUMNS) + "\nhash,tess,a,0,0,0,1.0\n")  # of an older version
    assert layer_sums.read("some").weight.tolist() == sums["pooled"]
    shutil.rmtree(tmp_path / "runs")
    assert layer_sums.read("some").weight.tolist() == sums["pooled"]
    train("emodb", {"scope": "emodb"})
    both = layer_sums.read("some")
    assert both.scope.tolist() == ["emodb"] * 2 + ["pooled"] * 2
    assert both.weight.tolist() == sums["emodb"] + sums["pooled"]
    shutil.rmtree(tmp_path / "runs")
    train("pooled", {"scope": "pooled", "epochs": 3})
    shutil.rmtree(tmp_path / "runs")
    assert layer_sums.read("some").scope.tolist() == ["emodb"] * 2, "of a result that is another one by now"


def test_every_run_with_a_learned_sum_is_a_line_of_its_own():
    runs = [("hash", "pooled", 0), ("hash", "emodb", 0), ("speaker", "pooled", 0), ("speaker", "pooled", 1)]
    lines = [
        {
            "protocol": p,
            "scope": s,
            "pipeline": "whisper-direct-mean",
            "fold": f,
            "seed": 0,
            "layer": k,
            "weight": k / 6,
        }
        for p, s, f in runs
        for k in range(4)
    ]
    figure, axis = reporting.figure()
    layer_drawings.draw_learned(axis, pd.DataFrame(lines))
    drawn = [line for line in axis.lines if len(line.get_xdata()) == 4]
    assert [list(line.get_xdata()) for line in drawn] == [[0, 1, 2, 3]] * len(runs)
    named = axis.get_legend_handles_labels()[1]
    assert named == ["hash, all corpora", "hash, EmoDB", "speaker, all corpora", "where it began: 1/4 each"]
    looks = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in drawn]
    assert len(set(looks)) == 3, "one look a protocol and scope, shared by its folds"
    said = layer_drawings.learned_sentence(pd.DataFrame(lines))
    assert said.count("layer 3 in `whisper-direct-mean`") == len(runs) and "under `hash`, EmoDB (0.50)" in said
