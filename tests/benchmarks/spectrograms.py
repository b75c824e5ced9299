"""Log-mel: the feature store, against librosa clip by clip with the same parameters."""

import os

import numpy as np

from emolabs.extraction import spectrograms
from emolabs.modeling import training
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave, per_clip

CLIPS = 2000


def run(settings: Settings) -> list[Row]:
    """One row; both sides read the same normalized clips and write a float16 array to the disk."""
    with data.scratch(settings.folder / "logmel"):
        clips = data.sample(settings.limit(CLIPS))
        waves = waveforms.build(clips, profile=data.PROFILE, steps=data.STEPS)
    stores, made = iter(range(settings.repeats + 1)), {}

    def build():
        with data.scratch(settings.folder / f"logmel{next(stores)}"):
            made["ours"] = spectrograms.build(
                waves, profile=data.PROFILE, parameters=spectrograms.LogMel(), device=training.device()
            ).values

    def obvious():
        samples = round(spectrograms.LogMel().crop_s * waves.sample_rate_hz)
        fitted = (spectrograms.fit(waves.wave(i), samples=samples)[0] for i in range(len(clips)))
        alike = (data.obvious_logmel(wave, like=spectrograms.LogMel()) for wave in fitted)
        made["librosa"] = np.stack([spectrogram.astype(np.float16) for spectrogram in alike])
        with open(settings.folder / "librosa.npy", "wb") as stream:
            np.save(stream, made["librosa"])
            os.fsync(stream.fileno())

    build()
    seconds = interleave({"ours": build, "librosa": obvious}, repeats=settings.repeats)
    apart = np.abs(made["ours"].astype(np.float32) - made["librosa"].astype(np.float32)).max()
    return [
        Row(
            name="log-mel",
            ours=per_clip(seconds["ours"], clips=len(clips)),
            compared_to=f"librosa clip by clip: {per_clip(seconds['librosa'], clips=len(clips))}",
            ratio=seconds["librosa"] / seconds["ours"],
            target=5,
            note=f"{len(clips):,} clips on {training.device()}, stores written; at most {apart:.2f} dB apart",
        )
    ]
