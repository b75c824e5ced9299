"""Stages 3 to 5: the table of pipelines, masking, and the network against plain PyTorch."""

import re

import librosa
import numpy as np
import pytest
import torch
import yaml
from torch import nn

from emolabs import paths
from emolabs.modeling import Pipeline, get_pipeline, load_pipelines
from emolabs.modeling.adapters import LayerSum, LoRA, tune
from emolabs.modeling.aggregation import AGGREGATIONS
from emolabs.modeling.classifier import Classifier
from emolabs.modeling.encoder import build as build_encoder
from emolabs.modeling.masking import MaskedBatchNorm, frame_mask

NAME = re.compile(
    r"(?P<branch>waveform|logmel|mfcc|egemaps|wav2vec2|hubert|whisper)(?P<bands>\d+)?"
    r"-(?P<backbone>(?:cnn|plain|resnet)\d+|direct|linear)(?P<dims>-1d)?(?:-(?P<temporal>lstm))?"
    r"(?:-(?P<aggregation>flatten|mean|attention))?(?:-(?P<tuning>partial|full|lora))?"
)
ROWS = yaml.safe_load(paths.PIPELINES.read_text(encoding="utf-8"))
GOOD = {"branch": "logmel", "backbone": "cnn3", "aggregation": "mean"}
NETWORKS = {name: p for name, p in load_pipelines().items() if p.backbone not in ("linear", "constant")}
#: One row of each kind of part, for what is asked of parts and not of rows.
SOME = [
    "logmel-cnn3-flatten",
    "logmel-cnn3-lstm-attention",
    "logmel-resnet8-mean",
    "mfcc-cnn3-mean",
    "waveform-cnn3-attention",
    "whisper-cnn3-mean",
    "whisper-direct-attention",
    "whisper-direct-attention-full",
    "wav2vec2-direct-mean-lora",
]
SHORT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SHORT |= {"conv_dim": [8] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
#: Tiny encoders of the three kinds, as their config.json says it.
ENCODERS = {
    "whisper": {"d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24},
    "wav2vec2": SHORT,
    "hubert": SHORT,
}
LENGTHS = torch.tensor([61, 9, 64, 33, 40, 2])  # frames
FRAMES = 64


def network(pipeline: Pipeline) -> Classifier:
    """A small network in evaluation mode whose every number differs from its default, as after training."""
    torch.manual_seed(0)
    encoder = None
    if pipeline.tuning != "frozen":
        encoder = build_encoder({"model_type": pipeline.branch} | ENCODERS[pipeline.branch])
        tune(encoder, pipeline.tuning)
    frames = FRAMES * hop(pipeline)
    layers = 3 if pipeline.store[1] == "layers" else 0
    options = {"channels": channels(pipeline), "layers": layers, "frames": frames, "width": 2 if frames > 64 else 4}
    model = Classifier(pipeline, classes=7, encoder=encoder, **options)
    if model.standardization:
        model.standardization.mean.normal_(-1, 1)
        model.standardization.std.uniform_(1, 2)
    for module in model.modules():
        if isinstance(module, MaskedBatchNorm):
            for number, low, high in [(module.weight, 0.5, 2), (module.bias, -1, 1), (module.running_var, 0.5, 2)]:
                nn.init.uniform_(number, low, high)
            module.running_mean.normal_(0, 0.5)
        if isinstance(module, LoRA):
            nn.init.normal_(module.up.weight, std=0.1)
        if isinstance(module, LayerSum):
            nn.init.normal_(module.scores)
    return model.eval()


def channels(pipeline: Pipeline) -> int:
    return {"waveform": 1, "logmel": pipeline.bands or 64}.get(pipeline.store[0], 16)


def hop(pipeline: Pipeline) -> int:
    """Samples a frame where the frames that are given are samples."""
    return 100 if pipeline.store[0] == "waveform" else 1


def sounds(pipeline: Pipeline, lengths: torch.Tensor, *, padding: float = -100.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise [clips, (layers,) channels, frames] with `padding` after each length, and the lengths."""
    lengths = lengths * hop(pipeline)
    shape = (3, channels(pipeline)) if pipeline.store[1] == "layers" else (channels(pipeline),)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(len(lengths), *shape, FRAMES * hop(pipeline), generator=generator)
    mask = frame_mask(lengths, frames=x.shape[-1]).reshape(len(lengths), *[1] * len(shape), -1)
    return torch.where(mask > 0, x, padding), lengths


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write another table of pipelines; the real one is back after the test."""
    monkeypatch.setattr(paths, "PIPELINES", tmp_path / "pipelines.yaml")
    load_pipelines.cache_clear()
    yield lambda *rows: paths.PIPELINES.write_text(yaml.safe_dump(list(rows), sort_keys=False), "utf-8")
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
            ("backbone", "resnet34"),
            ("backbone", "plain2"),
            ("bands", "many"),
            ("bands", "32"),
            ("bands", 32.0),
            ("bands", 0),
            ("dims", 3),
            ("dims", "1"),
            ("dims", True),
            ("demo", "yes"),
            ("demo", "True"),
            ("demo", 1),
            ("branch", 3),
        ],
    )
    def test_unknown_part_is_refused_by_row_and_field(self, table, part, value):
        table(ROWS[0], GOOD | {part: value})
        found = r"nothing \(null\)" if value is None else f".*{re.escape(repr(value))}"
        with pytest.raises(ValueError, match=rf"row 2, {{branch: .*}}, {part}: expected .*, found {found}$") as raised:
            load_pipelines()
        assert not re.search(r"\||\\d|\[1-9]", str(raised.value)), "no pattern"

    def test_unknown_and_missing_keys_are_refused_by_row(self, table):
        table(ROWS[0], {"branch": "logmel", "backbone": "cnn3", "agregation": "mean"})
        said = "row 2, {branch: logmel, backbone: cnn3, agregation: mean}, agregation: there is no such key"
        with pytest.raises(ValueError, match=f"{said}; did you mean aggregation"):
            load_pipelines()
        table({"branch": "logmel", "aggregation": "mean"})
        with pytest.raises(ValueError, match="row 1, {branch: logmel, aggregation: mean}, backbone: expected one of"):
            load_pipelines()

    def test_all_faults_are_named_at_once(self, table):
        table(GOOD | {"aggregation": "max", "tuning": "half"}, GOOD, "logmel-cnn3-mean", GOOD | {"bands": 64})
        with pytest.raises(ValueError) as raised:
            load_pipelines()
        faults = str(raised.value).splitlines()[1:]
        places = [re.sub(r"{.*}", "…", fault).split(":")[0].strip() for fault in faults]
        assert places[:2] + places[3:] == ["row 1, …, aggregation", "row 1, …, tuning", "row 4, …, bands"]
        assert faults[2] == "  row 3, expected {branch: …, backbone: …}, found the text 'logmel-cnn3-mean'"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "expected a list of rows, .*found nothing"),
            ("# no row\n", "expected a list of rows, .*found nothing"),
            ("branch: logmel\nbackbone: cnn3\n", "expected a list of rows, .*found a dict"),
            ("- {branch: logmel, backbone: cnn3\n- {}\n", "is no YAML: .*line 2.*correct it"),
            (b"- {branch: \xff}\n", "is no YAML: .*correct it"),
        ],
        ids=["empty", "comment", "mapping", "torn", "bytes"],
    )
    def test_a_file_that_is_no_table_is_refused_by_name(self, table, text, reason):
        paths.PIPELINES.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ValueError, match=rf"pipelines\.yaml:? {reason}"):
            load_pipelines()

    def test_a_row_that_is_there_twice_is_refused(self, table):
        table(GOOD, ROWS[0], GOOD | {"demo": True})
        with pytest.raises(ValueError, match="row 3, .*logmel-cnn3-mean is there twice, first as row 1"):
            load_pipelines()

    @pytest.mark.parametrize("backbone", ["plain26", "resnet26", "resnet32", "plain110"])
    def test_every_depth_of_the_family_is_a_row(self, table, backbone):
        table(*ROWS, GOOD | {"backbone": backbone})
        row = get_pipeline(f"logmel-{backbone}-mean")
        assert row.notebook == "32_resnet_ablation"
        layers = sum(isinstance(m, nn.Conv2d | nn.Linear) for m in network(row).modules())
        assert layers == int(re.search(r"\d+", backbone)[0])

    def test_unknown_name_is_answered_with_the_rows_there_are(self):
        with pytest.raises(ValueError, match="unknown pipeline 'logmel-cnn4'.*logmel-cnn3-mean"):
            get_pipeline("logmel-cnn4")


