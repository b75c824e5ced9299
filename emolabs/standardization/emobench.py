"""EmoBench: the partitions frozen under `data/emobench/`, read without audio and rebuilt from it to the same bytes.

The rules of `split` make them, once; from then on they are data. A changed partition is a new version, never an edit:

    python -m emolabs.standardization.emobench check             the frozen files against SHA256SUMS and the card
    python -m emolabs.standardization.emobench rebuild thesis    the same, made anew from the index of a profile
    python -m emolabs.standardization.emobench freeze thesis     write a version that is not there yet
    python -m emolabs.standardization.emobench card              write the data card of the frozen files anew
"""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd

from emolabs import corpora, paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.standardization import emobench_card, split

VERSION = "emobench-1"
CORPORA = ("cremad", "emodb", "ravdess", "savee", "tess")
PROTOCOLS = ("speaker", "corpus", "hash", "random", "ravdess-6fold", "ravdess-5fold", "tess-actress")
#: Kinds of reasons (what stands before the colon) that are true of a recording in every copy of its corpus.
EXCLUDING = ("contradictory duplicate", "duplicate recording", "silent")
SUMS = "SHA256SUMS"
#: Not under the checksums: it follows from the other files, so that its wording may improve within a version.
CARD = "README.md"


def build(index: pd.DataFrame, *, rejected: pd.DataFrame) -> dict[str, str]:
    """All files of the version, name → text, from the tables of `corpora.index.build`.

    Rows of corpora beyond `CORPORA` are left out; SAVEE, where it is absent, is taken from its published naming.
    Raises `ValueError` where a corpus is not complete.
    """
    excluded = exclusions(index, rejected=rejected)
    clips = _complete(index, excluded=excluded)
    manifests = {protocol: split.manifest(clips, protocol=protocol) for protocol in PROTOCOLS}
    files = {f"{protocol}.csv": split.csv(manifest) for protocol, manifest in manifests.items()}
    files["excluded.csv"] = excluded.to_csv(index=False, lineterminator="\n")
    files["version.json"] = json.dumps(_about(manifests), indent=2) + "\n"
    files[SUMS] = "".join(f"{storage.sha256(text.encode())}  {name}\n" for name, text in sorted(files.items()))
    return files | {CARD: emobench_card.text(VERSION, manifests=manifests, excluded=excluded)}


def exclusions(index: pd.DataFrame, *, rejected: pd.DataFrame) -> pd.DataFrame:
    """Recordings of the core corpora that no copy can offer, `path, reason`, sorted by path.

    A user's broken file or second copy is none of them.
    """
    kinds = rejected.reason.str.partition(":")[0]
    found = rejected[kinds.isin(EXCLUDING) & ~rejected.path.isin(index.path) & _corpus(rejected.path).isin(CORPORA)]
    return found[["path", "reason"]].sort_values(["path", "reason"]).drop_duplicates("path").reset_index(drop=True)


def differing(files: dict[str, str], *, folder: Path = paths.EMOBENCH) -> list[str]:
    """Names of the files that are not in `folder` with these bytes, sorted."""
    there = {name: (folder / name).read_bytes() if (folder / name).is_file() else None for name in files}
    return sorted(name for name, text in files.items() if text.encode() != there[name])


def freeze(files: dict[str, str], *, folder: Path = paths.EMOBENCH) -> None:
    """Write the files of a version: all of them or, after an error, none.

    Raises `ValueError` where the folder holds this version with other partitions.
    """
    frozen = folder / "version.json"
    changed = [name for name in differing(files, folder=folder) if name != CARD]
    if changed and frozen.is_file() and storage.read_json(frozen)["version"] == VERSION:
        raise ValueError(
            f"{VERSION} is frozen, and {', '.join(changed)} would change: a changed partition is a new version; "
            "restore the code or the audio, or raise VERSION in emolabs/standardization/emobench.py"
        )
    with storage.atomic(folder) as temporary:
        temporary.mkdir()
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
    for file in (folder / SUMS, folder / name):
        if not file.is_file():
            raise FileNotFoundError(f"no {file}: restore it from the repository with `git checkout -- data/emobench`")
    sums = dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())
    found = storage.sha256(folder / name)
    if sums.get(name) != found:
        raise ValueError(
            f"{folder / name} is not what was frozen: expected the SHA-256 {sums.get(name)}, found {found}. It was "
            "edited or damaged: restore it with `git checkout -- data/emobench`; a changed partition is a new version"
        )
    return folder / name


def card(*, folder: Path = paths.EMOBENCH) -> str:
    """The data card that follows from the frozen files; raises as `read` does."""
    version = storage.read_json(read("version.json", folder=folder))["version"]
    manifests = {protocol: load(protocol, folder=folder) for protocol in PROTOCOLS}
    return emobench_card.text(version, manifests=manifests, excluded=_table(read("excluded.csv", folder=folder)))


