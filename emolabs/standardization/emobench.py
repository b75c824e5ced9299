"""EmoBench: the partitions frozen under `data/emobench/`, read without audio and rebuilt from it to the same bytes.

The rules of `split` make them, once; from then on they are data. A changed partition is a new version, never an edit;
the versions before the last are kept in folders of their names:

    python -m emolabs.standardization.emobench check             every frozen file against its digest, and the card
    python -m emolabs.standardization.emobench rebuild thesis    the same, made anew from the index of a profile
    python -m emolabs.standardization.emobench freeze thesis     write a version that is not there yet
    python -m emolabs.standardization.emobench card              write the data card of the frozen files anew
"""

import argparse
import shutil
import sys
from pathlib import Path

import pandas as pd

from emolabs import paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.standardization import emobench_card, emobench_rules, split
from emolabs.standardization.emobench_rules import CARD, PROTOCOLS, SUMS, build

_RESTORE = (
    "It was edited or damaged: restore it with `git checkout -- data/emobench`; a changed partition is a new version"
)


def differing(files: dict[str, str], *, folder: Path = paths.EMOBENCH) -> list[str]:
    """Names of the files that are not in `folder` with these bytes, sorted."""
    there = {name: (folder / name).read_bytes() if (folder / name).is_file() else None for name in files}
    return sorted(name for name, text in files.items() if text.encode() != there[name])


def freeze(files: dict[str, str], *, folder: Path = paths.EMOBENCH) -> None:
    """Write the files of `emobench_rules.VERSION`: all of them or, after an error, none.

    The files of the version before it go to a folder of its name, beside those that are there.
    Raises `ValueError` where the folder holds this version with other partitions, or the code another digest of it.
    """
    new, digest = emobench_rules.VERSION, storage.sha256(files[SUMS].encode())
    about = folder / "version.json"
    there = storage.read_json(about)["version"] if about.is_file() else new
    changed = [name for name in differing(files, folder=folder) if name != CARD]
    if changed and there == new and about.is_file():
        raise ValueError(
            f"{new} is frozen, and {', '.join(changed)} would change: a changed partition is a new version; "
            "restore the code or the audio, or raise VERSION in emolabs/standardization/emobench_rules.py"
        )
    if emobench_rules.FROZEN.get(new) != digest:
        raise ValueError(
            f"the code does not know {new} with these partitions: enter {new!r}: {digest!r} into FROZEN in "
            "emolabs/standardization/emobench_rules.py and run the same command again"
        )
    with storage.atomic(folder) as temporary:
        temporary.mkdir()
        for kept in _versions(folder):
            shutil.copytree(kept, temporary / kept.name)
        if there != new:
            shutil.copytree(
                folder, temporary / there, ignore=lambda _, names: [n for n in names if (folder / n).is_dir()]
            )
        for name, text in files.items():
            storage.write_text(temporary / name, text)


