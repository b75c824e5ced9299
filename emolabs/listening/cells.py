"""What makes a value of the text in a cell, column by column; what is no value is a `ValueError` with a sentence."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from emolabs.corpora.corpus import harmonize
from emolabs.listening.answers import MODALITIES
from emolabs.listening.study import ROLES

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_TRUTH = {
    "true": True,
    "1": True,
    "wahr": True,
    "vrai": True,
    "false": False,
    "0": False,
    "falsch": False,
    "faux": False,
}
#: Whole numbers above are not told apart by JSON and spreadsheets.
_LARGEST = 2**53


def short(text: object) -> str:
    """`text` in quotes, cut where it is long."""
    return repr(text if len(str(text)) <= 40 else f"{str(text)[:39]}…")


def _number(text: str) -> float:
    if not NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, found {short(text)}")
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(f"expected a number, found {short(text)}")
    return value


def _whole(least: int, most: int = _LARGEST) -> Callable[[str], int]:
    def convert(text: str) -> int:
        """The whole number, or `ValueError` saying which are expected."""
        value = _number(text)
        if value != int(value) or not least <= value <= most:
            upper = f" to {most}" if most < _LARGEST else " or more"
            raise ValueError(f"expected a whole number, {least}{upper}, found {short(text)}")
        return int(value)

    return convert


def _choice(values: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        """The word in lower case, or `ValueError` saying which are expected."""
        if text.casefold() not in values:
            raise ValueError(f"expected one of {', '.join(values)}, found {short(text)}")
        return text.casefold()

    return convert


def emotion(choices: Sequence[str]) -> Callable[[str], str]:
    """What makes an emotion among `choices` of a word for it, as params/emotions.yaml has them."""

    def convert(text: str) -> str:
        """The emotion, or `ValueError` saying which are expected."""
        try:
            named = harmonize(text)
        except ValueError:
            named = text
        if named not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, found {short(text)}")
        return named

    return convert


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time as 2024-05-31T09:30:00Z, found {short(text)}") from None
    return text


def _country(text: str) -> str:
    if not re.fullmatch("[A-Za-z]{2}", text):
        raise ValueError(f"expected a country in two letters (ISO 3166-1), found {short(text)}")
    return text.upper()


def _truth(text: str) -> bool:
    if text.casefold() not in _TRUTH:
        raise ValueError(f"expected true or false, found {short(text)}")
    return _TRUTH[text.casefold()]


#: What makes a value of a cell's text, by column; a column that is not here is text.
CONVERTERS: dict[str, Callable[[str], object]] = {
    "order": _whole(0),
    "position": _whole(1),
    "confidence": _whole(1, 5),
    "plays": _whole(0),
    "response_time_s": _number,
    "role": _choice(ROLES),
    "modality": _choice(MODALITIES),
    "started": _moment,
    "finished": _moment,
    "country": _country,
    "simulated": _truth,
}
