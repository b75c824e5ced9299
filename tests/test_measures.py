"""Measures of waveforms on signals whose loudness, peak, silence and bandwidth are known."""

import numpy as np
import pytest
import scipy.signal
from conftest import voice

from emolabs.corpora import REGISTRY, index
from emolabs.standardization import Normalization, measures

RATE = 16_000
TIME_S = np.arange(2 * RATE) / RATE


def test_a_sine_has_the_loudness_and_the_peak_of_the_standard():
    facts = measures.measure(0.1 * np.sin(2 * np.pi * 997 * TIME_S), sample_rate_hz=RATE)
    assert facts["loudness_lufs"] == pytest.approx(-23.0, abs=0.1)
    assert facts["peak_dbtp"] == pytest.approx(-20, abs=0.1)
    assert facts["duration_s"] == 2 and facts["clipped"] == 0


@pytest.mark.parametrize("silent_share", [0.0, 0.25, 0.5])
def test_silence_is_the_share_of_soft_frames(silent_share):
    wave = np.sin(2 * np.pi * 200 * TIME_S)
    wave[: round(silent_share * len(wave))] *= 0.01  # 40 dB under the rest
    assert measures.silence_share(wave, sample_rate_hz=RATE) == pytest.approx(silent_share, abs=0.02)
    assert measures.silence_share(0.001 * wave, sample_rate_hz=RATE) == pytest.approx(silent_share, abs=0.02)


@pytest.mark.parametrize("edge_hz", [1_000, 4_000, 7_000])
def test_bandwidth_is_the_edge_of_what_is_left_by_a_low_pass(edge_hz):
    noise = np.random.default_rng(0).standard_normal(RATE)
    low = np.fft.irfft(np.where(np.fft.rfftfreq(RATE, 1 / RATE) <= edge_hz, np.fft.rfft(noise), 0))
    assert measures.bandwidth(low, sample_rate_hz=RATE) == pytest.approx(edge_hz, abs=200)  # the window leaks
    assert measures.bandwidth(np.zeros(RATE), sample_rate_hz=RATE) == 0


@pytest.mark.parametrize(("samples", "rate"), [(RATE, RATE), (705, 22_050), (44_101, 44_100), (31, RATE), (1, RATE)])
def test_power_density_is_that_of_scipy(samples, rate):
    wave = 0.1 + np.random.default_rng(samples).standard_normal(samples)
    expected = scipy.signal.welch(wave, rate, nperseg=min(samples, round(0.032 * rate)), noverlap=0)
    for found, wanted in zip(measures.power_density(wave, sample_rate_hz=rate), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-18)


def test_samples_at_full_scale_are_counted():
    square = np.sign(np.sin(2 * np.pi * 100 * TIME_S + 0.1)).astype(np.float32)
    assert measures.measure(square, sample_rate_hz=RATE)["clipped"] == len(square)
    assert measures.measure(0.9 * square, sample_rate_hz=RATE)["clipped"] == 0


def test_every_switch_is_turned_off_once():
    steps = measures.variants(Normalization())
    assert list(steps) == [
        *("all", "without remove_dc", "without trim", "without equalize_loudness", "without bound_peak", "none")
    ]
    assert steps["all"] == Normalization() and not steps["without trim"].trim and steps["without trim"].bound_peak
    none = steps["none"]
    assert not any([none.remove_dc, none.trim, none.equalize_loudness, none.bound_peak])


def test_normalization_neither_clips_nor_shifts(raw, project):
    """Loud, quiet, offset and resampled clips: afterwards all are at the target, whole and without a clipped sample."""
    wave = voice(1, duration_s=1.5, sample_rate_hz=44_100)
    loud = wave / np.abs(wave).max()
    for actor, samples in enumerate([(1.4 * loud).clip(-1, 1), 0.01 * loud, 0.3 * loud + 0.2], start=1):
        raw.write(f"ravdess/03-01-05-01-02-01-{actor:02d}.wav", samples, rate_hz=44_100)
    table, _ = index.build([REGISTRY["ravdess"]], workers=1)
    found = measures.compare(table, steps=Normalization(), workers=1)
    assert list(found.path) == list(table.path.repeat(2)) and list(found.state) == ["before", "after"] * 3
    before, after = (found[found.state == state].set_index("path") for state in ("before", "after"))
    assert before.clipped.max() > 0 and (after.clipped == 0).all() and (after.peak_dbtp <= -1 + 1e-3).all()
    assert (found.drift_s.abs() <= 1 / 16_000).all()
    assert np.ptp(before.loudness_lufs) > 20 and np.ptp(after.loudness_lufs) < 6
