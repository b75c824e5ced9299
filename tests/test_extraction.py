"""Features against librosa and by properties: values, true lengths, shapes, and the stores that hold them."""

import importlib.util
import shutil
import sys

import librosa
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import voice

from emolabs import paths, storage
from emolabs.extraction import embeddings, functionals, spectrograms, store
from emolabs.extraction.spectrograms import LogMel, MelPower, extract, fit
from emolabs.modeling import encoder, untrained
from emolabs.standardization.waveforms import Waveforms

RATE_HZ = 16_000
SOUNDS = {
    "noise": 0.1 * np.random.default_rng(0).standard_normal(2 * RATE_HZ),
    "voice": voice(3, duration_s=2),
    "voice with a pause": np.concatenate([voice(4), np.zeros(RATE_HZ), voice(5)]),
}
DURATIONS_S = [0.05, 1.0, 3.999, 4.0, 5.5]


@pytest.fixture
def waveforms(project) -> Waveforms:
    """A store of five clips, of which one is longer than the crop and one as short as 50 ms."""
    waves = [np.rint(voice(i, duration_s=s) * 32_767).astype(np.int16) for i, s in enumerate(DURATIONS_S)]
    lengths = [len(wave) for wave in waves]
    clips = pd.DataFrame({"path": [f"c/{i}" for i in range(5)], "corpus": "c"})
    clips = clips.assign(id=[f"id{i}" for i in range(5)], start=np.cumsum([0, *lengths[:-1]]), length=lengths)
    return Waveforms(project / "0123456789abcdef", clips, np.concatenate(waves), RATE_HZ)


def log_mel(wave: np.ndarray, parameters: LogMel) -> np.ndarray:
    mel = MelPower(parameters, sample_rate_hz=RATE_HZ)
    return extract(torch.from_numpy(wave.astype(np.float32))[None], mel=mel)[0].numpy()


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("bands", [32, 64, 128])
def test_the_mel_spectrogram_is_that_of_librosa(sound, bands):
    wave = SOUNDS[sound].astype(np.float32)
    mel = MelPower(LogMel(bands=bands), sample_rate_hz=RATE_HZ)
    expected = librosa.feature.melspectrogram(
        y=wave, sr=RATE_HZ, n_fft=1024, hop_length=256, n_mels=bands, power=2.0, pad_mode="constant"
    )
    found = mel(torch.from_numpy(wave)).numpy()
    assert found.shape == expected.shape == (bands, 1 + len(wave) // 256)
    loud = expected > 1e-8 * expected.max()  # under that, rounding of float32 decides
    assert loud.mean() > 0.3
    assert (np.abs(found - expected)[loud] / expected[loud]).max() < 1e-3


@pytest.mark.parametrize("sound", SOUNDS)
def test_decibels_are_relative_to_full_scale_squared_with_a_floor(sound):
    wave = SOUNDS[sound].astype(np.float32)
    mel = librosa.feature.melspectrogram(y=wave, sr=RATE_HZ, n_fft=1024, hop_length=256, n_mels=64, pad_mode="constant")
    expected = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None)
    found = log_mel(wave, LogMel())
    audible = expected > expected.max() - 70
    assert np.abs(found - expected)[audible].max() < 0.01
    assert found.min() >= -100


def test_silence_is_the_floor():
    assert np.allclose(log_mel(np.zeros(RATE_HZ), LogMel()), -100)


def test_a_tone_is_loudest_in_its_band_and_a_click_in_its_frame():
    bands_hz = librosa.mel_frequencies(n_mels=66, fmin=0, fmax=RATE_HZ / 2)[1:-1]
    tone = np.sin(2 * np.pi * 1_000 * np.arange(RATE_HZ) / RATE_HZ)
    assert np.abs(log_mel(tone, LogMel()).mean(axis=1).argmax() - np.abs(bands_hz - 1_000).argmin()) <= 1
    click = np.zeros(RATE_HZ)
    click[20 * 256] = 1  # frame t is centred on sample t * hop
    assert log_mel(click, LogMel()).mean(axis=0).argmax() == 20


