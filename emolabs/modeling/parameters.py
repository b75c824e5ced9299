"""The parameters of a training run, and the ranges outside of which they mean nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Training:
    """Parameters of a training run. Raises `ValueError` naming the one that is out of its range."""

    epochs: int  # most passes over the training side
    batch_size: int  # clips
    learning_rate: float  # peak, after the warm-up
    encoder_learning_rate: float = 0.0  # of an encoder that is tuned, at the peak
    weight_decay: float
    warmup_epochs: int
    patience: int  # epochs without a better validation UAR before it stops
    label_smoothing: float
    dropout: float
    width: int  # channels of the first convolution
    augment: bool  # SpecAugment, or for waveforms turn and noise, on the training side
    class_weights: bool = True  # every class weighs the same in the loss, however rare
    averaging: float = 0.0  # decay a step of the average of weights that is validated and kept; 0: none
    clip_norm: float = 5.0  # longest gradient
    mixed_precision: bool = False  # bfloat16 where it is safe, on a GPU only

    def __post_init__(self):
        for names, expected, holds in _RANGES:
            for name in names:
                if not holds(value := getattr(self, name)):
                    raise ValueError(f"{name}: expected a number {expected}, found {value!r}: correct this parameter")


#: Fields, their range in words, and whether a value lies in it.
_RANGES = (
    (("epochs", "batch_size", "patience", "width"), "of at least 1", lambda value: value >= 1),
    (
        ("learning_rate", "encoder_learning_rate", "weight_decay", "warmup_epochs"),
        "of at least 0",
        lambda value: value >= 0,
    ),
    (("label_smoothing",), "from 0 to 1", lambda value: 0 <= value <= 1),
    (("dropout", "averaging"), "from 0 to under 1", lambda value: 0 <= value < 1),
    (("clip_norm",), "over 0", lambda value: value > 0),
)
