"""A finished run at work: from a file or an array of samples to the probability of each emotion.

The whole chain comes from the run's folder: `config.json` says how waveforms were normalized, what features were made
of them and what the model is built from. What the stores round is rounded here, too (waveforms to 16 bits, features
to half precision), so that a clip of the profile gets the probabilities that `predictions.parquet` has.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from emolabs import paths, storage
from emolabs.experiments import learners, networks, saved
from emolabs.experiments.one_clip import read, stored
from emolabs.extraction import embeddings, functionals, spectrograms
from emolabs.extraction.store import Features
from emolabs.modeling import encoder, training, weights
from emolabs.modeling.sides import Side
from emolabs.standardization.normalization import Normalization, normalize
from emolabs.standardization.waveforms import Waveforms


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one clip, and what it heard. Times are seconds from the beginning of `wave`."""

    probabilities: pd.Series  # by emotion, sum 1
    wave: np.ndarray  # normalized, float32 [samples], full scale 1
    sample_rate_hz: int
    heard: np.ndarray | None  # what goes into the model: [(layers,) channels, frames] or one vector; None: nothing
    heard_s: tuple[float, float]  # from where to where: a long clip is cropped around its centre
    attention: np.ndarray | None  # weight of each aggregated frame, sum 1; None where the aggregation has none
    times_s: np.ndarray | None  # where each of these frames begins

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return str(self.probabilities.idxmax())


