"""Using a run: a file gets the probabilities that the run gave its clip, and everything else a sentence."""

import html
import io
import itertools
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import toy
from conftest import voice
from safetensors.torch import load_file, save_file

from emolabs import dependencies, modeling, paths, storage
from emolabs.__main__ import main
from emolabs.corpora import index as corpus_index
from emolabs.experiments import Row, train, uploads
from emolabs.extraction import embeddings, functionals, spectrograms
from emolabs.modeling import encoder, training
from emolabs.standardization import split, waveforms
from emolabs.standardization.normalization import Normalization, normalize_file

STEPS = Normalization(loudness_lufs=-30.0, trim_db=40.0)  # not the defaults: they have to come from the run
TINY = {
    "whisper": {"model_type": "whisper", "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2}
    | {"encoder_ffn_dim": 32, "num_mel_bins": 80, "max_source_positions": 300},
    "hubert": {"model_type": "hubert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    | {"intermediate_size": 32, "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2},
}
ROWS = [
    *("constant", "mfcc-linear", "whisper-linear", "logmel-cnn3-flatten", "logmel32-cnn3-mean", "mfcc-cnn3-mean"),
    *("logmel-cnn3-lstm-attention", "waveform-cnn3-attention", "whisper-cnn3-flatten", "hubert-cnn3-attention"),
    *("whisper-direct-attention", "hubert-direct-mean-partial", "whisper-direct-mean-lora"),
]
#: Seconds: clips that are filled up, that just fit, and that are cropped; one is too long for the tiny Whisper.
DURATIONS = itertools.cycle([0.3, 0.9, 1.4, 2.0, 4.6, 7.2])
#: Batches add in another order; so does a GPU, and in bfloat16 where an encoder is frozen.
TOLERANCE = 1e-4 if training.device() == "cpu" else 2e-2


def row(pipeline: str) -> Row:
    return Row(profile="toy", protocol="hash", scope="pooled", pipeline=pipeline, seed=0)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A profile with its audio and stores, and a run of every row of `ROWS`."""
    root, repository = tmp_path_factory.mktemp("predictor"), paths.ROOT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dependencies, "_root", lambda: repository)
        patch.setattr(paths, "ROOT", root)
        patch.setattr(paths, "RAW", root / "raw")
        clips = toy.index()[::8].reset_index(drop=True)
        for i, (file, duration_s) in enumerate(zip(clips.file, DURATIONS, strict=False)):
            (root / "raw" / file).parent.mkdir(parents=True, exist_ok=True)
            quiet = np.zeros(2000)
            wave = np.concatenate([quiet, voice(i, duration_s=duration_s, sample_rate_hz=22_050), quiet])
            soundfile.write(root / "raw" / file, np.stack([wave, 0.5 * wave], axis=1) + 0.01, 22_050)
        corpus_index.save(clips, clips.head(0).assign(reason=""), profile="toy")
        split.save(split.manifest(clips, protocol="hash"), profile="toy", protocol="hash")
        waves = waveforms.build(clips, profile="toy", steps=STEPS, workers=1)
        spectrograms.build(waves, profile="toy", parameters=spectrograms.LogMel())
        spectrograms.build(waves, profile="toy", parameters=spectrograms.LogMel(bands=32), variant="bands32")
        functionals.build(waves, branch="mfcc", profile="toy", workers=1)
        for branch, config in TINY.items():
            folder = write_encoder(branch, config=config)
            options = {"layer": 1, "every_layer": True, "crop_s": 5.0}
            embeddings.build(waves, profile="toy", branch=branch, source=folder, **options)
        yield root


def write_encoder(branch: str, *, config: dict):
    """An encoder that has learned nothing, where a profile has its own."""
    folder = paths.encoders("toy") / branch
    folder.mkdir(parents=True)
    storage.write_json(folder / "config.json", config)
    save_file(dict(encoder.build(config).model.state_dict()), folder / "model.safetensors")
    return folder


def trained(pipeline: str):
    """The folder of a run of one epoch."""
    weights = str(paths.encoders("toy") / pipeline.split("-")[0])
    parameters = toy.training(epochs=1, augment=False, encoder_learning_rate=0.001)
    return train(row(pipeline), parameters=parameters, weights=weights)[0]


@pytest.mark.parametrize("pipeline", ROWS)
def test_a_file_gets_the_probabilities_that_the_run_gave_its_clip(project, pipeline):
    folder = trained(pipeline)
    said, model = pd.read_parquet(folder / "predictions.parquet"), modeling.load(folder)
    index = corpus_index.load("toy").set_index("path")
    assert len(said) >= 3 and (folder / "card.md").is_file() and row(pipeline).summary.with_suffix(".md").is_file()
    columns = [f"p_{label}" for label in model.labels]
    assert pipeline == "constant" or np.ptp(said[columns], axis=0).max() > 1e-3, (
        "the clips differ, or nothing is tested"
    )
    for clip in said.itertuples():
        file = project / "raw" / index.file[clip.path]
        found = model.predict(file)
        expected = [getattr(clip, column) for column in columns]
        np.testing.assert_allclose(found.probabilities[model.labels], expected, rtol=0, atol=TOLERANCE)
        assert found.probabilities.sum() == pytest.approx(1) and found.emotion == clip.prediction
        assert 0 <= found.heard_s[0] < found.heard_s[1] <= len(found.wave) / found.sample_rate_hz + 1e-9
        if found.attention is not None:
            assert found.attention.sum() == pytest.approx(1, abs=1e-5)
            assert found.heard_s[0] <= found.times_s[0] and found.times_s[-1] < found.heard_s[1]


def test_what_the_run_says_of_its_normalization_counts_and_not_the_defaults(project):
    model = modeling.load(trained("logmel32-cnn3-mean"))
    assert model.normalization == STEPS
    file = project / "raw" / corpus_index.load("toy").file[0]
    heard, others = model.predict(file).wave, normalize_file(file, steps=Normalization())[0]
    assert np.abs(heard).max() < 0.6 * np.abs(others).max()


def test_an_array_is_heard_as_the_file_that_holds_it_is(project):
    model = modeling.load(trained("logmel-cnn3-lstm-attention"))
    file = project / "raw" / corpus_index.load("toy").file[1]
    samples, rate = soundfile.read(file, dtype="float32")
    found, expected = model.predict(samples, sample_rate_hz=rate), model.predict(file)
    pd.testing.assert_series_equal(found.probabilities, expected.probabilities)
    mono = model.predict(samples.mean(axis=1), sample_rate_hz=rate)
    np.testing.assert_allclose(mono.probabilities, expected.probabilities, atol=1e-4)


def test_a_long_clip_is_heard_around_its_centre_and_attention_is_timed_there(project):
    model = modeling.load(trained("logmel-cnn3-lstm-attention"))
    found = model.predict(voice(duration_s=10.0), sample_rate_hz=16_000)
    duration_s = len(found.wave) / 16_000
    assert found.heard_s == pytest.approx((duration_s / 2 - 2, duration_s / 2 + 2), abs=1e-3)
    assert found.times_s[0] == found.heard_s[0] and np.diff(found.times_s) == pytest.approx(8 * 0.016)


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros(16_000), 16_000, "silent: the peak is below -80 dBFS"),
        (np.ones(100), 16_000, "too short: 100 samples at 16000 Hz are less than 0.01 s"),
        (np.zeros(0), 16_000, "too short: 0 samples"),
        (np.full(16_000, np.nan), 16_000, "not finite: 16000 of 16000"),
        (np.ones(16_000, np.int16), 16_000, "expected samples .* as floats with full scale 1, found int16"),
        (np.ones((1, 2, 16_000)), 16_000, r"found float64 \[1, 2, 16000\]"),
        (np.ones(16_000), None, "an array needs its sample rate in Hz"),
        *(
            (np.ones(16_000), rate, f"sample rate in Hz: .* a number from 1,000 to 768,000, found {rate!r}")
            for rate in (float("nan"), float("inf"), "16000", -1, 0, 999, 768_001, True)
        ),
        (np.ones((16_000, 0)), 16_000, r"empty: .* found float64 \[16000, 0\]"),
        (np.ones((0, 2)), 16_000, r"empty: .* found float64 \[0, 2\]"),
        (
            np.ones((2, 16_000)),
            16_000,
            r"\[samples, channels\].*\[2, 16000\]: more channels than samples; transpose it",
        ),
        (np.full(16_000, 1e30), 16_000, r"peak is 1e\+30 .* full scale 1"),
        (np.full(16_000, -1e300), 16_000, r"peak is 1e\+300 .* full scale 1"),
    ],
)
def test_what_an_index_would_refuse_is_refused_with_the_reason(project, samples, rate, reason):
    with pytest.raises(ValueError, match=reason):
        modeling.load(trained("constant")).predict(samples, sample_rate_hz=rate)


@pytest.mark.parametrize("rate", [22_050, np.int64(22_050), 22_050.0, np.float32(22_050)])
@pytest.mark.parametrize("scale", [1.0, 2.0**31])
def test_samples_beyond_full_scale_and_rates_of_any_kind_of_number_are_heard(project, rate, scale):
    model, samples = modeling.load(trained("mfcc-linear")), voice()
    expected = model.predict(samples, sample_rate_hz=22_050).probabilities
    found = model.predict(samples * scale, sample_rate_hz=rate).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.filterwarnings("error")
def test_half_precision_is_heard_without_a_warning(project):
    model, samples = modeling.load(trained("mfcc-linear")), voice()
    expected, found = (model.predict(s, sample_rate_hz=16_000) for s in (samples, samples.astype(np.float16)))
    np.testing.assert_allclose(found.wave, expected.wave, atol=1e-2)


def test_a_folder_that_is_no_finished_run_is_a_sentence_that_names_those_there_are(project):
    folder = trained("constant")
    with pytest.raises(FileNotFoundError, match=f"no finished run, it lacks metrics.json.*below it: {folder}"):
        modeling.load(folder.parent)
    with pytest.raises(FileNotFoundError, match="name a folder runs/<profile>"):
        modeling.load(project / "nowhere")


def test_another_encoder_than_that_of_the_run_is_refused_and_the_right_one_can_be_named(project, tmp_path):
    run = shutil.copytree(trained("whisper-direct-attention"), tmp_path / "run")
    own, other = paths.encoders("toy") / "whisper", tmp_path / "other"
    shutil.copytree(own, other)
    save_file(dict(encoder.build(TINY["whisper"]).model.state_dict()), other / "model.safetensors")
    wave = {"source": voice(), "sample_rate_hz": 16_000}
    with pytest.raises(ValueError, match=f"frames of the encoder whisper whose weights .* not here .{other} has"):
        modeling.load(run, weights=other).predict(**wave)
    expected = modeling.load(run).predict(**wave).probabilities
    shutil.copytree(own, tmp_path / "elsewhere")
    found = modeling.load(run, weights=tmp_path / "elsewhere").predict(**wave).probabilities
    pd.testing.assert_series_equal(found, expected)


def test_weights_of_another_network_are_refused(project, tmp_path):
    run = shutil.copytree(trained("logmel32-cnn3-mean"), tmp_path / "run")
    shutil.copy(trained("mfcc-cnn3-mean") / "model.safetensors", run)
    with pytest.raises(ValueError, match="do not fit its config.json"):
        modeling.load(run)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_weights_of_another_network_of_the_same_shapes_are_refused(project, tmp_path, file):
    run = shutil.copytree(trained("logmel-resnet8-mean"), tmp_path / "run")
    shutil.copy(trained("logmel-plain8-mean") / file, run)
    said = f"{run}/{file} is of logmel-plain8-mean, and {run}/run.json of logmel-resnet8-mean.*train it again"
    with pytest.raises(ValueError, match=said):
        modeling.load(run)


@pytest.mark.parametrize("pipeline", ["mfcc-linear", "constant", "logmel32-cnn3-mean"])
def test_weights_that_do_not_fit_are_refused_by_name(project, tmp_path, pipeline):
    run = shutil.copytree(trained(pipeline), tmp_path / "run")
    file = run / "model.safetensors"
    kept = load_file(file)
    first, last = min(kept), max(kept)
    save_file({f"{name}.old": value for name, value in kept.items()}, file)  # as older runs: without metadata
    more = f" and {len(kept) - 5} more" if len(kept) > 5 else ""
    with pytest.raises(ValueError, match=rf"{file} do not fit .*missing: {first}.*{more}; unexpected: {first}\.old"):
        modeling.load(run)
    save_file(kept | {last: torch.zeros(99, 99)}, file)
    with pytest.raises(ValueError, match=rf"of another shape: .*{last} \(expected \[.*\], found \[99, 99\]"):
        modeling.load(run)


@pytest.mark.parametrize("pipeline", ["mfcc-linear", "logmel32-cnn3-mean"])
@pytest.mark.parametrize(
    ("name", "kept", "reason"),
    [
        ("model.safetensors", 0, "no complete safetensors file"),
        ("model.safetensors", 0.1, "no complete safetensors file"),
        ("model.safetensors", 0.9, "no complete safetensors file"),
        ("config.json", 0, "no JSON"),
        ("config.json", 0.5, "no JSON"),
        ("run.json", 0.5, "no JSON"),
    ],
)
def test_a_damaged_file_of_a_run_is_named(project, tmp_path, capsys, pipeline, name, kept, reason):
    run = shutil.copytree(trained(pipeline), tmp_path / "run")
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=f"{run / name} is {reason}"):
        modeling.load(run)
    assert main(["predict", str(run), "a.wav"]) == 2
    assert f"{run / name} is {reason}" in capsys.readouterr().err


def test_parts_that_are_no_pipeline_any_more_are_named_with_their_file(project, tmp_path):
    run = shutil.copytree(trained("mfcc-linear"), tmp_path / "run")
    made = storage.read_json(run / "run.json")
    made["made_from"]["parts"]["temporal"] = "gru"
    storage.write_json(run / "run.json", made)
    with pytest.raises(ValueError, match=f"{run}/run.json .*temporal: expected one of none, lstm.*train it again"):
        modeling.load(run)


def test_a_pickle_of_an_older_version_is_not_opened(project, tmp_path):
    run = shutil.copytree(trained("mfcc-linear"), tmp_path / "run")
    (run / "model.safetensors").rename(run / "model.joblib")
    with pytest.raises(FileNotFoundError, match=r"lacks model\.safetensors: model\.joblib .* train the row again"):
        modeling.load(run)


def test_a_run_of_an_older_version_is_a_sentence(project, tmp_path):
    run = shutil.copytree(trained("logmel32-cnn3-mean"), tmp_path / "run")
    said = storage.read_json(run / "config.json")
    storage.write_json(run / "config.json", {"labels": said["labels"], "features": said["features"], "bands": 64})
    with pytest.raises(ValueError, match="trained by another version of the code.*train it again"):
        modeling.load(run)


class TestCommand:
    def test_prints_a_table_and_names_what_it_cannot_hear(self, project, tmp_path, capsys):
        file = project / "raw" / corpus_index.load("toy").file[0]
        (tmp_path / "bad.wav").write_bytes(b"no audio")
        missing = tmp_path / "missing.wav"
        run = trained("logmel-cnn3-flatten")
        assert main(["predict", str(run), str(tmp_path / "bad.wav"), str(file), str(missing)]) == 1
        said = capsys.readouterr()
        assert f"{tmp_path / 'bad.wav'}: undecodable" in said.err
        assert f"{missing}: No such file or directory" in said.err and "2 of 3 files" in said.err
        head, line = said.out.splitlines()
        assert head.split() == ["file", "emotion", *modeling.load(run).labels] and line.split()[0] == str(file)

    @pytest.mark.parametrize(("form", "read"), [("--json", pd.read_json), ("--csv", pd.read_csv)])
    def test_writes_what_machines_read(self, project, capsys, form, read):
        files = [str(project / "raw" / file) for file in corpus_index.load("toy").file[:3]]
        run = trained("logmel-cnn3-flatten")
        assert main(["predict", str(run), *files, form]) == 0
        said = capsys.readouterr()
        table = read(io.StringIO(said.out))
        model = modeling.load(run)
        expected = [model.predict(file) for file in files]
        assert table.file.tolist() == files and table.emotion.tolist() == [said.emotion for said in expected]
        for (_, line), said in zip(table.iterrows(), expected, strict=True):  # six decimals: their sum may miss 1
            given = said.probabilities[model.labels].to_numpy()
            np.testing.assert_allclose(line[model.labels].astype(float), given, rtol=0, atol=0.51e-6)

    @pytest.mark.parametrize(("form", "printed"), [("--json", "[]"), ("--csv", "file,emotion,{labels}"), (None, "")])
    def test_writes_what_machines_read_where_no_file_can_be_heard(self, project, tmp_path, capsys, form, printed):
        run = trained("constant")
        assert main(["predict", str(run), str(tmp_path / "none.wav"), *([form] if form else [])]) == 1
        labels = ",".join(modeling.load(run).labels)
        assert capsys.readouterr().out.strip() == printed.replace("{labels}", labels)

    def test_says_in_a_sentence_that_a_package_is_missing_and_so_does_the_button(
        self, project, tmp_path, capsys, monkeypatch
    ):
        run, file = tmp_path / "egemaps-linear", project / "raw" / corpus_index.load("toy").file[0]
        shutil.copytree(trained("mfcc-linear"), run)
        made = storage.read_json(run / "run.json")
        made["made_from"]["parts"]["branch"] = "egemaps"
        storage.write_json(run / "run.json", made)
        monkeypatch.setitem(sys.modules, "opensmile", None)
        functionals._smile.cache_clear()
        assert main(["predict", str(run), str(file)]) == 1
        sentence = "eGeMAPS needs openSMILE: pip install -e '.[egemaps]' (its licence allows research and private use"
        assert f"{file}: {sentence}" in capsys.readouterr().err
        sent = {"name": "me.wav", "content": file.read_bytes()}
        (widget,) = uploads.hear([sent], model=modeling.load(run))
        assert html.unescape(widget.value).startswith(f"me.wav cannot be heard: {sentence}")

    def test_says_in_a_sentence_that_there_is_no_run(self, project, capsys):
        assert main(["predict", str(project / "nowhere"), "a.wav"]) == 2
        assert "is no finished run, it lacks metrics.json" in capsys.readouterr().err
