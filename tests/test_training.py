"""The training engine and the classical rows: what is learned, from which side, and what survives an interruption."""

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
import toy
from safetensors.numpy import load_file
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from emolabs import storage
from emolabs.experiments import learners
from emolabs.extraction.store import Features
from emolabs.modeling import Pipeline, augmentation, classical, frontend, training
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.recall import uar
from emolabs.modeling.sides import Flat, Side, resident

PIPELINE = Pipeline(branch="logmel", bands=8, backbone="cnn2", aggregation="attention")
TRAIN = toy.side(96, classes=3, seed=0)
VALIDATION = toy.side(48, classes=3, seed=1)


def fit(checkpoint, *, seed=0, train=TRAIN, validation=VALIDATION, made_from=None, standardized=None, pipeline=PIPELINE,
        **changes):  # fmt: skip
    """Train a toy network; returns it and its history."""
    parameters = toy.training(**changes)
    torch.manual_seed(seed)
    model = Classifier(pipeline, channels=8, frames=20, classes=3, width=parameters.width, dropout=parameters.dropout)
    training.standardize(model, standardized or train)
    history = training.fit(
        model,
        train=train,
        validation=validation,
        parameters=parameters,
        seed=seed,
        checkpoint=checkpoint / "checkpoint.pt",
        made_from={"seed": seed} if made_from is None else made_from,
    )
    return model, history.epochs


def part_of(side: Side, rows: torch.Tensor) -> Side:
    """Some clips of a side."""
    return toy.dense(side.x.values[rows], side.lengths[rows], side.targets[rows])


def same_weights(a: Classifier, b: Classifier) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


