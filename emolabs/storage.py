"""Atomic files and digests: what is written is complete or absent, and what went into it has a name."""

import errno
import glob
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the name `path` when the block ends without an error.

    The block may make a file or a folder under the temporary name. After an error nothing is left of it and what
    stood at `path` is untouched. What processes that were killed on this machine left of the same target is removed.

    Raises `OSError` with a sentence where the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")
    _remove(temporary)
    _remove_leftovers(path)
    try:
        yield temporary
        _sync(temporary)
        if temporary.is_dir():
            _remove(path)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(
                errno.ENOSPC,
                f"the disk is full: {path} could not be written and is as it was before; "
                f"free some space under {path.parent} and run the same command again",
            ) from error
        raise
    finally:
        _remove(temporary)


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write `value` as sorted, indented JSON to `path` atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict:
    """The JSON object in the file `path`; raises `ValueError` naming the file where it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}): restore it, or make it again") from None


def current(stores: Path, *, notebook: str, variant: str = "current") -> Path:
    """The store that `<variant>.json` in the folder `stores` names.

    Raises `FileNotFoundError` saying which notebook makes it.
    """
    pointer = stores / f"{variant}.json"
    folder = stores / read_json(pointer)["store"] if pointer.is_file() else None
    if folder is None or not folder.is_dir():
        raise FileNotFoundError(f"no complete store under {stores}: run notebooks/{notebook}.ipynb first")
    return folder


def digest(value: object) -> str:
    """First 16 hexadecimal digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode())[:16]


def file_digest(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file's bytes."""
    return sha256(path)[:16]


def sha256(content: bytes | Path) -> str:
    """The SHA-256 of bytes, or of those of a file, as 64 hexadecimal digits."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with open(content, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def walk(folder: Path) -> Iterator[Path]:
    """Every file under `folder`, links followed, in no order."""
    for parent, _, names in os.walk(folder, followlinks=True):
        yield from (Path(parent, name) for name in names)


def _remove_leftovers(path: Path) -> None:
    """Remove what dead processes left; a process of another machine, with which the folder is shared, may be alive."""
    beginning = f".{path.name}.{platform.node()}."
    for left in path.parent.glob(f"{glob.escape(beginning)}*.partial"):
        number = left.name.removeprefix(beginning).removesuffix(".partial")
        if number.isdecimal() and not _is_alive(int(number)):
            _remove(left)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync(path: Path) -> None:
    for file in [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
