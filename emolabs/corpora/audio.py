"""The one reader of audio. What it cannot read it refuses with a reason, never with a library's traceback."""

import hashlib
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

#: File endings that are taken for recordings.
SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
#: A recording whose peak stays below this (dB relative to full scale) counts as silent.
SILENCE_DBFS = -80.0
#: A recording under this duration cannot hold speech, and under a sample at 16 kHz there is nothing to normalize.
SHORTEST_S = 0.01


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
        reason = str(error).rsplit(": ", 1)[-1].strip()
        if not reason or reason.startswith("File does not exist"):  # what libsndfile says of bytes that are no MP3
            reason = "no audio format that libsndfile knows"
        raise ValueError(f"undecodable: {reason}") from None
    if len(samples) < expected or _cut_short(file, head):
        raise ValueError(f"truncated: the file ends before its header says ({len(samples)} samples were left)")
    if not len(samples):
        raise ValueError("empty: the file decodes to no samples")
    if not np.isfinite(samples).all():
        bad = int((~np.isfinite(samples)).sum())
        raise ValueError(f"not finite: {bad} of {samples.size} samples are NaN or infinite")
    return samples, sample_rate_hz


def examine(file: Path) -> dict:
    """Facts about one recording for the index: rate, channels, subtype, duration and the hash of the decoded samples.

    The hash is SHA-256 over the decoded float32 samples, little-endian, channels interleaved, at the file's own rate.
    Raises `ValueError` as `read` does, and for a recording that is silent or shorter than `SHORTEST_S`.
    """
    samples, sample_rate_hz = read(file)
    if len(samples) < SHORTEST_S * sample_rate_hz:
        raise ValueError(f"too short: {len(samples)} samples at {sample_rate_hz} Hz are less than {SHORTEST_S:g} s")
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
    """Whether the sound in a RIFF or AIFF file, or the last page of an Ogg stream, is longer than what is there."""
    size = file.stat().st_size
    with open(file, "rb") as stream:
        if head[:4] == b"RIFF":
            return _chunk_is_cut(stream, size=size, wanted=b"data", header="<4sI")
        if head[:4] == b"FORM":
            return _chunk_is_cut(stream, size=size, wanted=b"SSND", header=">4sI")
        return head[:4] == b"OggS" and _last_page_is_cut(stream, size=size)


def _chunk_is_cut(stream: BinaryIO, *, size: int, wanted: bytes, header: str) -> bool:
    position = 12
    while position + 8 <= size:
        stream.seek(position)
        name, length = struct.unpack(header, stream.read(8))
        if name == wanted:
            return length != 0xFFFFFFFF and position + 8 + length > size  # all ones: written as a stream
        position += 8 + length + length % 2
    return True


def _last_page_is_cut(stream: BinaryIO, *, size: int) -> bool:
    position, ended = 0, False
    while position < size:
        stream.seek(position)
        page = stream.read(27)
        if len(page) < 27 or not page.startswith(b"OggS"):
            break
        segments = stream.read(page[26])
        position += len(page) + len(segments) + sum(segments)
        ended = bool(page[5] & 4)  # 4: end of stream
    return not ended or position > size
