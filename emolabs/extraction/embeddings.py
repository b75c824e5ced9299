"""Branch B: what a pretrained encoder makes of a clip, in batches of similar lengths on the device.

Two stores: the frames of one layer or of all, float16, flat [all frames, size] or [all frames, layers, size], and, of
branch `<branch>-pooled`, mean and standard deviation over the frames of every layer, float32 [clips, layers, 2 · size].
A clip is heard in its own length; one that is longer than `crop_s` is cropped around its centre.
"""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from emolabs import dependencies
from emolabs.extraction import store
from emolabs.modeling import encoder, weights
from emolabs.progress import progress
from emolabs.standardization.waveforms import Waveforms

#: The variant by which the store of all layers is found; that of one layer is `current`.
ALL = "layers"
#: Seconds of sound in a batch, padding included: on a CPU what stays in its caches.
_BATCH_S = {"cpu": 8.0, "cuda": 320.0}


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A store to be made: what `store.writing` needs, what finds it, and what it takes from a clip that was heard."""

    branch: str
    variant: str
    made_from: dict
    clips: pd.DataFrame
    shape: tuple[int, ...]
    dtype: str
    take: Callable[[np.ndarray, np.ndarray], np.ndarray]  # of (frames [frames, layers, size], statistics [layers, …])

    def write(self, folder: Path):
        return store.writing(folder, clips=self.clips, shape=self.shape, dtype=self.dtype, made_from=self.made_from)


def build(
    waveforms: Waveforms,
    *,
    profile: str,
    branch: str,
    layer: int,
    every_layer: bool = False,
    source: str | Path | None = None,
    revision: str | None = None,
    crop_s: float = 30.0,
    device: str = "cpu",
) -> tuple[store.Features, store.Features]:
    """The stores of the frames of `layer` (0 is the input embedding) and of the pooled statistics of all layers.

    With `every_layer` the frames of all layers are stored, too, as the variant `layers`. `source` is what
    `encoder.load` takes, by default the encoder of the branch. What is missing is made in one pass; what is complete is
    opened. Raises `ValueError` for a layer that the encoder does not have.
    """
    model = encoder.load(source or branch, revision).to(device)
    if not 0 <= layer < model.layers:
        raise ValueError(f"expected a layer from 0 to {model.layers - 1} of {model.source['name']}, found {layer}")
    lengths = np.minimum(waveforms.clips.length.to_numpy(), round(crop_s * waveforms.sample_rate_hz))
    plans = _plans(waveforms, model=model, branch=branch, layer=layer, lengths=lengths, crop_s=crop_s)
    plans = [plan for plan in plans if every_layer or plan.variant != ALL]
    folders = [store.path(plan.branch, profile=profile, made_from=plan.made_from) for plan in plans]
    with ExitStack() as stack:
        missing = [
            (plan, stack.enter_context(plan.write(folder)))
            for plan, folder in zip(plans, folders, strict=True)
            if not folder.is_dir()
        ]
        for row, frames, statistics in _heard(waveforms, model=model, lengths=lengths) if missing else ():
            for plan, put in missing:
                put(plan.clips.start.iloc[row] if "start" in plan.clips else row, plan.take(frames, statistics))
    for plan, folder in zip(plans, folders, strict=True):
        store.point(folder, variant=plan.variant)
    return store.load(profile, branch=branch), store.load(profile, branch=f"{branch}-pooled")


def _plans(
    waveforms: Waveforms, *, model: encoder.Encoder, branch: str, layer: int, lengths: np.ndarray, crop_s: float
) -> list[_Plan]:
    """Frames of one layer, frames of all, pooled statistics."""
    clips = waveforms.clips[["id", "path", "corpus"]].copy()
    clips["length"] = model.frames(lengths)
    clips["cropped"] = lengths < waveforms.clips.length
    flat, frames = clips.assign(start=np.cumsum([0, *clips.length[:-1]])), int(clips.length.sum())
    code = dependencies.own_digest(map(Path, (__file__, encoder.__file__, weights.__file__)))
    made = {"waveforms": waveforms.folder.name, "code": code, "encoder": model.source, "crop_s": crop_s}
    made |= {"frame_rate_hz": encoder.SAMPLE_RATE_HZ / model.hop}
    rows = [  # branch, variant, what else names it, clips, shape, type, what it takes
        (branch, "current", {"layer": layer}, flat, (frames, model.size), "float16", lambda x, _: x[:, layer]),
        (branch, ALL, {"layer": "all"}, flat, (frames, model.layers, model.size), "float16", lambda x, _: x),
        (
            f"{branch}-pooled",
            "current",
            {},
            clips,
            (len(clips), model.layers, 2 * model.size),
            "float32",
            lambda _, s: s[None],
        ),
    ]
    return [
        _Plan(branch=b, variant=v, made_from={"branch": b, **also, **made}, clips=c, shape=s, dtype=t, take=take)
        for b, v, also, c, s, t, take in rows
    ]


def hear(wave: np.ndarray, *, model: encoder.Encoder) -> np.ndarray:
    """All layers of one clip, wave [samples]: float32 [frames, layers, size]."""
    place = next(model.parameters()).device
    with torch.inference_mode():
        states, _ = model(torch.from_numpy(wave)[None].to(place), torch.tensor([len(wave)], device=place))
    return torch.cat(states).transpose(0, 1).cpu().numpy()


def similarity(frames: np.ndarray) -> np.ndarray:
    """Cosine between all frames [frames, size] after their mean is taken away: [frames, frames]."""
    apart = frames.astype(np.float32) - frames.mean(axis=0, dtype=np.float32)
    apart /= np.linalg.norm(apart, axis=1, keepdims=True).clip(1e-9)
    return apart @ apart.T


def _heard(
    waveforms: Waveforms, *, model: encoder.Encoder, lengths: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Row, frames [frames, layers, size] and statistics [layers, 2 · size] of each clip, the shortest first."""
    place = next(model.parameters()).device.type
    order = np.argsort(lengths, kind="stable")
    budget = _BATCH_S[place] * waveforms.sample_rate_hz
    chunks, first = [], 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end - first + 1) * lengths[order[end]] > budget:
            chunks.append(order[first:end])
            first = end
    hear = functools.partial(_hear, waveforms, model=model, lengths=lengths)
    with (
        _one_thread_each() if place == "cpu" else nullcontext(1) as workers,
        ThreadPoolExecutor(workers) as pool,
        progress((), label=model.source["name"], total=len(order)) as bar,
    ):
        for rows, heard in zip(chunks, pool.map(hear, chunks), strict=True):
            yield from ((row, *one) for row, one in zip(rows, heard, strict=True))
            bar.update(len(rows))


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """For a while PyTorch computes in one thread, so that batches can be heard side by side in as many as it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def _hear(
    waveforms: Waveforms, rows: np.ndarray, *, model: encoder.Encoder, lengths: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames, float16 [frames, layers, size], and statistics, float32 [layers, 2 · size], of each of the clips `rows`.

    Half precision on a GPU only. Where its memory is short, the batch is halved.
    """
    place = next(model.parameters()).device
    waves = np.zeros((len(rows), lengths[rows].max()), np.float32)
    for wave, row in zip(waves, rows, strict=True):
        whole = waveforms.wave(row)
        start = (len(whole) - lengths[row]) // 2
        wave[: lengths[row]] = whole[start : start + lengths[row]]
    try:
        with torch.autocast("cuda", torch.bfloat16) if place.type == "cuda" else nullcontext():
            states, counts = model(torch.from_numpy(waves).to(place), torch.from_numpy(lengths[rows]).to(place))
            statistics = torch.stack([_pool(state.float(), counts) for state in states], dim=1)
            values = torch.stack([state.half() for state in states], dim=2).cpu().numpy()
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
        print(f"out of GPU memory with {len(rows)} clips at once: going on with half as many", flush=True)
        halves = [_hear(waveforms, part, model=model, lengths=lengths) for part in np.array_split(rows, 2)]
        return [*halves[0], *halves[1]]
    frames = (clip[:count] for clip, count in zip(values, counts.tolist(), strict=True))
    return list(zip(frames, statistics.cpu().numpy(), strict=True))


def _pool(x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation over the first `counts` frames of x [batch, frames, size]: [batch, 2 · size]."""
    valid = (torch.arange(x.shape[1], device=x.device) < counts[:, None])[..., None]
    mean = (x * valid).sum(1) / counts[:, None]
    variance = ((x - mean[:, None]).square() * valid).sum(1) / counts[:, None]
    return torch.cat([mean, variance.sqrt()], dim=1)
