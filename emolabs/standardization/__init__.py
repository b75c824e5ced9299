"""Stage 1, part 2: sample ids and partitions, their audit, and the normalized waveform."""

from emolabs.standardization.audit import overlap
from emolabs.standardization.normalization import Normalization, loudness, normalize, normalize_file, true_peak
from emolabs.standardization.split import PROTOCOLS, base62, bucket, manifest, sample_id

__all__ = [
    "PROTOCOLS",
    "Normalization",
    "base62",
    "bucket",
    "loudness",
    "manifest",
    "normalize",
    "normalize_file",
    "overlap",
    "sample_id",
    "true_peak",
]
