"""`python -m emolabs.corpora.obtain`: what there is of each corpus; with the keys of corpora, fetch them."""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from emolabs import paths, storage
from emolabs.corpora import REGISTRY, archives, get, own, status
from emolabs.corpora.corpus import Corpus
from emolabs.corpora.status import Status


def fetch(corpus: Corpus, *, accept: Callable[[Corpus], bool]) -> Status:
    """Download the archives of `corpus` and unpack them into `<raw root>/<key>/`, which is complete or absent.

    `accept` shows the user the terms and says whether they are accepted; it is asked before anything is downloaded. A
    corpus that is present is left as it is. The archives are removed when they are unpacked.

    Raises `PermissionError` where the licence is not accepted, `LookupError` where the corpus has to be got by hand,
    `FileExistsError` where its folder is there, and what `archives.download` and `archives.unpack` do.
    """
    before = status.examine(corpus)
    if before.state == "present":
        return before
    if not corpus.archives:
        raise LookupError(
            f"{corpus.name} has to be got by hand: {corpus.instructions()} "
            f"Expected layout: {paths.raw(corpus.key) / corpus.key / corpus.layout}, in any folders."
        )
    folder = paths.raw(corpus.key) / corpus.key
    for there in [*corpus.folders(), folder]:
        if there.exists():
            raise FileExistsError(
                f"{there} is there already, with {before.recordings:,} of {corpus.clips:,} recordings: "
                "what is there is never overwritten; move it away and run the same command again"
            )
    if not accept(corpus):
        raise PermissionError(
            f"nothing was downloaded: the licence of {corpus.name} ({corpus.licence}) has to be accepted first; "
            "answer yes, or give --accept-licence"
        )
    store = paths.downloads(corpus.key)
    store.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(store / ".lock", blocking=False):
            _unpack(corpus)
            shutil.rmtree(store)
        if not any(store.parent.iterdir()):
            store.parent.rmdir()
    except Timeout:
        raise FileExistsError(f"another process is fetching {corpus.name} into {store}: wait for it") from None
    return status.examine(corpus)


def _unpack(corpus: Corpus) -> None:
    """Download all archives, then unpack them into a temporary folder that takes its name when it is whole."""
    store = paths.downloads(corpus.key)
    files = [archives.download(archive, folder=store) for archive in corpus.archives]
    with storage.atomic(paths.raw(corpus.key) / corpus.key) as temporary:
        temporary.mkdir()
        for archive, file in zip(corpus.archives, files, strict=True):
            archives.unpack(file, folder=temporary, keep=archive.keep)
            if not archive.checksum:
                _note_digest(file, sums=temporary / "SHA256SUMS")
        found = [f"{corpus.key}/{path.relative_to(temporary).as_posix()}" for path in temporary.rglob("*.*")]
        if status.examine(corpus, files=found).state == "absent":
            names = ", ".join(file.name for file in files)
            raise ValueError(f"{names}: expected recordings such as {corpus.layout}, found none; nothing was unpacked")


def _note_digest(file: Path, *, sums: Path) -> None:
    """Print the SHA-256 of an archive that has no published checksum, and add it to the file `sums`."""
    digest = storage.sha256(file)
    with open(sums, "a", encoding="utf-8") as stream:
        stream.write(f"{digest}  {file.name}\n")
    print(
        f"{file.name}: SHA-256 {digest}; no checksum is published, so that nothing says whether it should be this one"
    )


def terms(corpus: Corpus) -> str:
    """What a user accepts before a download: licence, citation, source, and what is written where."""
    lines = [corpus.name, f"  licence   {corpus.licence}", f"  cite      {corpus.citation}"]
    lines.append(f"  source    {corpus.source}")
    for archive in corpus.archives:
        size = f"{archive.size:,} bytes" if archive.size else "size not published"
        checksum = archive.checksum or "no checksum published: its SHA-256 goes to SHA256SUMS beside the recordings"
        lines.append(f"  download  {archive.url} ({size}; {checksum})")
    return "\n".join([*lines, f"  to        {paths.raw(corpus.key) / corpus.key}"])


def ask(corpus: Corpus) -> bool:
    """Show the terms and ask on the terminal whether they are accepted; where nobody can answer, they are not."""
    print(terms(corpus), flush=True)
    if not sys.stdin.isatty():
        return False
    try:
        answer = input(f"Do you accept the licence of {corpus.name}, and will you cite it? [yes/no] ")
    except EOFError:
        return False
    return answer.strip().casefold() in ("y", "yes")


def agree(corpus: Corpus) -> bool:
    """Show the terms to a user who has accepted them by `--accept-licence`."""
    print(terms(corpus), flush=True)
    return True


def overview() -> str:
    """The status of every corpus, the user's own among them, as text, and how to get those that are not present."""
    described, faults = [], []
    for folder in own.folders():
        try:
            described.append(own.load(folder, registry=REGISTRY))
        except ValueError as error:
            faults.append(f"\n{error}")
    table = status.table([*REGISTRY.values(), *described])
    root = paths.raw("")
    lines = [f"recordings under {root}{'' if root.is_dir() else ' (there is no such folder)'}", ""]
    table["count"] = table["count"].str.ljust(table["count"].str.len().max())
    lines.append(table.drop(columns="to_get_it").reset_index().to_string(index=False))
    lines += [f"\n{key}: {how}" for key, how in table.to_get_it.items() if how]
    return "\n".join([*lines, *faults])


def main(arguments: list[str] | None = None) -> int:
    """Say what there is, or fetch the corpora named; 1 where one could not be fetched."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.corpora.obtain", description=__doc__.partition(": ")[2])
    parser.add_argument("corpora", nargs="*", metavar="corpus", help=f"keys out of {', '.join(REGISTRY)}")
    parser.add_argument("--accept-licence", action="store_true", help="you have read and accept the licences")
    options = parser.parse_args(arguments)
    if not options.corpora:
        print(overview())
        return 0
    try:
        done = [_fetch(corpus, accept=agree if options.accept_licence else ask) for corpus in get(options.corpora)]
    except ValueError as error:  # an unknown key
        parser.error(str(error))
    except KeyboardInterrupt:
        print("interrupted: run the same command again to go on", file=sys.stderr)
        return 130
    return 0 if all(done) else 1


def _fetch(corpus: Corpus, *, accept: Callable[[Corpus], bool]) -> bool:
    """Fetch a corpus and say how it went."""
    try:
        now = fetch(corpus, accept=accept)
    except (OSError, ValueError, LookupError) as error:
        print(_sentence(error), file=sys.stderr)
        return False
    print(f"{corpus.key}: {now.state}, {now.recordings:,} recordings, count {now.count}")
    return True


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; EMOLABS_RAW names another root than {paths.raw('')}"
    return getattr(error, "strerror", None) or str(error)


if __name__ == "__main__":
    sys.exit(main())
