"""Encoders against transformers' own, padding, tuning, and weights that do not fit or are not there."""

import os
import re
import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from conftest import voice
from safetensors.torch import load_file, save_file
from transformers import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForPreTraining,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from emolabs import dependencies, paths, storage
from emolabs.experiments.runs import Row, pretrained_of
from emolabs.extraction import encoders
from emolabs.modeling import encoder, untrained, weights
from emolabs.modeling.adapters import TUNINGS, LayerSum, LoRA, tune

RATE_HZ = 16_000
BRANCHES = list(untrained.CONFIGS)
SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
CONVOLUTIONS = {"conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
WHISPER = {"d_model": 32, "encoder_layers": 3, "encoder_attention_heads": 4, "encoder_ffn_dim": 48}
WHISPER |= {"decoder_layers": 1, "decoder_attention_heads": 4, "decoder_ffn_dim": 48, "vocab_size": 16}
WHISPER |= dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 1)
#: Of wav2vec 2.0 and HuBERT the base kind (normalized over time) and the large one (over channels, norm first).
KINDS = {"base": {}, "large": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}}
CLASSES = {"wav2vec2": (Wav2Vec2Model, Wav2Vec2Config), "hubert": (HubertModel, HubertConfig)}
DURATIONS = [16_000, 9_999, 12_345, 16_160, 4_001, 523]  # samples


def lively(model: torch.nn.Module) -> torch.nn.Module:
    """The model with weights large enough for every one of its parts to count, in a mode without dropout."""
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and "embed_positions" not in name:
            torch.nn.init.normal_(parameter, std=1.5 / np.sqrt(parameter[0].numel()))
        elif parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Small random models, saved by transformers."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    models = {"whisper": lively(WhisperModel(WhisperConfig(**WHISPER)))}
    for branch, (model, config) in CLASSES.items():
        models |= {f"{branch}-{k}": lively(model(config(**SMALL, **CONVOLUTIONS, **more))) for k, more in KINDS.items()}
    for name, model in models.items():
        model.save_pretrained(root / name)
    return {name: root / name for name in models}


ALL = ["whisper", *(f"{branch}-{kind}" for branch in CLASSES for kind in KINDS)]


def waves() -> list[torch.Tensor]:
    return [torch.from_numpy(voice(i, duration_s=2)[:n].astype(np.float32)) for i, n in enumerate(DURATIONS)]


def padded(clips: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.nn.utils.rnn.pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])


def close(found: torch.Tensor, expected: torch.Tensor, *, within: float = 1e-4) -> bool:
    """Whether two layers differ by less than this share of their largest value, or absolutely where that is under 1."""
    assert found.shape == expected.shape
    return bool((found - expected).abs().max() < within * max(1.0, float(expected.abs().max())))


def full_length() -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """A clip, and the same with silence up to 30 s, as Whisper was trained on."""
    clip = voice(3, duration_s=1.5).astype(np.float32)
    wave = torch.zeros(1, 30 * RATE_HZ)
    wave[0, : len(clip)] = torch.from_numpy(clip)
    return clip, wave, torch.tensor([30 * RATE_HZ])


def whisper_reference(folder: Path, clip: np.ndarray) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    model = WhisperModel.from_pretrained(folder, dtype=torch.float32).eval()
    mel = WhisperFeatureExtractor()(clip, sampling_rate=RATE_HZ, return_tensors="pt").input_features
    with torch.inference_mode():
        return mel, model.encoder(mel, output_hidden_states=True).hidden_states


@torch.inference_mode()
def test_whisper_on_its_full_length_is_that_of_transformers(folders):
    clip, wave, lengths = full_length()
    mel, expected = whisper_reference(folders["whisper"], clip)
    ours = encoder.load(folders["whisper"])
    assert close(ours.log_mel(wave, lengths), mel)
    layers, frames = ours(wave, lengths)
    assert frames.tolist() == [1500] and len(layers) == len(expected) == ours.layers == 4
    assert all(close(found, layer) for found, layer in zip(layers, expected, strict=True))


