"""Known copies and known others: what the threshold of `near_duplicates` is derived from.

Copies are made: a stored waveform is re-encoded, resampled, cut or changed in level and goes through the normalization
again, in memory only. Others are found: pairs of clips that differ in take, emotion or voice alone.
"""

import io
import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import soundfile
import soxr

from emolabs import storage
from emolabs.progress import progress
from emolabs.standardization import near_duplicates
from emolabs.standardization.normalization import Normalization, normalize
from emolabs.standardization.split import sample_id
from emolabs.standardization.waveforms import Waveforms

Sound = tuple[np.ndarray, int]  # float32 [samples] and the rate in Hz

#: Seconds cut off either end, at most a quarter of the clip, and the change of level.
CUT_S, GAIN_DB = 0.3, 10.0


def resample(wave: np.ndarray, rate_hz: int, *, to_hz: int) -> Sound:
    """`wave` at another rate."""
    return soxr.resample(wave, rate_hz, to_hz), to_hz


def encode(wave: np.ndarray, rate_hz: int, *, at_hz: int, format: str, subtype: str, level: float) -> Sound:
    """`wave` at `at_hz` Hz after a lossy encoder, the smaller the greater `level` (0-1), and its decoder."""
    file = io.BytesIO()
    wave = np.clip(soxr.resample(wave, rate_hz, at_hz), -1, 1)
    soundfile.write(file, wave, at_hz, format=format, subtype=subtype, compression_level=level)
    file.seek(0)
    return soundfile.read(file, dtype="float32")


def amplify(wave: np.ndarray, rate_hz: int, *, gain_db: float) -> Sound:
    """`wave` louder or softer; what exceeds full scale is clipped."""
    return np.clip(wave * np.float32(10 ** (gain_db / 20)), -1, 1), rate_hz


def cut(wave: np.ndarray, rate_hz: int, *, begin: bool = True, end: bool = True) -> Sound:
    """`wave` without `CUT_S` at its begin and end."""
    size = min(round(CUT_S * rate_hz), len(wave) // 4)
    return wave[size * begin : len(wave) - size * end], rate_hz


def _mp3(wave: np.ndarray, rate_hz: int) -> Sound:
    return encode(wave, rate_hz, at_hz=16_000, format="MP3", subtype="MPEG_LAYER_III", level=0.9)


def _vorbis(wave: np.ndarray, rate_hz: int) -> Sound:
    return encode(wave, rate_hz, at_hz=8_000, format="OGG", subtype="VORBIS", level=1.0)


def _opus(wave: np.ndarray, rate_hz: int) -> Sound:
    return encode(wave, rate_hz, at_hz=16_000, format="OGG", subtype="OPUS", level=1.0)


def _all(wave: np.ndarray, rate_hz: int) -> Sound:
    return amplify(*_mp3(*resample(*cut(wave, rate_hz), to_hz=8_000)), gain_db=-GAIN_DB)


#: What is done to a copy, `(wave, rate) -> (wave, rate)`; bit rates as measured on speech.
ALTERATIONS: dict[str, Callable[[np.ndarray, int], Sound]] = {
    "MP3, 22 kbit/s": _mp3,
    "Vorbis at 8 kHz, 26 kbit/s": _vorbis,
    "Opus, 9 kbit/s": _opus,
    "8 kHz": lambda wave, rate_hz: resample(wave, rate_hz, to_hz=8_000),
    "11.025 kHz": lambda wave, rate_hz: resample(wave, rate_hz, to_hz=11_025),
    "22.05 kHz": lambda wave, rate_hz: resample(wave, rate_hz, to_hz=22_050),
    "+10 dB, clipped": lambda wave, rate_hz: amplify(wave, rate_hz, gain_db=GAIN_DB),
    "−10 dB": lambda wave, rate_hz: amplify(wave, rate_hz, gain_db=-GAIN_DB),
    "0.3 s cut off the beginning": lambda wave, rate_hz: cut(wave, rate_hz, end=False),
    "0.3 s cut off both ends": cut,
    "cut, 8 kHz, MP3, −10 dB": _all,
}
#: What a pair of different recordings has in common, from most to least.
RELATIONS = {
    "another take": ["speaker", "text", "emotion"],
    "another emotion": ["speaker", "text"],
    "another voice": ["text", "emotion"],
}


def altered(waveforms: Waveforms, *, clips: int) -> pd.DataFrame:
    """Compare the first `clips` clips by sample id to copies of themselves.

    Returns a row for each clip and alteration: `path, alteration, similarity` and `candidate`, whether the search for
    candidates brings the two together.
    """
    steps = Normalization(**storage.read_json(waveforms.folder / "store.json")["steps"])
    rate_hz, rows = waveforms.sample_rate_hz, []
    chosen = waveforms.clips.path.map(sample_id).argsort()[:clips]
    for i in progress(chosen, label="copies"):
        original = near_duplicates.view(waveforms.wave(i), sample_rate_hz=rate_hz)
        for name, alter in ALTERATIONS.items():
            wave, altered_hz = alter(waveforms.wave(i), rate_hz)
            wave, _ = normalize(wave[:, None], sample_rate_hz=altered_hz, steps=steps)
            copy = near_duplicates.view(wave, sample_rate_hz=rate_hz)
            found = near_duplicates.candidates([near_duplicates.fingerprints(view) for view in (original, copy)])
            similarity, _, _ = near_duplicates.similarity(original, copy)
            rows.append((waveforms.clips.path.iloc[i], name, similarity, len(found) > 0))
    return pd.DataFrame(rows, columns=["path", "alteration", "similarity", "candidate"])


def distinct(waveforms: Waveforms, *, index: pd.DataFrame, pairs: int) -> pd.DataFrame:
    """Compare up to `pairs` pairs of clips for each of `RELATIONS`, chosen by sample ids from all groups alike.

    Returns `first, second, relation, similarity`; a row to each pair.
    """
    places = {path: i for i, path in enumerate(waveforms.clips.path)}
    rows = []
    for relation, shared in RELATIONS.items():
        chosen = _pairs(index, shared=shared, unlike="speaker" if relation == "another voice" else None)
        for first, second in progress(chosen[:pairs], label=relation, unit="pair"):
            waves = [waveforms.wave(places[path]) for path in (first, second)]
            views = [near_duplicates.view(wave, sample_rate_hz=waveforms.sample_rate_hz) for wave in waves]
            rows.append((first, second, relation, near_duplicates.similarity(*views)[0]))
    return pd.DataFrame(rows, columns=["first", "second", "relation", "similarity"])


def _pairs(index: pd.DataFrame, *, shared: list[str], unlike: str | None) -> list[tuple[str, str]]:
    """Pairs of paths that share these columns of the index, in the order of the sample id of both names together."""
    found = []
    for _, group in index.groupby(["corpus", *shared]):
        kept = sorted(group.path, key=sample_id)[:4]
        other = dict(zip(group.path, group[unlike or "path"], strict=True))
        found += [tuple(sorted(p)) for p in itertools.combinations(kept, 2) if other[p[0]] != other[p[1]]]
    return sorted(found, key=lambda pair: sample_id("\n".join(pair)))
