"""The pages made of executed notebooks, and the gallery of figures."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from emolabs import paths, site
from emolabs.reporting import showcase

AUDIO = '<audio controls><source src="data:audio/wav;base64,UklGRg==" type="audio/wav"></audio>'


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """An executed notebook that plays a recording, and one of a run."""
    monkeypatch.setattr(paths, "executed", lambda profile: tmp_path / profile)
    played = new_output("display_data", {"text/html": AUDIO, "text/plain": "<Audio>"})
    cells = [
        new_markdown_cell("# 12 · Normalization <b>\n\n![Leakage](../figures/thesis/40_leakage.png)"),
        new_code_cell("print(1)", outputs=[played]),
    ]
    for profile in ("demo", "thesis"):
        for place in ("notebooks/12_normalization", "hash/pooled/mfcc-linear/seed0"):
            file = (tmp_path / profile / place).with_suffix(".ipynb")
            file.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(new_notebook(cells=cells), file)


def test_pages_link_to_each_other_and_ask_nobody(executed, tmp_path):
    pages = site.build("demo", tmp_path / "site")
    assert [page.name for page in pages] == [
        "12_normalization.html",
        "hash-pooled-mfcc-linear-seed0.html",
        "index.html",
    ]
    index = pages[-1].read_text(encoding="utf-8")
    assert set(re.findall('href="([^"]+)"', index)) == {page.name for page in pages[:-1]}
    assert "12 · Normalization &lt;b&gt;" in index and "hash · pooled · mfcc-linear · seed0" in index
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert page.name == "index.html" or 'alt="Leakage" src="data:image/png;base64,' in text
        assert "<script" not in text and not re.search(r'(?:src|href)="https?:[^"]*\.(?:js|css)', text)


def test_recordings_are_passed_on_only_where_they_are_synthetic(executed, tmp_path):
    for profile, is_kept in (("demo", True), ("thesis", False)):
        page = site.build(profile, tmp_path / "site" / profile)[0].read_text(encoding="utf-8")
        assert ("base64,UklGRg==" in page) == is_kept
        assert ("it is not passed on" in page) != is_kept


def test_where_nothing_was_executed_it_is_said(executed, tmp_path):
    with pytest.raises(FileNotFoundError, match="no executed notebooks of other .*`make reproduce PROFILE=other`"):
        site.build("other", tmp_path / "site")


def test_the_committed_gallery_is_that_of_the_figures_and_every_link_leads_somewhere():
    page = paths.figures("thesis").parent / "README.md"
    text = page.read_text(encoding="utf-8")
    assert text == showcase.page("thesis")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and all((page.parent / link).exists() for link in links)
    files = {file.name for file in paths.figures("thesis").iterdir()} - {"manifest.csv"}
    assert files <= {link.rsplit("/", 1)[-1] for link in links}


def test_a_gallery_of_nothing_is_refused():
    with pytest.raises(FileNotFoundError, match="no figures of nothing: run `make reproduce PROFILE=nothing`"):
        showcase.page("nothing")
