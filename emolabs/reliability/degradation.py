"""Degradation: what can happen to a recording between a voice and a model, a row each.

Conventions: a wave is float32 [samples], mono, full scale 1.0; an effect gives back as many samples at the same rate,
reverberation and codecs some more. Signal-to-noise ratios (SNR) are of powers between the silent margins of the clip,
the margins being those that the normalization trims. Chance comes from a generator alone: same seed, same sound.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import librosa
import numpy as np
import scipy.signal
import soundfile
import soxr

#: The band of a telephone in Hz, the rate of its line, and the order of the Butterworth filter on either side.
TELEPHONE_HZ, TELEPHONE_RATE_HZ, TELEPHONE_ORDER = (300, 3400), 8_000, 4
#: How far under the loudest frame the margins stay that do not count as speech, as in the normalization.
MARGIN_DB = 30.0
#: How many voices babble is made of.
BABBLE_VOICES = 6
#: libsndfile's compression level, from 0 to 1, near the fewest bits a second that it encodes.
LOWEST_RATE = {"OPUS": 1.0, "MPEG_LAYER_III": 0.9}


def noise(wave: np.ndarray, *, snr_db: float, generator: np.random.Generator, **_) -> np.ndarray:
    """White noise over `wave`."""
    return mixed(wave, generator.standard_normal(len(wave)), snr_db=snr_db)


def babble(
    wave: np.ndarray, *, snr_db: float, generator: np.random.Generator, voices: Sequence[np.ndarray], **_
) -> np.ndarray:
    """`BABBLE_VOICES` of the `voices` at once, equally strong, each from a place of its own, over `wave`."""
    chosen = generator.choice(len(voices), size=min(BABBLE_VOICES, len(voices)), replace=False)
    others = [np.roll(np.resize(voices[i], len(wave)), generator.integers(len(wave))) for i in chosen]
    return mixed(wave, sum(other / max(np.sqrt(np.mean(np.square(other))), 1e-9) for other in others), snr_db=snr_db)


def mixed(wave: np.ndarray, other: np.ndarray, *, snr_db: float) -> np.ndarray:
    """`wave` with `other` [samples] under it at this SNR."""
    gain = np.sqrt(speech_power(wave) / np.mean(np.square(other)) / 10 ** (snr_db / 10))
    return (wave + gain * other).astype(np.float32)


def speech_power(wave: np.ndarray) -> float:
    """Mean power of a clip between its silent margins."""
    _, (start, end) = librosa.effects.trim(wave, top_db=MARGIN_DB, frame_length=512, hop_length=128)
    return float(np.mean(np.square(wave[start:end], dtype=np.float64)))


def telephone(wave: np.ndarray, *, sample_rate_hz: int, encoded: bool = False, **_) -> np.ndarray:
    """The band of a telephone at 8 kHz; `encoded` with the mu-law of ITU-T G.711, too."""
    line = soxr.resample(wave, sample_rate_hz, TELEPHONE_RATE_HZ)
    line = scipy.signal.sosfilt(telephone_filter(), line).astype(np.float32)
    line = codec(line, sample_rate_hz=TELEPHONE_RATE_HZ, format="WAV", subtype="ULAW") if encoded else line
    return soxr.resample(line, TELEPHONE_RATE_HZ, sample_rate_hz)


def telephone_filter() -> np.ndarray:
    """The band-pass of a telephone at its line's rate, as second-order sections."""
    return scipy.signal.butter(TELEPHONE_ORDER, TELEPHONE_HZ, "bandpass", fs=TELEPHONE_RATE_HZ, output="sos")


def codec(wave: np.ndarray, *, sample_rate_hz: int, format: str, subtype: str, **_) -> np.ndarray:
    """`wave` encoded and decoded by libsndfile, at the lowest rate where a codec has several."""
    stream, level = io.BytesIO(), LOWEST_RATE.get(subtype)
    whole = np.clip(wave, -1, 1)
    soundfile.write(stream, whole, sample_rate_hz, format=format, subtype=subtype, compression_level=level)
    stream.seek(0)
    return soundfile.read(stream, dtype="float32")[0]


