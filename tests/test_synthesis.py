"""The embedded corpora: complete, reproducible to the byte, sound as audio, and with emotions that can be measured."""

import ctypes
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch
from torchaudio.functional import detect_pitch_frequency

from emolabs import paths
from emolabs.corpora import espeak, synthesis

EXPECTED_CLIPS = {"emosynth-en": 840, "emosynth-de": 720}  # 10 voices, 6 sentences, 7 or 6 emotions, 2 takes
#: Two women and two men: en3 has breath, which is noise, and the least expressive voice is among them.
PROBE_VOICES = {"emosynth-en": ("en3", "en6"), "emosynth-de": ("de1", "de2")}
KEYS = sorted(EXPECTED_CLIPS)


def probe_clips(key: str) -> list[synthesis.Clip]:
    """One sentence of two voices with every emotion, both takes."""
    return [clip for clip in synthesis.clips(key) if clip.voice in PROBE_VOICES[key] and "_s2_" in clip.name]


@pytest.fixture(scope="module")
def probes(tmp_path_factory) -> Path:
    """A folder with the probe clips of both corpora, made in this process."""
    root = tmp_path_factory.mktemp("probes")
    for key in KEYS:
        names = [clip.name for clip in probe_clips(key)]
        assert synthesis.synthesize(key, folder=root / key, names=names, workers=1) == len(names)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("key", KEYS)
def test_clips_are_complete_and_balanced(key):
    clips = synthesis.clips(key)
    language = key.removeprefix("emosynth-")
    assert len(clips) == len({clip.name for clip in clips}) == EXPECTED_CLIPS[key]
    assert {clip.voice for clip in clips} == {f"{language}{number}" for number in range(1, 11)}
    # five of each sex, so that each of five folds has a woman and a man
    assert Counter(sex for _, sex in {(clip.voice, clip.sex) for clip in clips}) == {"female": 5, "male": 5}
    assert len({clip.text for clip in clips}) == 6
    assert len(set(Counter((clip.voice, clip.text, clip.emotion) for clip in clips).values())) == 1
    assert all(f"{clip.voice}_s" in clip.name and clip.name.endswith(f"_{clip.emotion}_{clip.take}") for clip in clips)


def test_names_and_emotions():
    english, german = synthesis.clips("emosynth-en"), synthesis.clips("emosynth-de")
    assert "en3_s2_anger_1" in {clip.name for clip in english}
    assert {clip.emotion for clip in english} - {clip.emotion for clip in german} == {"surprise"}
    assert any(letter in text for text in synthesis.SENTENCES["de"] for letter in "äöü")


@pytest.mark.parametrize("key", KEYS)
def test_voices_differ(key):
    voices = [voice for voice in synthesis.VOICES.values() if voice.language == synthesis.LANGUAGES[key]]
    assert len({voice.espeak for voice in voices}) == len(voices)


def test_unknown_key_and_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="emosynth-fr.*expected one of emosynth-en, emosynth-de"):
        synthesis.clips("emosynth-fr")
    with pytest.raises(ValueError, match="emosynth-en has no clip en11_s1_anger_1"):
        synthesis.synthesize("emosynth-en", folder=tmp_path, names=["en11_s1_anger_1"])


@pytest.mark.parametrize("key", KEYS)
def test_audio_is_sound(probes, key):
    for file in sorted((probes / key).iterdir()):
        info = soundfile.info(file)
        assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_16", 22_050, 1)
        signal, _ = soundfile.read(file)
        assert 1 < info.duration < 4, file.name
        assert np.abs(signal).max() <= 10 ** (-1 / 20), file.name
        assert signal.std() > 10 ** (-40 / 20), file.name


@pytest.mark.parametrize("key", KEYS)
def test_espeak_leaves_headroom(key):
    loudest = max(np.abs(synthesis._speak(clip, style=synthesis.prosody(clip))).max() for clip in probe_clips(key)[::2])
    assert 0.05 < loudest < 0.9


