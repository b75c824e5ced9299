"""The normalized waveform against BS.1770-4 as published and by properties; its store against the waveforms."""

import errno
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyebur128
import pytest
import scipy.signal
import soundfile
from conftest import Raw, voice

from emolabs import paths
from emolabs.corpora import REGISTRY, index
from emolabs.standardization import Normalization, loudness, normalize, normalize_file, sample_id, true_peak, waveforms

STEPS = Normalization()
NOTHING = Normalization(remove_dc=False, trim=False, equalize_loudness=False, bound_peak=False)
#: ITU-R BS.1770-4, tables 1 and 2: the two stages of the K-weighting at 48 kHz, numerator and denominator.
SHELF = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]
HIGHPASS = [1, -2, 1], [1, -1.99004745483398, 0.99007225036621]


def bs1770(wave: np.ndarray) -> float:
    """Integrated loudness of `wave` [samples] at 48 kHz in LKFS: K-weighting, blocks of 400 ms, both gates."""
    weighted = scipy.signal.lfilter(*HIGHPASS, scipy.signal.lfilter(*SHELF, wave))
    power = np.array([np.mean(weighted[i : i + 19_200] ** 2) for i in range(0, len(wave) - 19_199, 4_800)])
    level = -0.691 + 10 * np.log10(power + 1e-20)
    relative_gate = -0.691 + 10 * np.log10(power[level > -70].mean()) - 10
    return -0.691 + 10 * np.log10(power[(level > -70) & (level > relative_gate)].mean())


