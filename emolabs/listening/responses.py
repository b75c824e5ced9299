"""Answers of listeners, from whatever file they come in: read, checked, flagged; nothing is dropped silently."""

from emolabs.listening.answers import COLUMNS, Answers, as_long, votes_to_long

__all__ = ["COLUMNS", "Answers", "as_long", "votes_to_long"]
