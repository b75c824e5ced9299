"""Degradations do to a recording what their names say, the same each time."""

import numpy as np
import pytest
import scipy.signal
from conftest import voice

from emolabs.reliability import degradation
from emolabs.standardization import Normalization, normalize

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """A voice between two silent margins."""
    silence = np.zeros(4_000)
    return np.concatenate([silence, voice(3, duration_s=1.5), silence]).astype(np.float32)


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    return [voice(seed, duration_s=0.7 + 0.1 * seed).astype(np.float32) for seed in range(10, 20)]


def degrade(name: str, wave: np.ndarray, voices: list[np.ndarray], *, seed: int = 0) -> np.ndarray:
    row = degradation.DEGRADATIONS[name]
    return row.effect(wave, sample_rate_hz=RATE_HZ, generator=np.random.default_rng(seed), voices=voices)


@pytest.mark.parametrize("name", degradation.DEGRADATIONS)
def test_every_row_gives_sound_that_is_the_same_again_and_leaves_its_input_alone(name, wave, voices):
    before = wave.copy()
    said = degrade(name, wave, voices)
    assert said.dtype == np.float32 and said.ndim == 1 and np.isfinite(said).all() and len(said) >= len(wave)
    assert (degrade(name, wave, voices) == said).all() and (wave == before).all()
    assert (name == "clean") == bool(len(said) == len(wave) and (said == wave).all())


@pytest.mark.parametrize("name", ["white", "babble"])
@pytest.mark.parametrize("snr_db", [20, 10, 5, 0])
def test_the_snr_measured_between_the_margins_is_the_one_asked_for(name, snr_db, wave, voices):
    added = degrade(f"{name}{snr_db}", wave, voices) - wave
    speech = wave[4_000:-4_000]
    measured = 10 * np.log10(np.mean(speech**2) / np.mean(added**2))
    assert measured == pytest.approx(snr_db, abs=0.3)  # the margins that are found are a few frames off


def test_strengths_of_a_noise_are_one_noise_and_seeds_are_others(wave, voices):
    loud, quiet = (degrade(name, wave, voices) - wave for name in ("white0", "white20"))
    np.testing.assert_allclose(loud, 10 * quiet, atol=1e-5)
    other = degrade("white0", wave, voices, seed=1) - wave
    assert abs(np.corrcoef(loud, other)[0, 1]) < 0.05


def test_a_telephone_passes_its_band_and_nothing_else():
    hz, gain = scipy.signal.sosfreqz(
        degradation.telephone_filter(), worN=[100, 300, 1000, 3400], fs=degradation.TELEPHONE_RATE_HZ
    )
    assert 20 * np.log10(np.abs(gain)) == pytest.approx([-38, -3.01, 0, -3.01], abs=2.0)
    assert abs(20 * np.log10(abs(gain[1])) + 3.01) < 0.05 and abs(20 * np.log10(abs(gain[2]))) < 0.05
    sweep = scipy.signal.chirp(np.arange(RATE_HZ) / RATE_HZ, 4_500, 1, 7_500).astype(np.float32)
    assert np.square(degradation.telephone(sweep, sample_rate_hz=RATE_HZ)).mean() < 1e-4 * np.square(sweep).mean()


def test_mu_law_adds_noise_at_about_its_published_distance(wave):
    """G.711 has a signal-to-distortion ratio of some 37 dB over a wide range of levels."""
    line = 0.3 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000).astype(np.float32)
    said = degradation.codec(line, sample_rate_hz=8_000, format="WAV", subtype="ULAW")
    assert 33 < 10 * np.log10(np.square(line).mean() / np.square(said - line).mean()) < 42


@pytest.mark.parametrize("rt60_s", [0.3, 0.6, 1.0])
def test_a_room_falls_by_60_db_in_its_reverberation_time(rt60_s):
    response = degradation.room(rt60_s=rt60_s, sample_rate_hz=RATE_HZ, generator=np.random.default_rng(0))
    tail = response[1:]
    assert response[0] == 1 and np.square(tail).sum() == pytest.approx(1)
    energy_db = 10 * np.log10(np.cumsum(np.square(tail)[::-1])[::-1])  # Schroeder's backward integration
    time_s = np.arange(1, len(response)) / RATE_HZ
    fitted = (energy_db < -5) & (energy_db > -25)
    slope = np.polyfit(time_s[fitted], energy_db[fitted], 1)[0]
    assert -60 / slope == pytest.approx(rt60_s, rel=0.05)


def test_clipping_cuts_at_its_distance_from_the_peak(wave, voices):
    said = degrade("clipped20", wave, voices)
    assert np.abs(said).max() == pytest.approx(0.1 * np.abs(wave).max())
    assert (said[np.abs(wave) < 0.09 * np.abs(wave).max()] == wave[np.abs(wave) < 0.09 * np.abs(wave).max()]).all()


@pytest.mark.parametrize("name", ["louder", "quieter"])
def test_loudness_is_taken_away_by_the_normalization_and_stays_without_it(name, wave, voices):
    said = degrade(name, wave, voices)
    equal, other = (normalize(x[:, None], sample_rate_hz=RATE_HZ, steps=Normalization())[0] for x in (wave, said))
    np.testing.assert_allclose(other, equal, atol=1e-5)
    plain = Normalization(equalize_loudness=False, bound_peak=False)
    kept, changed = (normalize(x[:, None], sample_rate_hz=RATE_HZ, steps=plain)[1] for x in (wave, said))
    step = 10 if name == "louder" else -10
    assert changed["loudness_lufs"] - kept["loudness_lufs"] == pytest.approx(step, abs=0.01)


def test_unknown_degradations_are_named_and_clean_comes_always():
    with pytest.raises(ValueError, match="expected degradations among clean, white20, .*, found echo"):
        degradation.get(["white0", "echo"])
    assert [row.name for row in degradation.get(["mp3"])] == ["clean", "mp3"]
    assert [row.name for row in degradation.get([])] == [*degradation.DEGRADATIONS]
