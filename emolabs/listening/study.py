"""A study: its clips under codes that say nothing, its version, and the order in which each participant hears them.

`data/listening/<study>/` holds `study.json` and `clips.csv` (`COLUMNS`, sorted by code), which are committed, and
`answers/`, which git ignores. The order of number n is the same on every machine: it is drawn from the study's version
and n alone.
"""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from emolabs import storage
from emolabs.corpora import emotions, labels
from emolabs.listening.design import Design

COLUMNS = [
    *("clip", "id", "path", "corpus", "speaker", "sex", "language", "text", "intensity", "emotion", "part", "role")
]
#: What a clip is there for: it is judged, practised on, or says aloud what to answer.
ROLES = ("trial", "practice", "attention")
#: Equal emotions, or equal speakers, that may follow each other.
LONGEST_RUN = 2
#: Swaps after which an order is given up; a study of six emotions takes a handful, one of two some hundred.
_STEPS = 2_000


@dataclass(frozen=True)
class Study:
    """A study as it is on the disk. `clips` has a row per clip (`COLUMNS`), whatever its role."""

    name: str
    clips: pd.DataFrame
    design: Design
    seed: int
    orders: int  # how many orders a page holds
    made_from: dict

    @property
    def emotions(self) -> tuple[str, ...]:
        """The answers to choose from, in the order of params/emotions.yaml."""
        return tuple(e for e in dict.fromkeys([*labels(), *emotions()]) if e in self.design.emotions)

    @cached_property
    def digest(self) -> str:
        """The version: the first 12 hexadecimal digits of the SHA-256 of `clips.csv` and the design, as JSON."""
        return storage.digest({"clips": self.csv(), "design": self.design.to_json()})[:12]

    @property
    def trials(self) -> pd.DataFrame:
        """The rows of `clips` that are judged."""
        return self.clips[self.clips.role == "trial"]

    @cached_property
    def _rows(self) -> list[tuple]:
        """What an order looks at: code, emotion, speaker and role of each clip, sorted by code."""
        return sorted(self.clips[["clip", "emotion", "speaker", "role"]].itertuples(index=False, name=None))

    def csv(self) -> str:
        """`clips` as text; the same clips give the same text."""
        return self.clips[COLUMNS].sort_values("clip").to_csv(index=False, lineterminator="\n")

    def order(self, seed: int) -> list[str]:
        """Codes of the trials in the order of this number, with the attention checks in their places.

        Among all of them, and among the trials alone, no more than `LONGEST_RUN` equal emotions or speakers follow each
        other. An attention check is somewhere in the middle half of its share of the trials. A shuffled order is
        mended by swaps that leave no more runs than there were.
        Raises `ValueError` where no such order is found, as where one speaker says nearly everything.
        """
        chance = random.Random(f"{self.digest} {seed}")
        trials, checks = ([row for row in self._rows if row[3] == role] for role in ("trial", "attention"))
        chance.shuffle(trials)
        chance.shuffle(checks)
        share = len(trials) / max(1, len(checks))
        places = [round((j + 0.25 + 0.5 * chance.random()) * share) for j in range(len(checks))]
        found = _too_long(trials) + _too_long(_insert(trials, checks, places))
        for _ in range(_STEPS):
            if not found:
                return [row[0] for row in _insert(trials, checks, places)]
            one, other = trials.index(chance.choice(found)), chance.randrange(len(trials))
            trials[one], trials[other] = trials[other], trials[one]
            left = _too_long(trials) + _too_long(_insert(trials, checks, places))
            if len(left) <= len(found):
                found = left
            else:
                trials[one], trials[other] = trials[other], trials[one]
        raise ValueError(self._no_order())

    def _no_order(self) -> str:
        counts = {name: self.trials[name].value_counts() for name in ("emotion", "speaker")}
        most = " and ".join(f"{count.iloc[0]} by the {name} {count.index[0]}" for name, count in counts.items())
        return (
            f"the study {self.name} has no order in which at most {LONGEST_RUN} equal emotions or speakers follow each "
            f"other: of {len(self.trials)} trials there are {most}. Draw from more sources, or fewer clips"
        )

    def save(self, folder: Path) -> None:
        """Write the study into `folder`; the file `study.json` comes last.

        Raises `ValueError` where the folder has answers to another version, which would no longer be of any clips;
        simulated ones (`simulated-…`) are made anew and do not count.
        """
        file, answers = folder / "study.json", folder / "answers"
        there = storage.read_json(file)["digest"] if file.is_file() else self.digest
        given = (answer.name for answer in storage.walk(answers))
        if there != self.digest and not all(name.startswith(("simulated-", ".")) for name in given):
            raise ValueError(
                f"{answers} holds answers to the version {there} of the study {self.name}, and this draw is the "
                f"version {self.digest}: give it another name (the parameter `study`), or move the answers away"
            )
        storage.write_text(folder / "clips.csv", self.csv())
        storage.write_text(folder / "README.md", self._readme())
        facts = {"study": self.name, "digest": self.digest, "emotions": list(self.emotions), "seed": self.seed}
        facts |= {"design": self.design.to_json(), "orders": self.orders, "made_from": self.made_from}
        storage.write_json(file, facts)

    @classmethod
    def load(cls, folder: Path) -> "Study":
        """The study in `folder`.

        Raises `FileNotFoundError` saying what makes it, and `ValueError` where `clips.csv` or the design was changed.
        """
        file = folder / "study.json"
        if not file.is_file():
            raise FileNotFoundError(f"no study at {folder}: run notebooks/50_listening_study.ipynb first")
        facts = storage.read_json(file)
        text = (folder / "clips.csv").read_text(encoding="utf-8")
        clips = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)
        design = Design.from_json(facts["design"])
        study = cls(facts["study"], clips, design, facts["seed"], facts["orders"], facts["made_from"])
        if study.csv() != text or study.digest != facts["digest"]:
            raise ValueError(
                f"{folder} is not the version {facts['digest']} that its study.json names: clips.csv or the design was "
                "changed. Restore it with `git checkout`; a changed study is drawn anew, under another name"
            )
        return study

    def _readme(self) -> str:
        roles = self.clips.role.value_counts()
        extra = [f"{roles[role]} {words}" for role, words in _EXTRA.items() if role in roles]
        return _README.format(
            name=self.name,
            digest=self.digest,
            chosen=self.design.chosen(),
            extra=f" Beside them {' and '.join(extra)}." if extra else "",
            corpora=", ".join(self.design.sources),
        )