def reverberation(
    wave: np.ndarray, *, rt60_s: float, sample_rate_hz: int, generator: np.random.Generator, **_
) -> np.ndarray:
    """A room whose sound falls by 60 dB in `rt60_s` seconds, as strong as the direct sound.

    Its response is noise that decays exponentially (Polack 1988); after the clip it goes on until it has died away.
    """
    response = room(rt60_s=rt60_s, sample_rate_hz=sample_rate_hz, generator=generator)
    return scipy.signal.fftconvolve(wave, response).astype(np.float32)


def room(*, rt60_s: float, sample_rate_hz: int, generator: np.random.Generator) -> np.ndarray:
    """The response of the room of `reverberation`: [samples], the direct sound 1 and a tail of the same energy."""
    time_s = np.arange(round(rt60_s * sample_rate_hz)) / sample_rate_hz
    tail = generator.standard_normal(len(time_s)) * 10 ** (-3 * time_s / rt60_s)
    tail[0] = 0
    tail /= np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1
    return tail


def clipping(wave: np.ndarray, *, below_peak_db: float, **_) -> np.ndarray:
    """A microphone that is overdriven: everything beyond `below_peak_db` under the peak is cut off."""
    limit = np.abs(wave).max() * 10 ** (-below_peak_db / 20)
    return np.clip(wave, -limit, limit)


def gain(wave: np.ndarray, *, gain_db: float, **_) -> np.ndarray:
    """Louder or quieter by `gain_db`, without any limit."""
    return (wave * 10 ** (gain_db / 20)).astype(np.float32)


def same(wave: np.ndarray, **_) -> np.ndarray:
    """The clip as it is."""
    return wave


@dataclass(frozen=True)
class Degradation:
    """A row: its name, what a reader calls it, the family it is drawn with and the effect."""

    name: str
    title: str
    family: str
    effect: Callable[..., np.ndarray]
    is_after: bool = False  # whether it comes after the normalization, which then cannot take it away


#: Adding one is adding a row; the first is what the others are compared with.
DEGRADATIONS = {
    row.name: row
    for row in [
        Degradation("clean", "as recorded", "none", same),
        *(
            Degradation(f"{name}{snr}", f"{title}, SNR {snr} dB", "noise", partial(effect, snr_db=snr))
            for name, title, effect in [("white", "white noise", noise), ("babble", "babble", babble)]
            for snr in (20, 10, 5, 0)
        ),
        Degradation("telephone", "telephone band", "line and codec", telephone),
        Degradation("g711", "telephone, G.711", "line and codec", partial(telephone, encoded=True)),
        Degradation("opus", "Opus, lowest rate", "line and codec", partial(codec, format="OGG", subtype="OPUS")),
        Degradation(
            "mp3", "MP3, lowest rate", "line and codec", partial(codec, format="MP3", subtype="MPEG_LAYER_III")
        ),
        *(
            Degradation(f"room{rt60}", f"room, RT60 {rt60} s", "room", partial(reverberation, rt60_s=rt60))
            for rt60 in (0.3, 0.6, 1.0)
        ),
        *(
            Degradation(f"clipped{db}", f"clipped {db} dB under peak", "level", partial(clipping, below_peak_db=db))
            for db in (10, 20)
        ),
        Degradation("louder", "10 dB louder", "level", partial(gain, gain_db=10)),
        Degradation("quieter", "10 dB quieter", "level", partial(gain, gain_db=-10)),
        Degradation("louder-heard", "10 dB louder, not equalized", "level", partial(gain, gain_db=10), is_after=True),
        Degradation(
            "quieter-heard", "10 dB quieter, not equalized", "level", partial(gain, gain_db=-10), is_after=True
        ),
    ]
}


def get(names: Sequence[str]) -> list[Degradation]:
    """The rows of these names, all for none; `clean` comes first in any case.

    Raises `ValueError` naming what is no row.
    """
    unknown = [name for name in names if name not in DEGRADATIONS]
    if unknown:
        raise ValueError(f"expected degradations among {', '.join(DEGRADATIONS)}, found {', '.join(unknown)}")
    chosen = {"clean", *names} if names else {*DEGRADATIONS}
    return [row for name, row in DEGRADATIONS.items() if name in chosen]
