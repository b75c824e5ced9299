"""The one reader of audio. What it cannot read it refuses with a reason, never with a library's traceback."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import soundfile

#: File endings that are taken for recordings.
SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
#: A recording whose peak stays below this (dB relative to full scale) counts as silent.
SILENCE_DBFS = -80.0


def read(file: Path) -> tuple[np.ndarray, int]:
    """Decode `file` completely.

    Returns the samples, float32 [frames, channels] with full scale 1.0, and the sample rate in Hz.
    Raises `ValueError` with the reason for a Git-LFS pointer and for a file that is empty, truncated, undecodable,
    or holds NaN or infinite samples.
    """
    with open(file, "rb") as stream:
        head = stream.read(64)
    if not head:
        raise ValueError("empty file: 0 bytes")
    if head.startswith(b"version https://git-lfs"):
        raise ValueError("Git-LFS pointer instead of audio: run `git lfs pull` in the copy it came from")
    try:
        with soundfile.SoundFile(file) as sound:
            expected = sound.frames
            samples = sound.read(dtype="float32", always_2d=True)
            sample_rate_hz = sound.samplerate
    except (soundfile.SoundFileError, RuntimeError) as error:
        reason = str(error).rsplit(": ", 1)[-1].strip() or "no audio format that libsndfile knows"
        raise ValueError(f"undecodable: {reason}") from None
    if not len(samples):
        raise ValueError("empty: the file decodes to no samples")
    if len(samples) < expected or _cut_short(file, head):
        raise ValueError(f"truncated: the file ends before its header says ({len(samples)} samples were left)")
    if not np.isfinite(samples).all():
        bad = int((~np.isfinite(samples)).sum())
        raise ValueError(f"not finite: {bad} of {samples.size} samples are NaN or infinite")
    return samples, sample_rate_hz


def examine(file: Path) -> dict:
    """Facts about one recording for the index: rate, channels, subtype, duration and the hash of the decoded samples.

    The hash is SHA-256 over the decoded float32 samples, little-endian, channels interleaved, at the file's own rate.
    Raises `ValueError` as `read` does, and for a silent recording.
    """
    samples, sample_rate_hz = read(file)
    peak = max(float(samples.max()), -float(samples.min()))
    if peak < 10 ** (SILENCE_DBFS / 20):
        raise ValueError(f"silent: the peak is below {SILENCE_DBFS:.0f} dBFS")
    return {
        "sample_rate": sample_rate_hz,
        "channels": samples.shape[1],
        "subtype": soundfile.info(file).subtype,
        "duration_s": round(len(samples) / sample_rate_hz, 6),
        "pcm_sha256": hashlib.sha256(np.ascontiguousarray(samples, "<f4").data).hexdigest(),
    }


def _cut_short(file: Path, head: bytes) -> bool:
    """Whether a RIFF file's data chunk promises more bytes than follow, or an Ogg stream misses its last page."""
    size = file.stat().st_size
    if head[:4] == b"RIFF":
        with open(file, "rb") as stream:
            position = 12
            while position + 8 <= size:
                stream.seek(position)
                name, length = struct.unpack("<4sI", stream.read(8))
                if name == b"data":
                    return length != 0xFFFFFFFF and position + 8 + length > size
                position += 8 + length + length % 2
        return True
    if head[:4] == b"OggS":
        with open(file, "rb") as stream:
            stream.seek(max(0, size - 65_307))  # the longest page there is
            tail = stream.read()
        last = tail.rfind(b"OggS")
        return last < 0 or not tail[last + 5] & 4  # 4: end of stream
    return False