def load(protocol: str, *, folder: Path = paths.EMOBENCH) -> pd.DataFrame:
    """The frozen manifest of a protocol; raises `ValueError` where there is none, and as `read` does."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"EmoBench has no protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    return _table(read(f"{protocol}.csv", folder=folder))


def read(name: str, *, folder: Path = paths.EMOBENCH) -> Path:
    """The path of a frozen file whose bytes are those that were frozen.

    Raises `FileNotFoundError` or `ValueError` with a sentence where it is missing, unknown or was edited.
    """
    expected, found = _sums(folder).get(name), storage.sha256(_there(folder / name))
    if expected != found:
        raise ValueError(
            f"{folder / name} is not what was frozen: expected the SHA-256 {expected}, found {found}. {_RESTORE}"
        )
    return folder / name


def check(*, folder: Path = paths.EMOBENCH) -> None:
    """Raise as `read` does unless every file of the version in `folder` and of those kept there is what was frozen."""
    for home in (folder, *_versions(folder)):
        for name in _sums(home):
            read(name, folder=home)


def card(*, folder: Path = paths.EMOBENCH) -> str:
    """The data card that follows from the frozen files; raises as `read` does."""
    version = storage.read_json(read("version.json", folder=folder))["version"]
    manifests = {protocol: load(protocol, folder=folder) for protocol in PROTOCOLS}
    return emobench_card.text(version, manifests=manifests, excluded=_table(read("excluded.csv", folder=folder)))


def partition(
    index: pd.DataFrame, *, protocol: str, benchmark: str | None, folder: Path = paths.EMOBENCH
) -> tuple[pd.DataFrame, list[str]]:
    """The manifest of a protocol for the clips of an index, and sentences on what it lacks of the benchmark.

    With a `benchmark` (a version, the last or one that is kept) it is that of the frozen files; without one, and of a
    protocol that EmoBench does not freeze, it is made by the rules. Raises `ValueError` where that version is not
    there, and as `load` and `restrict` do.
    """
    if benchmark is None:
        return split.manifest(index, protocol=protocol), []
    homes = {
        storage.read_json(read("version.json", folder=home))["version"]: home for home in (folder, *_versions(folder))
    }
    if benchmark not in homes:
        raise ValueError(
            f"the parameters ask for the benchmark {benchmark!r}, and {folder} holds {', '.join(map(repr, homes))}: "
            "name that, or null for partitions by the rules alone"
        )
    home = homes[benchmark]
    if split.get(protocol).name not in PROTOCOLS:
        return split.manifest(index, protocol=protocol), [f"not frozen in {benchmark}: partitioned by the rules"]
    return restrict(load(protocol, folder=home), index=index, protocol=protocol, folder=home)


def restrict(
    manifest: pd.DataFrame, *, index: pd.DataFrame, protocol: str, folder: Path = paths.EMOBENCH
) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a manifest frozen in `folder` whose clips are in `index`, and sentences on what differs, per corpus.

    Folds keep their numbers; one that is left without clips on a side is left out. Raises `ValueError`
    where no fold is left.
    """
    excluded = _table(read("excluded.csv", folder=folder))
    kept = manifest[manifest.path.isin(index.path)]
    sides = kept.groupby("fold").split.agg(set)
    whole = sides.index[[set(split.SPLITS) <= found for found in sides]]
    sentences = _differences(manifest.drop_duplicates("path"), here=split.get(protocol).clips(index), excluded=excluded)
    if not len(whole):
        found = "; ".join(sentences)
        raise ValueError(f"nothing is left of {protocol}: no fold has clips on every side ({found})")
    if left_out := sorted(set(manifest.fold) - set(whole)):
        sentences.append(f"fold {', '.join(map(str, left_out))}: left out, without clips on every side")
    return kept[kept.fold.isin(whole)].reset_index(drop=True), sentences


def _differences(frozen: pd.DataFrame, *, here: pd.DataFrame, excluded: pd.DataFrame) -> list[str]:
    """Sentences on the clips of a protocol that are missing, or here and none of its clips, per corpus."""
    missing = frozen[~frozen.path.isin(here.path)]
    others = here[~here.path.isin(frozen.path)]
    barred = others.path.isin(excluded.path)
    kinds = {
        "are missing": missing,
        "are here and excluded from EmoBench": others[barred],
        "are here and unknown to EmoBench": others[~barred],
    }
    return [
        f"{corpus}: {len(clips):,} of {(frozen if kind == 'are missing' else here).corpus.eq(corpus).sum():,} clips "
        f"{kind}, such as {clips.path.min()}"
        for kind, table in kinds.items()
        for corpus, clips in table.groupby("corpus")
    ]


def _sums(folder: Path) -> dict[str, str]:
    """The sums of a version by file, from a list that is itself known to the code."""
    found = storage.sha256(_there(folder / SUMS))
    if found not in emobench_rules.FROZEN.values():
        known = " or ".join(f"{digest} ({version})" for version, digest in emobench_rules.FROZEN.items())
        raise ValueError(
            f"{folder / SUMS} is not what was frozen: expected the SHA-256 {known}, found {found}. {_RESTORE}"
        )
    return dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())


def _there(file: Path) -> Path:
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: restore it from the repository with `git checkout -- data/emobench`")
    return file


def _versions(folder: Path) -> list[Path]:
    """The folders of the versions before the last."""
    return sorted(file.parent for file in folder.glob("*/version.json"))


def _table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, keep_default_na=False)


def main(arguments: list[str] | None = None, *, folder: Path = paths.EMOBENCH) -> None:
    """The command line; ends with a sentence where something differs."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="emolabs.standardization.emobench", description=__doc__, formatter_class=form)
    parser.add_argument("what", choices=["check", "rebuild", "freeze", "card"])
    parser.add_argument("profile", nargs="?", default="thesis", help="whose index is read (default: thesis)")
    given = parser.parse_args(arguments)
    try:
        if given.what in ("check", "card"):
            check(folder=folder)
            files = {CARD: card(folder=folder)}
        else:
            rejected = corpus_index.load_rejected(given.profile)
            files = build(corpus_index.load(given.profile), rejected=rejected)
        if given.what == "card":
            storage.write_text(folder / CARD, files[CARD])
        if given.what == "freeze":
            freeze(files, folder=folder)
        changed = differing(files, folder=folder)
        version = storage.read_json(read("version.json", folder=folder))["version"]
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if changed:
        sys.exit(f"{version} in {folder} differs: {', '.join(changed)}")
    print(f"{version} in {folder}: every byte as it was frozen")


if __name__ == "__main__":
    main()
