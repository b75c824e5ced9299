"""Near-duplicates: clips that are one recording under another encoding, trim, gain or sample rate.

Two steps. The first finds candidates: around each peak of a clip's envelope the coarse log-mel spectrogram is a
fingerprint that neither level nor trimming moves, and clips that share fingerprints at one lag are candidates (the
landmarks of Wang 2003, «An industrial-strength audio search algorithm», with the spectrogram itself in place of pairs
of its peaks). The second decides: the largest normalized cross-correlation of the waveforms over all lags. A copy keeps
its waveform; another take of the same sentence by the same voice has another one, however much it sounds alike.

Conventions: a view is a waveform at `RATE_HZ` within `BAND_HZ`, float32 [samples]; codecs and old sample rates leave
that band alone. The time of the search for candidates grows with the square of the number of clips, its memory with the
number.
"""

from functools import cache, lru_cache

import librosa
import numpy as np
import pandas as pd
import scipy.fft
import scipy.signal
import soxr

from emolabs import paths, storage
from emolabs.progress import progress
from emolabs.standardization.waveforms import Waveforms

#: Rate and band of a view.
RATE_HZ, BAND_HZ = 8_000, (80, 3_000)
#: Clips are near-duplicates from this similarity on. Derived in notebook 13: of 3,000 pairs of other recordings (takes,
#: emotions, voices; RAVDESS, CREMA-D, TESS, EmoDB) none exceeds 0.54, and nothing that the search proposes among all
#: their clips lies between 0.55 and 0.96; eSpeak's takes reach 0.61. Copies of 200 clips by MP3, Vorbis, resampling,
#: gain and trimming keep 0.97 and more; with Opus at 9 kbit/s 0.59 and more.
THRESHOLD = 0.7
#: Clips are candidates if two fingerprints at one lag, or one alone, are at least so similar (cosine).
TOGETHER, ALONE = 0.85, 0.95
#: Copies have at least this share of the shorter clip in common.
LEAST_OVERLAP = 0.5
COLUMNS = ["first", "second", "similarity", "lag_s", "overlap_s"]

_WINDOW, _HOP, _BANDS = 256, 80, 16  # samples (32 and 10 ms) and mel bands of the spectrogram
_FLOOR_DB = 40.0  # under the loudest band of a clip
_SMOOTHING = 15  # frames of the envelope
_REACH = 30  # frames of a fingerprint on either side of its peak
_KEPT = (12, 8)  # its slowest modulations along time and bands, weighted by their number: fast ones are small
_JITTER = 2  # frames by which a codec moves a peak
_LEAST_ENERGY = 0.01  # share of a clip's energy that an overlap counts with at least, so that silence matches nothing
_BLOCK = 256
_VIEWS = 4096  # kept in memory, of 80 kB each for 2.5 s
_TAPS, _FRACTIONS = np.arange(-16, 17), np.arange(-4, 5) / 8  # of the interpolation between lags, samples
_INTERPOLATION = np.sinc(_FRACTIONS[:, None] - _TAPS) * np.hanning(len(_TAPS) + 2)[1:-1]


def search(waveforms: Waveforms, *, threshold: float = THRESHOLD) -> pd.DataFrame:
    """The pairs of clips of a store whose similarity is at least `threshold`, whatever the order of the clips.

    Returns `COLUMNS`: the project paths (`first` < `second`), the similarity (0-1), how many seconds after the first
    the second clip begins, and the seconds that they have in common; sorted by paths.
    """
    clips = waveforms.clips.path.argsort().to_numpy()

    @lru_cache(maxsize=_VIEWS)
    def view_of(place: int) -> np.ndarray:
        return view(waveforms.wave(clips[place]), sample_rate_hz=waveforms.sample_rate_hz)

    found = [fingerprints(view_of(place)) for place in progress(range(len(clips)), label="fingerprints")]
    pairs = candidates(found)
    rows = [similarity(view_of(a), view_of(b)) for a, b in progress(pairs, label="comparing", unit="pair")]
    names = waveforms.clips.path.to_numpy()[clips]
    table = pd.DataFrame(names[pairs], columns=COLUMNS[:2]).join(pd.DataFrame(rows, columns=COLUMNS[2:], dtype=float))
    return table[table.similarity >= threshold].reset_index(drop=True)