@pytest.mark.parametrize("key", KEYS)
def test_no_two_clips_are_equal(probes, key):
    pcm = [soundfile.read(file, dtype="int16")[0].tobytes() for file in (probes / key).iterdir()]
    assert len(set(pcm)) == len(pcm)


@pytest.mark.parametrize("key", KEYS)
def test_bytes_depend_neither_on_order_nor_on_processes(probes, tmp_path, key):
    names = [clip.name for clip in probe_clips(key)]
    for name in reversed(names):
        synthesis.synthesize(key, folder=tmp_path / "reversed", names=[name])
    synthesis.synthesize(key, folder=tmp_path / "parallel", names=names, workers=2)
    assert contents(tmp_path / "reversed") == contents(tmp_path / "parallel") == contents(probes / key)


def test_bytes_depend_neither_on_the_clock_nor_on_other_users_of_the_library(probes, tmp_path):
    file = _espeak_library_file()
    held = ctypes.CDLL(file)
    try:
        time.sleep(1.1)  # eSpeak would seed its noise with the second
        names = ["en3_s2_sadness_1", "en3_s2_fear_2"]
        synthesis.synthesize("emosynth-en", folder=tmp_path, names=names)
    finally:
        espeak._unload(held)
    assert contents(tmp_path) == {f"{n}.wav": (probes / "emosynth-en" / f"{n}.wav").read_bytes() for n in names}


def test_a_long_path_of_the_data_is_no_obstacle(probes, tmp_path, monkeypatch):
    import espeakng_loader

    deep = tmp_path / ("d" * 80) / ("e" * 80) / "espeak-ng-data"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(espeakng_loader.get_data_path())
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep))
    synthesis.synthesize("emosynth-de", folder=tmp_path / "out", names=["de2_s2_fear_1"])
    assert contents(tmp_path / "out").items() <= contents(probes / "emosynth-de").items()


def test_a_second_call_writes_nothing(probes):
    before = {file: file.stat().st_mtime_ns for file in (probes / "emosynth-en").iterdir()}
    names = [clip.name for clip in probe_clips("emosynth-en")]
    assert synthesis.synthesize("emosynth-en", folder=probes / "emosynth-en", names=names) == 0
    assert before == {file: file.stat().st_mtime_ns for file in (probes / "emosynth-en").iterdir()}


def test_truncated_outdated_and_partial_files_are_no_clips(probes, tmp_path, monkeypatch):
    names = ["en6_s2_anger_1", "en6_s2_fear_1", "en6_s2_neutral_1"]
    whole = {name: (probes / "emosynth-en" / f"{name}.wav").read_bytes() for name in names}
    (tmp_path / f"{names[0]}.wav").write_bytes(whole[names[0]][:-1000])
    (tmp_path / f".{names[1]}.wav.123.partial").write_bytes(whole[names[1]][:-1000])
    (tmp_path / f"{names[2]}.wav").write_bytes(whole[names[2]])
    assert synthesis.synthesize("emosynth-en", folder=tmp_path, names=names) == 2
    assert {name: (tmp_path / f"{name}.wav").read_bytes() for name in names} == whole

    monkeypatch.setattr(synthesis, "_recipe", lambda: "another recipe")
    assert synthesis.synthesize("emosynth-en", folder=tmp_path, names=names) == len(names)


@pytest.mark.parametrize("module", [synthesis, espeak])
def test_the_recipe_covers_every_module_that_decides_the_bytes(tmp_path, monkeypatch, module):
    before = synthesis._recipe()
    changed = tmp_path / "changed.py"
    changed.write_text(Path(module.__file__).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    monkeypatch.setattr(module, "__file__", str(changed))
    assert synthesis._recipe.__wrapped__() != before


def test_a_killed_process_leaves_whole_clips_only(probes, tmp_path):
    names = [clip.name for clip in probe_clips("emosynth-en")]
    code = "from emolabs.corpora import synthesis as s; from pathlib import Path; import sys; "
    code += "s.synthesize('emosynth-en', folder=Path(sys.argv[1]), names=sys.argv[2:], workers=1)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), *names], cwd=paths.ROOT, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and len(list(tmp_path.glob("*.wav"))) < 3:
        time.sleep(0.002)
    process.kill()
    process.wait()
    left = {name: data for name, data in contents(tmp_path).items() if name.endswith(".wav")}
    assert 3 <= len(left) < len(names)
    assert left.items() <= contents(probes / "emosynth-en").items()
    assert synthesis.synthesize("emosynth-en", folder=tmp_path, names=names) == len(names) - len(left)


def test_a_missing_package_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ImportError, match="espeakng-loader is not installed: run `pip install espeakng-loader`"):
        synthesis.synthesize("emosynth-en", folder=tmp_path, names=["en1_s1_anger_1"])


