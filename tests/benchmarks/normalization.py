"""Normalization: the store of waveforms, against the loop of librosa and pyloudnorm that a notebook would write."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from emolabs.corpora import audio
from emolabs.standardization import normalize_file, waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave, per_clip

WORKERS = 2
CLIPS = 600


def run(settings: Settings) -> list[Row]:
    """Two rows: the throughput, and how much of the work is decoding."""
    clips = data.sample(settings.limit(CLIPS))
    files = data.files(clips)
    stores = iter(range(settings.repeats + 1))

    def build(part=clips):
        with data.scratch(settings.folder / f"normalization{next(stores)}"):
            waveforms.build(part, profile=data.PROFILE, steps=data.STEPS, workers=WORKERS)

    build(clips.head(64))  # starts the workers
    data.obvious_waveform(files[0])
    seconds = interleave(
        {
            "ours": build,
            "obvious": lambda: [data.obvious_waveform(file) for file in files],
            "one process": lambda: _one_process(files),
            "decoding": lambda: [audio.read(file) for file in files],
        },
        repeats=settings.repeats,
    )
    said = {name: per_clip(value, clips=len(files)) for name, value in seconds.items()}
    return [
        Row(
            name="normalization",
            ours=said["ours"],
            compared_to=f"librosa + pyloudnorm, one process: {said['obvious']}",
            ratio=seconds["obvious"] / seconds["ours"],
            target=1.8,
            note=f"{len(files):,} clips, {WORKERS} workers, store written",
        ),
        Row(
            name="normalization: share of decoding",
            ours=said["decoding"],
            compared_to=f"the whole chain, one process: {said['one process']}",
            ratio=100 * seconds["decoding"] / seconds["one process"],
            unit="%",
            note="for information",
        ),
    ]


def _one_process(files: list[Path]) -> None:
    with threadpool_limits(1):  # as in a worker
        for file in files:
            normalize_file(file, steps=data.STEPS)
