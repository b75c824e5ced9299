"""The embedded corpora `emosynth-en` and `emosynth-de`: eSpeak NG speaks short neutral sentences with acted prosody.

They let every notebook run without a download. They are no evidence about human emotion: an emotion is here nothing
but a row of `PROSODY` (rate, pitch, range, level, spectral tilt, breath, tremor, tune), weighed by how strongly the
voice expresses itself and blurred by spreads that depend on the voice, the emotion and the clip.

Conventions: 16-bit PCM, mono, 22,050 Hz. No random generator and no clock takes part: whatever varies is drawn from
the SHA-2 or SHA-3 of a name, and every clip is spoken by a freshly loaded library (`emolabs.corpora.espeak`). A clip
therefore has the same bytes alone or among others, in one process or in many. Another build of eSpeak NG may speak
slightly differently.

Run ``python -m emolabs.corpora.synthesis`` to make both corpora under `emolabs.paths.RAW`.
"""

import argparse
import hashlib
import importlib.metadata
import os
from collections.abc import Collection
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import soundfile

from emolabs import paths
from emolabs.corpora import espeak
from emolabs.corpora.espeak import SAMPLE_RATE_HZ
from emolabs.progress import progress
from emolabs.storage import atomic, digest

#: Language of each embedded corpus.
LANGUAGES = {"emosynth-en": "en", "emosynth-de": "de"}
#: Number of times every voice says every sentence with every emotion.
TAKES = 2


@dataclass(frozen=True)
class Voice:
    """A speaker: `espeak` names accent and variant, `pitch` (0 to 99, 50 units an octave) and `rate_wpm` the habit."""

    language: str
    sex: str
    espeak: str
    pitch: int
    rate_wpm: int
    strength: float
    """How strongly the voice expresses an emotion; 1 is the table `PROSODY` as it stands."""


@dataclass(frozen=True)
class Prosody:
    """How a clip is spoken, relative to the voice's habit."""

    rate_pct: float
    pitch_st: float
    range_pts: float
    """Points of eSpeak's pitch range, which lies between 0 (monotonous) and 99; 50 is its habit."""
    level_db: float
    tilt_db_oct: float
    """Slope of the spectrum around 1 kHz; below zero the voice sounds muffled, above zero pressed."""
    breath_db: float
    """Noise that follows the envelope of the voice, relative to the voice itself."""
    tremor_pct: float
    """Depth of a 6 Hz modulation of the amplitude."""


@dataclass(frozen=True)
class Clip:
    """One utterance of an embedded corpus; `name` is unique in its corpus: `<voice>_<sentence>_<emotion>_<take>`."""

    name: str
    language: str
    voice: str
    sex: str
    text: str
    emotion: str
    take: int


#: The speakers.
VOICES = {
    "en1": Voice("en", "female", "en+f1", 48, 160, 1.00),
    "en2": Voice("en", "male", "en+m1", 46, 152, 0.85),
    "en3": Voice("en", "female", "en-us+f3", 44, 172, 0.75),
    "en4": Voice("en", "male", "en-us+m7", 54, 166, 1.10),
    "en5": Voice("en", "female", "en-gb-scotland+linda", 50, 158, 0.90),
    "en6": Voice("en", "male", "en-gb-scotland+m3", 42, 174, 0.70),
    "en7": Voice("en", "female", "en-us+Annie", 42, 180, 1.15),
    "en8": Voice("en", "male", "en-us+m2", 40, 162, 1.00),
    "en9": Voice("en", "female", "en+f4", 46, 168, 0.80),
    "en10": Voice("en", "male", "en+m5", 50, 176, 0.95),
    "de1": Voice("de", "female", "de+f2", 46, 158, 1.05),
    "de2": Voice("de", "male", "de+m2", 50, 164, 0.75),
    "de3": Voice("de", "female", "de+f4", 42, 176, 0.85),
    "de4": Voice("de", "male", "de+m4", 46, 154, 1.00),
    "de5": Voice("de", "female", "de+belinda", 50, 166, 0.70),
    "de6": Voice("de", "male", "de+m6", 55, 172, 1.15),
    "de7": Voice("de", "female", "de+f1", 54, 162, 0.95),
    "de8": Voice("de", "male", "de+Denis", 44, 160, 0.90),
    "de9": Voice("de", "female", "de+f3", 48, 170, 0.80),
    "de10": Voice("de", "male", "de+m7", 48, 168, 1.10),
}

