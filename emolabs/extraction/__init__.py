"""Stage 2: features. C, log-mel spectrograms, and the functionals of the classical rows."""

from emolabs.extraction.spectrograms import LogMel
from emolabs.extraction.store import Features, load

__all__ = ["Features", "LogMel", "load"]
