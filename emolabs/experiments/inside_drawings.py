"""What `43_inside` shows of what networks listen to: drawings, tables for reading, sentences."""

from collections.abc import Sequence

import librosa
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes

from emolabs.experiments import networks, saliency
from emolabs.experiments.neighbours import ELSEWHERE
from emolabs.extraction.store import Features
from emolabs.reporting import COLORS, EMOTIONS, corpus_look, corpus_name, interval, over_mark, sex_look


def series(lines: pd.DataFrame, name: str, *, emotion: str = "all") -> pd.DataFrame:
    """The numbered measures `<name>_<i>` of an emotion, in their order: a line per band or part of time."""
    chosen = lines[(lines.emotion == emotion) & lines.measure.str.fullmatch(rf"{name}_\d+")]
    return chosen.sort_values("measure", key=lambda names: names.str.extract(r"(\d+)$")[0].astype(int))


def draw_time(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """Where in a clip saliency and attention lie, of all emotions, as multiples of an even share."""
    for name, line, color in (("saliency", "-", COLORS["vermilion"]), ("attention", "--", COLORS["blue"])):
        parts = series(lines, name)
        if len(parts):
            even, x = len(parts), 100 * (np.arange(len(parts)) + 0.5) / len(parts)
            axis.fill_between(x, even * parts.low, even * parts.high, color=color, alpha=0.25, linewidth=0)
            axis.plot(x, even * parts.value, line, color=color, label=name)
    axis.fill_between([], [], color="0.75", linewidth=0, label=_band_name(series(lines, "saliency")))
    axis.axhline(1, color="0.4", linestyle=":", linewidth=0.8)
    axis.set(title=title, xlim=(0, 100), ylim=(0, None))


def _band_name(parts: pd.DataFrame) -> str:
    return f"95 % interval over {parts.interval_over.iloc[0]}"


def draw_emotions(axis: Axes, lines: pd.DataFrame, name: str, *, title: str, extent: tuple[float, float], top: float):
    """A measure by emotion as a picture, in multiples of an even share up to `top`; returns it, for a colour bar."""
    emotions = [emotion for emotion in EMOTIONS if emotion in set(lines.emotion)]
    rows = np.stack([series(lines, name, emotion=emotion).value for emotion in emotions])
    look = {"aspect": "auto", "cmap": "cividis", "vmin": 0, "vmax": top, "interpolation": "nearest"}
    image = axis.imshow(rows * rows.shape[1], extent=(*extent, len(emotions), 0), **look)
    axis.set_yticks(np.arange(len(emotions)) + 0.5, [EMOTIONS[emotion].label for emotion in emotions])
    axis.set(title=title)
    axis.grid(False)
    return image


def highest(lines: pd.DataFrame, name: str) -> float:
    """The highest value of a series in any emotion, in multiples of an even share: the top of a common scale."""
    return max(group.value.max() * len(group) for group in (series(lines, name, emotion=e) for e in set(lines.emotion)))


def draw_bands(axis: Axes, lines: pd.DataFrame) -> int:
    """The saliency of each band, of all emotions, with its interval; returns how many bands there are."""
    bands = series(lines, "band")
    even, x = len(bands), np.arange(len(bands)) + 0.5
    look = {"color": COLORS["vermilion"], "alpha": 0.25, "linewidth": 0, "label": _band_name(bands)}
    axis.fill_between(x, even * bands.low, even * bands.high, **look)
    axis.plot(x, even * bands.value, color=COLORS["vermilion"])
    axis.axhline(1, color="0.4", linestyle=":", linewidth=0.8)
    axis.set(ylabel="saliency\n(even share = 1)", ylim=(0, None))
    axis.legend(loc="upper right")
    return even


def mark_bands(axis: Axes, *, bands: int, sample_rate_hz: int) -> None:
    """Ticks of an axis over mel bands at round frequencies."""
    centres = librosa.mel_frequencies(bands + 2, fmin=0, fmax=sample_rate_hz / 2)[1:-1]
    wanted = np.array([100, 250, 500, 1000, 2000, 4000])
    axis.set_xticks(np.interp(wanted, centres, np.arange(bands) + 0.5), [f"{hz / 1000:g}" for hz in wanted])
    axis.set_xlabel("frequency (kHz)")


def checks(lines: pd.DataFrame) -> pd.DataFrame:
    """What speaks for and against the maps, of all emotions: the measures that are no series, in their order."""
    is_series = lines.measure.str.fullmatch(r"\w+_\d+")
    return lines[(lines.emotion == "all") & ~is_series].drop(columns="emotion").reset_index(drop=True)


def check_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `checks` with a `pipeline`, for reading: errors in percent, coefficients with two digits."""
    shown = lines[lines.measure != "change"]
    in_percent = shown.measure.isin(["error", "large error"])
    names = {"error": "error of the sum (%)", "large error": f"clips with an error over {100 * saliency.LARGE:g} % (%)"}
    mark = shown.interval_over.map(over_mark)
    bounds = zip(shown.value, shown.low, shown.high, in_percent, mark, strict=True)
    values = [interval(*v, digits=1 if share else 2, scale=100 if share else 1) + m for *v, share, m in bounds]
    columns = {
        "pipeline": shown.pipeline,
        "measure": shown.measure.replace(names),
        "mean": values,
        "clips": shown.clips,
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def saliency_sentences(lines: pd.DataFrame) -> list[str]:
    """What the checks say, in words, network by network."""
    said = []
    for name, group in lines.groupby("pipeline", sort=False):
        by = {line.measure: line for line in group.itertuples()}

        def quoted(measure: str, by: dict = by) -> str:
            return interval(by[measure].value, by[measure].low, by[measure].high, digits=2, scale=1)

        size = (
            f"over {100 * saliency.LARGE:g} % in {100 * by['large error'].value:.1f} % of {by['error'].clips:,} clips"
        )
        missed = f"{100 * by['error'].value:.1f} % on average, {size}."
        text = f"`{name}`: a map's sum misses the change of the margin by {missed}"
        if "signed, random to output" in by:
            text += (
                f" With random weights in the output layer alone, signed maps agree with the learned ones at "
                f"{quoted('signed, random to output')}, absolute ones still at {quoted('absolute, random to output')}"
                f" (with the input itself: {quoted('saliency and input')})."
            )
        if "attention and saliency" in by:
            text += f" Attention and saliency rank a clip's frames alike at {quoted('attention and saliency')}"
            level = "attention and level"
            text += f", attention and level at {quoted(level)}." if level in by else "."
        said.append(text)
    return said


def purity_sentences(lines: pd.DataFrame) -> list[str]:
    """What neighbours share, in words, space by space."""
    said = []
    for space, group in lines.groupby("space", sort=False):
        parts = [
            f"{line.measure} {interval(line.value, line.low, line.high)} % ({100 * line.chance:.1f} % blindly)"
            for line in group.itertuples()
        ]
        said.append(f"`{space}`: neighbours share {'; '.join(parts)}.")
    return said


def map_title(label: str, near: pd.DataFrame) -> str:
    """What stands above a panel, from the lines of one space by `measure`: the purity of its label, among neighbours of
    other speakers where that was measured, and by chance; of sexes also that of speakers."""
    lines = []
    for name in (label, "speaker") if label == "sex" else (label,):
        beside = [f"by chance {100 * near.chance[name]:.1f}"]
        if ELSEWHERE.startswith(f"{name}, "):
            beside.insert(0, f"{ELSEWHERE.removeprefix(f'{name}, ')} {100 * near.value[ELSEWHERE]:.1f}")
        several = "\n" if len(beside) > 1 else " "
        lines.append(f"{name} {100 * near.value[name]:.1f} %{several}({', '.join(beside)})")
    return "\n".join(lines)


def clips_note(lines: pd.DataFrame, name: str) -> str:
    """How many clips of how many speakers the measures of one network that begin with `name` rest on."""
    of_all = lines[(lines.emotion == "all") & lines.measure.str.startswith(name)]
    return f"{of_all.clips.max():,} clips, {of_all.speakers.max():,} speakers"


def draw_randomized(axis: Axes, lines: pd.DataFrame, *, title: str) -> None:
    """How far maps agree with those of networks that are random from the output down to each part."""
    for kind, line, color in (("absolute", "o-", COLORS["blue"]), ("signed", "s--", COLORS["vermilion"])):
        group = lines[lines.measure.str.startswith(f"{kind}, random to ")]
        names = group.measure.str.rpartition(" ")[2].tolist()
        errors = [group.value - group.low, group.high - group.value]
        axis.errorbar(range(len(group)), group.value, yerr=errors, fmt=line, color=color, capsize=2, label=kind)
    reference = lines[lines.measure == "saliency and input"]
    axis.axhline(reference.value.iloc[0], color="0.4", linestyle=":", label="absolute, with the input itself")
    axis.axhline(0, color="0.4", linewidth=0.8)
    axis.set_xticks(range(len(names)), names, rotation=25)
    axis.set(title=title, ylim=(-0.3, 1))


@torch.no_grad()
def _frames(model, features: Features, clip: pd.Series) -> torch.Tensor:
    side = networks.source(model.pipeline, features, rows=np.flatnonzero(features.clips.id == clip.id))
    return side.take(torch.tensor([0]), frames=int(side.lengths[0]))


def draw_clip(axes: Sequence[Axes], clip: pd.Series, *, opened: dict, steps: int) -> None:
    """One clip: its spectrogram, the map over it, and how saliency and attention lie over time, a panel per network.

    `opened` holds (model, features) by pipeline; the spectrogram and its map are those of the first.
    """
    places = iter(axes)
    for number, (name, (model, features)) in enumerate(opened.items()):
        x = _frames(model, features, clip)
        found = saliency.explain(model.network, x, target=model.labels.index(clip.emotion), steps=steps)
        frame_s = features.parameters.get("hop_s") or 1 / features.parameters["frame_rate_hz"]
        end_s, frames = frame_s * x.shape[-1], len(found.weights)
        if number == 0:
            look = {"origin": "lower", "aspect": "auto", "extent": (0, end_s, 0, x.shape[1])}
            heard, size = x[0].numpy(), np.abs(found.map)
            (low, high), limit = np.percentile(heard, [2, 99.5]), np.percentile(size, 99.5)
            for axis, picture, scale in ((next(places), heard, (low, high)), (next(places), size, (0, limit))):
                axis.imshow(picture, cmap="cividis", vmin=scale[0], vmax=scale[1], **look)
                axis.grid(False)
            axis.set_title(f"saliency, {name}")
        axis, stride = next(places), model.network.backbone.stride
        under = saliency.by_frame(np.abs(found.map).sum(axis=0), frames=frames, stride=stride)
        edges = frame_s * stride * np.arange(frames + 1)
        axis.stairs(frames * under / under.sum(), edges, color=COLORS["vermilion"], label="saliency")
        axis.stairs(frames * found.weights, edges, color=COLORS["blue"], linestyle="--", label="attention")
        axis.set(title=name, xlim=(0, end_s), ylim=(0, None))


def draw_points(axis: Axes, clips: pd.DataFrame, label: str, *, title: str) -> None:
    """The plane of `neighbours.points` with the clips' emotion, sex or corpus, each with a marker of its own."""
    values = [e for e in EMOTIONS if e in set(clips.emotion)] if label == "emotion" else sorted(clips[label].unique())
    for value in values:
        group = clips[clips[label] == value]
        look = {"emotion": _of_emotion, "corpus": corpus_look, "sex": sex_look}[label](value)
        look |= {"linestyle": "", "markersize": 2.4, "markeredgewidth": 0, "alpha": 0.7, "rasterized": True}
        axis.plot(group.x, group.y, label=corpus_name(value), **look)
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=8)
    axis.grid(False)


def _of_emotion(name: str) -> dict[str, str]:
    return {"color": EMOTIONS[name].color, "marker": EMOTIONS[name].marker}


def purity_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of `neighbours.purities` with a `space`, for reading, in percent."""
    mark = lines.interval_over.map(over_mark)
    bounds = zip(lines.value, lines.low, lines.high, mark, strict=True)
    columns = {"space": lines.space, "neighbours with the same": lines.measure}
    columns["share (%)"] = [interval(*values) + m for *values, m in bounds]
    columns |= {"blindly (%)": (100 * lines.chance).round(1), "clips": lines.clips, "speakers": lines.speakers}
    return pd.DataFrame(columns).reset_index(drop=True)
