"""The export for a thesis: complete, and a document that prints everything compiles without a line too wide."""

import re
import shutil
import subprocess

import pytest

from emolabs import paths
from emolabs.reporting import export

DOCUMENT = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}\usepackage{booktabs,caption,graphicx,longtable,mathptmx,pdflscape}
\textwidth16cm\oddsidemargin0cm\textheight24cm\topmargin-2cm
\newcommand{\emolabs}{from-emolabs}\input{\emolabs/index}
\begin{document}\emonumbers
\emofigure[A caption of one's own.]{40_leakage}See figure~\ref{fig:40_leakage}.
BODY
\end{document}
"""


def compiled(folder, body: str) -> subprocess.CompletedProcess:
    (folder / "thesis.tex").write_text(DOCUMENT.replace("BODY", body), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "thesis.tex"]
    for _ in range(2):  # a longtable has its widths from the run before
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=300)
    return run


def test_every_figure_and_table_of_the_manifest_is_there_and_nothing_else_is_touched(tmp_path):
    (tmp_path / "chapter.tex").write_text("mine")
    written = export.export("thesis", tmp_path)
    there = {file.name for file in paths.figures("thesis").iterdir() if file.suffix in (".pdf", ".tex")}
    assert {file.name for file in written} == there | {"index.tex"}
    assert (tmp_path / "chapter.tex").read_text() == "mine"
    assert (tmp_path / "40_leakage.pdf").read_bytes() == (paths.figures("thesis") / "40_leakage.pdf").read_bytes()
    index = (tmp_path / "index.tex").read_text()
    missing = [file for file in there if not {f"{file}}}", f"{file[:-4]}}}"} & set(re.findall(r"[\w.-]+}", index))]
    assert missing == []


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no figures in .*nothing: run `make reproduce PROFILE=nothing`"):
        export.export("nothing", tmp_path)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    source = paths.figures("some")
    source.mkdir(parents=True)
    (source / "manifest.csv").write_text("file,id,title\ngone.pdf,10_counts,Gone\n")
    with pytest.raises(FileNotFoundError, match="lacks gone.pdf"):
        export.export("some", tmp_path)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on the PATH")
def test_a_document_with_everything_compiles_and_no_line_is_too_wide(tmp_path):
    export.export("thesis", tmp_path / "from-emolabs")
    run = compiled(tmp_path, r"\emoeverything")
    assert run.returncode == 0, run.stdout[-2000:]
    assert re.findall(r"Overfull .*|Float too large.*|undefined references", run.stdout) == []
    aux = (tmp_path / "thesis.aux").read_text()
    numbers = [int(number) for number in re.findall(r"newlabel{tab:[^}]+}{{(\d+)}", aux)]
    assert len(numbers) > 40 and numbers == list(range(1, len(numbers) + 1)), "a table of several pages counts once"


def test_captions_tell_variants_apart(tmp_path):
    export.export("thesis", tmp_path)
    captions = re.findall(r"\\emolabs@or{(.+)}}\\label", (tmp_path / "index.tex").read_text())
    figures = [caption for caption in captions if caption.startswith("Confusion matrix")]
    assert len(figures) > 10 and len(set(figures)) == len(figures)
    assert "Confusion matrix of a classical row: mfcc-linear, hash, pooled." in figures


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on the PATH")
def test_an_item_that_does_not_exist_is_an_error_in_latex(tmp_path):
    export.export("thesis", tmp_path / "from-emolabs")
    run = compiled(tmp_path, r"\emotable{99_nothing}")
    assert run.returncode and "EmoLabs has no table 99_nothing" in run.stdout