class TestNetwork:
    @pytest.mark.parametrize("pipeline", NETWORKS.values(), ids=NETWORKS)
    def test_every_row_learns_in_all_its_parameters(self, pipeline):
        model = network(pipeline).train()
        logits, weights = model(*sounds(pipeline, LENGTHS), augment=torch.Generator().manual_seed(0))
        assert logits.shape == (len(LENGTHS), 7)
        assert (weights is None) == (pipeline.aggregation == "flatten")
        nn.functional.cross_entropy(logits, torch.arange(len(LENGTHS))).backward()
        learned = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        for name, parameter in learned.items():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name
        tuned = [name for name in learned if name.startswith("encoder.")]
        assert bool(tuned) == (pipeline.tuning != "frozen")

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
        model = Classifier(get_pipeline(name), channels=64, frames=251, classes=7, width=8)
        assert sum(parameter.numel() for parameter in model.parameters()) == count

    def test_cepstra_are_those_of_librosa(self):
        logmel = torch.randn(1, 64, 9, dtype=torch.float32)
        reference = librosa.feature.mfcc(S=logmel[0].numpy(), n_mfcc=40)
        heard, _ = network(get_pipeline("mfcc-cnn3-mean")).hear(logmel, torch.tensor([9]))
        np.testing.assert_allclose(heard[0].numpy(), reference, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            ({"branch": "none"}, "branch"),
            ({"backbone": "constant", "aggregation": "none"}, "branch"),
            ({"backbone": "linear", "aggregation": "none"}, "backbone"),
            ({"branch": "egemaps"}, "backbone"),
            ({"aggregation": "none"}, "aggregation"),
            ({"branch": "mfcc", "backbone": "linear"}, "aggregation"),
            ({"branch": "mfcc", "backbone": "linear", "aggregation": "none", "temporal": "lstm"}, "temporal"),
            ({"tuning": "lora"}, "tuning"),
            ({"branch": "whisper", "tuning": "full"}, "tuning"),
            ({"backbone": "direct"}, "backbone"),
            ({"branch": "whisper", "backbone": "direct", "aggregation": "flatten"}, "aggregation"),
            ({"branch": "waveform", "bands": 32}, "bands"),
            ({"bands": 64}, "bands"),
            ({"dims": 2}, "dims"),
            ({"branch": "waveform", "dims": 1}, "dims"),
            ({"backbone": "cnn7"}, "backbone"),
            ({"branch": "whisper", "backbone": "resnet18"}, "backbone"),
        ],
        ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
    )
    def test_parts_that_cannot_be_together_are_refused_by_row_and_field(self, table, parts, field):
        table(ROWS[0], GOOD | parts)
        with pytest.raises(ValueError, match=rf"pipelines.yaml.*\n  row 2, {{branch: .*}}, {field}: "):
            load_pipelines()

    def test_input_that_is_not_the_rows_is_refused(self):
        with pytest.raises(ValueError, match="logmel32-cnn3-mean: expected 32 mel bands, found 64"):
            Classifier(get_pipeline("logmel32-cnn3-mean"), channels=64, classes=7)
        with pytest.raises(ValueError, match="flatten is bound to a number of frames"):
            Classifier(get_pipeline("logmel-cnn3-flatten"), channels=64, classes=7)
        with pytest.raises(ValueError, match="expected an encoder where the row tunes one"):
            Classifier(get_pipeline("whisper-direct-mean-full"), channels=1, classes=7)
        with pytest.raises(ValueError, match="mfcc-linear is no network"):
            Classifier(get_pipeline("mfcc-linear"), channels=64, classes=7)


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


