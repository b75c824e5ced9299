"""What there is of each corpus, told from the names of its files alone: present, partial or absent."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from emolabs.corpora import index
from emolabs.corpora.corpus import Corpus


@dataclass(frozen=True)
class Status:
    """The recordings of a corpus that are there, against those that it publishes."""

    corpus: Corpus
    found: dict[str, int]  # recordings per emotion; one that is there twice counts once
    copies: int  # further files of recordings that are there already
    unknown: int  # files whose name is not understood
    fault: str = ""  # why no name is understood, where the annotations beside the audio are missing or damaged

    @property
    def recordings(self) -> int:
        """Number of recordings found."""
        return sum(self.found.values())

    @property
    def differences(self) -> dict[str, int]:
        """Per emotion whose number differs, how many recordings there are more than published; negative: fewer."""
        published = self.corpus.counts
        deltas = {e: self.found.get(e, 0) - published.get(e, 0) for e in sorted({*published, *self.found})}
        return {emotion: delta for emotion, delta in deltas.items() if delta}

    @property
    def state(self) -> str:
        """`absent` where no recording is there, `partial` where an emotion lacks some, otherwise `present`."""
        if not self.recordings:
            return "absent"
        return "partial" if min(self.differences.values(), default=0) < 0 else "present"

    @property
    def count(self) -> str:
        """How the count compares: `matches`, or `differs by` how much in which emotions."""
        deltas = ", ".join(f"{emotion} {delta:+,}" for emotion, delta in self.differences.items())
        return f"differs by {deltas}" if deltas else "matches"


def examine(corpus: Corpus, *, files: Iterable[str] | None = None) -> Status:
    """The status of `corpus` from `files` (default: all in its folders), relative to the raw root as `index.files` is.

    Nothing is decoded, so that a recording that is there may still turn out to be broken when it is indexed.
    """
    files = list(index.files(corpus) if files is None else files)
    if not files:
        return Status(corpus, {}, copies=0, unknown=0)
    try:
        parse = corpus.parser()
    except (FileNotFoundError, ValueError) as error:
        return Status(corpus, {}, copies=0, unknown=len(files), fault=str(error))
    described = [index.describe(corpus, file, parse=parse) for file in files]
    understood = [row for row, reason in described if not reason]
    emotions = {row["path"]: row["emotion"] for row in understood}
    return Status(
        corpus=corpus,
        found=dict(Counter(emotions.values())),
        copies=len(understood) - len(emotions),
        unknown=len(described) - len(understood),
    )


def table(corpora: Iterable[Corpus]) -> pd.DataFrame:
    """One row per corpus (index: its key): state, recordings found and published, what else is there, the comparison.

    `to_get_it` says how to get a corpus that is not present.
    """
    rows = [_row(examine(corpus)) for corpus in corpora]
    return pd.DataFrame(rows).set_index("corpus")


def require(corpora: Iterable[Corpus]) -> None:
    """Raise `FileNotFoundError`, a sentence for each of `corpora` of which no recording is there."""
    absent = [status for status in map(examine, corpora) if status.state == "absent"]
    if absent:
        raise FileNotFoundError("\n".join(map(_lack, absent)))


def _lack(status: Status) -> str:
    if status.fault:
        return status.fault
    unknown = f" {status.unknown:,} files are there whose names are not understood." if status.unknown else ""
    return f"{status.corpus.missing()}{unknown}"


def _row(status: Status) -> dict:
    corpus = status.corpus
    layout = f"{corpus.key}/{corpus.layout}, in any folders."
    return {
        "corpus": corpus.key,
        "state": status.state,
        "recordings": status.recordings,
        "published": corpus.clips,
        "copies": status.copies,
        "unknown_names": status.unknown,
        "count": status.count if status.recordings else "",
        "to_get_it": "" if status.state == "present" else status.fault or f"{corpus.instructions()} Layout: {layout}",
    }
