"""Plain and residual networks side by side: which belong together, what is measured, what is missing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emolabs import reporting
from emolabs.experiments import depth, results
from emolabs.experiments.runs import Row

ONE = Row(profile="thesis", protocol="hash", scope="emodb", pipeline="logmel-resnet8-mean", seed=0)
#: Norms of the first layer at each epoch; later layers have ten times as much.
FIRST = {"logmel-plain8-mean": 0.1, "logmel-resnet8-mean": 0.4, "logmel-plain20-mean": 0.001, "logmel-resnet20-mean": 1}


def gradients(result: results.Result) -> pd.DataFrame:
    layers = int(result.row.pipeline.split("-")[1].lstrip("plainrest")) - 1
    norms = np.full((3, layers), 10.0 * FIRST.get(result.row.pipeline, 1))
    norms[:, 0] = np.array([0.5, 1, 1.5]) * FIRST.get(result.row.pipeline, 1)
    return pd.DataFrame(norms)


@pytest.fixture
def found(monkeypatch) -> list[results.Result]:
    """A committed result, taken for several rows; another corpus and another seed have one each."""
    monkeypatch.setattr(depth, "norms", gradients)
    one = results.load(ONE)
    rows = [replace(ONE, pipeline=name) for name in [*FIRST, "logmel-resnet18-mean", "mfcc-linear"]]
    rows += [replace(ONE, scope="tess"), replace(ONE, seed=1, pipeline="logmel-plain14-mean")]
    return [replace(one, row=row, stale=False) for row in rows]


def test_members_have_a_partner_that_differs_in_the_skips_only():
    families = depth.pairs()
    assert set(families) == {"logmel-N-mean", "waveform-N-mean"}
    for members in families.values():
        names = {kind: sorted(n for n, (k, _) in members.items() if k == kind) for kind in depth.LOOKS}
        assert [name.replace("plain", "resnet") for name in names["plain"]] == names["resnet"]
        assert {d for _, d in members.values()} == {8, 14, 20}


def test_the_family_of_which_most_has_been_run_is_compared_and_the_rest_of_it_is_missing(found):
    family = depth.compare(found)
    assert list(family.pipeline) == [f"logmel-{kind}{n}-mean" for n in (8, 14, 20) for kind in ("plain", "resnet")]
    assert set(family.scope) == {"emodb"} and set(family.protocol) == {"hash"}
    run = family[family.result.notna()].set_index("pipeline")
    assert set(run.index) == set(FIRST), "neither resnet18, which has no partner, nor another seed"
    assert run["first"].to_dict() == pytest.approx(FIRST)
    assert (
        run["last"].to_numpy() == pytest.approx(10 * run["first"].to_numpy())
        and (run.epochs == 3).all()
        and run.uar.between(0, 1).all()
    )
    assert family[family.result.isna()][["uar", "first", "last"]].isna().all(axis=None)


def test_words_and_table_have_the_ratios_and_name_what_was_not_run(found):
    family = depth.compare(found)
    said, table = depth.sentences(family), depth.formatted(family).set_index("pipeline")
    assert ["is 0.25 times" in said[0], "At depth 20" in said[1], "is 0.001 times" in said[1]] == [True] * 3
    assert said[2:] == ["Not run: logmel-plain14-mean, logmel-resnet14-mean."]
    assert table["UAR (%)"]["logmel-plain14-mean"] == "not run" and table.epochs["logmel-plain14-mean"] == ""
    uar = family.set_index("pipeline").loc["logmel-resnet8-mean", ["uar", "low", "high"]]
    assert table["UAR (%)"]["logmel-resnet8-mean"] == reporting.interval(*uar)
    assert depth.sentences(depth.compare([]))[0].startswith("No plain or residual network has been run")


def test_a_picture_has_a_panel_for_each_depth_that_was_run_and_names_what_was_not(found):
    found = [r for r in found if r.row.pipeline != "logmel-plain20-mean"]
    found[0] = replace(found[0], stale=True)
    figure = depth.draw(depth.compare(found))
    above, below = np.reshape(figure.axes, (2, -1))
    assert [axis.get_title() for axis in above] == ["depth 8\nplain8 (stale)", "depth 20\n(plain20 not run)"]
    assert [len(axis.lines) for axis in above] == [len(axis.lines) for axis in below] == [2, 1]
    plain, resnet = above[0].lines
    assert plain.get_ydata()[0] == pytest.approx(0.1) and resnet.get_ydata()[0] == pytest.approx(0.4)
    assert plain.get_linestyle() != resnet.get_linestyle() and plain.get_marker() != resnet.get_marker()
    assert "range over the epochs" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert below[0].lines[1].get_ydata() == pytest.approx([0.2, 0.4, 0.6])


def test_recorded_norms_are_those_of_the_convolutions_and_not_of_projections():
    table = depth.norms(results.load(ONE))
    assert table.shape[1] == 7 and len(table) > 1 and (table > 0).all(axis=None)