class TestLearning:
    def test_learns_what_can_be_learned(self, tmp_path):
        model, history = fit(tmp_path, epochs=8)
        logits = training.predict(model, toy.side(60, classes=3, seed=2))
        assert uar(np.arange(60) % 3, logits.argmax(1).numpy()) > 0.9
        assert history.train_loss.iloc[-1] < history.train_loss.iloc[0]
        assert list(history) == ["epoch", "learning_rate", "train_loss", "validation_loss", "validation_uar"]
        assert history.epoch.tolist() == list(range(8))

    def test_one_seed_one_run(self, tmp_path):
        (a, first), (b, second) = (fit(tmp_path / name) for name in "ab")
        pd.testing.assert_frame_equal(first, second, check_exact=True)
        assert same_weights(a, b)

    def test_another_seed_is_another_run(self, tmp_path):
        (a, first), (b, second) = (fit(tmp_path / str(seed), seed=seed) for seed in (0, 1))
        assert not same_weights(a, b)
        assert (first.train_loss != second.train_loss).all()

    def test_the_clock_and_what_was_drawn_before_do_not_matter(self, tmp_path):
        torch.manual_seed(0)
        model = Classifier(PIPELINE, channels=8, frames=20, classes=3, width=4, dropout=0.1)
        training.standardize(model, TRAIN)
        torch.rand(1000)
        training.fit(model, train=TRAIN, validation=VALIDATION, parameters=toy.training(), seed=0,
                     checkpoint=tmp_path / "a.pt", made_from={})  # fmt: skip
        assert same_weights(model, fit(tmp_path)[0])

    def test_stops_by_patience_and_keeps_the_best_epoch(self, tmp_path):
        noise = [toy.side(clips, classes=3, seed=clips, learnable=False) for clips in (72, 45)]
        rare = (noise[0].targets != 1) | (torch.arange(72) < 36)  # half of one class is not there
        noise[0] = part_of(noise[0], rare)
        model, history = fit(tmp_path, train=noise[0], validation=noise[1], epochs=60, patience=3, warmup_epochs=0)
        best = int(history.validation_uar.to_numpy().argmax())  # the first of the best
        assert 3 < len(history) < 60
        assert len(history) - 1 - best == 3
        logits = training.predict(model, noise[1])
        weights = compute_class_weight("balanced", classes=np.arange(3), y=noise[0].targets.numpy())
        loss = torch.nn.functional.cross_entropy(
            logits, noise[1].targets, weight=torch.tensor(weights).float(), label_smoothing=0.1
        )
        assert float(loss) == pytest.approx(history.validation_loss[best], rel=1e-5)
        assert float(loss) != pytest.approx(history.validation_loss.iloc[-1], rel=1e-5)
        truth, heard = noise[1].targets.numpy(), logits.argmax(1).numpy()
        assert uar(truth, heard) == history.validation_uar[best]

    @pytest.mark.parametrize(
        "change",
        [
            {"epochs": 5},
            {"batch_size": 8},
            {"learning_rate": 0.01},
            {"weight_decay": 0.01},
            {"warmup_epochs": 2},
            {"label_smoothing": 0.0},
            {"dropout": 0.5},
            {"augment": False},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_every_parameter_has_an_effect(self, tmp_path, change):
        (_, first), (_, second) = fit(tmp_path / "a"), fit(tmp_path / "b", **change)
        assert first.train_loss.iloc[-1] != second.train_loss.iloc[-1]

    def test_training_weighs_classes(self, tmp_path):
        """The first step's loss is the balanced one of the untrained network."""
        rows = torch.cat([(TRAIN.targets == 0).nonzero()[:, 0], (TRAIN.targets == 1).nonzero()[:8, 0]])
        part = part_of(TRAIN, rows)
        changes = {"dropout": 0.0, "augment": False, "label_smoothing": 0.0, "batch_size": 40, "width": 4}
        _, history = fit(tmp_path, train=part, epochs=1, **changes)
        torch.manual_seed(0)
        model = Classifier(PIPELINE, channels=8, frames=20, classes=3, width=4, dropout=0.0).train()
        training.standardize(model, part)
        order = part.lengths.argsort(stable=True)
        logits = model(part.x.values[order].float(), part.lengths[order])[0]
        weights = torch.tensor([40 / (2 * 32), 40 / (2 * 8), 0])
        expected = torch.nn.functional.cross_entropy(logits, part.targets[order], weight=weights)
        assert history.train_loss[0] == pytest.approx(float(expected.detach()), rel=1e-5)

    def test_learning_rate_warms_up_and_follows_half_a_cosine(self, tmp_path):
        _, history = fit(tmp_path, epochs=10, warmup_epochs=2, learning_rate=0.006)
        rates = history.learning_rate.to_numpy() / 0.006
        assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
        assert rates[[4, 6, 8]] == pytest.approx([(1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2])
        assert (np.diff(rates[2:]) < 0).all() and (rates > 0).all()

    def test_without_learning_rate_nothing_is_learned(self, tmp_path):
        model, _ = fit(tmp_path, learning_rate=0.0)
        torch.manual_seed(0)
        fresh = Classifier(PIPELINE, channels=8, frames=20, classes=3, width=4, dropout=0.1)
        for a, b in zip(model.parameters(), fresh.parameters(), strict=True):
            assert torch.equal(a, b)

    def test_class_weights_are_the_balanced_ones(self):
        targets = torch.tensor([0] * 7 + [1] * 2 + [3])
        weights = training._class_weights(targets, classes=5)
        expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=targets.numpy())
        assert weights[[0, 1, 3]].tolist() == pytest.approx(expected)
        assert weights[[2, 4]].tolist() == [0, 0]
        assert weights[targets].mean() == pytest.approx(1)

    def test_a_class_missing_in_training_and_validation(self, tmp_path):
        rows = TRAIN.targets != 2
        part = part_of(TRAIN, rows)
        model, history = fit(tmp_path, train=part, epochs=6)
        assert np.isfinite(history.to_numpy()).all()
        assert history.validation_uar.max() <= 2 / 3 + 1e-9
        rows = VALIDATION.targets != 2
        part = part_of(VALIDATION, rows)
        assert np.isfinite(fit(tmp_path / "b", validation=part)[1].to_numpy()).all()

    def test_selection_sees_validation_only(self, tmp_path):
        """Other labels on that side alone, another choice; the course of training is the same."""
        wrong = dataclasses.replace(VALIDATION, targets=(VALIDATION.targets + 1) % 3)
        (a, first), (b, second) = fit(tmp_path / "a", epochs=8), fit(tmp_path / "b", epochs=8, validation=wrong)
        assert (first.train_loss == second.train_loss).all()
        assert first.validation_uar.argmax() != second.validation_uar.argmax() and not same_weights(a, b)


class TestBatches:
    def test_every_clip_comes_once_an_epoch_in_another_order(self):
        orders = []
        for seed in range(2):
            batches = TRAIN.shuffled(16, generator=torch.Generator().manual_seed(seed))
            assert max(map(len, batches)) <= 16
            orders.append(torch.cat(batches).tolist())
            assert sorted(orders[-1]) == list(range(96))
        assert orders[0] != orders[1]

    def test_batches_are_cut_a_little_behind_their_longest_clip_at_one_of_few_widths(self):
        lengths = torch.arange(1, 252)
        side = toy.dense(torch.zeros(251, 4, 251).half(), lengths, torch.zeros_like(lengths))
        widths = set()
        for x, part, targets in side.batches(side.ordered(10)):
            assert part.max() <= x.shape[-1] < part.max() + 32 and len(x) == len(targets) and x.dtype == torch.float32
            widths.add(x.shape[-1])
        assert max(widths) == 251 and len(widths) == 8

    def test_predictions_come_in_the_order_of_the_clips(self):
        torch.manual_seed(0)
        model = Classifier(PIPELINE, channels=8, frames=20, classes=3, width=4).eval()
        logits = training.predict(model, TRAIN)
        for i in (0, 17, 95):
            alone, _ = model(TRAIN.x.values[i : i + 1, :, : TRAIN.lengths[i]].float(), TRAIN.lengths[i : i + 1])
            torch.testing.assert_close(logits[i], alone[0].detach(), rtol=0, atol=1e-4)


def test_uar_is_balanced_accuracy():
    generator = np.random.default_rng(0)
    targets, predicted = generator.integers(0, 4, (2, 200))
    assert uar(targets, predicted) == pytest.approx(balanced_accuracy_score(targets, predicted))
    present = targets != 2
    expected = np.mean([(predicted[targets == k] == k).mean() for k in (0, 1, 3)])
    assert uar(targets[present], predicted[present]) == pytest.approx(expected)


def test_standardize_is_numpy_on_valid_frames():
    model = Classifier(PIPELINE, channels=8, frames=20, classes=3)
    training.standardize(model, TRAIN)
    clips = zip(TRAIN.x.values.numpy(), TRAIN.lengths.tolist(), strict=True)
    valid = np.concatenate([clip[:, :length].astype(float) for clip, length in clips], axis=1)
    np.testing.assert_allclose(model.standardization.mean.numpy(), valid.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(model.standardization.std.numpy(), valid.std(axis=1), rtol=1e-5)


class TestAugmentation:
    lengths = torch.tensor([80, 40, 64, 16, 3] * 20)
    x = 1 + torch.rand(100, 64, 80)  # nowhere 0, which is what hidden frames become

    def hidden(self, seed: int = 0) -> torch.Tensor:
        out = augmentation.hide(self.x, self.lengths, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(out[out != 0], self.x[out != 0])
        return out == 0

    def test_hides_up_to_an_eighth_of_the_bands_and_of_the_valid_frames(self):
        bands = self.hidden()[:, :, 79].sum(dim=1)  # of the clips whose last frame is not hidden as a whole
        frames = self.hidden().all(dim=1).sum(dim=1)
        assert 0 < bands[bands < 64].max() <= 64 / 8
        assert (frames <= (self.lengths / 8).ceil()).all() and frames.max() >= 5
        assert len(bands.unique()) > 4 and len(frames.unique()) > 4

    def test_hides_one_band_and_one_stretch_within_the_clip(self):
        for clip, length in zip(self.hidden(), self.lengths.tolist(), strict=True):
            stretch, band = clip.all(dim=0).nonzero()[:, 0], clip.all(dim=1).nonzero()[:, 0]
            assert torch.equal(clip, clip.all(dim=0)[None, :] | clip.all(dim=1)[:, None])
            for part in (stretch, band):
                assert len(part) == 0 or part[-1] - part[0] == len(part) - 1
            assert len(stretch) == 0 or stretch[-1] < length

    def test_layers_lose_the_same(self):
        x = torch.ones(100, 3, 64, 80)
        out = augmentation.hide(x, self.lengths, generator=torch.Generator().manual_seed(0))
        assert torch.equal(out[:, 0] == 0, self.hidden()) and (out == out[:, :1]).all()

    def test_waves_are_turned_and_get_noise_under_their_level(self):
        lengths = torch.tensor([4000, 3000] * 8)
        waves = torch.zeros(16, 1, 4000)
        waves[:, 0, 1500] = 10.0  # a click tells where a clip was turned to
        torch.manual_seed(0)
        out = augmentation.alter_waves(waves, lengths, generator=torch.Generator().manual_seed(0))[:, 0]
        turns = out.argmax(dim=1) - 1500
        assert (turns.abs() <= lengths / 10).all() and len(turns.unique()) > 8
        for clip, turn, length in zip(out, turns.tolist(), lengths.tolist(), strict=True):
            noise = clip.clone()
            noise[1500 + turn] = 0
            level_db = 10 * float((noise[:length].square().mean() / (100 / length)).log10())
            assert -51 < level_db < -19 and (clip[length:] == 0).all()

    def test_follows_from_the_generator(self):
        assert torch.equal(self.hidden(0), self.hidden(0))
        assert not torch.equal(self.hidden(0), self.hidden(1))

    @pytest.mark.parametrize("augment", [True, False])
    def test_happens_in_training_only_and_can_be_switched_off(self, tmp_path, monkeypatch, augment):
        heard, original = [], augmentation.hide

        def recorded(x, lengths, **others):
            heard.append(lengths.tolist())
            return original(x, lengths, **others)

        monkeypatch.setattr(augmentation, "hide", recorded)
        _, history = fit(tmp_path, augment=augment)
        assert sum(map(len, heard)) == len(history) * len(TRAIN.targets) * augment
        epochs = [heard[6 * i : 6 * (i + 1)] for i in range(len(history) * augment)]
        assert all(first != second for first, second in itertools.pairwise(epochs))  # each epoch in its own order


class TestEngine:
    def test_the_average_of_the_weights_is_what_is_validated_and_kept(self, tmp_path):
        plain, averaged = fit(tmp_path / "a", epochs=2)[0], fit(tmp_path / "b", epochs=2, averaging=0.9)[0]
        assert not same_weights(plain, averaged)
        torch.manual_seed(0)
        fresh = Classifier(PIPELINE, channels=8, frames=20, classes=3, width=4, dropout=0.1)
        for name, value in averaged.named_parameters():  # nearer to where it began
            start, end = fresh.get_parameter(name), plain.get_parameter(name)
            assert (value - start).norm() < (end - start).norm()

    def test_an_average_of_one_step_is_the_step(self, tmp_path):
        assert same_weights(fit(tmp_path / "a", epochs=2)[0], fit(tmp_path / "b", epochs=2, averaging=1e-12)[0])

    def test_a_batch_that_does_not_fit_is_taken_in_pieces_with_the_same_gradients(self, tmp_path, capsys, monkeypatch):
        direct = Pipeline(branch="whisper", backbone="direct", aggregation="mean")  # no batch normalization
        changes = {"epochs": 2, "augment": False, "dropout": 0.0, "pipeline": direct}
        whole, _ = fit(tmp_path / "a", **changes)
        original = Classifier.forward

        def small(self, x, lengths, **others):
            if self.training and len(x) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(self, x, lengths, **others)

        monkeypatch.setattr(Classifier, "forward", small)
        parts, _ = fit(tmp_path / "b", **changes)
        assert "16 clips does not fit into the memory: taken in 4 pieces" in capsys.readouterr().out
        for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-4)

    def test_a_clip_that_does_not_fit_alone_is_an_error(self, tmp_path, monkeypatch):
        def never(self, x, lengths, **others):
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(Classifier, "forward", never)
        with pytest.raises(torch.OutOfMemoryError):
            fit(tmp_path)

    def test_what_does_not_fit_is_heard_in_halves_and_this_is_said_once(self, tmp_path, capsys, monkeypatch):
        torch.manual_seed(0)
        model, side = (
            Classifier(PIPELINE, channels=8, frames=20, classes=3, width=4).eval(),
            toy.side(150, classes=3, seed=4),
        )
        whole = training.predict(model, side)
        original, tried = Classifier.forward, []

        def small(self, x, lengths, **others):
            tried.append(len(x))
            if len(x) > 20:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(self, x, lengths, **others)

        monkeypatch.setattr(Classifier, "forward", small)
        torch.testing.assert_close(training.predict(model, side), whole, rtol=0, atol=1e-5)
        assert tried == [64, 32] + [16] * 9 + [6]
        assert capsys.readouterr().out.splitlines() == [
            "64 clips at once do not fit into the memory: going on with 32",
            "32 clips at once do not fit into the memory: going on with 16",
        ]
        torch.testing.assert_close(training.predict(model, side), whole, rtol=0, atol=1e-5)
        assert tried[12:] == [16] * 9 + [6] and not capsys.readouterr().out, "the side knows it by now"

    def test_a_training_whose_validation_does_not_fit_goes_on(self, tmp_path, capsys, monkeypatch):
        original = Classifier.forward

        def small(self, x, lengths, **others):
            if not self.training and len(x) > 20:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(self, x, lengths, **others)

        whole, history = fit(tmp_path / "a")
        monkeypatch.setattr(Classifier, "forward", small)
        halved, again = fit(tmp_path / "b", validation=toy.side(48, classes=3, seed=1))
        assert same_weights(whole, halved) and history.train_loss.equals(again.train_loss)
        assert history.validation_loss.to_numpy() == pytest.approx(again.validation_loss.to_numpy(), abs=1e-5)
        assert capsys.readouterr().out.count("clips at once do not fit into the memory") == 2  # 48, 24

    def test_a_standardization_that_does_not_fit_is_measured_in_halves(self, monkeypatch):
        whole, halved = (Classifier(PIPELINE, channels=8, frames=20, classes=3) for _ in range(2))
        training.standardize(whole, TRAIN)
        original = frontend.Standardization.sums

        def small(x, mask):
            if len(x) > 8:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(x, mask)

        monkeypatch.setattr(frontend.Standardization, "sums", staticmethod(small))
        training.standardize(halved, toy.side(96, classes=3, seed=0))
        for name in ("mean", "std"):
            parts = (getattr(model.standardization, name) for model in (whole, halved))
            torch.testing.assert_close(*parts, rtol=1e-6, atol=0)

    def test_a_clip_that_does_not_fit_alone_cannot_be_heard(self, monkeypatch):
        def never(self, x, lengths, **others):
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(Classifier, "forward", never)
        with pytest.raises(torch.OutOfMemoryError):
            training.predict(Classifier(PIPELINE, channels=8, frames=20, classes=3), toy.side(5, classes=3, seed=0))

    def test_a_loss_that_is_no_number_stops_and_names_the_clips(self, tmp_path):
        x = TRAIN.x.values.clone()
        x[40] = float("nan")
        bad = Side(dataclasses.replace(TRAIN.x, values=x), TRAIN.targets, [f"clip{i}" for i in range(96)])
        with pytest.raises(FloatingPointError, match=r"no number any more in epoch 0: .*not_finite\.csv"):
            fit(tmp_path, train=bad, standardized=TRAIN)
        assert "clip40" in pd.read_csv(tmp_path / "not_finite.csv").id.to_list()
        assert not (tmp_path / "checkpoint.pt").exists()

    @pytest.mark.parametrize("batch", [1, 5])  # of 0 to 5 in the only epoch: after the last there is no other loss
    def test_a_gradient_that_is_no_number_stops_and_names_the_clips(self, tmp_path, monkeypatch, batch):
        original, number = Classifier.forward, itertools.count()

        def root(self, x, lengths, **others):
            logits, weights = original(self, x, lengths, **others)
            if self.training and next(number) == batch:
                logits = logits + (logits - logits.detach()).sqrt()  # of 0, where its slope has no end
            return logits, weights

        monkeypatch.setattr(Classifier, "forward", root)
        with pytest.raises(FloatingPointError, match=r"no number any more in epoch 0: .*not_finite\.csv"):
            fit(tmp_path, epochs=1)
        batches = TRAIN.shuffled(16, generator=torch.Generator().manual_seed(0))
        assert pd.read_csv(tmp_path / "not_finite.csv").id.to_list() == batches[batch].tolist()
        assert not (tmp_path / "checkpoint.pt").exists()

    def test_a_validation_that_is_no_number_stops_before_the_checkpoint(self, tmp_path):
        x = VALIDATION.x.values.clone()
        x[[7, 30]] = float("nan")
        ids = [f"clip{i}" for i in range(48)]
        bad = Side(dataclasses.replace(VALIDATION.x, values=x), VALIDATION.targets, ids)
        with pytest.raises(FloatingPointError, match=r"validation side are no numbers in epoch 0: .*not_finite\.csv"):
            fit(tmp_path, validation=bad)
        assert pd.read_csv(tmp_path / "not_finite.csv").id.to_list() == ["clip7", "clip30"]
        assert not (tmp_path / "checkpoint.pt").exists()

    def test_gradients_are_recorded_for_every_weight_that_learns(self, tmp_path):
        fit(tmp_path, epochs=2)
        state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
        assert len(state["gradients"]) == 2 and all(norm > 0 for row in state["gradients"] for norm in row)

    def test_tensorboard_gets_the_history(self, tmp_path):
        _, history = fit(tmp_path, epochs=2)
        events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        told = [event.value for event in events.Scalars("validation_uar")]
        assert told == pytest.approx(history.validation_uar.to_list())


class TestSides:
    def flat(self) -> tuple[Flat, list[torch.Tensor]]:
        lengths = torch.tensor([5, 40, 33, 1])
        clips = [torch.randn(length, 3) for length in lengths.tolist()]
        return Flat(torch.cat(clips), lengths.cumsum(0) - lengths, lengths), clips

    def test_clips_end_to_end_are_read_as_they_are(self):
        flat, clips = self.flat()
        x = flat.take(torch.tensor([2, 0]), frames=36)
        torch.testing.assert_close(x[0, :, :33], clips[2].T)
        torch.testing.assert_close(x[1, :, :5], clips[0].T)
        assert x.shape == (2, 3, 36)

    def test_samples_are_scaled_and_have_one_channel(self):
        flat = Flat(torch.tensor([32767, -32767, 0], dtype=torch.int16), torch.tensor([0]), torch.tensor([3]), 32767.0)
        assert flat.take(torch.tensor([0]), frames=3).tolist() == [[[1, -1, 0]]]

    def test_what_is_resident_is_heard_as_what_is_streamed(self):
        flat, _ = self.flat()
        some = Flat(flat.values, flat.starts[[1, 3]], flat.lengths[[1, 3]])
        dense = dataclasses.replace(TRAIN.x, rows=torch.tensor([5, 2]), lengths=TRAIN.lengths[[5, 2]])
        for part in (some, dense):
            there = part.resident("cpu")
            assert there.size == part.size
            chosen = torch.tensor([1, 0])
            torch.testing.assert_close(there.take(chosen, frames=8), part.take(chosen, frames=8))
        assert some.resident("cpu").values.numel() == 3 * 41

    def test_a_gpu_gets_what_fits_and_a_cpu_no_copy(self, monkeypatch):
        flat, _ = self.flat()
        assert resident([flat], device="cpu")[0] is flat
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2 * flat.size, 4 * flat.size))
        assert resident([flat], device="meta")[0].values.device.type == "meta"
        assert resident([flat, flat], device="meta")[1] is flat


class TestResuming:
    @pytest.mark.parametrize("batch", [1, 8, 20])  # of 6 an epoch
    def test_an_interrupted_run_continues_as_if_nothing_had_been(self, tmp_path, batch):
        whole, history = fit(tmp_path / "whole", epochs=5)
        count = 0

        def interrupt(module, *_):
            nonlocal count
            count += isinstance(module, torch.nn.Dropout) and module.training
            if count == batch:
                raise KeyboardInterrupt

        hook = torch.nn.modules.module.register_module_forward_hook(interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "part", epochs=5)
        hook.remove()
        assert (tmp_path / "part" / "checkpoint.pt").is_file() == (batch > 6)
        resumed, continued = fit(tmp_path / "part", epochs=5)
        pd.testing.assert_frame_equal(history, continued, check_exact=True)
        assert same_weights(whole, resumed)

    def test_a_run_that_had_ended_trains_no_further(self, tmp_path, monkeypatch):
        whole, history = fit(tmp_path)
        monkeypatch.setattr(training._Run, "epoch", None)
        again, same = fit(tmp_path)
        pd.testing.assert_frame_equal(history, same, check_exact=True)
        assert same_weights(whole, again)

    def test_a_checkpoint_of_other_parameters_is_refused_by_name(self, tmp_path):
        then = {"seed": 0, "code": "a", "parameters": {"learning_rate": 0.1, "width": 8}}
        fit(tmp_path, made_from=then)
        now = {"seed": 0, "code": "a", "parameters": {"learning_rate": 0.2, "width": 8}}
        with pytest.raises(ValueError, match="interrupted run with other parameters") as error:
            fit(tmp_path, made_from=now)
        assert "learning_rate was 0.1, is 0.2" in str(error.value)
        assert "checkpoint.pt" in str(error.value) and "delete the checkpoint" in str(error.value)
        assert "width" not in str(error.value) and "seed" not in str(error.value)

    def test_a_checkpoint_of_other_code_is_left_aside(self, tmp_path, capsys):
        fit(tmp_path, epochs=2, made_from={"seed": 0, "code": "a"})
        _, history = fit(tmp_path, epochs=2, made_from={"seed": 0, "code": "b"})
        assert "the code has changed" in capsys.readouterr().out
        assert (
            len(history) == 2 and torch.load(tmp_path / "checkpoint.pt", weights_only=True)["made_from"]["code"] == "b"
        )

    def test_a_checkpoint_of_another_row_is_refused_whatever_became_of_the_code(self, tmp_path):
        fit(tmp_path, epochs=1, made_from={"pipeline": "one", "manifest": "m", "code": "a", "features_code": "f"})
        now = {"pipeline": "two", "manifest": "n", "code": "b", "features_code": "g"}
        with pytest.raises(ValueError, match="manifest was 'm', is 'n'; pipeline was 'one', is 'two'"):
            fit(tmp_path, epochs=1, made_from=now)
        assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["made_from"]["pipeline"] == "one"

    def test_code_of_the_features_that_changed_with_it_starts_anew_and_alone_is_refused(self, tmp_path, capsys):
        fit(tmp_path, epochs=1, made_from={"code": "a", "features_code": "f"})
        with pytest.raises(ValueError, match="features_code was 'f', is 'g'"):
            fit(tmp_path, epochs=1, made_from={"code": "a", "features_code": "g"})
        fit(tmp_path, epochs=1, made_from={"code": "b", "features_code": "g"})
        assert "the code has changed" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: b"",
            lambda data: data[: len(data) // 2],
            lambda data: data[:-10],
            lambda data: data[:1000] + bytes(3000) + data[4000:],
            lambda data: b"not a checkpoint",
            lambda data: bytes(200),
            lambda data: "Prüfpunkt\n".encode() * 50,
        ],
        ids=["empty", "half", "tail", "hole", "text", "zeros", "unicode"],
    )
    def test_a_damaged_checkpoint_is_refused_with_a_sentence(self, tmp_path, damage):
        fit(tmp_path, epochs=1)
        file = tmp_path / "checkpoint.pt"
        file.write_bytes(damage(file.read_bytes()))
        with pytest.raises(ValueError, match=r"checkpoint .*checkpoint\.pt cannot be read: .*delete it to start anew"):
            fit(tmp_path, epochs=1)

    def test_another_file_in_its_place_is_refused_with_a_sentence(self, tmp_path):
        torch.save({"weights": torch.zeros(2)}, tmp_path / "checkpoint.pt")
        with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be read: .*delete it to start anew"):
            fit(tmp_path, epochs=1)