def test_a_missing_voice_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(synthesis.VOICES, "en1", synthesis.Voice("en", "female", "xx+f1", 50, 160, 1.0))
    with pytest.raises(RuntimeError, match="no voice xx"):
        synthesis.synthesize("emosynth-en", folder=tmp_path, names=["en1_s1_anger_1"])
    assert not list(tmp_path.iterdir())


def test_command_makes_both_corpora_and_refuses_what_it_does_not_know(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "RAW", tmp_path)
    monkeypatch.setattr(synthesis, "SENTENCES", {"en": ["Yes."], "de": ["Ja."]})
    monkeypatch.setattr(synthesis, "VOICES", {name: synthesis.VOICES[name] for name in ("en1", "de1")})
    monkeypatch.setattr(sys, "argv", ["synthesis", "--unknown"])
    with pytest.raises(SystemExit):
        synthesis.main()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(sys, "argv", ["synthesis"])
    synthesis.main()
    assert {folder.name: len(list(folder.glob("*.wav"))) for folder in tmp_path.iterdir()} == {
        "emosynth-en": 14,
        "emosynth-de": 12,
    }
    assert "14 clips" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("measure", "more", "less", "margin"),
    [
        ("level_db", "anger", "sadness", 4),
        ("level_db", "happiness", "sadness", 2),
        ("duration_s", "sadness", "anger", 0.2),
        ("duration_s", "sadness", "fear", 0.2),
        ("pitch_st", "happiness", "sadness", 1),
        ("pitch_st", "surprise", "neutral", 1),
        ("pitch_st", "fear", "disgust", 1),
        ("centroid_hz", "anger", "sadness", 100),
    ],
)
def test_emotions_can_be_measured(measurements, measure, more, less, margin):
    compared = 0
    for (voice, emotion), values in measurements.items():
        if emotion == more and (voice, less) in measurements:
            assert values[measure] > measurements[voice, less][measure] + margin, voice
            compared += 1
    assert compared >= 2


@pytest.fixture(scope="module")
def measurements(probes) -> dict[tuple[str, str], dict[str, float]]:
    """Mean over the takes of what is measured in the audio, by voice and emotion."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for key in KEYS:
        for clip in probe_clips(key):
            values = _measure(probes / key / f"{clip.name}.wav")
            found.setdefault((clip.voice, clip.emotion), []).append(values)
    return {pair: {name: np.mean([take[name] for take in takes]) for name in takes[0]} for pair, takes in found.items()}


def _measure(file: Path) -> dict[str, float]:
    signal, rate_hz = soundfile.read(file, dtype="float32")
    rms = librosa.feature.rms(y=signal)[0]
    # not librosa's yin: numba compiles it, and processes that do so at once for the first time can tear its cache
    f0_hz = detect_pitch_frequency(
        torch.from_numpy(signal), rate_hz, frame_time=0.01, freq_low=60, freq_high=500
    ).numpy()
    frames = np.minimum(np.arange(len(f0_hz)) * rate_hz // (100 * 512), len(rms) - 1)
    return {
        "level_db": 20 * np.log10(signal.std()),
        "duration_s": len(signal) / rate_hz,
        "pitch_st": 12 * np.log2(np.median(f0_hz[rms[frames] > 0.3 * rms.max()])),
        "centroid_hz": np.average(librosa.feature.spectral_centroid(y=signal, sr=rate_hz)[0], weights=rms),
    }


def _espeak_library_file() -> str:
    import espeakng_loader

    return espeakng_loader.get_library_path()