def test_a_clip_alone_and_in_a_batch_has_the_same_features():
    waves = np.stack([voice(i, duration_s=1) for i in range(3)]).astype(np.float32)
    batch = extract(torch.from_numpy(waves), mel=MelPower(LogMel(), sample_rate_hz=RATE_HZ)).numpy()
    for i in range(3):
        assert np.allclose(batch[i], log_mel(waves[i], LogMel()), atol=1e-3)


@pytest.mark.parametrize(
    ("n", "samples", "expected", "length"),
    [
        (4, 6, [0, 1, 2, 3, -1, -1], 4),
        (6, 6, [0, 1, 2, 3, 4, 5], 6),
        (7, 6, [0, 1, 2, 3, 4, 5], 6),
        (8, 6, [1, 2, 3, 4, 5, 6], 6),
        (11, 4, [3, 4, 5, 6], 4),
        (0, 2, [-1, -1], 0),
    ],
)
def test_long_clips_are_cropped_around_the_centre_and_short_ones_padded_on_the_right(n, samples, expected, length):
    fitted, true_length = fit(np.arange(1, n + 1), samples=samples)
    assert list(fitted - 1) == expected and true_length == length


def test_the_store_has_every_clip_with_its_true_length(waveforms):
    features = spectrograms.build(waveforms, profile="tiny", parameters=LogMel())
    assert features.values.shape == (5, 64, 251) and features.values.dtype == np.float16
    assert isinstance(features.values, np.memmap) and not features.values.flags.writeable
    assert list(features.clips.id) == list(waveforms.clips.id) and list(features.clips.path) == list(
        waveforms.clips.path
    )
    assert list(features.clips.length) == [1 + int(min(s, 4) * RATE_HZ) // 256 for s in DURATIONS_S]
    assert list(features.clips.cropped) == [False, False, False, False, True]
    assert features.parameters["waveforms"] == waveforms.folder.name and features.parameters["bands"] == 64
    assert features.folder == paths.features("tiny", "logmel") / features.digest
    for i in range(5):
        expected = log_mel(fit(waveforms.wave(i), samples=4 * RATE_HZ)[0], LogMel())
        assert np.abs(features.values[i] - expected).max() < 0.05  # a half float between 64 and 128 resolves 1/16


def test_frames_after_the_true_length_hold_nothing_of_the_clip(waveforms):
    features = spectrograms.build(waveforms, profile="tiny", parameters=LogMel())
    for values, length in zip(features.values, features.clips.length, strict=True):
        assert (values[:, length + 2 :] == -100).all()  # a window of 1024 reaches two hops further
        assert values[:, :length].max() > -50


def test_parameters_and_waveforms_decide_the_name_of_a_store_and_a_second_build_makes_nothing(waveforms, monkeypatch):
    first = spectrograms.build(waveforms, profile="tiny", parameters=LogMel())
    others = [
        spectrograms.build(waveforms, profile="tiny", parameters=LogMel(bands=32)),
        spectrograms.build(waveforms, profile="tiny", parameters=LogMel(crop_s=2.0)),
        spectrograms.build(
            Waveforms(paths.ROOT / "fedcba9876543210", waveforms.clips, waveforms.samples, RATE_HZ),
            profile="tiny",
            parameters=LogMel(),
        ),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 4
    assert others[0].values.shape == (5, 32, 251) and others[1].values.shape == (5, 64, 126)
    monkeypatch.setattr(spectrograms, "extract", None)
    again = spectrograms.build(waveforms, profile="tiny", parameters=LogMel())
    assert again.digest == first.digest and store.load("tiny", branch="logmel").digest == first.digest


def build_store(batches: list[np.ndarray], *, clips: int, shape: tuple[int, ...] = (2, 3)) -> store.Features:
    table = pd.DataFrame({"id": [str(i) for i in range(clips)]})
    about = {"shape": shape, "dtype": "float32", "branch": "mfcc", "profile": "tiny", "made_from": {"clips": clips}}
    return store.build(iter(batches), clips=table, **about)


@pytest.mark.parametrize("sizes", [[4, 4], [4, 4, 4], [4, 6, 1], [], [10, 4]])
def test_batches_that_do_not_add_up_are_an_error_and_leave_no_store(project, sizes):
    with pytest.raises(ValueError, match=f"the mfcc store expected 10 clips and got {sum(sizes)}"):
        build_store([np.ones((size, 2, 3)) for size in sizes], clips=10)
    assert list(paths.features("tiny", "mfcc").iterdir()) == []


@pytest.mark.parametrize("shape", [(3, 2), (1, 3), (2,)])
def test_features_of_another_shape_are_an_error_and_leave_no_store(project, shape):
    with pytest.raises(ValueError, match=r"expected features of shape \(2, 3\) a row, got .* after 2 clips"):
        build_store([np.ones((2, 2, 3)), np.ones((2, *shape))], clips=4)
    assert list(paths.features("tiny", "mfcc").iterdir()) == []


def test_a_store_keeps_order_and_values_whatever_the_layout_in_memory(project):
    values = np.random.default_rng(0).standard_normal((7, 2, 3))
    features = build_store([np.asfortranarray(values[:3]), values[3:, ::-1][:, ::-1]], clips=7)
    assert features.values.dtype == np.float32 and np.array_equal(features.values, values.astype(np.float32))
    assert list(features.clips.id) == list("0123456") and storage.read_json(features.folder / "store.json") == {
        "clips": 7
    }


def test_mfcc_are_means_and_deviations_of_librosas():
    wave = voice(1, duration_s=1).astype(np.float32)
    found = functionals.mfcc(wave, sample_rate_hz=RATE_HZ)
    expected = librosa.feature.mfcc(y=wave, sr=RATE_HZ, n_mfcc=20, n_fft=512, hop_length=160, n_mels=40)
    delta = librosa.feature.delta(expected)
    assert found.shape == (120,) and found.dtype == np.float32
    assert np.allclose(found[:20], expected.mean(axis=1), rtol=1e-4)
    assert np.allclose(found[20:40], delta.mean(axis=1), atol=1e-4)
    assert np.allclose(found[60:80], expected.std(axis=1), rtol=1e-4)


NEEDED = {branch: chosen.package for branch, chosen in functionals.SETS.items()}


@pytest.mark.parametrize("duration_s", [0.01, 0.02, 0.05, 0.09, 1.0])
@pytest.mark.parametrize("branch", functionals.SETS)
def test_functionals_of_clips_of_any_length_are_finite_and_of_the_stated_size(branch, duration_s):
    if not importlib.util.find_spec(NEEDED[branch]):
        pytest.skip(f"{NEEDED[branch]} is not installed")
    chosen = functionals.SETS[branch]
    wave = voice(2, duration_s=duration_s).astype(np.float32)
    values = chosen.compute(wave, sample_rate_hz=RATE_HZ)
    assert values.shape == (chosen.size,) == ({"mfcc": 120, "egemaps": 88}[branch],)
    assert values.dtype == np.float32 and np.isfinite(values).all() and np.abs(values).max() < 1e6


@pytest.mark.parametrize("branch", functionals.SETS)
def test_functionals_of_silence_are_finite(branch):
    if not importlib.util.find_spec(NEEDED[branch]):
        pytest.skip(f"{NEEDED[branch]} is not installed")
    values = functionals.SETS[branch].compute(np.zeros(RATE_HZ, dtype=np.float32), sample_rate_hz=RATE_HZ)
    assert np.isfinite(values).all() and np.abs(values).max() < 1e6


def test_egemaps_hear_the_pitch_and_the_level():
    pytest.importorskip("opensmile")
    functionals._smile.cache_clear()
    names = functionals._smile().feature_names
    pitch, level = names.index("F0semitoneFrom27.5Hz_sma3nz_amean"), names.index("loudness_sma3_amean")
    low, high = (
        functionals.egemaps(voice(i, duration_s=1).astype(np.float32), sample_rate_hz=RATE_HZ) for i in (0, 15)
    )
    assert low[pitch] == pytest.approx(12 * np.log2(100 / 27.5), abs=1)
    assert high[pitch] - low[pitch] == pytest.approx(12 * np.log2(205 / 100), abs=1)
    soft = functionals.egemaps(voice(0, duration_s=1).astype(np.float32) / 10, sample_rate_hz=RATE_HZ)
    assert soft[level] < low[level]


def test_what_egemaps_leaves_undefined_is_zero(monkeypatch):
    class Smile:
        def process_signal(self, _wave, _sample_rate_hz):
            return pd.DataFrame([[np.nan, np.inf, -np.inf, 1.5]])

    monkeypatch.setattr(functionals, "_smile", Smile)
    assert list(functionals.egemaps(np.zeros(10, dtype=np.float32), sample_rate_hz=RATE_HZ)) == [0, 0, 0, 1.5]


def test_a_missing_opensmile_is_a_sentence(monkeypatch):
    functionals._smile.cache_clear()
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(ImportError, match=r"eGeMAPS needs openSMILE: pip install -e '\.\[egemaps\]'"):
        functionals.egemaps(np.zeros(RATE_HZ, dtype=np.float32), sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_store_of_functionals_covers_whole_clips(waveforms, workers):
    features = functionals.build(waveforms, branch="mfcc", profile="tiny", workers=workers)
    assert features.values.shape == (5, 120) and list(features.clips.id) == list(waveforms.clips.id)
    for i in range(5):
        expected = functionals.mfcc(waveforms.wave(i), sample_rate_hz=RATE_HZ)
        assert np.allclose(features.values[i], expected, rtol=1e-4, atol=1e-4)


def test_no_store_names_the_notebook_that_makes_it(project):
    notebooks = {"logmel": "22_spectrograms", "mfcc": "23_functionals", "hubert-pooled": "21_embeddings"}
    for branch, notebook in notebooks.items():
        with pytest.raises(FileNotFoundError, match=f"no complete store under .*: run notebooks/{notebook}.ipynb"):
            store.load("tiny", branch=branch)


class TestEmbeddings:
    @pytest.fixture(params=["whisper", "wav2vec2", "hubert"])
    def branch(self, request) -> str:
        return request.param

    def build(self, waveforms, branch, **options) -> tuple[store.Features, store.Features]:
        source = untrained.choose(branch, given="untrained", profile="tiny")
        return embeddings.build(waveforms, profile="tiny", branch=branch, source=source, **options)

    def alone(self, waveforms, branch) -> list[tuple[np.ndarray, np.ndarray]]:
        """All layers [frames, layers, size] and statistics [layers, 2 · size] of each clip by itself."""
        model = encoder.load(untrained.choose(branch, given="untrained", profile="tiny"))
        heard = []
        for i in range(len(waveforms.clips)):
            wave = torch.from_numpy(waveforms.wave(i))[None]
            with torch.inference_mode():
                layers = torch.stack([x[0] for x in model(wave, torch.tensor([wave.shape[1]]))[0]], dim=1).numpy()
            heard.append((layers, np.concatenate([layers.mean(axis=0), layers.std(axis=0)], axis=1)))
        return heard

    def test_stores_hold_the_frames_of_all_layers_and_their_statistics(self, waveforms, branch):
        _, pooled = self.build(waveforms, branch, layer=1, every_layer=True)
        frames = store.load("tiny", branch=branch, variant="layers")
        expected = self.alone(waveforms, branch)
        model = encoder.load(untrained.choose(branch, given="untrained", profile="tiny"))
        assert frames.is_flat and not pooled.is_flat and frames.values.dtype == np.float16
        assert pooled.values.shape == (5, 3, 64) and pooled.values.dtype == np.float32
        assert list(frames.clips.id) == list(pooled.clips.id) == list(waveforms.clips.id)
        assert list(frames.clips.length) == [len(layers) for layers, _ in expected]
        assert len(frames.values) == frames.clips.length.sum()
        for i, (layers, statistics) in enumerate(expected):
            assert np.allclose(frames.frames(i), layers, atol=2e-3 * np.abs(layers).max())  # half precision
            assert np.allclose(pooled.values[i], statistics, atol=1e-4)
            assert np.allclose(embeddings.hear(waveforms.wave(i), model=model), layers, atol=1e-5)

    def test_one_layer_is_that_of_all_and_the_statistics_are_not_made_again(self, waveforms, branch):
        _, pooled = self.build(waveforms, branch, layer=0, every_layer=True)
        every = store.load("tiny", branch=branch, variant="layers")
        made = (pooled.folder / "features.npy").stat().st_mtime_ns
        one, again = self.build(waveforms, branch, layer=1)
        assert np.array_equal(one.values, every.values[:, 1])
        assert again.digest == pooled.digest and (again.folder / "features.npy").stat().st_mtime_ns == made
        assert store.load("tiny", branch=branch).digest == one.digest != every.digest
        assert one.parameters["encoder"]["weights"] and one.parameters["layer"] == 1

    def test_what_is_complete_is_not_heard_again_and_other_weights_are(self, waveforms, monkeypatch, tmp_path):
        first = self.build(waveforms, "whisper", layer=2)
        other = untrained.make("whisper", folder=tmp_path / "other", seed=1)
        changed = embeddings.build(waveforms, profile="tiny", branch="whisper", source=other, layer=2)
        assert {f.digest for f in first}.isdisjoint(f.digest for f in changed)
        monkeypatch.setattr(embeddings, "_hear", None)
        assert [f.digest for f in self.build(waveforms, "whisper", layer=2)] == [f.digest for f in first]

    def test_batches_of_any_size_give_the_same_and_an_error_leaves_nothing(self, waveforms, branch, monkeypatch):
        monkeypatch.setitem(embeddings._BATCH_S, "cpu", 0.1)  # every clip by itself
        expected = [np.array(f.values) for f in self.build(waveforms, branch, layer=1)]
        for name in (branch, f"{branch}-pooled"):
            shutil.rmtree(paths.features("tiny", name))
        monkeypatch.setitem(embeddings._BATCH_S, "cpu", 1e9)  # all at once
        with monkeypatch.context() as patched:
            patched.setattr(embeddings, "_pool", None)
            with pytest.raises(TypeError):
                self.build(waveforms, branch, layer=1)
        left = [*paths.features("tiny", branch).iterdir(), *paths.features("tiny", f"{branch}-pooled").iterdir()]
        assert left == []
        for values, feature in zip(expected, self.build(waveforms, branch, layer=1), strict=True):
            assert np.allclose(feature.values, values, atol=2e-3 * np.abs(values).max())

    def test_long_clips_are_cropped_around_their_centre_and_counted(self, waveforms):
        frames, _ = self.build(waveforms, "whisper", layer=0, crop_s=2.0)
        assert list(frames.clips.cropped) == [False, False, True, True, True]
        centre = waveforms.wave(4)[RATE_HZ * 7 // 4 : RATE_HZ * 15 // 4]
        model = encoder.load(untrained.choose("whisper", given="untrained", profile="tiny"))
        with torch.inference_mode():
            expected = model(torch.from_numpy(centre)[None], torch.tensor([2 * RATE_HZ]))[0][0][0].numpy()
        assert np.allclose(frames.frames(4), expected, atol=2e-3 * np.abs(expected).max())

    def test_a_batch_that_is_too_large_for_the_memory_is_halved(self, waveforms, monkeypatch, capsys):
        expected = [np.array(f.values) for f in self.build(waveforms, "whisper", layer=1)]
        for name in ("whisper", "whisper-pooled"):
            shutil.rmtree(paths.features("tiny", name))
        forward = encoder.Encoder.forward

        def narrow(model, waves, lengths):
            if len(waves) > 1:
                raise torch.OutOfMemoryError("out of memory")
            return forward(model, waves, lengths)

        monkeypatch.setattr(encoder.Encoder, "forward", narrow)
        monkeypatch.setitem(embeddings._BATCH_S, "cpu", 1e9)
        again = self.build(waveforms, "whisper", layer=1)
        for feature, values in zip(again, expected, strict=True):
            assert np.allclose(feature.values, values, atol=2e-3 * np.abs(values).max())
        assert "out of GPU memory with 5 clips at once: going on with half as many" in capsys.readouterr().out

    def test_frames_that_repeat_are_alike_and_opposite_ones_are_not(self):
        frames = np.array([[1, 0], [3, 0], [1, 0], [2, 5], [2, -5]], np.float16) + 7
        found = embeddings.similarity(frames)
        assert np.allclose(found, found.T) and np.allclose(np.diag(found), 1, atol=1e-5)
        assert found[0, 2] > 0.99 and found[3, 4] < -0.9

    def test_a_layer_that_is_not_there_is_a_sentence(self, waveforms):
        with pytest.raises(ValueError, match=r"expected a layer from 0 to 2 of untrained-whisper, found 3"):
            self.build(waveforms, "whisper", layer=3)