def _insert(trials: Sequence[tuple], checks: Sequence[tuple], places: Sequence[int]) -> list[tuple]:
    """`trials` with each check before the trial at its place (ascending)."""
    whole = list(trials)
    for place, check in reversed(list(zip(places, checks, strict=True))):
        whole.insert(place, check)
    return whole


def _too_long(rows: Sequence[tuple]) -> list[tuple]:
    """A trial of every stretch of `LONGEST_RUN` + 1 rows (code, emotion, speaker, role) of one emotion or speaker."""
    stretches = zip(*(rows[i:] for i in range(LONGEST_RUN + 1)), strict=False)
    same = [stretch for stretch in stretches if any(len({row[i] for row in stretch}) == 1 for i in (1, 2))]
    return [next(row for row in stretch if row[3] == "trial") for stretch in same]


_EXTRA = {"practice": "to practise on", "attention": "that say aloud what to answer"}
_README = """# The listening study `{name}`, version `{digest}`

{chosen}{extra}

Drawn from {corpora} by `notebooks/50_listening_study.ipynb`, which also makes the page that participants use.
`study.json` says how it was drawn, `clips.csv` what is behind the codes. The analysis reads both: do not edit them.

**Answers go to `answers/`**, in any files and folders, as they came: [what is read](../README.md). Git ignores them.
"""