class TestParameters:
    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("epochs", 0, "at least 1"),
            ("batch_size", 0, "at least 1"),
            ("patience", 0, "at least 1"),
            ("width", 0, "at least 1"),
            ("warmup_epochs", -1, "at least 0"),
            ("learning_rate", -0.1, "at least 0"),
            ("learning_rate", math.nan, "at least 0"),
            ("encoder_learning_rate", -1e-5, "at least 0"),
            ("weight_decay", -0.1, "at least 0"),
            ("label_smoothing", 1.1, "from 0 to 1"),
            ("dropout", 1.0, "from 0 to under 1"),
            ("dropout", -0.1, "from 0 to under 1"),
            ("averaging", 1.0, "from 0 to under 1"),
            ("clip_norm", 0.0, "over 0"),
        ],
    )
    def test_a_value_out_of_range_is_refused_by_name(self, field, value, expected):
        with pytest.raises(ValueError, match=f"^{field}: expected .*{expected}, found {value}"):
            toy.training(**{field: value})

    def test_the_ends_of_the_ranges_are_values(self):
        toy.training(epochs=1, batch_size=1, patience=1, width=1, warmup_epochs=0, learning_rate=0.0, weight_decay=0.0)
        toy.training(label_smoothing=1.0, dropout=0.0, averaging=0.0, clip_norm=1e-9, encoder_learning_rate=0.0)