def partition(index: pd.DataFrame, *, protocol: str, benchmark: str | None) -> tuple[pd.DataFrame, list[str]]:
    """The manifest of a protocol for the clips of an index, and sentences on what it lacks of the benchmark.

    With a `benchmark` (a version) it is that of the frozen files, without one it is made by the rules. Raises
    `ValueError` where another version is frozen, and as `load` and `restrict` do.
    """
    if benchmark is None:
        return split.manifest(index, protocol=protocol), []
    frozen = storage.read_json(read("version.json"))["version"]
    if frozen != benchmark:
        raise ValueError(
            f"the parameters ask for the benchmark {benchmark!r}, and {paths.EMOBENCH} holds {frozen!r}: name that, "
            "or null for partitions by the rules alone"
        )
    return restrict(load(protocol), index=index, protocol=protocol)


def restrict(manifest: pd.DataFrame, *, index: pd.DataFrame, protocol: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a frozen manifest whose clips are in `index`, and sentences on what differs, per corpus.

    Folds keep their numbers; one that is left without clips on a side is left out. Raises `ValueError`
    where no fold is left.
    """
    excluded = _table(read("excluded.csv"))
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


def _complete(index: pd.DataFrame, *, excluded: pd.DataFrame) -> pd.DataFrame:
    """The clips of the core corpora, with SAVEE from its naming where it is absent."""
    found = pd.concat([_corpus(index.path), _corpus(excluded.path)]).value_counts().to_dict()
    clips = index[index.corpus.isin(CORPORA)]
    if "savee" not in found:
        savee = _published_savee()
        clips, found["savee"] = pd.concat([clips, savee]), len(savee)
    counts = {key: (found.get(key, 0), corpora.REGISTRY[key].clips) for key in CORPORA}
    if wrong := {key: count for key, count in counts.items() if count[0] != count[1]}:
        said = ", ".join(f"{key} has {there:,} of {published:,}" for key, (there, published) in wrong.items())
        raise ValueError(f"EmoBench is frozen from complete corpora, and {said} recordings: see `10_indexing`")
    return clips


def _published_savee() -> pd.DataFrame:
    """SAVEE's clips by its published naming: 4 speakers, 15 sentences an emotion and 30 that are neutral."""
    savee = corpora.REGISTRY["savee"]
    names = [
        f"{speaker}_{emotion}{number:02d}"
        for speaker in ("DC", "JE", "JK", "KL")
        for emotion in ("a", "d", "f", "h", "n", "sa", "su")
        for number in range(1, 31 if emotion == "n" else 16)
    ]
    said = [savee.parse(name) for name in names]
    return pd.DataFrame(
        {
            "path": [f"savee/{recording.name}" for recording in said],
            "corpus": "savee",
            "speaker": [f"savee/{recording.speaker}" for recording in said],
            "sex": [recording.sex for recording in said],
            "emotion": [corpora.harmonize(recording.source_emotion) for recording in said],
        }
    )


def _about(manifests: dict[str, pd.DataFrame]) -> dict:
    """What `version.json` says."""
    protocols = {
        protocol: {
            "labels": split.get(protocol).labels,
            "folds": int(manifest.fold.nunique()),
            "clips": manifest.drop_duplicates("path").corpus.value_counts().sort_index().to_dict(),
        }
        for protocol, manifest in manifests.items()
    }
    return {"version": VERSION, "protocols": protocols}


def _table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, keep_default_na=False)


def _corpus(project_paths: pd.Series) -> pd.Series:
    return project_paths.str.partition("/")[0]


def main(arguments: list[str] | None = None, *, folder: Path = paths.EMOBENCH) -> None:
    """The command line; ends with a sentence where something differs."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="emolabs.standardization.emobench", description=__doc__, formatter_class=form)
    parser.add_argument("what", choices=["check", "rebuild", "freeze", "card"])
    parser.add_argument("profile", nargs="?", default="thesis", help="whose index is read (default: thesis)")
    given = parser.parse_args(arguments)
    try:
        if given.what in ("check", "card"):
            files = {CARD: card(folder=folder)}
        else:
            rejected = corpus_index.load_rejected(given.profile)
            files = build(corpus_index.load(given.profile), rejected=rejected)
        if given.what == "card":
            storage.write_text(folder / CARD, files[CARD])
        if given.what == "freeze":
            freeze(files, folder=folder)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if changed := differing(files, folder=folder):
        sys.exit(f"{VERSION} in {folder} differs: {', '.join(changed)}")
    print(f"{VERSION} in {folder}: every byte as it was frozen")


if __name__ == "__main__":
    main()
