"""The files of a version of EmoBench, made from an index by the rules of `split`; `emobench` freezes and reads them."""

import json

import pandas as pd

from emolabs import corpora, storage
from emolabs.corpora import index as corpus_index
from emolabs.standardization import emobench_card, split

VERSION = "emobench-1"
CORPORA = ("cremad", "emodb", "ravdess", "savee", "tess")
PROTOCOLS = ("speaker", "corpus", "hash", "random", "ravdess-6fold", "ravdess-5fold", "tess-actress")
#: Kinds of reasons (what stands before the colon) that are true of a recording in every copy of its corpus.
EXCLUDING = (corpus_index.CONTRADICTORY, corpus_index.DUPLICATE, "silent")
SUMS = "SHA256SUMS"
#: The SHA-256 of each version's `SUMS`, so that a file and its sum cannot be changed together.
FROZEN = {"emobench-1": "2857247925a5f83f5e643233b9ffc8bb1a180ceb8b641b5aeb4adc7716278b68"}
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
    found = rejected[
        corpus_index.kinds(rejected).isin(EXCLUDING)
        & ~rejected.path.isin(index.path)
        & _corpus(rejected.path).isin(CORPORA)
    ]
    return found[["path", "reason"]].sort_values(["path", "reason"]).drop_duplicates("path").reset_index(drop=True)


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


def _corpus(project_paths: pd.Series) -> pd.Series:
    return project_paths.str.partition("/")[0]