def view(wave: np.ndarray, *, sample_rate_hz: int) -> np.ndarray:
    """The view of `wave` [samples], without a shift in time: a band pass of zero phase."""
    wave = soxr.resample(wave, sample_rate_hz, RATE_HZ) if sample_rate_hz != RATE_HZ else wave
    size = scipy.fft.next_fast_len(len(wave) + RATE_HZ // 10, real=True)
    frequency_hz, (low, high) = np.maximum(scipy.fft.rfftfreq(size, 1 / RATE_HZ), 1), BAND_HZ
    gain = ((1 + (frequency_hz / high) ** 16) * (1 + (low / frequency_hz) ** 4)) ** -0.5
    return scipy.fft.irfft(scipy.fft.rfft(wave, size) * gain.astype(np.float32), size)[: len(wave)]


def similarity(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """The largest normalized cross-correlation of two views over all lags that leave `LEAST_OVERLAP`.

    Returns its magnitude (0-1; the polarity does not matter), the lag in seconds (how much later the second begins)
    and the overlap in seconds. At each lag the correlation is divided by the energies of what overlaps. The best lag
    is refined between samples: half a sample off, a bright voice would lose a third of its correlation.
    """
    shorter = min(len(first), len(second))
    least = max(1, round(LEAST_OVERLAP * shorter))
    lags = np.arange(least - len(second), len(first) - least + 1)
    size = scipy.fft.next_fast_len(len(first) + len(second) - least, real=True)
    spectrum = scipy.fft.rfft(first, size) * scipy.fft.rfft(second, size).conj()
    correlation = scipy.fft.irfft(spectrum, size)
    begin, end = np.maximum(lags, 0), np.minimum(len(first), len(second) + lags)
    energy = _energy(first, begin, end) * _energy(second, begin - lags, end - lags)
    everything = np.square(first).sum(dtype=float) * np.square(second).sum(dtype=float)
    norm = np.sqrt(np.maximum(energy, max(_LEAST_ENERGY**2 * everything, 1e-12)))
    best = np.abs(correlation[lags] / norm).argmax()
    refined = np.abs(_INTERPOLATION @ correlation.take(lags[best] + _TAPS, mode="wrap"))
    value, lag = refined.max() / norm[best], lags[best] + _FRACTIONS[refined.argmax()]
    return min(float(value), 1.0), float(lag / RATE_HZ), float((end - begin)[best] / RATE_HZ)


def fingerprints(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fingerprints of a view, float32 [peaks of its envelope, size], each of length one, and their frames."""
    padded = np.pad(view, (0, max(0, _WINDOW - len(view))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.square(np.abs(scipy.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1))) @ _mel().T
    level_db = 10 * np.log10(np.maximum(power, 1e-12))
    level_db = np.maximum(level_db - level_db.max() + _FLOOR_DB, 0)
    envelope = np.convolve(level_db.mean(axis=1), np.hanning(_SMOOTHING + 2)[1:-1])
    peaks = scipy.signal.find_peaks(np.pad(envelope, 1))[0] - 1 - _SMOOTHING // 2
    reach = _REACH + _SMOOTHING  # a peak of the envelope may lie outside of a very short clip
    padded = np.pad(level_db, ((reach, reach), (0, 0)))
    around = np.arange(-_REACH, _REACH + 1) + reach
    slow = scipy.fft.dctn(padded[peaks[:, None] + around], axes=(1, 2), norm="ortho")[:, : _KEPT[0], : _KEPT[1]]
    slow *= np.outer(np.arange(1, _KEPT[0] + 1), np.arange(1, _KEPT[1] + 1))
    flat = slow.reshape(len(slow), -1)[:, 1:]  # without the first, the level
    return (flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)).astype(np.float32), peaks


def candidates(found: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Pairs (i, j), i < j, of clips that share fingerprints, int [pairs, 2], by what `fingerprints` says of each."""
    if not found:
        return np.empty((0, 2), int)
    owners = np.repeat(np.arange(len(found)), [len(frames) for _, frames in found])
    vectors, frames = (np.concatenate(parts) for parts in zip(*found, strict=True))
    pairs, lags, cosines = [], [], []
    blocks = range(0, len(vectors), _BLOCK)
    for start in progress(blocks, label="searching", unit="block") if len(blocks) > 1 else blocks:
        cosine = vectors[start : start + _BLOCK] @ vectors[start:].T
        rows, columns = np.divmod(np.flatnonzero(cosine >= TOGETHER), cosine.shape[1])
        other = owners[start + rows] < owners[start + columns]
        rows, columns = rows[other], columns[other]
        pairs.append(owners[start + rows] * len(found) + owners[start + columns])
        lags.append(frames[start + rows] - frames[start + columns])
        cosines.append(cosine[rows, columns])
    pairs, lags, cosines = (np.concatenate(parts) for parts in (pairs, lags, cosines))
    order = np.lexsort((lags, pairs))
    together = (np.diff(pairs[order]) == 0) & (np.diff(lags[order]) <= _JITTER)
    kept = np.union1d(pairs[order][1:][together], pairs[cosines >= ALONE])
    return np.stack(np.divmod(kept, len(found)), axis=1)


def describe(pairs: pd.DataFrame, *, index: pd.DataFrame, manifests: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What `search` found, with labels and sides.

    Returns `pairs` with `emotion_first, emotion_second` and `conflict`, what the names of the two clips contradict each
    other in (`emotion`, `text`, `speaker`, or several), and for each manifest a column of its name: the number of folds
    in which one of the two is evaluated while the other is not.
    """
    facts = index.set_index("path")
    first, second = (facts.loc[pairs[column]].reset_index() for column in COLUMNS[:2])
    told = pairs.assign(emotion_first=first.emotion, emotion_second=second.emotion)
    columns = ["speaker", "text", "emotion"]
    unlike = [[c for c in columns if first[c][i] != second[c][i]] for i in range(len(pairs))]
    told["conflict"] = pd.Series([", ".join(names) for names in unlike], dtype=str)
    for name, clips in manifests.items():
        evaluated = (clips.split == "evaluation").groupby([clips.fold, clips.path]).first().unstack("fold")
        sides = [evaluated.reindex(pairs[column]).to_numpy(float) for column in COLUMNS[:2]]
        told[name] = (np.abs(sides[0] - sides[1]) == 1).sum(axis=1)  # a clip without a side shares none
    return told


def save(pairs: pd.DataFrame, *, profile: str) -> None:
    """Write the pairs of a profile as CSV, atomically."""
    with storage.atomic(paths.near_duplicates(profile)) as temporary:
        pairs.to_csv(temporary, index=False, lineterminator="\n")


def load(profile: str) -> pd.DataFrame:
    """The pairs of a profile; raises `FileNotFoundError` saying what makes them."""
    file = paths.near_duplicates(profile)
    if not file.is_file():
        raise FileNotFoundError(f"no pairs at {file}: run notebooks/13_near_duplicates.ipynb first")
    return pd.read_csv(file, keep_default_na=False)


@cache
def _mel() -> np.ndarray:
    return librosa.filters.mel(sr=RATE_HZ, n_fft=_WINDOW, n_mels=_BANDS, fmin=100, fmax=BAND_HZ[1])


def _energy(view: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(np.square(view, dtype=np.float64))])
    return total[end] - total[begin]
