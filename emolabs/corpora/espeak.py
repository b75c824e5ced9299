"""eSpeak NG, loaded through ctypes: one utterance from a library that has spoken nothing before.

eSpeak carries state from one utterance to the next and no call of its interface resets it, so every utterance gets a
freshly loaded library with a fixed seed. The same call gives the same samples, alone or after others.
"""

import contextlib
import ctypes
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

SAMPLE_RATE_HZ = 22_050

# Values of eSpeak NG's speak_lib.h.
_SYNCHRONOUS, _DO_NOT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
#: eSpeak's own gain in percent; at its default of 100 some variants clip.
_VOLUME_PCT = 50
#: eSpeak truncates the path of its data at 160 bytes.
_LONGEST_PATH = 140
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
#: The library is one per process, so threads take turns.
_LOCK = threading.Lock()


def speak(text: str, *, voice: str, rate_wpm: float, pitch: float, range_pts: float) -> np.ndarray:
    """What eSpeak NG says, float64 [samples] in [-1, 1) at `SAMPLE_RATE_HZ`.

    Args:
        text: the sentence with the punctuation that chooses its tune.
        voice: accent and variant such as `en-us+f3`.
        rate_wpm: words per minute, 0 to 450.
        pitch: 0 to 99, 50 units an octave.
        range_pts: 0 (monotonous) to 99. Every value is rounded, and limited to its range.

    Raises:
        ImportError: `espeakng-loader` is not installed.
        RuntimeError: eSpeak NG does not start, lacks the voice or does not speak.
    """
    parameters = {_RATE: rate_wpm, _VOLUME: _VOLUME_PCT, _PITCH: pitch, _RANGE: range_pts}
    encoded = text.encode()
    chunks: list[bytes] = []

    @_Callback
    def collect(samples, count, _events):
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    with _LOCK, _library() as library:
        library.espeak_SetSynthCallback(collect)
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"eSpeak NG has no voice {voice}; reinstall the package espeakng-loader")
        for parameter, value in parameters.items():
            limit = 450 if parameter == _RATE else 99
            library.espeak_SetParameter(parameter, min(max(round(value), 0), limit), 0)
        status = library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, _UTF8, None, None)
    if status != 0 or not chunks:
        raise RuntimeError(f"eSpeak NG did not say {text!r} with {voice} (status {status}); reinstall espeakng-loader")
    return np.frombuffer(b"".join(chunks), dtype="<i2") / 32_768


def package() -> ModuleType:
    """The package that carries eSpeak NG; raises `ImportError` saying how to install it."""
    try:
        import espeakng_loader
    except ImportError:
        raise ImportError(
            "the embedded corpora are spoken by eSpeak NG, whose package espeakng-loader is not installed: "
            "run `pip install espeakng-loader`, or leave emosynth-en and emosynth-de out of the corpora"
        ) from None
    return espeakng_loader


@contextlib.contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """An instance of eSpeak NG that has spoken nothing yet; it is unloaded in the end."""
    library_file, data = Path(package().get_library_path()), package().get_data_path()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        if _is_loaded(library_file):
            library_file = Path(shutil.copy(library_file, temporary))
        if len(os.fsencode(data)) > _LONGEST_PATH:
            link = Path(temporary, "espeak-ng-data")
            link.symlink_to(data, target_is_directory=True)
            data = str(link)
        library = ctypes.CDLL(str(library_file))
        try:
            if library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DO_NOT_EXIT) != SAMPLE_RATE_HZ:
                raise RuntimeError(f"eSpeak NG did not start with its data in {data}; reinstall espeakng-loader")
            # The breath of some voices is noise that eSpeak otherwise seeds with the clock.
            library.espeak_ng_SetRandSeed(ctypes.c_long(1))
            try:
                yield library
            finally:
                library.espeak_Terminate()
        finally:
            _unload(library)


def _is_loaded(library_file: Path) -> bool:
    """Whether this process holds the library already, because someone else uses it or the system never unloads."""
    if os.name == "nt":
        return bool(ctypes.windll.kernel32.GetModuleHandleW(str(library_file)))
    try:
        _unload(ctypes.CDLL(str(library_file), mode=os.RTLD_NOLOAD | os.RTLD_NOW))
    except OSError:
        return False
    return True


def _unload(library: ctypes.CDLL) -> None:
    if os.name == "nt":
        ctypes.windll.kernel32.FreeLibrary(ctypes.c_void_p(library._handle))
    else:
        ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))
