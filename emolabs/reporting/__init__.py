"""Reporting: figures, tables and numbers of the thesis, all written in one way.

`use_style` and `figure` give a figure its size and looks, `describe` says where its data come from, `save` and
`save_numbers` write it; `CATALOGUE` lists all that can be written.
"""

from emolabs.reporting.catalogue import CATALOGUE, Entry
from emolabs.reporting.gallery import save
from emolabs.reporting.looks import GROUP_LOOKS, KIND_LOOKS, corpus_look, corpus_name, pipeline_look, sex_bar, sex_look
from emolabs.reporting.marks import (
    IN_NOTES,
    IN_PICTURES,
    KNOWN,
    OVER_CLIPS,
    draw_mark,
    known_mark,
    meanings,
    over_mark,
    stale_mark,
)
from emolabs.reporting.numbers import interval, p_value, save_numbers
from emolabs.reporting.provenance import INTERVALS, describe
from emolabs.reporting.style import (
    COLORS,
    EMOTIONS,
    TEXT_WIDTH_IN,
    bar,
    draw_confusion,
    emotion_bar,
    emotion_color,
    emotion_label,
    emotion_marker,
    figure,
    use_style,
)

__all__ = [
    "CATALOGUE",
    "COLORS",
    "EMOTIONS",
    "GROUP_LOOKS",
    "INTERVALS",
    "IN_NOTES",
    "IN_PICTURES",
    "KIND_LOOKS",
    "KNOWN",
    "OVER_CLIPS",
    "TEXT_WIDTH_IN",
    "Entry",
    "bar",
    "corpus_look",
    "corpus_name",
    "describe",
    "draw_confusion",
    "draw_mark",
    "emotion_bar",
    "emotion_color",
    "emotion_label",
    "emotion_marker",
    "figure",
    "interval",
    "known_mark",
    "meanings",
    "over_mark",
    "p_value",
    "pipeline_look",
    "save",
    "save_numbers",
    "sex_bar",
    "sex_look",
    "stale_mark",
    "use_style",
]