@pytest.mark.parametrize("name", ["whisper-base", "whisper-tiny-en"])
@torch.inference_mode()
def test_pretrained_whisper_on_its_full_length_is_that_of_transformers(name):
    folder = Path(os.environ.get("EMOLABS_WEIGHTS") or "nowhere") / f"{name}-encoder"
    if not folder.is_dir():
        pytest.skip(f"no {name}-encoder under EMOLABS_WEIGHTS")
    clip, wave, lengths = full_length()
    mel = WhisperFeatureExtractor.from_pretrained(folder)(clip, sampling_rate=RATE_HZ, return_tensors="pt")
    model = WhisperEncoder.from_pretrained(folder, dtype=torch.float32).eval()
    expected = model(mel.input_features, output_hidden_states=True).hidden_states
    ours = encoder.load("whisper" if name == "whisper-base" else folder)
    layers, _ = ours(wave, lengths)
    assert {parameter.dtype for parameter in ours.parameters()} == {torch.float32}
    assert all(close(found, layer) for found, layer in zip(layers, expected, strict=True))


@torch.inference_mode()
def test_whispers_front_end_on_a_clips_own_length_is_its_formula_on_its_own_samples(folders):
    ours, extractor = encoder.load(folders["whisper"]), WhisperFeatureExtractor()
    clips = waves()
    mel = ours.log_mel(*padded(clips))
    for i, clip in enumerate(clips):
        expected = extractor(clip.numpy(), sampling_rate=RATE_HZ, padding=False, return_tensors="pt").input_features
        frames = len(clip) // 160
        assert close(mel[i, :, :frames], expected[0, :, :frames]) and not mel[i, :, frames:].any()


def hidden_states(model: torch.nn.Module, **inputs: torch.Tensor) -> list[torch.Tensor]:
    """All layers; transformers leaves the last one without its normalization where that comes first in a block."""
    output = model(**inputs, output_hidden_states=True)
    return [*output.hidden_states[:-1], output.last_hidden_state]


@pytest.mark.parametrize("branch", CLASSES)
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_clip_has_the_layers_that_transformers_gives_it(folders, branch, kind):
    model = CLASSES[branch][0].from_pretrained(folders[f"{branch}-{kind}"]).eval()
    ours = encoder.load(folders[f"{branch}-{kind}"])
    for clip in waves():
        values = Wav2Vec2FeatureExtractor()(clip.numpy(), sampling_rate=RATE_HZ, return_tensors="pt").input_values
        expected = hidden_states(model, input_values=values)
        layers, frames = ours(clip[None], torch.tensor([len(clip)]))
        assert frames.tolist() == [expected[0].shape[1]] == [ours.frames(len(clip))]
        assert len(layers) == len(expected) == ours.layers
        assert all(close(found, layer) for found, layer in zip(layers, expected, strict=True))


@pytest.mark.parametrize("branch", CLASSES)
@torch.inference_mode()
def test_the_mask_is_that_of_transformers(folders, branch):
    model = CLASSES[branch][0].from_pretrained(folders[f"{branch}-large"]).eval()
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    clips = waves()
    batch = extractor([clip.numpy() for clip in clips], sampling_rate=RATE_HZ, padding=True, return_tensors="pt")
    expected = hidden_states(model, **batch)
    layers, frames = encoder.load(folders[f"{branch}-large"])(*padded(clips))
    for found, layer in zip(layers, expected, strict=True):
        assert all(close(found[i, :n], layer[i, :n]) for i, n in enumerate(frames.tolist()))


@pytest.mark.parametrize("name", ALL)
@torch.inference_mode()
def test_a_clip_alone_and_padded_in_a_batch_is_the_same_whatever_the_padding_holds(folders, name):
    ours = encoder.load(folders[name])
    clips = [*waves(), torch.full((100,), 0.1)]  # the last one is shorter than any window
    batch, lengths = padded(clips)
    noisy = torch.where(torch.arange(batch.shape[1]) < lengths[:, None], batch, torch.randn_like(batch))
    together, frames = ours(noisy, lengths)
    assert frames.tolist() == [ours.frames(len(clip)) for clip in clips] == ours.frames(lengths).tolist()
    for i, clip in enumerate(clips):
        alone, (count,) = ours(clip[None], lengths[i : i + 1])
        for one, many in zip(alone, together, strict=True):
            assert close(many[i, :count], one[0])
            assert not many[i, count:].any()


def test_whisper_refuses_clips_for_which_it_has_no_positions(folders):
    with pytest.raises(ValueError, match=r"expected clips of at most 30 s.*found 31\.0 s: crop them"):
        encoder.load(folders["whisper"])(torch.zeros(1, 31 * RATE_HZ), torch.tensor([31 * RATE_HZ]))


