"""Marks: what stands behind a score or a name that has to be read with care, the same in every table and picture.

`gallery.save` writes under every table what its marks mean; a picture says it on an axis or in its legend.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Behind a score whose interval is over clips only: too few speakers to draw from, or no sample that differs.
OVER_CLIPS = "†"

#: Behind a comparison whose scores were known when it was declared.
KNOWN = "§"

#: What the marks mean, as a picture says it.
IN_PICTURES = {
    OVER_CLIPS: f"{OVER_CLIPS} interval over clips only",
    KNOWN: f"{KNOWN} all scores known when declared",
}
#: The same as a sentence, under a table or in a text.
IN_NOTES = {
    OVER_CLIPS: f"{OVER_CLIPS} interval over clips only, does not cover new speakers.",
    KNOWN: f"{KNOWN} all scores that are compared were known when the comparison was declared.",
}


def meanings(texts: Iterable[str]) -> list[str]:
    """What the marks that occur in the `texts` of a picture mean, of each once.

    >>> meanings(["TESS†", "SAVEE†", "EmoDB"])
    ['† interval over clips only']
    """
    shown = "\n".join(texts)
    return [meaning for mark, meaning in IN_PICTURES.items() if mark in shown]


def explained(note: str, *, cells: Iterable[object]) -> str:
    """The `note` of a table, and behind it what those marks in its `cells` mean of which it says nothing.

    >>> explained("Scores in percent.", cells=["60.1 [59.1, 61.1]†", 3])
    'Scores in percent. † interval over clips only, does not cover new speakers.'
    >>> explained("† told already.", cells=["60.1†"]), explained("", cells=["60.1"])
    ('† told already.', '')
    """
    shown = "\n".join(cell for cell in cells if isinstance(cell, str))
    lacking = [mark for mark in IN_NOTES if mark in shown and mark not in note]
    return " ".join([*([note] if note else []), *(IN_NOTES[mark] for mark in lacking)])


def known_mark(is_known: bool) -> str:
    """`KNOWN` where the scores that are compared were known beforehand, nothing where they were not.

    >>> known_mark(True), known_mark(False)
    ('§', '')
    """
    return KNOWN if is_known else ""


def over_mark(interval_over: str | None) -> str:
    """`OVER_CLIPS` where an interval is over clips, nothing where it is over speakers or where there is none.

    >>> over_mark("clips"), over_mark("speakers")
    ('†', '')
    """
    return OVER_CLIPS if interval_over == "clips" else ""


def draw_mark(axis: "Axes", interval_over: str | None, *, at: tuple[float, float]) -> None:
    """Put `OVER_CLIPS` behind a point of a picture, in its coordinates, where the interval is over clips."""
    if mark := over_mark(interval_over):
        axis.annotate(mark, at, xytext=(2, 0), textcoords="offset points", va="center", fontsize=8)


def stale_mark(is_stale: bool) -> str:
    """What stands behind the name of a result whose code has changed since it was made; nothing behind the others.

    >>> stale_mark(True), stale_mark(False)
    (' (stale)', '')
    """
    return " (stale)" if is_stale else ""
