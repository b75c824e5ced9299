"""The pages made of executed notebooks, and the gallery of figures."""

import re
import shutil
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from emolabs import paths, site
from emolabs.reporting import showcase

AUDIO = '<audio controls><source src="data:audio/wav;base64,UklGRg==" type="audio/wav"></audio>'


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """A small repository: of its notebooks one was executed, which plays a recording, one for a run, and one never."""
    shown = "# 12 · Normalization <b>\n\n![Leakage](../figures/thesis/40_leakage.png) [B](../data/emobench/README.md)"
    written = {
        "README.md": "# EmoLabs\n\n[code](LICENSE) [gallery](figures/README.md) [12](notebooks/12_normalization.ipynb)",
        "LICENSE": "MIT",
        "data/emobench/README.md": "# EmoBench\n\n[site](https://example.org) [rule](../../README.md#emolabs)",
        "figures/README.md": "# The gallery\n\n![Leakage](thesis/40_leakage.png) [csv](thesis/40%20leakage.csv)",
        "figures/thesis/40 leakage.csv": "a,b",
        "data/raw/emodb/03a01Wa.wav": "RIFF",
    }
    for place, text in written.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    shutil.copyfile(paths.figures("thesis") / "40_leakage.png", tmp_path / "figures/thesis/40_leakage.png")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    played = new_output("display_data", {"text/html": AUDIO, "text/plain": "<Audio>"})
    linked = "# 30 · CNN\n\n[next](12_normalization.ipynb) [clip](../data/raw/emodb/03a01Wa.wav) [gone](../gone.md)"
    for name, prose in {"12_normalization": shown, "30_classic_cnn": linked, "90_try_it": "# 90 · Try"}.items():
        cells = [new_markdown_cell(prose), new_code_cell("print(1)", outputs=[played])]
        places = {"12_normalization": "notebooks/12_normalization", "30_classic_cnn": "hash/pooled/mfcc-linear/seed0"}
        executions = [f"runs/{profile}/{places[name]}" for profile in ("demo", "thesis") if name in places]
        for place in (f"notebooks/{name}", *executions):
            file = (tmp_path / place).with_suffix(".ipynb")
            file.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(new_notebook(cells=cells), file)


def test_pages_link_to_each_other_and_ask_nobody(executed, tmp_path):
    pages = site.build("demo", tmp_path / "site")
    names = [page.relative_to(tmp_path / "site").as_posix() for page in pages]
    assert names == [
        "12_normalization.html",
        "data/emobench/README.html",
        "README.html",
        "figures/README.html",
        "30_classic_cnn.html",
        "90_try_it.html",
        "hash-pooled-mfcc-linear-seed0.html",
        "index.html",
    ]
    index = pages[-1].read_text(encoding="utf-8")
    assert set(re.findall('href="([^"]+)"', index)) == set(names) - {"index.html", "data/emobench/README.html"}
    assert "12 · Normalization &lt;b&gt;" in index and "hash · pooled · mfcc-linear · seed0" in index
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert page.name != "12_normalization.html" or 'alt="Leakage" src="data:image/png;base64,' in text
        assert "<script" not in text and not re.search(r'(?:src|href)="https?:[^"]*\.(?:js|css)', text)


def test_every_link_and_picture_of_a_page_is_there(executed, tmp_path, capsys):
    pages, found = site.build("thesis", tmp_path / "site"), set()
    for page in pages:
        for target in re.findall(r'(?:href|src)="([^"]*)"', page.read_text(encoding="utf-8")):
            if not re.match(r"data:|#|https://example.org$", target):
                file = (page.parent / unquote(target)).resolve()
                assert file.is_file() and file.is_relative_to(tmp_path / "site"), f"{page.name}: {target}"
                found.add(file.relative_to(tmp_path / "site").as_posix())
    assert found >= {"12_normalization.html", "data/emobench/README.html", "figures/README.html", "README.html"}
    assert found >= {"LICENSE", "figures/thesis/40_leakage.png", "figures/thesis/40 leakage.csv", "index.html"}
    assert not list((tmp_path / "site").rglob("*.wav")), "a recording would be passed on"
    said = capsys.readouterr().out
    assert "30_classic_cnn.html: the link to ../data/raw/emodb/03a01Wa.wav is left out" in said and "gone.md" in said


def test_a_notebook_that_was_not_executed_is_there_without_results_and_says_so(executed, tmp_path):
    site.build("thesis", tmp_path / "site")
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (tmp_path / "site").glob("*.html")}
    notes = {
        "90_try_it": "As it is committed, without results: no executed copy is in runs/thesis.",
        "30_classic_cnn": "As it is committed, without results: they are on the pages of its runs.",
    }
    for name, page in pages.items():
        assert [note in page for note in notes.values()] == [name in (key, "index") for key in notes]
        assert (site._SILENT in page) == (name in ("12_normalization", "hash-pooled-mfcc-linear-seed0"))


def test_the_gallery_is_that_of_the_profile_where_it_has_figures(executed, tmp_path):
    (tmp_path / "figures/thesis/manifest.csv").write_text(
        "file,id,title,provenance,parameters,data\n40_leakage.png,40_leakage,Drop,EmoDB,,\n"
    )
    (tmp_path / "figures/thesis/40_leakage.pdf").write_bytes(b"%PDF")
    site.build("thesis", tmp_path / "site")
    gallery = (tmp_path / "site/figures/README.html").read_text(encoding="utf-8")
    assert 'src="thesis/40_leakage.png"' in gallery and 'href="thesis/40_leakage.pdf"' in gallery
    assert (tmp_path / "site/figures/thesis/40_leakage.pdf").read_bytes() == b"%PDF"


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
