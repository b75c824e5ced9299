"""Branch B: what a pretrained encoder makes of a clip, in batches of similar lengths on the device.

Two stores: the frames of one layer or of all, float16, flat [all frames, size] or [all frames, layers, size], and, of
branch `<branch>-pooled`, mean and standard deviation over the frames of every layer, float32 [clips, layers, 2 · size].
A clip is heard in its own length; one that is longer than `crop_s` is cropped around its centre.
"""

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import numpy as np
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


def build(
    waveforms: Waveforms,
    *,
    profile: str,
    branch: str,
    source: str | Path | None = None,
    revision: str | None = None,
    layer: int | None = None,
    crop_s: float = 30.0,
    device: str = "cpu",
) -> tuple[store.Features, store.Features]:
    """The stores of frames (of `layer`, 0 the input embedding; of all layers where None) and of pooled statistics.

    `source` is what `encoder.load` takes, by default the encoder of the branch. What is complete is only opened; both
    are made in one pass otherwise. Raises `ValueError` for a layer that the encoder does not have.
    """
    model = encoder.load(source or branch, revision).to(device)
    if layer is not None and not 0 <= layer < model.layers:
        raise ValueError(f"expected a layer from 0 to {model.layers - 1} of {model.source['name']}, found {layer}")
    lengths = np.minimum(waveforms.clips.length.to_numpy(), round(crop_s * waveforms.sample_rate_hz))
    clips = waveforms.clips[["id", "path", "corpus"]].copy()
    clips["length"] = model.frames(lengths)
    clips["cropped"] = lengths < waveforms.clips.length
    modules = (__file__, encoder.__file__, weights.__file__)
    code = dependencies.own_digest(map(Path, modules))
    made = {"waveforms": waveforms.folder.name, "code": code, "encoder": model.source, "crop_s": crop_s}
    shape = (model.size,) if layer is not None else (model.layers, model.size)
    flat = clips.assign(start=np.cumsum([0, *clips.length[:-1]]))
    plans = {  # the folder of a store: what `store.writing` needs
        store.path(about["branch"], profile=profile, made_from=about): {
            "clips": table,
            "shape": whole,
            "dtype": dtype,
            "made_from": about,
        }
        for about, table, whole, dtype in [
            ({"branch": branch, "layer": layer, **made}, flat, (int(clips.length.sum()), *shape), "float16"),
            ({"branch": f"{branch}-pooled", **made}, clips, (len(clips), model.layers, 2 * model.size), "float32"),
        ]
    }
    if not all(folder.is_dir() for folder in plans):
        _write(plans, _batches(waveforms, model=model, lengths=lengths, layer=layer))
    variants = ["current" if layer is not None else ALL, "current"]
    for folder, variant in zip(plans, variants, strict=True):
        store.point(folder, variant=variant)
    return store.load(profile, branch=branch, variant=variants[0]), store.load(profile, branch=f"{branch}-pooled")


def _write(plans: dict[Path, dict], batches: Iterator) -> None:
    """Fill the stores of `plans` (frames, pooled) that are missing, in one pass over `batches`."""
    with ExitStack() as stack:
        frames, pooled = [
            None if folder.is_dir() else stack.enter_context(store.writing(folder, **plan))
            for folder, plan in plans.items()
        ]
        starts = next(iter(plans.values()))["clips"].start.to_numpy()
        for rows, (clips, statistics) in batches:
            for i, row in enumerate(rows):
                if frames:
                    frames(starts[row], clips[i])
                if pooled:
                    pooled(row, statistics[i : i + 1])


def _batches(waveforms: Waveforms, *, model: encoder.Encoder, lengths: np.ndarray, layer: int | None) -> Iterator:
    """What `_hear` returns for batches of clips of similar lengths, with their rows: on a CPU one batch per core."""
    place = next(model.parameters()).device.type
    order = np.argsort(lengths, kind="stable")
    budget = _BATCH_S[place] * waveforms.sample_rate_hz
    chunks, first = [], 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end - first + 1) * lengths[order[end]] > budget:
            chunks.append(order[first:end])
            first = end
    hear = functools.partial(_hear, waveforms, model=model, lengths=lengths, layer=layer)
    with (
        _one_thread_each() if place == "cpu" else nullcontext(1) as workers,
        ThreadPoolExecutor(workers) as pool,
        progress((), label=model.source["name"], total=len(order)) as bar,
    ):
        for rows, heard in zip(chunks, pool.map(hear, chunks), strict=True):
            yield rows, heard
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
    waveforms: Waveforms, rows: np.ndarray, *, model: encoder.Encoder, lengths: np.ndarray, layer: int | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """For each clip its frames, float16 [frames, size] of `layer` or [frames, layers, size]; and the pooled statistics.

    Half precision on a GPU only. Where its memory is short, the batch is halved.
    """
    place = next(model.parameters()).device
    waves = np.zeros((len(rows), lengths[rows].max()), np.float32)
    for wave, row in zip(waves, rows, strict=True):
        whole = waveforms.wave(row)
        start = (len(whole) - lengths[row]) // 2
        wave[: lengths[row]] = whole[start : start + lengths[row]]
    try:
        half = torch.autocast("cuda", torch.bfloat16) if place.type == "cuda" else nullcontext()
        with half:
            states, counts = model(torch.from_numpy(waves).to(place), torch.from_numpy(lengths[rows]).to(place))
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
        print(f"out of GPU memory with {len(rows)} clips at once: going on with half as many", flush=True)
        halves = [_hear(waveforms, part, model=model, lengths=lengths, layer=layer) for part in np.array_split(rows, 2)]
        return halves[0][0] + halves[1][0], np.concatenate([statistics for _, statistics in halves])
    statistics = torch.stack([_pool(state.float(), counts) for state in states], dim=1)
    values = states[layer] if layer is not None else torch.stack(states, dim=2)
    values = values.half().cpu().numpy()
    frames = [clip[:count] for clip, count in zip(values, counts.tolist(), strict=True)]
    return frames, statistics.cpu().numpy()


def _pool(x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation over the first `counts` frames of x [batch, frames, size]: [batch, 2 · size]."""
    valid = (torch.arange(x.shape[1], device=x.device) < counts[:, None])[..., None]
    mean = (x * valid).sum(1) / counts[:, None]
    variance = ((x - mean[:, None]).square() * valid).sum(1) / counts[:, None]
    return torch.cat([mean, variance.sqrt()], dim=1)
