"""The sounds of a page: recordings and test tones as FLAC, which every current browser plays without loss."""

import base64
import io
from collections.abc import Mapping

import numpy as np
import soundfile

from emolabs.standardization.normalization import Normalization, loudness

SAMPLE_RATE_HZ = 16_000
#: A test tone (C5) and the silence after it, in seconds; a participant counts them.
TONE_S, PAUSE_S, TONE_HZ = 0.22, 0.18, 523.25


def encode(samples: np.ndarray, rate_hz: int) -> dict:
    """Samples, float [samples] with full scale 1.0, as 16-bit FLAC: `audio` in base64 and its duration, `seconds`."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="FLAC", subtype="PCM_16")
    return {"audio": base64.b64encode(file.getvalue()).decode(), "seconds": round(len(samples) / rate_hz, 3)}


def recording(code: str, audio: Mapping[str, tuple[np.ndarray, int]]) -> dict:
    """The recording of the clip `code`, encoded; `audio` has samples and sample rate (Hz) by code.

    Raises `ValueError` with a sentence where it is not there, is not mono, empty, not finite or over full scale.
    """
    if code not in audio:
        raise ValueError(f"clip {code}: the study has it, but there is no audio for it; give samples for every clip")
    samples, rate_hz = np.asarray(audio[code][0]), audio[code][1]
    peak = np.abs(samples).max(initial=0)
    if samples.ndim != 1 or not len(samples) or not peak <= 1:  # a NaN is not, either
        raise ValueError(
            f"clip {code}: expected finite samples [samples] with full scale 1.0, found the shape {samples.shape} and "
            f"the peak {peak:g}; normalize it first"
        )
    return encode(samples, rate_hz)


def tones(count: int) -> np.ndarray:
    """`count` short tones at `SAMPLE_RATE_HZ`, as loud as normalized recordings; float64 [samples]."""
    time_s = np.arange(round(TONE_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * TONE_HZ * time_s) * np.sin(np.pi * time_s / time_s[-1]) ** 0.5  # no clicks
    wave = np.tile(np.concatenate([tone, np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ))]), count)
    gain_db = Normalization().loudness_lufs - loudness(wave, sample_rate_hz=SAMPLE_RATE_HZ)
    return wave * 10 ** (gain_db / 20)
