"""Archives of corpora: downloaded with checksum and resume, unpacked without trust."""

import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

import pooch
import requests

from emolabs.corpora.audio import SUFFIXES
from emolabs.corpora.corpus import Archive
from emolabs.progress import progress

TIMEOUT_S = 30.0  # to connect, and between two pieces of a transfer
_PIECE = 1 << 16  # bytes


def download(archive: Archive, *, folder: Path) -> Path:
    """Download `archive` into `folder` and return its file, which has the published checksum where there is one.

    A complete file that is there already is taken, and what an interrupted call left in `<name>.partial` is continued
    if the server can. Without a checksum, which tells whether parts fit and are all, every call starts over.

    Raises `ConnectionError` where the server does not answer, refuses, breaks off or offers another size, `ValueError`
    where the checksum is another, and `OSError` where the disk is full, each with a sentence.
    """
    pooch.get_logger().setLevel("WARNING")
    if not archive.checksum:
        for file in (folder / archive.name, folder / f"{archive.name}.partial"):
            file.unlink(missing_ok=True)
    try:
        return Path(
            pooch.retrieve(
                archive.url,
                archive.checksum or None,
                fname=archive.name,
                path=folder,
                downloader=lambda _url, output, _pooch: os.replace(_transfer(archive, folder=folder), output),
            )
        )
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC,
            f"the disk is full: {archive.name} could not be downloaded into {folder}; "
            "free some space and run the same command again",
        ) from None
    except ValueError as error:  # of pooch, which has deleted the file
        found = str(error).partition(" but got ")[2].partition(".")[0]
        raise ValueError(
            f"{archive.name} is not the published file: expected {archive.checksum}, found {found}; "
            "it was deleted, run the same command again to download it anew"
        ) from None


def _transfer(archive: Archive, *, folder: Path) -> Path:
    """Bring `<name>.partial` to its full size and return it."""
    file = folder / f"{archive.name}.partial"
    start = file.stat().st_size if file.exists() else 0
    if start and start == archive.size:
        return file
    host = urlsplit(archive.url).netloc
    try:
        with _request(archive, start=start) as response:
            answer = response.status_code
            if start and (answer == 416 or answer == 206 and not _continues(response, start=start)):
                file.unlink()
                return _transfer(archive, folder=folder)
            if not response.ok:
                raise ConnectionError(
                    f"{host} answers «{answer} {response.reason}» for {archive.url}: "
                    "try again later; if it stays so, the file has moved and the corpus' page says where to"
                )
            _write(response, file=file, start=start if answer == 206 else 0, archive=archive)
    except requests.RequestException as error:
        raise ConnectionError(
            f"{host} does not answer ({type(error).__name__}): {archive.url} could not be read; "
            "check the connection and run the same command again"
        ) from None
    return file


def _request(archive: Archive, *, start: int) -> requests.Response:
    # identity: offsets count the bytes of the file, not those of a compressed transfer
    headers = {"Accept-Encoding": "identity", "User-Agent": "emolabs"}
    if start:
        headers["Range"] = f"bytes={start}-"
    return requests.get(archive.url, headers=headers, stream=True, timeout=TIMEOUT_S)


def _continues(response: requests.Response, *, start: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _write(response: requests.Response, *, file: Path, start: int, archive: Archive) -> None:
    announced = response.headers.get("Content-Length")
    total = archive.size if announced is None else start + int(announced)
    if archive.size not in (None, total):
        raise ConnectionError(
            f"{archive.name} is not the published file: expected {archive.size:,} bytes, "
            f"but {archive.url} offers {total:,}; the corpus' page says what has changed"
        )
    have, reason = start, "ended"
    try:
        with (
            open(file, "ab" if start else "wb") as stream,
            progress((), label=archive.name, total=total, unit="B", done=start) as bar,
        ):
            for piece in response.iter_content(_PIECE):
                stream.write(piece)
                have += len(piece)
                bar.update(len(piece))
    except requests.RequestException:
        reason = "broke off"
    if reason == "broke off" or total not in (None, have):
        again = "and it goes on from there" if archive.checksum else "to start over"
        raise ConnectionError(
            f"the transfer of {archive.name} {reason} after {have:,}{'' if total is None else f' of {total:,}'} bytes: "
            f"run the same command again {again}"
        ) from None


class _Member(NamedTuple):
    name: str
    is_folder: bool
    is_plain: bool  # neither a link nor a device
    open: partial


def unpack(file: Path, *, folder: Path, keep: tuple[str, ...] = ()) -> int:
    """Unpack the recordings of the zip or tar `file`, and members that match a pattern of `keep`, into `folder`.

    Returns how many files were written. Nothing is written outside `folder`, nothing replaces another member.

    Raises `ValueError` with a sentence where the archive is damaged or of another kind, and where one of its members,
    wanted or not, has an absolute path, climbs out of the folder, or is a link or a device.
    """
    written: set[PurePosixPath] = set()
    with _members(file) as members:
        for member in members:
            place = _place(member, file=file)
            if member.is_folder or not _is_wanted(place, keep=keep):
                continue
            if place in written:
                raise ValueError(f"{file} was not unpacked: its member {member.name!r} is there twice")
            written.add(place)
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, open(folder / place, "xb") as target:
                shutil.copyfileobj(source, target)
    return len(written)


def _place(member: _Member, *, file: Path) -> PurePosixPath:
    """Where a member goes, relative to the folder."""
    place = PurePosixPath(member.name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or PureWindowsPath(member.name).drive:
        raise ValueError(f"{file} was not unpacked: its member {member.name!r} would be written outside the folder")
    if not (member.is_plain or member.is_folder):
        raise ValueError(f"{file} was not unpacked: its member {member.name!r} is a link or a device, no plain file")
    return place


def _is_wanted(place: PurePosixPath, *, keep: tuple[str, ...]) -> bool:
    if "__MACOSX" in place.parts or place.name.startswith("._"):  # what macOS adds to an archive
        return False
    return place.suffix.lower() in SUFFIXES or any(fnmatch(place.name, pattern) for pattern in keep)


@contextmanager
def _members(file: Path) -> Iterator[Iterator[_Member]]:
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                yield map(partial(_zip_member, archive), archive.infolist())
        else:
            with tarfile.open(file) as archive:
                yield map(partial(_tar_member, archive), archive)
    except (
        *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile),
        *(EOFError, RuntimeError, NotImplementedError),  # cut short; encrypted; compressed in a way Python lacks
    ) as error:
        raise ValueError(f"{file} was not unpacked: expected a whole zip or tar file ({error})") from None


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the system that made it knows none
    return _Member(info.filename, info.is_dir(), kind in (0, stat.S_IFREG), partial(archive.open, info))


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    return _Member(info.name, info.isdir(), info.isfile(), partial(_extract, archive, info))


def _extract(archive: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    return archive.extractfile(info)
