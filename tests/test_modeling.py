"""The table of pipelines, the network that a row names, masking and aggregation."""

import re

import pytest
import torch
import yaml
from torch import nn

from emolabs import paths
from emolabs.modeling import Pipeline, get_pipeline, load_pipelines
from emolabs.modeling.aggregation import AGGREGATIONS
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.masking import MaskedBatchNorm, frame_mask

NAME = re.compile(
    r"(?P<branch>waveform|logmel|mfcc|egemaps|wav2vec2|hubert|whisper)(?P<bands>\d+)?"
    r"-(?P<backbone>(?:cnn|plain|resnet)\d+|direct|linear)(?P<dims>-1d)?(?:-(?P<temporal>lstm))?"
    r"(?:-(?P<aggregation>flatten|mean|attention))?(?:-(?P<tuning>partial|full|lora))?"
)
ROWS = yaml.safe_load(paths.PIPELINES.read_text(encoding="utf-8"))
#: What the table does not train (yet), but the parts make possible.
BY_HAND = [
    Pipeline(branch="logmel", backbone="cnn3", temporal="lstm", aggregation="mean"),
    Pipeline(branch="logmel", backbone="cnn3", temporal="lstm", aggregation="attention"),
    *(Pipeline(branch="logmel", backbone=f"cnn{depth}", aggregation="attention") for depth in (1, 2, 5)),
]
TABLE = {p.name: p for p in load_pipelines().values() if p.branch == "logmel" and p.backbone != "linear"}
NETWORKS = TABLE | {pipeline.name: pipeline for pipeline in BY_HAND}
LENGTHS = torch.tensor([61, 9, 64, 33, 40, 2])  # frames
FRAMES = 64


def network(pipeline: Pipeline, *, frames: int = FRAMES) -> Classifier:
    """A small network in evaluation mode whose every number differs from its default, as after training."""
    torch.manual_seed(0)
    model = Classifier(pipeline, bands=pipeline.bands or 64, frames=frames, classes=7, width=4)
    model.mean.normal_(-60, 10)
    model.std.uniform_(5, 15)
    for norm in (module for module in model.modules() if isinstance(module, MaskedBatchNorm)):
        for number, low, high in [(norm.weight, 0.5, 2), (norm.bias, -1, 1), (norm.running_var, 0.5, 2)]:
            nn.init.uniform_(number, low, high)
        norm.running_mean.normal_(0, 0.5)
    return model.eval()