class Model:
    """A run's model and everything before it; made by `load`. `network` is the bare network, None in classical rows."""

    def __init__(self, folder: Path, *, weights: str | Path = ""):
        self.folder, self._weights = folder, weights
        self._config = storage.read_json(folder / "config.json")
        self.made_from = storage.read_json(folder / "run.json")["made_from"]
        self.pipeline = saved.pipeline(folder, parts=self.made_from["parts"])
        self.labels: list[str] = self._config["labels"]
        self._parameters: dict = self._config["features"] or {}
        kind, self._classical, self.network = self.pipeline.backbone, None, None
        if kind in learners.CLASSICAL:
            self._classical = saved.fitted(folder, self._config, kind=kind)
        else:
            self.network = saved.network(folder, self._config, pipeline=self.pipeline)

    @property
    def hears(self) -> str:
        """Digest of how features are made of a waveform: models that share it `hear` the same."""
        return storage.digest([*self.pipeline.store, self._parameters])

    @property
    def normalization(self) -> Normalization:
        """The steps that the run's waveforms went through; raises `ValueError` where the run does not say them."""
        steps = self._parameters.get("normalization")
        if steps is None and self._parameters:
            raise ValueError(
                f"{self.folder}/config.json does not say how its waveforms were normalized, because their store was "
                "gone when it was trained: run notebooks/12_normalization.ipynb and train it again"
            )
        return Normalization(**(steps or {}))

    def predict(self, source: str | Path | np.ndarray, *, sample_rate_hz: float | None = None) -> Prediction:
        """Probabilities of one clip: a file, or samples [samples(, channels)] with full scale 1, and their rate.

        Raises `OSError` where a file is not there, and `ValueError` with the reason for what cannot be read, is silent
        or too short, for an array of another shape or without a rate from 1 to 768 kHz, for an encoder that is not the
        one of the run, and for a package that is not installed.
        """
        waves = self.normalize(source, sample_rate_hz=sample_rate_hz)
        return self.answer(waves, self.hear(waves))

    def normalize(self, source: str | Path | np.ndarray, *, sample_rate_hz: float | None = None) -> Waveforms:
        """One clip as a store of the run's normalized waveforms would hold it; arguments and errors of `predict`."""
        samples, rate = read(source, sample_rate_hz=sample_rate_hz)
        return stored(normalize(samples, sample_rate_hz=rate, steps=self.normalization)[0], self.normalization)

    def answer(self, waves: Waveforms, features: Features | None) -> Prediction:
        """What the model says of the one clip in `waves`, of which it hears `features`, as `hear` makes them."""
        if self.network:
            return self._ask_network(waves, features)
        vector = learners.vectors(features, np.array([0])) if features else np.zeros((1, 1))
        probabilities = pd.Series(learners.spread(self._classical, vector, labels=self.labels)[0], self.labels)
        heard = vector[0] if features else None
        return Prediction(probabilities, waves.wave(0), waves.sample_rate_hz, heard, self._span(waves), None, None)

    def probabilities(self, features: Features | None, rows: np.ndarray) -> np.ndarray:
        """What the model says of these rows of a store that was made as the run's own: [clips, labels]."""
        if self.network:
            longest = self.network.encoder.longest if self.network.encoder else None
            x = networks.source(self.pipeline, features, rows=rows, longest=longest)
            side = Side(x, torch.zeros(len(rows), dtype=torch.long))
            return training.predict(self.network, side).double().softmax(dim=1).numpy()
        vectors = learners.vectors(features, rows) if features else np.zeros((len(rows), 1))
        return learners.spread(self._classical, vectors, labels=self.labels)

    @torch.inference_mode()
    def _ask_network(self, waves: Waveforms, features: Features) -> Prediction:
        longest = self.network.encoder.longest if self.network.encoder else None
        side = networks.source(self.pipeline, features, rows=np.array([0]), longest=longest)
        x = side.take(torch.tensor([0]), frames=int(side.lengths[0]))
        logits, weights = self.network(x, side.lengths)
        probabilities = pd.Series(logits[0].double().softmax(dim=0).numpy(), self.labels)
        hop_s = networks.hop_s(self.network, features)
        frame_s = self._parameters.get("hop_s") or 1 / self._parameters["frame_rate_hz"]
        start_s, end_s = self._span(waves)
        if hasattr(side, "starts"):  # frames that are cropped again
            start_s += int(side.starts[0]) * frame_s
        end_s = min(end_s, start_s + int(side.lengths[0]) * frame_s)
        weights = None if weights is None else weights[0].numpy()
        times_s = None if weights is None else start_s + hop_s * np.arange(len(weights))
        heard = x[0].numpy(), (start_s, end_s)
        return Prediction(probabilities, waves.wave(0), waves.sample_rate_hz, *heard, weights, times_s)

    def hear(self, waves: Waveforms, *, frames: np.ndarray | None = None) -> Features | None:
        """What the store of the run's branch would hold of `waves`; `frames` are those of `encode`, where known. Raises
        `ValueError` where a package is not installed."""
        branch, parameters = self.pipeline.store[0], self._parameters
        if not branch:
            return None
        if branch == "waveform":
            clips, values = waves.clips, waves.samples
        elif branch == "logmel":
            chosen = spectrograms.LogMel(**{f.name: parameters[f.name] for f in fields(spectrograms.LogMel)})
            clips, values = spectrograms.compute(waves, parameters=chosen)
        elif branch in functionals.SETS:
            try:
                vector = functionals.SETS[branch].compute(waves.wave(0), sample_rate_hz=waves.sample_rate_hz)
            except ImportError as error:  # whoever asks for one clip gets a sentence
                raise ValueError(str(error)) from None
            clips, values = waves.clips.assign(length=1), vector[None]
        else:
            frames = self.encode(waves) if frames is None else frames
            clips, values = waves.clips.assign(length=len(frames)), self._kept(frames)
            clips = clips.drop(columns="start") if branch.endswith("-pooled") else clips
        return Features(self.folder, clips, values, parameters, "")

    def encode(self, waves: Waveforms) -> np.ndarray | None:
        """All layers of the run's frozen encoder of one clip: [frames, layers, size]; None where it has none."""
        if "encoder" not in self._parameters:
            return None
        first, end = (round(t * waves.sample_rate_hz) for t in self._span(waves))
        return embeddings.hear(waves.wave(0)[first:end], model=self._frozen)

    @property
    def encodes(self) -> str:
        """Digest of what `encode` depends on: models that share it have the same frames of the same waves."""
        return storage.digest([self._parameters.get(name) for name in ("encoder", "crop_s")])

    def _kept(self, frames: np.ndarray) -> np.ndarray:
        """What a store keeps of frames [frames, layers, size]: statistics, one layer or all, in its own precision."""
        if self.pipeline.store[0].endswith("-pooled"):
            return np.concatenate([frames.mean(axis=0), frames.std(axis=0)], axis=1)[None]
        layer = self._parameters["layer"]
        return (frames[:, layer] if isinstance(layer, int) else frames).astype(np.float16)

    def _span(self, waves: Waveforms) -> tuple[float, float]:
        """From where to where a clip is heard, in seconds, before any crop of frames."""
        samples, rate = int(waves.clips.length[0]), waves.sample_rate_hz
        kept = min(samples, round(self._parameters["crop_s"] * rate)) if "crop_s" in self._parameters else samples
        start = (samples - kept) // 2
        return start / rate, (start + kept) / rate

    @cached_property
    def _frozen(self) -> encoder.Encoder:
        """The encoder whose frames the run was trained on; raises where only others are here."""
        wanted, found = self._parameters["encoder"], []
        own = paths.encoders(self.made_from["profile"]) / wanted["name"]
        for name in [self._weights] if self._weights else [*([own] if own.is_dir() else []), wanted["name"]]:
            try:
                folder = weights.find(name, revision=wanted["revision"])
            except FileNotFoundError as error:
                found.append(str(error))
                continue
            digest = weights.describe(name, revision=None, folder=folder)["weights"]
            if digest == wanted["weights"]:
                return encoder.load(folder)
            found.append(f"{folder} has {digest}")
        raise ValueError(
            f"{self.folder} was trained on frames of the encoder {wanted['name']} whose weights have the digest "
            f"{wanted['weights']}, and they are not here ({'; '.join(found)}): give their folder as `weights`"
        )


def load(run: str | Path, *, weights: str | Path = "") -> Model:
    """The model of a finished run: the folder `runs/<profile>/<protocol>/<scope>/<pipeline>/fold<f>/seed<k>/`.

    `weights` is the folder of the frozen encoder, where it is not found by its name. Nothing is unpickled.
    Raises `FileNotFoundError` naming what the folder lacks and the runs there are, and `ValueError` naming the file
    that is damaged, or whose weights do not fit what config.json says.
    """
    folder = Path(run)
    saved.check(folder)
    try:
        return Model(folder, weights=weights)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} was trained by another version of the code, which left other files ({error}): train it again"
        ) from None