@pytest.mark.usefixtures("no_gradients")
@pytest.mark.parametrize("pipeline", NETWORKS.values(), ids=NETWORKS)
def test_a_clip_is_heard_alone_as_in_a_batch(pipeline):
    """Flatten too: it is bound to the position of a frame, and fills up with zeros to its fixed number."""
    model, (x, lengths) = network(pipeline), sounds(pipeline, LENGTHS)
    together, _ = model(x, lengths)
    assert together.std(dim=0).min() > 1e-3  # the clips do differ
    for i, length in enumerate(lengths.tolist()):
        alone, _ = model(x[i : i + 1, ..., :length], lengths[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-4)


@pytest.mark.usefixtures("no_gradients")
@pytest.mark.parametrize("pipeline", [get_pipeline(name) for name in SOME], ids=SOME)
class TestMasking:
    def test_what_stands_in_the_padding_is_not_heard(self, pipeline):
        model = network(pipeline)
        logits = [model(*sounds(pipeline, LENGTHS, padding=padding))[0] for padding in (-100.0, 0.0, 65504.0)]
        assert torch.equal(logits[0], logits[1]) and torch.equal(logits[0], logits[2])

    def test_padding_is_not_heard_in_training_either(self, pipeline):
        model, logits = network(pipeline).train(), []
        for padding in (-100.0, 65504.0):
            torch.manual_seed(0)
            logits.append(model(*sounds(pipeline, LENGTHS, padding=padding))[0])
        assert torch.equal(*logits)

    def test_clips_shorter_than_one_outgoing_frame(self, pipeline):
        model = network(pipeline)
        x, lengths = sounds(pipeline, torch.arange(1, model.backbone.shortest // hop(pipeline) + 2).clamp(max=FRAMES))
        logits, _ = model(x, lengths)
        assert logits.isfinite().all()
        for i, length in enumerate(lengths.tolist()):
            alone, _ = model(x[i : i + 1, ..., :length], lengths[i : i + 1])
            torch.testing.assert_close(alone[0], logits[i], rtol=0, atol=1e-4)

    def test_the_order_of_clips_does_not_matter(self, pipeline):
        model, (x, lengths), order = network(pipeline), sounds(pipeline, LENGTHS), torch.tensor([3, 0, 5, 2, 1, 4])
        torch.testing.assert_close(model(x[order], lengths[order])[0], model(x, lengths)[0][order], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("no_gradients")
@pytest.mark.parametrize("aggregation", ["mean", "attention"])
def test_weights_are_a_distribution_over_valid_frames(aggregation):
    pipeline = Pipeline(branch="logmel", backbone="cnn2", aggregation=aggregation)
    _, weights = network(pipeline)(*sounds(pipeline, LENGTHS))
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
