"""How the index grows: time and peak memory of `index.build` over generated corpora of tiny files, up to 200,000.

Every file holds 10 ms of noise of its own, so that what is measured is the index and hardly the decoding.
The curve on two cores of an Intel Xeon, all processes together:

    clips       5,000   20,000   50,000   200,000
    seconds       2.2      5.0     13.1      57.4
    GiB          0.37     0.40     0.48      0.81

    python -m tests.benchmarks.scale FOLDER CLIPS
"""

import argparse
import os
import struct
import time
from pathlib import Path

import numpy as np

from emolabs import storage
from emolabs.corpora import Corpus, Recording, index
from tests.benchmarks.measure import Row, Settings, per_clip
from tests.benchmarks.processes import memory_row, peaks

#: Numbers of clips; those over `USUAL` are measured with `--full` only.
SIZES, USUAL = [5_000, 20_000, 50_000, 200_000], 20_000
LIMIT_GIB = 1.5
#: Time a clip at any size, at most so many times that at the smallest size from `LINEAR_FROM` on.
LARGEST_GROWTH, LINEAR_FROM = 1.3, 20_000
RATE_HZ, SAMPLES = 16_000, 160
EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
_PER_FOLDER = 1_000


def parse(name: str) -> Recording:
    """A generated name, such as `s0012/s0012_t34_anger_0012345`."""
    canonical = name.rsplit("/", 1)[-1]
    speaker, text, emotion, _ = canonical.split("_")
    return Recording(canonical, speaker, "female" if int(speaker[1:]) % 2 else "male", text, emotion)


CORPUS = Corpus(
    key="scale",
    name="Scale",
    language="en",
    licence="none: generated noise",
    citation="",
    source="tests/benchmarks/scale.py",
    obtain="",
    layout="s0000/s0000_t00_anger_0000000.wav",
    counts=dict.fromkeys(EMOTIONS, 0),
    own_labels=tuple(EMOTIONS),
    speakers=0,
    parse=parse,
)


def run(settings: Settings) -> list[Row]:
    """A row a size for memory, and one for the growth of the time a clip where there are two sizes to compare."""
    if not Path("/proc/self/status").is_file():
        return [Row(name="scale of the index", ours="", compared_to="", note="needs Linux' /proc")]
    largest = settings.limit(SIZES[-1] if settings.full else USUAL)
    sizes = [size for size in SIZES if size <= largest] or [largest]
    rows, seconds = [], {}
    for clips in sizes:
        folder = settings.folder / str(clips)
        generate(folder, clips=clips)
        found = peaks(["tests.benchmarks.scale", str(folder), str(clips)], log=settings.folder / f"{clips}.log")
        seconds[clips] = storage.read_json(folder / "seconds.json")["seconds"]
        note = per_clip(seconds[clips], clips=clips)
        rows.append(memory_row(f"scale of the index: {clips:,} clips", found, limit_gib=LIMIT_GIB, note=note))
    return rows + growth(seconds)


def growth(seconds: dict[int, float]) -> list[Row]:
    """A row that compares the time a clip of the largest size to that of `LINEAR_FROM`; none for less than both."""
    compared = [clips for clips in seconds if clips >= LINEAR_FROM]
    if len(compared) < 2:
        return []
    small, large = compared[0], compared[-1]
    return [
        Row(
            name="scale of the index: growth",
            ours=f"{large:,} clips: {1000 * seconds[large] / large:.2f} ms a clip",
            compared_to=f"{small:,} clips: {1000 * seconds[small] / small:.2f} ms a clip",
            ratio=(seconds[large] / large) / (seconds[small] / small),
            target=LARGEST_GROWTH,
            at_most=True,
        )
    ]


def generate(folder: Path, *, clips: int) -> None:
    """Write `clips` WAV files of 16-bit noise under `folder`/scale, 1,000 a folder, one folder a speaker."""
    size = 2 * SAMPLES
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    header += struct.pack("<4sI", b"data", size)
    generator = np.random.default_rng(0)
    for first in range(0, clips, _PER_FOLDER):
        speaker = f"s{first // _PER_FOLDER:04d}"
        (folder / "scale" / speaker).mkdir(parents=True)
        for i, noise in enumerate(generator.integers(-8_000, 8_000, (min(_PER_FOLDER, clips - first), SAMPLES), "<i2")):
            name = f"{speaker}_t{i % 50:02d}_{EMOTIONS[i % len(EMOTIONS)]}_{first + i:07d}.wav"
            (folder / "scale" / speaker / name).write_bytes(header + noise.tobytes())


def main(folder: Path, *, clips: int) -> None:
    """Index the corpus under `folder` and leave `seconds.json` there; a clip that is missing is an error."""
    os.environ["EMOLABS_RAW"] = str(folder)
    began = time.perf_counter()
    found, rejected = index.build([CORPUS])
    seconds = time.perf_counter() - began
    if len(found) != clips or len(rejected):
        raise RuntimeError(f"expected {clips} clips in the index, found {len(found)} and {len(rejected)} rejected")
    storage.write_json(folder / "seconds.json", {"seconds": seconds})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description="Index a generated corpus.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", type=int)
    chosen = parser.parse_args()
    main(chosen.folder, clips=chosen.clips)