def clouds(clips: int, *, seed: int, size: int = 40, noise: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Functionals [clips, size] of which the first three tell the class, and the classes."""
    generator = np.random.default_rng(seed)
    targets = np.arange(clips) % 3
    vectors = generator.normal(0, noise, (clips, size))
    vectors[np.arange(clips), targets] += 5
    return vectors, targets


class TestClassical:
    def test_linear_beats_constant(self):
        train, validation, new = (clouds(clips, seed=clips, noise=2) for clips in (90, 60, 300))
        linear, _ = classical.fit_linear(train, validation=validation, seed=0)
        constant = classical.fit_constant(train)
        scores = [uar(new[1], model.predict(new[0])) for model in (linear, constant)]
        assert scores[0] > 0.8 and scores[1] == pytest.approx(1 / 3)

    def test_constant_is_the_most_frequent_class(self):
        model = classical.fit_constant((np.zeros((6, 1)), np.array([2, 0, 2, 1, 2, 1])))
        assert model.predict(np.ones((3, 1))).tolist() == [2, 2, 2]

    @pytest.mark.parametrize("seed", range(3))
    def test_regularization_is_chosen_on_validation(self, seed):
        train, validation = clouds(60, seed=seed), clouds(150, seed=100 + seed)
        train = tuple(part[(train[1] != 1) | (np.arange(60) < 20)] for part in train)  # a rare class
        model, rows = classical.fit_linear(train, validation=validation, seed=0)
        scaler = StandardScaler().fit(train[0])
        reference, fits = {}, {}
        for strength in classical.STRENGTHS:
            regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
            regression.fit(scaler.transform(train[0]), train[1])
            fits[strength] = regression.score(scaler.transform(train[0]), train[1])
            heard = regression.predict(scaler.transform(validation[0]))
            reference[strength] = balanced_accuracy_score(validation[1], heard)
        assert {row["C"]: row["validation_uar"] for row in rows} == pytest.approx(reference)
        best = max(reference.values())
        chosen = min(c for c, score in reference.items() if score == best)  # the strongest of the best
        assert chosen == model[-1].C
        assert fits[1.0] == max(fits.values()) and chosen < 1.0  # the training side would have chosen otherwise

    def test_a_class_missing_in_training_gets_no_probability(self, tmp_path):
        data = toy_data(missing=1)
        probabilities, history = learners.linear(data, folder=tmp_path, seed=0)
        assert probabilities.shape == (30, 3) and (probabilities[:, 1] == 0).all()
        assert probabilities.sum(axis=1) == pytest.approx(1)
        assert history.validation_uar.max() <= 2 / 3
        known = data.side("evaluation")[1] != 1
        assert (probabilities.argmax(axis=1) == data.side("evaluation")[1])[known].mean() > 0.9

    @pytest.mark.parametrize("learner", [learners.linear, learners.constant])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("missing", [None, 1], ids=["three classes", "two classes"])
    def test_what_is_kept_answers_as_what_was_fitted(self, tmp_path, learner, dtype, missing):
        data = toy_data(missing=missing)
        data = dataclasses.replace(
            data, features=dataclasses.replace(data.features, values=data.features.values.astype(dtype))
        )
        expected, _ = learner(data, folder=tmp_path, seed=0)
        assert {file.name for file in tmp_path.iterdir()} == {"model.safetensors", "config.json"}
        classes = storage.read_json(tmp_path / "config.json")["classes"]
        assert classes == [i for i in range(3) if i != missing]
        model = classical.restore(load_file(tmp_path / "model.safetensors"), classes=classes)
        vectors = data.features.values[data.side("evaluation")[0]]
        found = learners.spread(model, vectors, labels=data.labels)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)

    def test_what_is_kept_is_the_formula_of_the_model(self):
        train, validation = clouds(90, seed=0), clouds(60, seed=1)
        model, _ = classical.fit_linear(train, validation=validation, seed=0)
        kept = classical.tensors(model)
        assert {name: value.dtype for name, value in kept.items()} == dict.fromkeys(kept, np.float64)
        logits = (validation[0] - kept["mean"]) / kept["scale"] @ kept["coefficients"] + kept["intercept"]
        expected = model.predict_proba(validation[0])
        np.testing.assert_allclose(softmax(logits, axis=1), expected, rtol=0, atol=1e-12)

    def test_the_evaluated_labels_and_features_have_no_say(self, tmp_path):
        a, b = toy_data(), toy_data(changed=True)
        assert not np.array_equal(a.features.values, b.features.values)
        _, first = learners.linear(a, folder=tmp_path, seed=0)
        _, second = learners.linear(b, folder=tmp_path, seed=0)
        pd.testing.assert_frame_equal(first, second, check_exact=True)

    def test_constant_needs_no_features(self, tmp_path):
        data = toy_data()
        data = learners.Data(data.clips, None, data.labels)
        probabilities, history = learners.constant(data, folder=tmp_path, seed=0)
        assert probabilities.shape == (30, 3) and set(probabilities.argmax(axis=1)) == {0}
        assert history.validation_uar.tolist() == [pytest.approx(1 / 3)]


def toy_data(*, missing: int | None = None, changed: bool = False) -> learners.Data:
    """A fold of 90 clips, without the class `missing` in training, or with other evaluated clips."""
    labels = ["anger", "fear", "sadness"]
    vectors, targets = clouds(90, seed=0, noise=1)
    splits = np.repeat(["train", "validation", "evaluation"], 30)
    clips = pd.DataFrame({"id": [f"{37 * i % 90:02}" for i in range(90)], "split": splits})
    clips["emotion"] = np.array(labels)[targets]
    store = clips.sample(frac=1, random_state=0)  # a store has an order of its own
    if changed:
        vectors[60:] = np.random.default_rng(1).normal(size=vectors[60:].shape)
    features = Features(None, store, vectors[store.index], {}, "")
    used = clips if missing is None else clips[(clips.split != "train") | (targets != missing)]
    return learners.Data(used, features, labels)