def spectrograms(lengths: torch.Tensor, *, frames: int = FRAMES, padding: float = -100.0) -> torch.Tensor:
    """Noise in dB [clips, 64, frames] with `padding` after each length."""
    x = torch.randn(len(lengths), 64, frames, generator=torch.Generator().manual_seed(1)) * 10 - 60
    return torch.where(frame_mask(lengths, frames=frames)[:, None] > 0, x, padding)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write another table of pipelines; the real one is back after the test."""
    monkeypatch.setattr(paths, "PIPELINES", tmp_path / "pipelines.yaml")
    load_pipelines.cache_clear()
    yield lambda *rows: paths.PIPELINES.write_text(yaml.safe_dump(list(rows)), encoding="utf-8")
    load_pipelines.cache_clear()


class TestTable:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(str(part) for part in row.values()))
    def test_name_says_every_part(self, row):
        name = Pipeline(**row).name
        assert get_pipeline(name) == Pipeline(**row)
        if row["backbone"] == "constant":
            assert name == "constant"
            return
        said = NAME.fullmatch(name).groupdict(default="none")
        assert said["bands"] == str(row.get("bands", "none"))
        assert (said["dims"] == "-1d") == (row.get("dims") == 1)
        assert said["tuning"].replace("none", "frozen") == row.get("tuning", "frozen")
        for part in ("branch", "backbone", "temporal", "aggregation"):
            assert said[part] == row.get(part, "none")

    def test_names_are_unique(self):
        assert len(load_pipelines()) == len(ROWS)

    @pytest.mark.parametrize(
        ("name", "parts"),
        [
            ("logmel32-cnn3-mean", {"branch": "logmel", "bands": 32, "backbone": "cnn3", "aggregation": "mean"}),
            ("waveform-resnet20-mean", {"branch": "waveform", "backbone": "resnet20", "aggregation": "mean"}),
            ("logmel-cnn3-1d-mean", {"branch": "logmel", "backbone": "cnn3", "dims": 1, "aggregation": "mean"}),
            (
                "hubert-cnn3-lstm-mean",
                {"branch": "hubert", "backbone": "cnn3", "temporal": "lstm", "aggregation": "mean"},
            ),
            (
                "whisper-direct-attention-full",
                {"branch": "whisper", "backbone": "direct", "aggregation": "attention", "tuning": "full"},
            ),
            ("egemaps-linear", {"branch": "egemaps", "backbone": "linear"}),
        ],
    )
    def test_golden_names(self, name, parts):
        assert Pipeline(**parts).name == name

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            ("branch", "mel"),
            ("backbone", "cnn"),
            ("backbone", "linear2"),
            ("temporal", "gru"),
            ("aggregation", "max"),
            ("tuning", "half"),
            ("aggregation", None),
        ],
    )
    def test_unknown_part_is_refused(self, table, part, value):
        table({"branch": "logmel", "backbone": "cnn3", "aggregation": "mean"} | {part: value})
        with pytest.raises(ValueError, match=rf"pipelines.yaml: expected {part} to be .*found {value!r}"):
            load_pipelines()

    def test_unknown_and_missing_keys_are_refused(self, table):
        table({"branch": "logmel", "backbone": "cnn3", "pooling": "mean"})
        with pytest.raises(ValueError, match=r"unknown key \['pooling'\], expected .*aggregation"):
            load_pipelines()
        table({"branch": "logmel", "aggregation": "mean"})
        with pytest.raises(ValueError, match="expected branch and backbone in every row, found .*logmel"):
            load_pipelines()

    def test_a_row_that_is_there_twice_is_refused(self, table):
        row = {"branch": "logmel", "backbone": "cnn3", "aggregation": "mean"}
        table(row, row | {"demo": True})
        with pytest.raises(ValueError, match="logmel-cnn3-mean is there twice"):
            load_pipelines()

    def test_unknown_name_is_answered_with_the_rows_there_are(self):
        with pytest.raises(ValueError, match="unknown pipeline 'logmel-cnn4'.*logmel-cnn3-mean"):
            get_pipeline("logmel-cnn4")


class TestNetwork:
    @pytest.mark.parametrize("pipeline", NETWORKS.values(), ids=NETWORKS)
    def test_every_row_learns_in_all_its_parameters(self, pipeline):
        model = network(pipeline).train()
        logits, weights = model(spectrograms(LENGTHS), LENGTHS)
        assert logits.shape == (len(LENGTHS), 7)
        assert (weights is None) == (pipeline.aggregation == "flatten")
        nn.functional.cross_entropy(logits, torch.arange(len(LENGTHS))).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name

    @pytest.mark.parametrize(
        ("name", "count"),
        # convolutions 9 · (8 + 8 · 16 + 16 · 32), norms 2 · (8 + 16 + 32), and over 32 · 8 features a frame:
        [
            ("logmel-cnn3-mean", 5832 + 112 + 256 * 7 + 7),
            ("logmel-cnn3-attention", 5832 + 112 + (256 * 64 + 64 + 64) + 256 * 7 + 7),
            ("logmel-cnn3-flatten", 5832 + 112 + 31 * 256 * 7 + 7),
        ],
    )
    def test_golden_parameter_counts_of_the_demo(self, name, count):
        model = Classifier(get_pipeline(name), bands=64, frames=251, classes=7, width=8)
        assert sum(parameter.numel() for parameter in model.parameters()) == count

    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ({"backbone": "resnet20"}, "logmel-resnet20-mean: expected backbone cnn<N>"),
            ({"dims": 1}, "logmel-cnn3-1d-mean: expected .* two dimensions"),
            ({"tuning": "full"}, "logmel-cnn3-mean-full: expected .* frozen"),
            ({"aggregation": "none"}, "logmel-cnn3: expected .* aggregation flatten, mean, attention"),
            ({"bands": 32}, "logmel32-cnn3-mean: expected 32 mel bands, found 64"),
            ({"backbone": "cnn7"}, "logmel-cnn7-mean: expected 128 or more mel bands, found 64"),
        ],
    )
    def test_a_part_that_would_be_named_but_not_built_is_refused(self, parts, message):
        pipeline = Pipeline(**{"branch": "logmel", "backbone": "cnn3", "aggregation": "mean"} | parts)
        with pytest.raises(ValueError, match=message):
            Classifier(pipeline, bands=64, frames=FRAMES, classes=7)


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


@pytest.mark.usefixtures("no_gradients")
@pytest.mark.parametrize("pipeline", NETWORKS.values(), ids=NETWORKS)
class TestMasking:
    def test_a_clip_is_heard_alone_as_in_a_batch(self, pipeline):
        model, x = network(pipeline), spectrograms(LENGTHS)
        together, weights = model(x, LENGTHS)
        assert together.std(dim=0).min() > 1e-3  # the clips do differ
        for i, length in enumerate(LENGTHS.tolist()):
            alone, _ = model(x[i : i + 1, :, :length], LENGTHS[i : i + 1])
            torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-4)

    def test_what_stands_in_the_padding_is_not_heard(self, pipeline):
        model = network(pipeline)
        logits = [model(spectrograms(LENGTHS, padding=padding), LENGTHS)[0] for padding in (-100.0, 0.0, 65504.0)]
        assert torch.equal(logits[0], logits[1]) and torch.equal(logits[0], logits[2])

    def test_padding_is_not_heard_in_training_either(self, pipeline):
        model, logits = network(pipeline).train(), []
        for padding in (-100.0, 65504.0):
            torch.manual_seed(0)
            logits.append(model(spectrograms(LENGTHS, padding=padding), LENGTHS)[0])
        assert torch.equal(*logits)

    def test_clips_shorter_than_one_pooled_frame(self, pipeline):
        model = network(pipeline)
        lengths = torch.arange(1, model.shortest + 1)
        x = spectrograms(lengths)
        logits, weights = model(x, lengths)
        assert logits.isfinite().all()
        for i, length in enumerate(lengths.tolist()):
            alone, _ = model(x[i : i + 1, :, :length], lengths[i : i + 1])
            torch.testing.assert_close(alone[0], logits[i], rtol=0, atol=1e-4)

    def test_same_input_same_logits(self, pipeline):
        model, x = network(pipeline), spectrograms(LENGTHS)
        assert torch.equal(model(x, LENGTHS)[0], model(x, LENGTHS)[0])

    def test_the_order_of_clips_does_not_matter(self, pipeline):
        model, x, order = network(pipeline), spectrograms(LENGTHS), torch.tensor([3, 0, 5, 2, 1, 4])
        torch.testing.assert_close(model(x[order], LENGTHS[order])[0], model(x, LENGTHS)[0][order], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("no_gradients")
@pytest.mark.parametrize("aggregation", ["mean", "attention"])
def test_weights_are_a_distribution_over_valid_frames(aggregation):
    model = network(Pipeline(branch="logmel", backbone="cnn2", aggregation=aggregation))
    _, weights = model(spectrograms(LENGTHS), LENGTHS)
    valid = LENGTHS.clamp_min(4) // 4
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(LENGTHS)))
    for row, length in zip(weights, valid.tolist(), strict=True):
        assert (row[:length] > 0).all() and (row[length:] == 0).all()
        if aggregation == "mean":
            torch.testing.assert_close(row[:length], torch.full((length,), 1 / length))
    if aggregation == "attention":
        assert weights[0, : valid[0]].std() > 0


class TestAggregation:
    x = torch.tensor([[[1.0, 10.0], [3.0, 30.0], [100.0, 100.0]]])  # the third frame is padding
    mask = torch.tensor([[1.0, 1.0, 0.0]])

    def test_flatten_keeps_positions_and_fills_up_with_zeros(self):
        vector, _ = AGGREGATIONS["flatten"](features=2, frames=4)(self.x, self.mask)
        assert vector.tolist() == [[1, 10, 3, 30, 0, 0, 0, 0]]

    def test_mean(self):
        vector, _ = AGGREGATIONS["mean"](features=2, frames=4)(self.x, self.mask)
        assert vector.tolist() == [[2, 20]]

    @pytest.mark.usefixtures("no_gradients")
    def test_attention_is_the_formula(self):
        pooling = AGGREGATIONS["attention"](features=2, frames=4)
        inner, _, outer = pooling.score
        scores = [float(outer.weight @ torch.tanh(inner.weight @ frame + inner.bias)) for frame in self.x[0, :2]]
        weights = torch.tensor(scores).exp() / torch.tensor(scores).exp().sum()
        vector, given = pooling(self.x, self.mask)
        torch.testing.assert_close(given[0], torch.cat([weights, torch.zeros(1)]))
        torch.testing.assert_close(vector[0], weights @ self.x[0, :2])
