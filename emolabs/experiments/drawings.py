"""The drawings that the family notebooks share: learning curves, gradients, and where a network looks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolabs import reporting
from emolabs.experiments import networks
from emolabs.experiments.predictor import Prediction
from emolabs.experiments.results import Result
from emolabs.extraction import spectrograms
from emolabs.extraction.store import Features
from emolabs.modeling.classifier import Classifier
from emolabs.reporting import COLORS

TRAINING, VALIDATION = COLORS["blue"], COLORS["vermilion"]


def draw_curves(axes: Sequence[Axes], folders: Sequence[Path]) -> None:
    """Loss on both sides over epochs, and the validation UAR by which the epoch was chosen (dot); a line a fold."""
    for history in [pd.read_csv(folder / "history.csv") for folder in folders]:
        axes[0].plot(history.epoch + 1, history.train_loss, "-", color=TRAINING)
        axes[0].plot(history.epoch + 1, history.validation_loss, "--", color=VALIDATION)
        best = history.validation_uar.idxmax()
        axes[1].plot(history.epoch + 1, 100 * history.validation_uar, "--", color=VALIDATION)
        axes[1].plot(best + 1, 100 * history.validation_uar[best], "o", color="black")
    for axis, label in zip(axes, ["cross-entropy", "validation UAR (%)"], strict=True):
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend(["training", "validation"])


def gradients(folder: Path) -> pd.DataFrame:
    """Mean norm of the gradient of each convolution kernel: a row an epoch, a column a layer from first to last."""
    table = pd.read_csv(folder / "gradients.csv", index_col="epoch")
    table = table[[name for name in table if name.startswith("backbone.") and name.endswith("convolution.weight")]]
    return table[[name for name in table if ".projection." not in name]]


def draw_gradients(axis: Axes, table: pd.DataFrame, **look) -> None:
    """The norms of `gradients` by layer, the mean of all epochs, with their range from epoch to epoch."""
    layers = np.arange(1, table.shape[1] + 1)
    axis.fill_between(layers, table.min(), table.max(), alpha=0.15, color=look.get("color"), linewidth=0)
    axis.plot(layers, table.mean(), **{"marker": "o", "markersize": 3} | look)
    axis.set(xlabel="layer, from the input on", ylabel="norm of the gradient", yscale="log")
    axis.xaxis.get_major_locator().set_params(integer=True)


def heard(result: Result) -> pd.Series:
    """The first clip by id that the first fold heard correctly (or any, where there is none)."""
    clips = result.predictions[result.predictions.fold == result.predictions.fold.min()]
    right = clips[clips.prediction == clips.emotion]
    return (right if len(right) else clips).sort_values("id").iloc[0]


@torch.inference_mode()
def draw_attention(axes: Sequence[Axes], clip: pd.Series, *, model: Classifier, pipeline, features: Features) -> bool:
    """What the network hears of a clip above the weights that its aggregation gave to the frames, on one time axis.

    Draws nothing and returns False where the aggregation gives no weights.
    """
    rows = np.flatnonzero(features.clips.id == clip.id)
    longest = model.encoder.longest if model.encoder else None
    side = networks.source(pipeline, features, rows=rows, longest=longest)
    x = side.take(torch.tensor([0]), frames=int(side.lengths[0]))
    _, weights = model(x, side.lengths)
    if weights is None:
        return False
    weights = weights[0].numpy() * len(weights[0])
    hop_s, picture = networks.hop_s(model, features), x[0].numpy()
    duration_s = hop_s * side.lengths[0].item() / (model.backbone.stride * (model.encoder.hop if model.encoder else 1))
    picture = picture[len(picture) // 2] if picture.ndim == 3 else picture  # the layer in the middle
    if len(picture) == 1:
        axes[0].plot(
            np.linspace(0, duration_s, picture.shape[1]), picture[0], linewidth=0.4, color="black", rasterized=True
        )
    else:
        extent = (0, duration_s, 0, len(picture))
        low, high = np.percentile(picture, [2, 99.5])
        look = {"origin": "lower", "aspect": "auto", "cmap": "cividis", "vmin": low, "vmax": high}
        axes[0].imshow(picture, extent=extent, **look)
    axes[1].stairs(weights, np.arange(len(weights) + 1) * hop_s, baseline=None, color="black")
    names = {"logmel": "mel band", "mfcc": "mel band", "waveform": "amplitude"}
    label = "amplitude" if len(picture) == 1 else names.get(pipeline.branch, "dimension")
    axes[0].set(ylabel=label, title=f"{clip.path}: {clip.emotion}, heard as {clip.prediction}")
    axes[0].grid(False)
    axes[1].set(xlabel="time (s)", ylabel="weight\n× frames", ylim=(0, None))
    return True


def draw_prediction(prediction: Prediction, *, title: str) -> Figure:
    """A clip as a model hears it: waveform, log-mel spectrogram, attention and the probabilities; grey is not heard."""
    wave, rate = prediction.wave, prediction.sample_rate_hz
    times_s, (start_s, end_s) = np.arange(len(wave)) / rate, prediction.heard_s
    figure, axes = reporting.figure(rows=4, height_in=6.2, height_ratios=[1, 1.6, 1, 1.6])
    axes[0].plot(times_s, wave, linewidth=0.4, color="black", rasterized=True)
    axes[0].set(ylabel="amplitude", title=title)
    mel = spectrograms.MelPower(spectrograms.LogMel(), sample_rate_hz=rate)
    picture = spectrograms.extract(torch.from_numpy(wave), mel=mel).numpy()
    extent = (-mel.hop / rate / 2, (picture.shape[1] - 0.5) * mel.hop / rate, 0, len(picture))
    look = {"origin": "lower", "aspect": "auto", "cmap": "cividis", "vmin": picture.max() - 70}
    axes[1].imshow(picture, extent=extent, **look)
    axes[1].set(ylabel="mel band")
    axes[1].grid(False)
    if prediction.attention is not None:
        edges_s = [*prediction.times_s, end_s]
        axes[2].stairs(prediction.attention * len(prediction.attention), edges_s, color="black")
    else:
        axes[2].text(0.5, 0.5, "this aggregation has no weights", ha="center", transform=axes[2].transAxes)
    axes[2].set(ylabel="weight\n× frames", xlabel="time (s)", ylim=(0, None))
    for axis in axes[:3]:
        axis.set_xlim(0, len(wave) / rate)
        axis.axvspan(0, start_s, color="0.5", alpha=0.5, linewidth=0)
        axis.axvspan(end_s, len(wave) / rate, color="0.5", alpha=0.5, linewidth=0)
    for emotion, share in prediction.probabilities.items():
        axes[3].bar(emotion, 100 * share, **reporting.emotion_bar(emotion))
    axes[3].set(ylabel="probability (%)", ylim=(0, 100))
    return figure