def at_48_khz(wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    return scipy.signal.resample(wave, round(len(wave) * 48_000 / sample_rate_hz))


def db(value: float) -> float:
    return 20 * np.log10(value)


def mono(wave: np.ndarray) -> np.ndarray:
    return np.asarray(wave, dtype=np.float32)[:, None]


def with_pauses(sample_rate_hz: int) -> np.ndarray:
    """Two seconds of voice, a second of a much softer one, which the relative gate drops, and silence."""
    loud, soft = voice(1, duration_s=2, sample_rate_hz=sample_rate_hz), voice(2, sample_rate_hz=sample_rate_hz) / 100
    return np.concatenate([loud, soft, soft, np.zeros(sample_rate_hz)])


SOUNDS = {
    "voice": lambda rate: voice(3, duration_s=3, sample_rate_hz=rate),
    "pauses": with_pauses,
    "noise": lambda rate: 0.05 * np.random.default_rng(0).standard_normal(3 * rate),
}


@pytest.mark.parametrize("sample_rate_hz", [16_000, 48_000])
def test_a_sine_of_997_hz_reads_as_the_standard_says(sample_rate_hz):
    time_s = np.arange(5 * sample_rate_hz) / sample_rate_hz
    sine = np.sin(2 * np.pi * 997 * time_s)
    # BS.1770-4: at 0 dBFS in one front channel -3.01 LKFS
    assert loudness(sine, sample_rate_hz=sample_rate_hz) == pytest.approx(-3.01, abs=0.1)
    assert loudness(0.1 * sine, sample_rate_hz=sample_rate_hz) == pytest.approx(-23.01, abs=0.1)


@pytest.mark.parametrize("frequency_hz", [30, 60, 200, 997, 2_000, 6_000])
def test_a_tone_is_weighted_by_its_frequency(frequency_hz):
    sine = 0.1 * np.sin(2 * np.pi * frequency_hz * np.arange(3 * 48_000) / 48_000)
    assert loudness(sine, sample_rate_hz=48_000) == pytest.approx(bs1770(sine), abs=0.01)


#: Minimum requirements test signals 3 to 5 of EBU Tech 3341, in one channel: (level in LUFS, seconds) of a 997 Hz tone.
GATED = [
    [(-36, 10), (-23, 60), (-36, 10)],
    [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
    [(-26, 20), (-20, 20.1), (-26, 20)],
]


@pytest.mark.parametrize("sequence", GATED)
def test_the_gates_are_those_of_the_standard(sequence):
    """Each sequence reads -23.0 LUFS ± 0.1; a full-scale tone in one channel reads -3.01."""
    rate = 16_000
    tones = [10 ** ((level + 3.01) / 20) * np.ones(round(s * rate)) for level, s in sequence]
    envelope = np.concatenate(tones)
    wave = envelope * np.sin(2 * np.pi * 997 * np.arange(len(envelope)) / rate)
    assert loudness(wave, sample_rate_hz=rate) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("sound", SOUNDS)
def test_loudness_agrees_with_the_standard_as_published(sound):
    wave = SOUNDS[sound](48_000)
    assert loudness(wave, sample_rate_hz=48_000) == pytest.approx(bs1770(wave), abs=0.01)


@pytest.mark.parametrize("sample_rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("sound", SOUNDS)
def test_loudness_agrees_with_an_independent_implementation(sound, sample_rate_hz):
    wave = np.ascontiguousarray(SOUNDS[sound](sample_rate_hz))
    expected = pyebur128.get_loudness_global(_fed(wave, sample_rate_hz, mode=pyebur128.MeasurementMode.MODE_I))
    assert loudness(wave, sample_rate_hz=sample_rate_hz) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("sound", SOUNDS)
def test_the_true_peak_agrees_with_an_independent_implementation(sound):
    wave = np.ascontiguousarray(SOUNDS[sound](48_000))
    state = _fed(wave, 48_000, mode=pyebur128.MeasurementMode.MODE_TRUE_PEAK)
    assert true_peak(wave) == pytest.approx(db(pyebur128.get_true_peak(state, 0)), abs=0.2)


def _fed(wave: np.ndarray, sample_rate_hz: int, *, mode) -> pyebur128.R128State:
    state = pyebur128.R128State(1, sample_rate_hz, mode)
    state.add_frames(wave, len(wave))
    return state


@pytest.mark.parametrize("sound", ["voice", "pauses"])
def test_loudness_at_16_khz_agrees_with_the_standard_at_48_khz(sound):
    wave = SOUNDS[sound](16_000)
    assert loudness(wave, sample_rate_hz=16_000) == pytest.approx(bs1770(at_48_khz(wave, 16_000)), abs=0.15)


def test_the_gates_leave_pauses_out():
    wave = with_pauses(16_000)
    without, longer = wave[:32_000], np.concatenate([wave, np.zeros(80_000)])
    level = loudness(wave, sample_rate_hz=16_000)
    assert level == pytest.approx(loudness(longer, sample_rate_hz=16_000), abs=0.01)
    assert level == pytest.approx(loudness(without, sample_rate_hz=16_000), abs=0.5)


def test_an_incomplete_last_block_does_not_count():
    wave = np.tile([0.1, -0.1], 8_000)
    for more in (100, 900, 1_500):
        longer = np.concatenate([wave, np.zeros(more)])
        assert loudness(longer, sample_rate_hz=16_000) == loudness(wave, sample_rate_hz=16_000)


def test_loudness_follows_the_gain_and_silence_has_none():
    wave = voice(duration_s=1)
    difference = loudness(wave, sample_rate_hz=16_000) - loudness(wave / 2, sample_rate_hz=16_000)
    assert difference == pytest.approx(db(2), abs=0.01)
    assert loudness(np.zeros(16_000), sample_rate_hz=16_000) == -np.inf


@pytest.mark.parametrize("duration_s", [0.05, 0.2, 0.39])
def test_a_clip_shorter_than_a_gating_block_reads_like_its_repetition(duration_s):
    time_s = np.arange(round(duration_s * 16_000)) / 16_000
    wave = 0.1 * np.sin(2 * np.pi * 1_000 * time_s)  # whole periods, so that a repetition has no seam
    assert loudness(wave, sample_rate_hz=16_000) == pytest.approx(
        loudness(np.tile(wave, 40), sample_rate_hz=16_000), abs=0.2
    )


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 4_001, 40_000])
def test_the_true_peak_is_that_of_the_whole_clip_oversampled(samples):
    random = np.random.default_rng(samples)
    wave = (random.standard_normal(samples) * np.exp(-np.linspace(0, 6, samples))).astype(np.float32)
    whole = np.abs(scipy.signal.resample_poly(np.pad(wave, 20), 4, 1)).max()
    assert true_peak(wave) == pytest.approx(20 * np.log10(whole), abs=1e-4)


def test_the_true_peak_lies_between_the_samples():
    time = np.arange(4_096)
    sine = np.sin(2 * np.pi * 0.25 * time + np.pi / 4)  # every sample at 0.707 of the peak
    window = scipy.signal.windows.tukey(len(time), 0.2)
    assert db(np.abs(sine).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak(sine * window) == pytest.approx(0, abs=0.1)
    assert true_peak(np.zeros(100)) < -200 and true_peak(np.zeros(0)) < -200


@pytest.mark.parametrize("sample_rate_hz", [8_000, 16_000, 22_050, 24_414, 44_100, 48_000, 96_000])
def test_a_voice_gets_the_target_loudness_and_keeps_its_length(sample_rate_hz):
    samples = mono(voice(4, duration_s=3.21, sample_rate_hz=sample_rate_hz))
    wave, facts = normalize(samples, sample_rate_hz=sample_rate_hz, steps=Normalization(trim=False))
    assert wave.dtype == np.float32 and wave.ndim == 1
    assert abs(len(wave) - len(samples) * 16_000 / sample_rate_hz) <= 1
    assert facts["duration_s"] == facts["duration_before_s"] == len(wave) / 16_000
    assert loudness(wave, sample_rate_hz=16_000) == pytest.approx(-23, abs=0.01)
    assert bs1770(at_48_khz(wave, 16_000)) == pytest.approx(-23, abs=0.15)
    assert true_peak(wave) <= -1 and not facts["bounded"]


def test_resampling_moves_nothing_in_time():
    samples = np.zeros((144_000, 1), dtype=np.float32)
    samples[96_000] = 0.9  # at two seconds
    wave, _ = normalize(samples, sample_rate_hz=48_000, steps=NOTHING)
    assert abs(int(np.abs(wave).argmax()) - 32_000) <= 1


def peaky() -> np.ndarray:
    """A soft voice with one loud click, whose peak forbids the gain that its loudness asks for."""
    wave = 0.02 * voice(5, duration_s=2)
    wave[16_000:16_008] += np.array([0.2, -0.5, 0.9, -0.9, 0.8, -0.5, 0.3, -0.1])
    return wave


@pytest.mark.parametrize(("wave", "target_lufs"), [(peaky(), -23), (np.sign(voice(6, duration_s=2)), 0), (voice(7), 0)])
def test_the_peak_is_bounded_by_the_gain_and_nothing_is_clipped(wave, target_lufs):
    steps = Normalization(trim=False, remove_dc=False, loudness_lufs=target_lufs)
    result, facts = normalize(mono(wave), sample_rate_hz=16_000, steps=steps)
    assert facts["bounded"] and facts["peak_dbtp"] == pytest.approx(-1)
    # BS.1770-4, annex 2: at four times the rate an estimate may read up to 0.69 dB too low
    assert db(np.abs(scipy.signal.resample(result, 16 * len(result))).max()) <= -1 + 0.69
    assert np.abs(result).max() < 1
    ratio = result[wave != 0] / wave[wave != 0]
    assert np.ptp(ratio) < 1e-4 * np.abs(ratio).max()  # one gain for every sample: no limiter, no clipping


def test_a_peak_over_full_scale_is_turned_down_and_not_cut_off():
    wave = voice(duration_s=1) * 8  # a float file may hold more than full scale
    assert np.abs(wave).max() > 2
    result, _ = normalize(mono(wave), sample_rate_hz=16_000, steps=Normalization(trim=False, remove_dc=False))
    assert np.corrcoef(result, wave)[0, 1] > 1 - 1e-9 and true_peak(result) <= -1


def test_without_any_step_nothing_changes():
    wave = np.concatenate([np.zeros(8_000), 3 * voice(duration_s=1) + 0.1, np.zeros(8_000)]).astype(np.float32)
    result, facts = normalize(wave[:, None], sample_rate_hz=16_000, steps=NOTHING)
    assert np.array_equal(result, wave)
    assert facts["loudness_lufs"] == facts["loudness_before_lufs"] and not facts["bounded"]


def with_one_step(name: str, wave: np.ndarray) -> np.ndarray:
    """`wave` after the step `name` alone."""
    result, _ = normalize(mono(wave), sample_rate_hz=16_000, steps=replace(NOTHING, **{name: True}))
    return result


def test_removing_the_offset_changes_nothing_else():
    wave = voice(duration_s=1) + 0.05
    assert np.allclose(with_one_step("remove_dc", wave), wave - wave.mean(), atol=1e-6)


def test_trimming_changes_nothing_but_the_ends():
    wave = np.concatenate([np.zeros(8_000), voice(duration_s=1), np.zeros(8_000)]).astype(np.float32)
    result = with_one_step("trim", wave)
    start = int(np.flatnonzero(wave == result[np.abs(result).argmax()])[0] - np.abs(result).argmax())
    assert 0 < start < 8_000 + 512 and len(result) < 16_000 + 1_024
    assert np.array_equal(result, wave[start : start + len(result)])


@pytest.mark.parametrize("duration_s", [0.02, 0.2, 0.41, 3.0])
@pytest.mark.parametrize("margin_s", [0.0, 0.05, 1.0])
def test_the_loudness_told_is_that_of_the_trimmed_clip_by_itself(margin_s, duration_s):
    margin = np.full(round(margin_s * 16_000), 1e-4)
    sound = np.concatenate([margin, 0.3 + voice(5, duration_s=duration_s, sample_rate_hz=16_000), margin])
    wave, facts = normalize(mono(sound), sample_rate_hz=16_000, steps=STEPS)
    assert facts["loudness_lufs"] == pytest.approx(loudness(wave, sample_rate_hz=16_000), abs=1e-4)


def test_equal_loudness_is_one_gain():
    wave = voice(duration_s=1) + 0.01
    result = with_one_step("equalize_loudness", wave)
    assert loudness(result, sample_rate_hz=16_000) == pytest.approx(-23, abs=0.01)
    assert np.allclose(result, wave * (np.std(result) / np.std(wave)), atol=1e-6)


def test_the_bound_of_the_peak_lowers_a_loud_clip_and_leaves_a_soft_one():
    wave = voice(duration_s=1)
    assert np.array_equal(with_one_step("bound_peak", wave), wave.astype(np.float32))
    result = with_one_step("bound_peak", 10 * wave)
    assert true_peak(result) == pytest.approx(-1, abs=1e-3)
    assert np.allclose(result, wave * (np.std(result) / np.std(wave)), atol=1e-6)


def test_an_offset_is_removed_before_the_level_is_measured():
    wave = voice(duration_s=1)
    plain, _ = normalize(mono(wave), sample_rate_hz=16_000, steps=STEPS)
    shifted, _ = normalize(mono(wave + 0.2), sample_rate_hz=16_000, steps=STEPS)
    assert abs(shifted.mean()) < 1e-3 and np.allclose(plain, shifted, atol=1e-4)


@pytest.mark.parametrize(("margin_db", "goes"), [(-40, True), (-20, False)])
def test_margins_go_when_they_stay_30_db_under_the_loudest_frame(margin_db, goes):
    loud = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000) / 2
    margin = loud[:8_000] * 10 ** (margin_db / 20)
    result, facts = normalize(mono(np.concatenate([margin, loud, margin])), sample_rate_hz=16_000, steps=STEPS)
    assert facts["duration_before_s"] == 2
    assert facts["duration_s"] == len(result) / 16_000 == pytest.approx(1.0 if goes else 2.0, abs=0.04)


def test_a_pause_within_the_clip_stays():
    wave = np.concatenate([voice(1), np.zeros(8_000), voice(2)])
    result, _ = normalize(mono(wave), sample_rate_hz=16_000, steps=STEPS)
    assert len(result) > 0.9 * len(wave)


def test_channels_are_averaged():
    left, right = voice(1), voice(2)
    stereo, _ = normalize(np.stack([left, right], axis=1).astype(np.float32), sample_rate_hz=16_000, steps=NOTHING)
    assert np.allclose(stereo, (left + right) / 2, atol=1e-6)
    twice, _ = normalize(np.stack([left, left], axis=1).astype(np.float32), sample_rate_hz=16_000, steps=STEPS)
    once, _ = normalize(mono(left), sample_rate_hz=16_000, steps=STEPS)
    assert np.allclose(twice, once, atol=1e-6)


@pytest.mark.parametrize("wave", [np.zeros(16_000), np.full(16_000, 0.3), np.zeros(800), np.full(1, 0.3)])
def test_silence_stays_silent_and_finite(wave):
    result, facts = normalize(mono(wave), sample_rate_hz=16_000, steps=STEPS)
    assert len(result) > 0 and np.abs(result).max() < 1e-6
    assert facts["loudness_lufs"] == -np.inf and not np.isnan(list(facts.values())).any()


@pytest.mark.parametrize("sample_rate_hz", [16_000, 96_000])
def test_a_clip_of_50_ms_is_normalized(sample_rate_hz):
    samples = mono(voice(duration_s=0.05, sample_rate_hz=sample_rate_hz))
    result, facts = normalize(samples, sample_rate_hz=sample_rate_hz, steps=STEPS)
    assert 0.03 * 16_000 < len(result) <= 0.05 * 16_000 and np.isfinite(result).all()
    assert facts["loudness_lufs"] == pytest.approx(-23) and facts["peak_dbtp"] <= -1


def test_the_shortest_clip_that_the_index_takes_is_normalized(raw):
    file = raw.write("ravdess/03-01-05-01-02-01-12.wav", voice(duration_s=0.01, sample_rate_hz=96_000), rate_hz=96_000)
    table, _ = index.build([REGISTRY["ravdess"]], workers=1)
    result, _ = normalize_file(file, steps=STEPS)
    assert len(table) == 1 and len(result) > 0 and np.isfinite(result).all()


# The store of waveforms.


def corpus_of(raw: Raw, count: int = 5) -> pd.DataFrame:
    """An index of a few clips with different lengths, rates and channels."""
    for i in range(count):
        wave = voice(i, duration_s=0.3 + 0.2 * i, sample_rate_hz=16_000 + 8_000 * (i % 3))
        samples = np.stack([wave, wave], axis=1) if i % 2 else wave
        raw.write(f"ravdess/03-01-05-01-02-01-{i + 1:02d}.wav", samples, rate_hz=16_000 + 8_000 * (i % 3))
    return index.build([REGISTRY["ravdess"]], workers=1)[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_gives_back_every_waveform_in_the_order_of_the_index(raw, project, workers):
    table = corpus_of(raw)
    stored = waveforms.build(table, profile="tiny", steps=STEPS, workers=workers)
    assert stored.sample_rate_hz == 16_000 and isinstance(stored.samples, np.memmap)
    assert list(stored.clips.path) == list(table.path)
    assert list(stored.clips.id) == [sample_id(path) for path in table.path]
    assert stored.clips.length.sum() == len(stored.samples)
    for i, file in enumerate(table.file):
        expected, facts = normalize_file(paths.raw("ravdess") / file, steps=STEPS)
        assert stored.wave(i).dtype == np.float32 and len(stored.wave(i)) == len(expected) == stored.clips.length[i]
        assert np.abs(stored.wave(i) - expected).max() <= 0.5 / 32_767 + 1e-7
        assert stored.clips.loudness_lufs[i] == pytest.approx(facts["loudness_lufs"], abs=1e-4)


def test_a_second_build_reads_no_audio(raw, project):
    table = corpus_of(raw)
    first = waveforms.build(table, profile="tiny", steps=STEPS, workers=1)
    changed = {file: file.stat().st_mtime_ns for file in first.folder.iterdir()}
    for file in raw.root.rglob("*.wav"):
        file.unlink()
    second = waveforms.build(table, profile="tiny", steps=STEPS, workers=1)
    assert second.folder == first.folder and changed == {
        file: file.stat().st_mtime_ns for file in first.folder.iterdir()
    }


def test_other_steps_and_other_clips_have_stores_of_their_own_and_the_last_built_is_current(raw, project):
    table = corpus_of(raw)
    stores = [
        waveforms.build(clips, profile="tiny", steps=steps, workers=1)
        for clips, steps in [
            (table, STEPS),
            (table, NOTHING),
            (table[1:], STEPS),
            (table.assign(pcm_sha256="x"), STEPS),
        ]
    ]
    assert len({stored.folder for stored in stores}) == 4
    assert waveforms.load("tiny").folder == stores[-1].folder
    assert waveforms.build(table, profile="tiny", steps=STEPS, workers=1).folder == stores[0].folder
    assert waveforms.load("tiny").folder == stores[0].folder


def test_a_file_that_went_bad_after_indexing_is_named_and_leaves_no_store(raw, project):
    table = corpus_of(raw)
    bad = raw.root / table.file[3]
    bad.write_bytes(bad.read_bytes()[:-500])
    with pytest.raises(ValueError) as error:
        waveforms.build(table, profile="tiny", steps=STEPS, workers=1)
    assert str(error.value).startswith(f"{bad} cannot be normalized (truncated: the file ends before its header says")
    assert str(error.value).endswith("): run notebooks/10_indexing.ipynb again")
    assert list(paths.waveforms("tiny").iterdir()) == []
    with pytest.raises(FileNotFoundError, match=r"no complete store under .*: run notebooks/12_normalization.ipynb"):
        waveforms.load("tiny")


def test_a_disk_that_fills_up_leaves_no_store(raw, project, monkeypatch):
    table = corpus_of(raw)

    class FullAfterTheFirstClip(io.FileIO):
        def write(self, data):
            if self.tell() > 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(waveforms, "open", FullAfterTheFirstClip, raising=False)
    with pytest.raises(OSError, match="the disk is full: .* could not be written and is as it was before; free some"):
        waveforms.build(table, profile="tiny", steps=STEPS, workers=1)
    assert list(paths.waveforms("tiny").iterdir()) == []
    monkeypatch.undo()


def test_original_files_are_normalized(quirks):
    files = [file for file in sorted(quirks.rglob("*.wav")) if file.stem not in ("1001_DFA_DIS_XX", "1076_MTI_SAD_XX")]
    assert len(files) >= 10
    for file in files:
        wave, facts = normalize_file(Path(file), steps=STEPS)
        duration_s = soundfile.info(file).duration
        assert (
            facts["duration_before_s"] == pytest.approx(duration_s, abs=1e-4) and len(wave) <= 16_000 * duration_s + 1
        )
        assert bs1770(at_48_khz(wave, 16_000)) == pytest.approx(-23, abs=0.15) or facts["bounded"]
        assert true_peak(wave) <= -1 + 1e-4
