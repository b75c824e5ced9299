"""Stage 2: features. C, log-mel spectrograms, and the functionals of the classical rows."""

from emolabs.extraction.store import Features, load

__all__ = ["Features", "LogMel", "load"]


def __getattr__(name: str):
    if name != "LogMel":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from emolabs.extraction.spectrograms import LogMel  # with torchaudio, which who reads features does not need

    return LogMel