def gradients(ours: encoder.Encoder) -> set[str]:
    ours.train()
    layers, _ = ours(*padded(waves()[:2]))
    total = sum(layer.square().mean() for layer in layers)
    if total.requires_grad:
        total.backward()
    return {n for n, parameter in ours.named_parameters() if parameter.grad is not None and parameter.grad.any()}


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("tuning", TUNINGS)
def test_gradients_are_where_they_should_be_and_nowhere_else(folders, branch, tuning):
    ours = encoder.load(folders["whisper" if branch == "whisper" else f"{branch}-large"])
    names = {name for name, _ in ours.named_parameters()}
    count = tune(ours, tuning)
    found = gradients(ours)
    silent = {name for name in names if name.endswith("k_proj.bias")}  # it shifts all scores of a query alike
    last = [f".layers.{ours.layers - 2 - i}." for i in range(2)]
    norm = "model.layer_norm." if branch == "whisper" else "model.encoder.layer_norm."
    expected = {
        "frozen": set(),
        "full": {name for name in names if not name.startswith(("model.embed_positions", "model.feature_extractor"))},
        "partial": {name for name in names if name.startswith(norm) or any(block in name for block in last)},
        "lora": {name for name, _ in ours.named_parameters() if ".up." in name},  # B is zero, so A hears nothing yet
    }[tuning]
    assert found - silent == expected - silent
    trainable = {name: parameter.numel() for name, parameter in ours.named_parameters() if parameter.requires_grad}
    assert count == sum(trainable.values())
    if tuning == "lora":
        assert count == 2 * 3 * 2 * 8 * 32  # q and v, blocks, A and B, rank, size
    else:
        assert set(trainable) == expected


def test_low_rank_adapters_begin_as_nothing_and_then_are_the_product_of_their_parts(folders):
    ours, batch = encoder.load(folders["whisper"]), padded(waves()[:2])
    before = ours(*batch)[0][-1]
    tune(ours, "lora")
    assert torch.equal(ours(*batch)[0][-1], before)
    adapter = LoRA(torch.nn.Linear(5, 3), rank=2, alpha=16)
    torch.nn.init.normal_(adapter.up.weight)
    x, weight = torch.randn(4, 5), adapter.linear.weight + 16 / 2 * adapter.up.weight @ adapter.down.weight
    assert torch.allclose(adapter(x), x @ weight.T + adapter.linear.bias, atol=1e-5)


def test_a_frozen_encoder_has_no_dropout_in_training(folders):
    ours, batch = encoder.load(folders["wav2vec2-base"]), padded(waves()[:2])
    tune(ours, "frozen")
    assert torch.equal(ours.train()(*batch)[0][-1], ours(*batch)[0][-1])
    tune(ours, "full")
    assert not torch.equal(ours.train()(*batch)[0][-1], ours(*batch)[0][-1])


def test_an_unknown_tuning_is_a_sentence(folders):
    with pytest.raises(ValueError, match="expected a tuning among frozen, partial, full, lora, found 'half'"):
        tune(encoder.load(folders["whisper"]), "half")


def test_the_sum_over_layers_begins_as_their_mean_and_learns_what_counts():
    layers = torch.randn(2, 4, 3, 5)
    weigh = LayerSum(layers=4)
    assert torch.allclose(weigh(layers), layers.mean(dim=1), atol=1e-6)
    weigh.scores.data = torch.tensor([0.0, 0.0, 20.0, 0.0])
    assert torch.allclose(weigh(layers), layers[:, 2], atol=1e-5)
    weigh(layers).sum().backward()
    assert weigh.scores.grad is not None


def whole_model(folder: Path, target: Path) -> None:
    """The model of `folder` as the hub has it: with its heads, and with the names of weight normalization before."""
    model = WhisperModel if storage.read_json(folder / "config.json")["model_type"] == "whisper" else None
    if model:
        WhisperModel.from_pretrained(folder).save_pretrained(target)
        tensors = {f"model.{key}": value for key, value in load_file(target / "model.safetensors").items()}
        tensors["proj_out.weight"] = torch.zeros(16, 32)
    else:
        pretraining = Wav2Vec2ForPreTraining(Wav2Vec2Config(**SMALL, **CONVOLUTIONS))
        pretraining.wav2vec2.load_state_dict(Wav2Vec2Model.from_pretrained(folder).state_dict(), strict=False)
        pretraining.save_pretrained(target)
        tensors = load_file(target / "model.safetensors")
        for old, new in {"original0": "weight_g", "original1": "weight_v"}.items():
            key = f"wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.{old}"
            tensors[f"wav2vec2.encoder.pos_conv_embed.conv.{new}"] = tensors.pop(key)
    save_file(tensors, target / "model.safetensors")


