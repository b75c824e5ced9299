"""The types a parameter can have: what YAML or a command line gives becomes a value of one, or a sentence."""

import difflib
from collections.abc import Collection

import yaml

_SCALARS = {"int": int, "float": float, "str": str, "bool": bool}
TYPES = (*_SCALARS, "list[str]", "list[int]", "list[float]")


def convert(value: object, *, type: str) -> object:
    """`value` as a `type` of `TYPES` (or one with ` | None`) has it; a whole number is a float too.

    Raises `TypeError` saying what was expected, what was found and, for numbers YAML reads as text, what to write.
    """
    base = type.removesuffix(" | None")
    if value is None and base != type:
        return None
    if base.startswith("list["):
        if not isinstance(value, list):
            raise TypeError(f"expected {type}, found {describe(value)}; write it as [a, b]")
        return [convert(item, type=base[5:-1]) for item in value]
    if base == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, _SCALARS[base]) and isinstance(value, bool) == (base == "bool"):
        return value
    hint = ""
    if base == "float" and isinstance(value, str) and _is_number(value):
        mantissa, _, exponent = value.lower().partition("e")
        mantissa += ".0" if exponent and "." not in mantissa else ""
        written = f"{mantissa}e{int(exponent):+d}" if exponent else mantissa
        hint = f"; YAML 1.1 reads a number as text where it is quoted or, as 1e-3, has no dot: write {written}"
    raise TypeError(f"expected {type}, found {describe(value)}{hint}")


def read(text: str, *, type: str) -> object:
    """What `text` means for `type`: itself for a `str`, a number for a `float`, otherwise what YAML reads."""
    base = type.removesuffix(" | None")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if value is None and base != type:
        return None
    if base == "str":
        return text
    return float(value) if base == "float" and isinstance(value, str) and _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def describe(value: object) -> str:
    """`value` with what kind it is, for a sentence on what was found."""
    if value is None:
        return "nothing (null)"
    kinds = {str: "text", bool: "truth value", list: "list", dict: "mapping"}
    return f"the {kinds.get(type(value), type(value).__name__)} {value!r}"


def unknown(name: object, *, known: Collection[str], noun: str) -> str:
    """The sentence for a name that is none of `known`, with the closest of them."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
    return f"{name}: there is no such {noun}; {hint}"


def refuse(problems: list[str], *, where: str) -> None:
    """Raise `ValueError` with all `problems`, a line each under `where`, if there are any."""
    if problems:
        raise ValueError("\n  ".join([f"{where}:", *problems]))