#: What is said, by language: everyday statements without an emotion of their own.
SENTENCES = {
    "en": [
        "The train arrives at ten past four.",
        "She put the letter on the kitchen table.",
        "There are seven chairs in the other room.",
        "The shop on the corner opens on Monday.",
        "He told me about it this morning.",
        "They will bring the boxes back tomorrow.",
    ],
    "de": [
        "Der Zug fährt um zehn nach vier.",
        "Sie hat den Brief auf den Küchentisch gelegt.",
        "Im anderen Zimmer stehen fünf Stühle.",
        "Das Geschäft an der Ecke öffnet am Montag.",
        "Er hat mir heute früh davon erzählt.",
        "Morgen bringen wir die Schlüssel zurück.",
    ],
}

#: The emotions, by language; German lacks surprise, so that a corpus with a missing class is always at hand.
EMOTIONS = {
    "en": ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"],
    "de": ["anger", "disgust", "fear", "happiness", "neutral", "sadness"],
}

#: The emotions as prosody. The directions follow Scherer (2003), Speech Communication 40, 227-256, where it names one;
#: sizes and spreads are set so that a linear model on MFCC is far from chance and from certainty on unheard voices.
PROSODY = {
    "anger": Prosody(14, 2.0, 18, 6.0, 3.5, -44, 0),
    "disgust": Prosody(-12, -2.0, -6, 0.0, -1.5, -36, 40),
    "fear": Prosody(18, 5.0, -20, -1.5, 0.5, -14, 35),
    "happiness": Prosody(8, 3.0, 28, 3.0, 2.0, -24, 0),
    "neutral": Prosody(0, 0.0, 0, 0.0, 0.0, -44, 0),
    "sadness": Prosody(-20, -1.5, -28, -5.0, -3.0, -24, 5),
    "surprise": Prosody(-4, 6.0, 45, 2.0, -0.5, -16, 0),
}
#: Largest deviation of a voice's own way to express an emotion from `PROSODY` (uniform on both sides).
HABIT_SPREAD = Prosody(3, 0.8, 6, 1.0, 0.3, 2, 3)
#: Largest deviation of a clip from its voice's way (uniform on both sides).
CLIP_SPREAD = Prosody(4, 0.8, 6, 1.5, 0.3, 3, 4)
#: The end of the sentence as eSpeak reads it, which chooses the tune; a full stop elsewhere.
TUNES = {"anger": "!", "surprise": "?"}

#: Level of a neutral clip and the limit of every peak, in dB relative to full scale.
NEUTRAL_RMS_DBFS = -28.0
PEAK_DBFS = -1.0
#: Under this number of clips the start of other processes costs more time than it saves.
FEW_CLIPS = 32


def clips(key: str) -> list[Clip]:
    """All clips of the embedded corpus `key`, in the order voice, sentence, emotion, take.

    Raises `ValueError` that names the known keys.
    """
    if key not in LANGUAGES:
        raise ValueError(f"unknown embedded corpus {key!r}: expected one of {', '.join(LANGUAGES)}")
    language = LANGUAGES[key]
    return [
        Clip(f"{name}_s{number}_{emotion}_{take}", language, name, voice.sex, text, emotion, take)
        for name, voice in VOICES.items()
        if voice.language == language
        for number, text in enumerate(SENTENCES[language], start=1)
        for emotion in EMOTIONS[language]
        for take in range(1, TAKES + 1)
    ]


def synthesize(key: str, *, folder: Path, names: Collection[str] | None = None, workers: int | None = None) -> int:
    """Write the clips of `key` that `folder` lacks as `<folder>/<clip name>.wav` and return how many were written.

    A clip counts as present when its file is whole and was made by this module as it stands, so an interrupted call
    continues where it stopped and a change of a voice or an emotion remakes the corpus.

    Args:
        key: `emosynth-en` or `emosynth-de`.
        folder: where the files go; made where missing.
        names: names of the clips that are wanted; all where None.
        workers: number of processes; the number of available cores where None. The bytes do not depend on it.

    Raises:
        ValueError: `key` or a name is unknown.
        ImportError: `espeakng-loader` is not installed.
        RuntimeError: eSpeak NG does not start or lacks a voice.
    """
    wanted = {clip.name: clip for clip in clips(key)}
    if names is not None:
        unknown = sorted(set(names) - set(wanted))
        if unknown:
            raise ValueError(f"{key} has no clip {', '.join(unknown)}: expected names such as {next(iter(wanted))}")
        wanted = {name: wanted[name] for name in wanted if name in set(names)}
    folder, recipe = Path(folder), _recipe()
    missing = [clip for clip in wanted.values() if not _is_complete(folder / f"{clip.name}.wav", recipe=recipe)]
    if not missing:
        return 0
    espeak.package()
    if workers is None:
        workers = 1 if len(missing) < FEW_CLIPS else joblib.cpu_count()
    tasks = (joblib.delayed(_write)(clip, folder=folder, recipe=recipe) for clip in missing)
    written = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(tasks)
    return sum(1 for _ in progress(written, label=f"synthesize {key}", total=len(missing)))


