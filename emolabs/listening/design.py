"""The design of a listening study: how many clips, of which emotions and sources, and the exact balance they allow.

Conventions: a source is a corpus; a cell is an emotion of a source; a part is one of the two evaluation sides that a
study draws from, `PARTS`. Balance is exact: every cell has the same number of clips, and each part gives half of all.
"""

import itertools
from dataclasses import asdict, dataclass

from emolabs import types

#: Where trials come from, and the words for it; both are evaluation sides, so that no model has been trained on them.
PARTS = {"emocorpus": "EmoCorpus' evaluation tenth", "emobench": "EmoBench's first fold"}


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a study asks for. Numbers of clips are of the whole study unless they say otherwise.

    Raises `ValueError` with all that cannot be.
    """

    clips: int = 60  # trials; the nearest number that is exactly balanced is drawn
    emotions: tuple[str, ...]  # the answers to choose from
    sources: tuple[str, ...]  # corpora
    languages: tuple[str, ...] = ()  # ISO 639-1 codes; empty: any
    speaker_max: int | None = None  # trials of one speaker; None: as even as the source allows
    text_emotions_min: int = 1  # emotions in which a source has a sentence, or it is not drawn
    practice: int = 6  # clips to practise on, with feedback
    attention: int = 2  # trials that say aloud what to answer

    def __post_init__(self):
        problems = [
            f"{name}: expected {expected}, found {value!r}"
            for name, value, expected, fine in self._expectations()
            if not fine
        ]
        types.refuse(problems, where="this is no design of a listening study")

    def _expectations(self) -> list[tuple[str, object, str, bool]]:
        emotions, sources, most = self.emotions, self.sources, len(self.emotions)
        return [
            ("emotions", emotions, "two or more different ones", len(set(emotions)) == most >= 2),
            ("sources", sources, "one or more different corpora", len(set(sources)) == len(sources) >= 1),
            ("clips", self.clips, "at least 1", self.clips >= 1),
            ("speaker_max", self.speaker_max, "at least 1, or None", self.speaker_max is None or self.speaker_max >= 1),
            ("text_emotions_min", self.text_emotions_min, f"1 to {most}", 1 <= self.text_emotions_min <= most),
            ("practice", self.practice, "0 or more", self.practice >= 0),
            ("attention", self.attention, f"0 to {most}, an emotion each", 0 <= self.attention <= most),
        ]

    @property
    def cells(self) -> int:
        """Number of cells: emotions × sources."""
        return len(self.emotions) * len(self.sources)

    @property
    def per_cell(self) -> int:
        """Trials per cell: those that bring the whole nearest to `clips`; of two that are as near, the fewer.

        The whole is even, so that each part can give half of it.
        """
        most = 2 * (self.clips // self.cells + 1)
        possible = [number for number in range(1, most + 1) if number * self.cells % 2 == 0]
        return min(possible, key=lambda number: (abs(number * self.cells - self.clips), number))

    def needs(self, per_cell: int | None = None) -> dict[tuple[str, str, str], int]:
        """Trials by emotion, source and part. Of an odd number per cell the odd one is of either part in turn, so that
        neighbouring cells make up for each other: over all cells the parts are equal, and where there is an even
        number of sources (emotions), within every emotion (source), too."""
        half, odd = divmod(self.per_cell if per_cell is None else per_cell, 2)
        turns = itertools.product(enumerate(self.emotions), enumerate(self.sources), enumerate(PARTS))
        return {
            (emotion, source, part): half + odd * ((i + j + k) % 2) for (i, emotion), (j, source), (k, part) in turns
        }

    def chosen(self) -> str:
        """What is drawn and why, in a sentence or two."""
        number, said = self.per_cell, f"{len(self.emotions)} emotions × {len(self.sources)} sources"
        total = number * self.cells
        sentence = (
            f"{total} trials: {said} × {number} clips, half of them from {' and half from '.join(PARTS.values())}."
        )
        if total == self.clips:
            return sentence
        other = next(n for n in range(number + 1, number + 3) if n * self.cells % 2 == 0) * self.cells
        if total > self.clips:
            return f"{sentence} {self.clips} were asked for, and this is the nearest exact balance."
        why = (
            "is as near, and of two the smaller is taken" if other - self.clips == self.clips - total else "is further"
        )
        return f"{sentence} {self.clips} were asked for: the next exact balance, {other}, {why}."

    def to_json(self) -> dict:
        """The design as JSON holds it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict) -> "Design":
        """The design that `to_json` gave `values` for."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
