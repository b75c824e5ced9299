"""What the README claims is what the committed results say."""

import re

import pandas as pd
import pytest

from emolabs import paths
from emolabs.experiments import comparison
from emolabs.modeling import load_pipelines

README = (paths.ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z-]+)` \| ([a-z]+) \| `([a-z0-9-]+)` \| ([^|]+) \| (\d+) % \| ([\d,]+) \|$", re.MULTILINE)


def test_every_row_of_results_is_in_the_committed_table():
    scores = pd.read_csv(paths.figures("thesis") / "40_results.csv")
    table = comparison.formatted(scores).set_index(["protocol", "scope", "pipeline"])
    rows = ROW.findall(README)
    assert len(rows) >= 6
    for protocol, scope, pipeline, uar, known, clips in rows:
        line = table.loc[(protocol, scope, pipeline)]
        assert line["UAR (%)"] == uar.strip()
        assert (line["known speakers (%)"], line["clips"]) == (int(known), int(clips.replace(",", "")))


def test_every_interval_quoted_is_a_result():
    scores = comparison.formatted(pd.read_csv(paths.figures("thesis") / "40_results.csv"))
    known = {value.rstrip("†") for value in scores["UAR (%)"]}
    quoted = set(re.findall(r"\d+\.\d \[\d+\.\d, \d+\.\d\]", README))
    assert len(quoted) > 10 and quoted <= known


def test_no_committed_result_is_stale():
    table = pd.read_csv(paths.figures("thesis") / "40_results.csv")
    assert not table.stale.any()


def test_pictures_notebooks_and_links_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (paths.ROOT / target).exists(), target
    for notebook in paths.NOTEBOOKS.glob("*.ipynb"):
        assert f"(notebooks/{notebook.name})" in README


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|\n)make ([a-z]+)", README))))
def test_make_targets_are_there(target):
    assert re.search(rf"^{target}:", (paths.ROOT / "Makefile").read_text(), re.MULTILINE)


def test_pipelines_named_are_rows_of_the_table():
    assert set(re.findall(r"`([a-z0-9]+-(?:cnn\d+|linear)[a-z-]*)`", README)) <= set(load_pipelines())