def prosody(clip: Clip) -> Prosody:
    """The prosody of `clip`: its emotion's row, weighed by the voice's strength, plus the two spreads."""
    row, neutral, strength = PROSODY[clip.emotion], PROSODY["neutral"], VOICES[clip.voice].strength
    values = {}
    for field in fields(Prosody):
        base, target, habit, own = (getattr(table, field.name) for table in (neutral, row, HABIT_SPREAD, CLIP_SPREAD))
        habit *= _draw(f"{clip.voice}/{clip.emotion}/{field.name}")
        own *= _draw(f"{clip.name}/{field.name}")
        values[field.name] = base + strength * (target - base) + habit + own
    return Prosody(**values)


def _draw(name: str) -> float:
    """A number in [-1, 1) that depends on `name` alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7]) / 2**55 - 1


def _write(clip: Clip, *, folder: Path, recipe: str) -> None:
    style = prosody(clip)
    pcm = _color(_speak(clip, style=style), style=style, seed=clip.name)
    with (
        atomic(folder / f"{clip.name}.wav") as temporary,
        soundfile.SoundFile(temporary, "w", SAMPLE_RATE_HZ, 1, "PCM_16", format="WAV") as file,
    ):
        file.comment = recipe
        file.write(pcm)


def _speak(clip: Clip, *, style: Prosody) -> np.ndarray:
    """What eSpeak says, float64 [samples] in [-1, 1)."""
    voice = VOICES[clip.voice]
    return espeak.speak(
        clip.text.removesuffix(".") + TUNES.get(clip.emotion, "."),
        voice=voice.espeak,
        rate_wpm=voice.rate_wpm * (1 + style.rate_pct / 100),
        pitch=voice.pitch + style.pitch_st * 50 / 12,
        range_pts=50 + style.range_pts,
    )


def _color(signal: np.ndarray, *, style: Prosody, seed: str) -> np.ndarray:
    """`signal` [samples] with the tilt, breath, tremor and level of `style`, int16 [samples]."""
    size = 1 << (len(signal) + SAMPLE_RATE_HZ // 10).bit_length()
    frequency_hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    octaves = np.log2(np.clip(frequency_hz, 100, 8_000) / 1_000)
    spectrum = np.fft.rfft(signal, size) * 10 ** (style.tilt_db_oct * octaves / 20)
    voiced = np.fft.irfft(spectrum, size)[: len(signal)]

    window = np.hanning(SAMPLE_RATE_HZ // 50)
    envelope = np.sqrt(np.convolve(voiced**2, window / window.sum(), mode="same").clip(0))
    noise = np.frombuffer(hashlib.shake_256(seed.encode()).digest(2 * len(signal)), dtype="<i2") / 32_768
    breath = envelope * np.diff(noise, prepend=0)
    breath *= _rms(voiced) / _rms(breath) * 10 ** (style.breath_db / 20)

    time_s = np.arange(len(signal)) / SAMPLE_RATE_HZ
    tremor = 1 + style.tremor_pct / 100 * np.sin(2 * np.pi * (6 * time_s + _draw(f"{seed}/phase")))
    mixed = (voiced + breath) * tremor
    gain = 10 ** ((NEUTRAL_RMS_DBFS + style.level_db) / 20) / _rms(mixed)
    gain = min(gain, 10 ** (PEAK_DBFS / 20) / np.abs(mixed).max())
    return np.round(mixed * gain * 32_767).astype(np.int16)


def _rms(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(signal**2)))


@cache
def _recipe() -> str:
    """Digest of all that decides the bytes of a clip: this module's text, its caller's of eSpeak, eSpeak's version."""
    try:
        version = importlib.metadata.version("espeakng-loader")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    texts = [Path(file).read_text(encoding="utf-8") for file in (__file__, espeak.__file__)]
    return f"emosynth {digest([*texts, version])}"


def _is_complete(file: Path, *, recipe: str) -> bool:
    """Whether `file` is a whole RIFF file that carries `recipe` as its comment."""
    try:
        with open(file, "rb") as stream:
            head = stream.read(256)
            size = os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        return False
    return head[:4] == b"RIFF" and int.from_bytes(head[4:8], "little") + 8 == size and recipe.encode() in head


def main() -> None:
    """Make both embedded corpora and say what was done."""
    argparse.ArgumentParser(
        prog="python -m emolabs.corpora.synthesis",
        description=f"Make the embedded corpora {', '.join(LANGUAGES)} under {paths.RAW}; what is there stays.",
    ).parse_args()
    for key in LANGUAGES:
        folder = paths.raw(key) / key
        written = synthesize(key, folder=folder)
        print(f"{key}: {len(clips(key))} clips in {folder}, {written} of them new")


if __name__ == "__main__":
    # Under the module's own name, so that other processes find the functions.
    from emolabs.corpora import synthesis

    synthesis.main()
