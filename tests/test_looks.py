"""Looks of pipelines, corpora, sexes and groups: one each, told apart in colour and in grey."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle

from emolabs.corpora import REGISTRY
from emolabs.listening import machine_drawings
from emolabs.modeling.pipeline import load_pipelines
from emolabs.reporting import COLORS, GROUP_LOOKS, corpus_look, corpus_name, looks, pipeline_look, sex_bar, sex_look
from emolabs.standardization import drawings

PIPELINES = list(load_pipelines())


def lightness(color: str) -> float:
    """CIE L* of a colour, 0–100."""
    rgb = np.array(to_rgb(color))
    y = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    return float(116 * np.cbrt(y) - 16 if y > 216 / 24389 else y * 24389 / 27)


@pytest.mark.parametrize("name", PIPELINES)
def test_every_row_has_a_look_that_matplotlib_draws(name):
    look = pipeline_look(name)
    assert look["color"] in COLORS.values() and Line2D([], [], **look).get_marker() == look["marker"]
    assert len(MarkerStyle(look["marker"]).get_path().vertices) > 1


def test_no_two_rows_look_alike_and_of_one_branch_none_has_the_marker_of_another():
    same = [
        (one, other)
        for one, other in combinations(PIPELINES, 2)
        if pipeline_look(one)["marker"] == pipeline_look(other)["marker"]
    ]
    alike = [pair for pair in same if len({pipeline_look(name)["color"] for name in pair}) == 1]
    assert not alike
    close = [pair for pair in same if abs(np.subtract(*(lightness(pipeline_look(n)["color"]) for n in pair))) < 6]
    assert not close, "they could not be told apart in grey"


def test_a_row_with_no_marker_of_its_own_gets_one_that_stays():
    look = pipeline_look("logmel-cnn4-mean")
    assert look == pipeline_look("logmel-cnn4-mean") and look["color"] == pipeline_look("logmel-cnn3-mean")["color"]


def test_the_thesis_corpora_differ_in_colour_and_marker_and_all_have_their_names():
    found = [corpus_look(key) for key in looks.CORPORA]
    assert all(len({look[part] for look in found}) == len(found) for part in ("color", "marker"))
    assert set(looks.CORPORA) <= set(REGISTRY) and all(corpus_look(key)["color"] for key in REGISTRY)
    assert [corpus_name(key) for key in ("cremad", "tess", "my-own")] == ["CREMA-D", "TESS", "my-own"]


def test_sexes_have_one_look_in_points_and_bars_and_none_of_a_thesis_corpus():
    sexes = ["female", "male", "", "not published"]
    assert all(sex_bar(sex)["facecolor"] == sex_look(sex)["color"] for sex in sexes)
    assert sex_look("") == sex_look("not published")
    known = [sex_look(sex) | {"hatch": sex_bar(sex)["hatch"]} for sex in sexes[:3]]
    assert all(len({look[part] for look in known}) == len(known) for part in ("color", "marker", "hatch"))
    assert not {look["color"] for look in known} & {corpus_look(key)["color"] for key in looks.CORPORA}


def test_what_clips_are_grouped_by_differs_in_colour_marker_and_line():
    assert {look["color"] for look in GROUP_LOOKS.values()} <= set(COLORS.values())
    for part in ("color", "marker", "linestyle"):
        assert len({look[part] for look in GROUP_LOOKS.values()}) == len(GROUP_LOOKS)


def test_the_composition_draws_corpora_and_sexes_in_their_looks_and_calls_corpora_by_name():
    clips = [("emodb", "female", 3), ("tess", "male", 1), ("my-own", "", 2)]
    sides = [("hash", 0, split, *row) for split in ("train", "evaluation") for row in clips]
    counts = pd.DataFrame(sides, columns=["protocol", "fold", "split", "corpus", "sex", "anger"])
    figure = drawings.draw_composition(counts.assign(protocol=pd.Categorical(counts.protocol)))
    faces = {bars.get_label(): to_hex(bars[0].get_facecolor()) for axis in figure.axes for bars in axis.containers}
    assert (
        faces["EmoDB"] == corpus_look("emodb")["color"].lower()
        and faces["TESS"] == corpus_look("tess")["color"].lower()
    )
    assert faces["female"] == sex_look("female")["color"].lower() and {"my-own", "not published"} <= set(faces)


def test_beside_listeners_pipelines_keep_their_looks():
    found = machine_drawings.looks(SimpleNamespace(machines=PIPELINES))
    assert all(found[name][part] == pipeline_look(name)[part] for name in PIPELINES for part in ("color", "marker"))
