"""How much of the device's arithmetic the encoder uses: its operations a second against those of a matrix product."""

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from emolabs.modeling import encoder, training
from emolabs.standardization import waveforms
from tests.benchmarks import data
from tests.benchmarks.measure import Row, Settings, interleave

CLIPS, ROUNDS = 400, 10
#: Seconds of sound in the batch: as many as the extraction takes at once.
BATCH_S = {"cpu": 8, "cuda": 320}


def run(settings: Settings) -> list[Row]:
    """A row, or one that says that the weights are not here: operations of the model alone, in bfloat16 on a GPU,
    beside a product of its frames with a matrix as large as its widest. The target holds for a GPU."""
    try:
        model = encoder.load("whisper")
    except FileNotFoundError as error:
        return [Row(name="encoder arithmetic", ours="skipped", compared_to="", note=str(error))]
    place = training.device()
    model.to(place)
    with data.scratch(settings.folder / "arithmetic"):
        clips = data.sample(settings.limit(CLIPS))
        waves = waveforms.build(clips, profile=data.PROFILE, steps=data.STEPS)
    batch, lengths = (part.to(place) for part in _batch(waves, seconds=BATCH_S[place]))
    with FlopCounterMode(display=False) as counter:
        _forward(model, batch, lengths)
    frames, kind = int(model.frames(lengths).sum()), torch.bfloat16 if place == "cuda" else torch.float32
    left = torch.randn(frames, model.size, device=place, dtype=kind)
    right = torch.randn(model.size, 4 * model.size, device=place, dtype=kind)
    candidates = {"model": lambda: _forward(model, batch, lengths), "product": lambda: left @ right}
    for candidate in candidates.values():
        candidate()  # what is chosen and compiled once
    seconds = interleave({name: _rounds(one, place) for name, one in candidates.items()}, repeats=settings.repeats)
    rates = {
        "model": ROUNDS * counter.get_total_flops() / seconds["model"] / 1e12,
        "product": ROUNDS * 2 * frames * model.size * 4 * model.size / seconds["product"] / 1e12,
    }
    return [
        Row(
            name="encoder arithmetic",
            ours=f"{rates['model']:.2f} TFLOP/s",
            compared_to=f"a {kind} product {frames} × {model.size} × {4 * model.size}: {rates['product']:.2f} TFLOP/s",
            ratio=rates["model"] / rates["product"],
            target=0.4 if place == "cuda" else None,
            note=f"{model.source['name']} on {place}, {len(lengths)} clips at once; PyTorch's FlopCounterMode",
        ),
    ]


def _batch(waves: waveforms.Waveforms, *, seconds: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Waves [clips, samples] and lengths [clips] of so many seconds of sound around the median length."""
    order = np.argsort(waves.clips.length.to_numpy(), kind="stable")
    middle = waves.clips.length.iloc[order[len(order) // 2]]
    count = max(1, round(seconds * waves.sample_rate_hz / middle))
    first = max(0, len(order) // 2 - count // 2)
    chosen = [torch.from_numpy(waves.wave(row)) for row in order[first : first + count]]
    lengths = torch.tensor([len(wave) for wave in chosen])
    return torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True), lengths


def _forward(model: encoder.Encoder, batch: torch.Tensor, lengths: torch.Tensor) -> None:
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=batch.is_cuda):
        model(batch, lengths)


def _rounds(candidate, place: str):
    def run() -> None:
        for _ in range(ROUNDS):
            candidate()
        if place == "cuda":
            torch.cuda.synchronize()

    return run
