"""What the README and the findings claim is what the committed results say."""

import re

import pandas as pd
import pytest

from emolabs import paths
from emolabs.experiments import passages, readme, results
from emolabs.experiments.source import LACKING
from emolabs.modeling import load_pipelines

PAGES = {name: (paths.ROOT / name).read_text(encoding="utf-8") for name in readme.PAGES}
README = PAGES["README.md"]
WRITTEN = sorted(path for path in (paths.ROOT / "docs").glob("*.md")) + [paths.ROOT / "README.md"]


@pytest.fixture(scope="module")
def source(committed) -> passages.Source:
    found = passages.Source()
    found.evaluation = committed
    return found


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_what_the_command_writes(page, source):
    assert readme.fill(PAGES[page], source) == PAGES[page], "run python -m emolabs.experiments.readme"


def test_every_passage_stands_on_a_page():
    assert sorted(re.findall("<!-- results: (.+?) -->", "".join(PAGES.values()))) == sorted(readme.PASSAGES)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_no_result_is_typed(path):
    written = readme.MARKED.sub("", path.read_text(encoding="utf-8")).replace("95 % interval", "")
    assert re.findall(r"\d\.\d+ ?(?:%|\[)|\[-?\d+\.\d|\d %|\d points|\d,\d{3}", written) == []
    assert set(re.findall(r"(?<![\w.-])\d+\.\d+", written)) <= {"3.11", "3.12", "2.0"}, "versions"


def test_passages_are_filled_and_all_else_is_left(source, monkeypatch):
    monkeypatch.setitem(readme.PASSAGES, "speech", lambda source: "two\n\nlines \\1")
    text = "a <!-- no -->\n<!-- results: speech -->\nold 1.0\n<!-- /results -->\nb"
    filled = "a <!-- no -->\n<!-- results: speech -->\ntwo\n\nlines \\1\n<!-- /results -->\nb"
    assert readme.fill(text, source) == filled == readme.fill(filled, source)
    with pytest.raises(ValueError, match="expected passages among known corpus, .*, found nothing"):
        readme.fill(text.replace("speech", "nothing"), source)
    with pytest.raises(ValueError, match="found 1 beginnings and 0 ends"):
        readme.fill(text.replace("<!-- /results -->", ""), source)


def test_words_follow_the_numbers(source, monkeypatch):
    assert "brings them down" in passages.known_corpus(source)
    same = source.under("hash", "tess")
    monkeypatch.setattr(source, "under", lambda protocol, scope: same)
    assert "**1. TESS with a new speaker.**" in passages.known_corpus(source)
    monkeypatch.setattr(source, "under", lambda protocol, scope: {})
    assert LACKING in passages.known_corpus(source)


def test_the_committed_table_is_made_from_the_committed_results(committed):
    scores = results.table(committed.found)
    made = scores[scores.on == "overall"].reset_index(drop=True)
    table = pd.read_csv(paths.figures("thesis") / "40_results.csv")
    assert set(made) <= set(table)
    pd.testing.assert_frame_equal(table[list(made)], made, check_dtype=False, rtol=1e-9)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_pictures_notebooks_and_links_are_there(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}, (
                target
            )


def test_every_notebook_is_linked():
    for notebook in paths.NOTEBOOKS.glob("*.ipynb"):
        assert f"(notebooks/{notebook.name})" in README


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_make_targets_are_there(path):
    there = set(re.findall(r"^([a-z-]+):", (paths.ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|\n)make ([a-z-]+)", path.read_text(encoding="utf-8"))) <= there


def test_pipelines_named_are_rows_of_the_table():
    assert set(re.findall(r"`([a-z0-9]+-(?:cnn\d+|linear)[a-z-]*)`", "".join(PAGES.values()))) <= set(load_pipelines())