@pytest.mark.parametrize("name", ["whisper", "wav2vec2-base"])
def test_a_checkpoint_of_the_whole_model_is_reduced_to_its_encoder(folders, tmp_path, name):
    whole_model(folders[name], tmp_path / "whole")
    one, other = encoder.load(folders[name]).state_dict(), encoder.load(tmp_path / "whole").state_dict()
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_half_precision_is_widened_and_parts_of_a_large_file_are_put_together(folders, tmp_path):
    folder = Path(shutil.copytree(folders["hubert-base"], tmp_path / "parts"))
    tensors = {key: value.half() for key, value in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    parts = {f"model-0000{i}-of-00002.safetensors": sorted(tensors)[i::2] for i in range(2)}
    for file, keys in parts.items():
        save_file({key: tensors[key] for key in keys}, folder / file)
    index = {"weight_map": {key: file for file, keys in parts.items() for key in keys}}
    storage.write_json(folder / "model.safetensors.index.json", index)
    loaded = encoder.load(folder).model.state_dict()
    assert all(torch.equal(loaded[key], tensors[key].float()) for key in loaded)
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="lacks model-00001-of-00002.safetensors: copy the folder anew"):
        encoder.load(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("layers.0.fc1.weight"), r"missing: layers\.0\.fc1\.weight\."),
        (lambda t: t.update({"layers.7.fc1.bias": torch.zeros(3)}), r"unexpected: layers\.7\.fc1\.bias\."),
        (
            lambda t: t.update({"conv1.bias": torch.zeros(3)}),
            r"of another shape: conv1\.bias \(expected \[32\], found \[3\]\)",
        ),
        (lambda t: t.clear() or t.update({"lstm.weight": torch.zeros(3)}), r"missing: .* more; unexpected: lstm\.weig"),
    ],
)
def test_weights_that_do_not_fit_are_refused_naming_them(folders, tmp_path, change, said):
    folder = Path(shutil.copytree(folders["whisper"], tmp_path / "other"))
    tensors = load_file(folder / "model.safetensors")
    tensors = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match=rf"do not fit its config\.json as WhisperEncoder\. {said}"):
        encoder.load(folder)


def damage(folder: Path, fault: str) -> None:
    file = folder / "model.safetensors"
    if fault == "truncated":
        file.write_bytes(file.read_bytes()[:-1000])
    elif fault == "pickled":
        file.rename(folder / "pytorch_model.bin")
    elif fault == "pointer":
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    elif fault == "no config":
        (folder / "config.json").unlink()
    elif fault == "broken config":
        (folder / "config.json").write_text("{")
    else:
        config = storage.read_json(folder / "config.json") | {"model_type": "bert", "auto_map": {"AutoModel": "evil.M"}}
        storage.write_json(folder / "config.json", config)
        (folder / "evil.py").write_text("raise SystemExit('code of a repository ran')")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("truncated", "model.safetensors is no complete safetensors file"),
        ("pointer", "model.safetensors is no complete safetensors file"),
        ("pickled", r"lacks model\.safetensors \(pickled weights are not read: convert them\)"),
        ("no config", r"has no config\.json: expected a folder of weights"),
        ("broken config", r"config\.json or preprocessor_config\.json is no JSON"),
        ("another model", "expected an encoder of model_type whisper, wav2vec2, hubert, found 'bert'"),
    ],
)
def test_a_folder_that_cannot_be_read_is_a_sentence(folders, tmp_path, fault, said):
    folder = Path(shutil.copytree(folders["whisper"], tmp_path / "damaged"))
    damage(folder, fault)
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        encoder.load(folder)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No hub and an empty cache."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMOLABS_WEIGHTS", raising=False)


@pytest.mark.parametrize("name", [*BRANCHES, "openai/whisper-large-v3", "no/such/folder", "Not A Model!"])
def test_missing_weights_offline_are_one_sentence_with_three_ways(offline, name):
    with pytest.raises(FileNotFoundError) as caught:
        encoder.load(name)
    said = str(caught.value)
    assert "EMOLABS_WEIGHTS" in said and "huggingface.co" in said and "path of a folder" in said
    assert said.count(". ") == 0 and "\n" not in said
    assert caught.value.__suppress_context__


