"""EmoBench's data card: what the frozen files are, counted from the files themselves, in Markdown."""

import pandas as pd

from emolabs import corpora, markdown
from emolabs.standardization import split

_HEAD = """# EmoBench, `{version}`

Partitions of {clips:,} recordings of acted emotional speech, frozen so that results on them can be compared:
{corpora}. No audio is needed to read or check these files, and none is here. This page is
generated from them.

```bash
sha256sum -c SHA256SUMS                                # in this folder
python -m emolabs.standardization.emobench check       # also against the code's own digest
python -m emolabs.standardization.emobench rebuild     # made anew from the index of the profile `thesis`
```

```python
from emolabs.standardization import emobench

manifest = emobench.load("speaker")                    # refuses a file that was edited
```

A manifest is a CSV with a row per fold and clip, sorted by fold, then id: `id, path, corpus, speaker, emotion, fold,
split`, with split one of `train validation evaluation`. `path` is the corpus' key and the canonical name of the
recording, whatever mirror or codec it came from; `id` is the Base62 of its SHA-256. `version.json` says the same for
machines. A changed partition is a new version, never an edit; the version before it stays, in a folder of its name.
"""
_TAIL = """## How it was made

By the rules in `emolabs/standardization/split.py`: no random generator, no file order and no clock takes part.

- `speaker` deals the speakers of each corpus and sex, in the order of their ids, to five folds; the next one validates.
  A corpus of two speakers takes turns and gives no validation clips.
- `corpus` has one fold per corpus, in the order of their keys; validation is the first fold of `speaker`, without the
  corpus that evaluates.
- `hash` is the thesis' rule: the SHA-256 of the path modulo 10, bucket 0 evaluates, bucket 1 validates. SHA-256 is our
  reading of that rule, whose own manifests cannot be recovered.
- `random` takes its five folds from the same buckets, two at a time.
- `ravdess-6fold` has the test actors of EmoBox (Ma et al. 2024), `ravdess-5fold` those of Luna-Jiménez et al. 2021 (doi
  10.3390/s21227665). Neither sets actors aside for validation: here the next fold's are, and they leave the training
  side, so that a published model has trained on more.
- `tess-actress` validates with bucket 1 of the actress it trains on.

A user who has a part of the corpora takes the rows of the clips that are there; folds keep their numbers.

## What it rests on

Speakers and labels come from the names of the recordings. The exclusions were found in decoded audio: Opus copies of
CREMA-D, EmoDB, RAVDESS and TESS. SAVEE's audio has not been examined: its rows come from its published naming (4
speakers, 15 sentences for each emotion, 30 for neutral), and whether a recording of it is silent or there twice is not
known. Equal means equal decoded samples: a copy in which one recording of such a pair alone was re-encoded or resampled
does not show it any more, so that `rebuild` differs there; who reads these files is not touched by it, since they name
what they exclude. Eight further pairs of CREMA-D's clips are one recording under another cut or level (notebook
`13_near_duplicates`), four of them with two emotions: they are in the partitions. Boredom (EmoDB) is in no protocol,
and calm (RAVDESS) in the two of RAVDESS alone. Speakers who took part in two of the corpora, if there are any, are not
known to us.
"""


def text(version: str, *, manifests: dict[str, pd.DataFrame], excluded: pd.DataFrame) -> str:
    """The card of a version, from its manifests by protocol and its exclusions (`path, reason`)."""
    clips = pd.concat(manifests.values()).drop_duplicates("path")
    keys = sorted(clips.corpus.unique())
    names = ", ".join(corpora.REGISTRY[key].name for key in keys)
    parts = [
        _HEAD.format(version=version, clips=len(clips), corpora=names),
        "## Protocols\n\nClips are counted per fold, from the fewest to the most.\n",
        _protocols(manifests),
        "The label set belongs to the protocol: " + _labels(manifests) + "\n",
        "## Clips\n\nThose of any protocol; «published» counts what the corpus holds in all.\n",
        _counts(clips, keys=keys),
        "## Excluded\n\n`excluded.csv`: found by rule, not by name. Of equal recordings with one label the first path "
        "stays, of equal recordings with different labels none.\n",
        markdown.table(excluded.assign(path=excluded.path.map("`{}`".format))),
        _TAIL,
        "## Terms and citation\n\nThese lists are facts about the corpora and come under EmoLabs' licence (MIT). The "
        "recordings have licences of their own. Cite EmoLabs (`CITATION.cff`) with the version, and the corpora:\n",
        markdown.table(pd.DataFrame([_terms(corpora.REGISTRY[key]) for key in keys])),
    ]
    return "\n".join(parts)


def _protocols(manifests: dict[str, pd.DataFrame]) -> str:
    rows = []
    for protocol, manifest in manifests.items():
        sizes = manifest.groupby(["fold", "split"]).size().unstack(fill_value=0)
        times = manifest[manifest.split == "evaluation"].path.value_counts()
        once = len(times) == manifest.path.nunique() and (times == 1).all()
        row = {"protocol": f"`{protocol}`", "answers": split.get(protocol).answers}
        row |= {"labels": len(split.get(protocol).labels), "folds": len(sizes)}
        row["clips"] = f"{manifest.path.nunique():,}"
        rows.append(row | {side: _range(sizes[side]) for side in split.SPLITS} | {"each evaluated once": _yes(once)})
    return markdown.table(pd.DataFrame(rows))


def _labels(manifests: dict[str, pd.DataFrame]) -> str:
    """The label sets in words, each with its protocols."""
    sets: dict[str, list[str]] = {}
    for protocol in manifests:
        sets.setdefault(", ".join(split.get(protocol).labels), []).append(f"`{protocol}`")
    return "; ".join(f"{labels} for {', '.join(protocols)}" for labels, protocols in sets.items()) + "."


def _counts(clips: pd.DataFrame, *, keys: list[str]) -> str:
    counts = clips.groupby(["corpus", "emotion"]).size().unstack(fill_value=0).loc[keys]
    counts.insert(0, "speakers", clips.groupby("corpus").speaker.nunique())
    counts["clips"] = counts.drop(columns="speakers").sum(axis=1)
    counts["published"] = [corpora.REGISTRY[key].clips for key in keys]
    counts.loc["all"] = counts.sum()
    return markdown.table(counts.map("{:,}".format).reset_index(names="corpus"))


def _terms(corpus: corpora.Corpus) -> dict:
    return {"corpus": corpus.name, "licence": corpus.licence, "citation": corpus.citation, "source": corpus.source}


def _range(sizes: pd.Series) -> str:
    low, high = f"{sizes.min():,}", f"{sizes.max():,}"
    return low if low == high else f"{low}–{high}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
