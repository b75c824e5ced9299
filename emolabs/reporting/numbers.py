"""Numbers quoted in the thesis' prose: one LaTeX command each, so that text and results cannot disagree."""

import math
import re
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path

from emolabs.reporting import catalogue, latex, manifest

_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def save_numbers(
    values: Mapping[str, float | int | str],
    *,
    profile: str,
    provenance: str,
    parameters: object = None,
    variant: str | None = None,
    precision: int = 3,
) -> list[Path]:
    r"""Write `figures/<profile>/numbers.tex`: a line `\newcommand{\emo<Name>}{<value>}` per value, sorted by name.

    `values` maps names (see `spell`) to numbers or plain text, such as `interval` makes; text is escaped, whole numbers
    are written as they are, floats with `precision` digits after the point. The file is written anew at each call; a
    notebook with numbers of its own gives a `variant`, and the file is `numbers-<variant>.tex`.

    Returns the paths written. Raises `ValueError` with a sentence where two names are one command, a name has no
    letters or digits to spell, a value is not a finite number or text, or the provenance is empty.
    """
    entry = catalogue.find("numbers", kind="numbers")
    record = manifest.describe_item(
        entry, profile=profile, provenance=provenance, parameters=parameters, data={k: str(values[k]) for k in values}
    )
    commands: dict[str, str] = {}
    for name in values:
        command = spell(name)
        if command in commands:
            raise ValueError(
                f"Expected every number to have a LaTeX command of its own, found \\{command} for both "
                f"{commands[command]!r} and {name!r}. Rename one of the two."
            )
        commands[command] = name
    lines = [
        f"\\newcommand{{\\{command}}}{{{_show(name, values[name], precision)}}}\n"
        for command, name in sorted(commands.items())
    ]
    text = latex.comment(record) + "".join(lines)
    return manifest.publish({f"{catalogue.stem('numbers', variant=variant)}.tex": text.encode()}, record)


def spell(name: str) -> str:
    """The LaTeX command, without its backslash, for the number `name`.

    Parts between hyphens, underscores, dots or spaces begin with a capital; digits, which a command cannot have, are
    spelled.

    >>> spell("uar_logmel-cnn3-mean")
    'emoUarLogmelCnnThreeMean'

    Raises `ValueError` with a sentence where other characters are left, or none.
    """
    spelled = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", name, flags=re.ASCII)
    parts = re.split(r"[-_. ]+", spelled)
    command = "".join(part[:1].upper() + part[1:] for part in parts)
    if not re.fullmatch("[A-Za-z]+", command):
        raise ValueError(
            f"Expected the name of a number to have ASCII letters, digits, hyphens, underscores, dots and spaces, "
            f"found {name!r}. Name it like 'uar_logmel-cnn3-mean'."
        )
    return f"emo{command}"


def interval(value: float, low: float, high: float, *, digits: int = 1, scale: float = 100) -> str:
    """A score and its interval, each a share (0–1) times `scale`: percent unless `scale` says otherwise.

    A score without an interval stands alone, what is no number is a dash, and zero has no sign.

    >>> interval(0.712, 0.680, 0.741), interval(0.0, math.nan, math.nan), interval(math.nan, 0.1, 0.2)
    ('71.2 [68.0, 74.1]', '0.0', '–')
    """
    if not math.isfinite(value):
        return "–"
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{scale * value:z.{digits}f}"
    value, low, high = (f"{scale * x:z.{digits}f}" for x in (value, low, high))
    return f"{value} [{low}, {high}]"


def p_value(p: float) -> str:
    """A p value for reading; what has none is a dash.

    >>> p_value(0.0312), p_value(0.00001), p_value(math.nan)
    ('0.031', '< 0.001', '–')
    """
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _show(name: str, value: object, precision: int) -> str:
    """`value` as LaTeX."""
    if isinstance(value, str) and value.strip():
        return latex.escape(" ".join(value.split()))
    if isinstance(value, Integral) and not isinstance(value, bool):
        return latex.escape(str(int(value)))
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return latex.escape(f"{float(value):.{precision}f}")
    raise ValueError(
        f"Expected a finite number or some text for the number {name!r}, found {value!r}. "
        f"Leave it out, or say in words what is missing."
    )