def test_local_weights_come_before_the_hub(offline, folders, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLABS_WEIGHTS", str(tmp_path))
    shutil.copytree(folders["whisper"], tmp_path / "whisper-base-encoder")
    shutil.copytree(folders["hubert-base"], tmp_path / "hubert-base-ls960")
    assert weights.find("whisper") == weights.find("openai/whisper-base") == tmp_path / "whisper-base-encoder"
    assert weights.find("hubert") == weights.find("hubert-base-ls960") == tmp_path / "hubert-base-ls960"
    assert weights.find(folders["whisper"]) == folders["whisper"]


def test_what_an_encoder_is_made_from_changes_with_its_weights(folders, tmp_path):
    folder = Path(shutil.copytree(folders["whisper"], tmp_path / "whisper"))
    first = encoder.load(folder).source
    assert first == encoder.load(folder).source == encoder.load(folders["whisper"]).source
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.conv1.bias"] += 1
    save_file(tensors, folder / "model.safetensors")
    assert encoder.load(folder).source["weights"] != first["weights"]


@pytest.mark.parametrize("branch", BRANCHES)
def test_untrained_encoders_are_the_same_each_time_and_load_as_any(project, tmp_path, branch):
    folder = untrained.choose(branch, given="untrained", profile="demo")
    again = untrained.make(branch, folder=tmp_path / "again")
    assert (folder / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    assert untrained.choose(branch, given="untrained", profile="demo") == folder
    ours = encoder.load(folder)
    assert ours.hop == 320 and ours.layers == 3 and ours.size == 32
    assert untrained.choose(branch, profile="demo") == branch
    assert untrained.choose(branch, given="a/b", profile="demo") == "a/b"
    assert weights.ENCODERS[branch].frame_rate_hz == RATE_HZ / ours.hop


class TestKinds:
    """An encoder of another kind is refused before anything is heard or trained with it."""

    def refused(self, branch: str, folder: Path, *, found: str):
        said = f"branch {branch}: expected an encoder of kind {branch}, found {found} in {folder}: give"
        return pytest.raises(ValueError, match=re.escape(said))

    @pytest.mark.parametrize(("branch", "given"), [("hubert", "whisper"), ("whisper", "wav2vec2-base"),
                                                   ("wav2vec2", "hubert-large")])  # fmt: skip
    def test_a_row_tunes_no_encoder_of_another_kind(self, folders, branch, given):
        row = Row(profile="demo", protocol="hash", scope="pooled", pipeline=f"{branch}-direct-mean-partial", seed=0)
        with self.refused(branch, folders[given], found=given.split("-")[0]):
            pretrained_of(row, given=str(folders[given]))

    def test_one_encoder_is_not_heard_as_several_branches(self, folders):
        (cell,) = [cell.source for cell in dependencies.code_cells(paths.NOTEBOOKS / "21_embeddings.ipynb")
                   if "sources = " in cell.source]  # fmt: skip
        given = {"branches": ["whisper", "hubert"], "weights": str(folders["whisper"]), "profile": "demo"}
        with self.refused("hubert", folders["whisper"], found="whisper"):
            exec(cell, {"encoders": encoders, "encoder": encoder} | given)

    def test_a_branch_s_own_folder_is_refused_as_well(self, folders, tmp_path, monkeypatch):
        monkeypatch.setenv("EMOLABS_WEIGHTS", str(tmp_path))
        shutil.copytree(folders["whisper"], tmp_path / "hubert-base-ls960")
        with self.refused("hubert", tmp_path / "hubert-base-ls960", found="whisper"):
            encoders.choose("hubert", profile="demo")

    @pytest.mark.parametrize("branch", BRANCHES)
    def test_sizes_of_one_kind_are_taken_as_they_are(self, project, folders, branch):
        tiny = untrained.make(branch, folder=project / "tiny")
        there = [folder for name, folder in folders.items() if name.split("-")[0] == branch]
        for given in [str(tiny), *map(str, there)]:
            assert encoders.choose(branch, given=given, profile="demo") == given
        assert encoders.choose(branch, given="untrained", profile="demo").name == f"untrained-{branch}"
        row = Row(profile="demo", protocol="hash", scope="pooled", pipeline=f"{branch}-direct-mean-partial", seed=0)
        assert pretrained_of(row, given=str(there[0])).source == encoder.load(there[0]).source
