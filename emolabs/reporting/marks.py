"""Marks: what stands behind a score or a name that has to be read with care, the same in every table and picture."""

#: Behind a score whose interval is over clips only, because too few speakers were evaluated to draw from.
OVER_CLIPS = "†"

#: Behind a comparison whose scores were known when it was declared.
KNOWN = "§"


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


def stale_mark(is_stale: bool) -> str:
    """What stands behind the name of a result whose code has changed since it was made; nothing behind the others.

    >>> stale_mark(True), stale_mark(False)
    (' (stale)', '')
    """
    return " (stale)" if is_stale else ""
