r"""Export for a thesis: every figure (PDF) and table (TeX) of a profile in one folder, with an index to `\input`.

    python -m emolabs.reporting.export thesis ~/thesis/emolabs

    \newcommand{\emolabs}{emolabs}   % the folder, as seen from the document
    \input{\emolabs/index}
    … \emofigure{40_leakage} … \emotable[Our own caption.]{40_results} … \emonumbers gives the numbers' commands …

The index needs the packages booktabs, caption, graphicx, longtable and pdflscape. `\emoeverything` prints all items in
order. Labels are `fig:<name>` and `tab:<name>`; the caption is the title of the catalogue, and behind it what tells the
item from others of its kind, unless another is given.
"""

import argparse
import csv
import sys
from pathlib import Path

from emolabs import paths, storage
from emolabs.reporting import latex

_HEAD = r"""% Figures and tables of EmoLabs, profile {profile}. Made by `make thesis-figures`; do not edit.
\providecommand{{\emolabs}}{{.}}
\makeatletter
\newcommand{{\emolabs@find}}[1]{{%
  \@ifundefined{{emolabs@#1}}{{\@latex@error{{EmoLabs has no #1}}\@ehc}}{{\@nameuse{{emolabs@#1}}}}}}
\newcommand{{\emofigure}}[2][]{{\def\emolabs@caption{{#1}}\emolabs@find{{figure #2}}}}
\newcommand{{\emotable}}[2][]{{\def\emolabs@caption{{#1}}\emolabs@find{{table #2}}}}
\newcommand{{\emolabs@or}}[1]{{\ifx\emolabs@caption\@empty #1\else\emolabs@caption\fi}}
\newcommand{{\emonumbers}}{{{numbers}}}
% a figure that is higher than a page with its caption is made smaller
\newcommand{{\emolabs@graphic}}[1]{{\sbox0{{\includegraphics{{#1}}}}%
  \ifdim\ht0>.88\textheight\resizebox{{!}}{{.88\textheight}}{{\usebox0}}\else\usebox0\fi}}
"""
_FIGURE = r"""\@namedef{{emolabs@figure {name}}}{{\begin{{figure}}[htbp]\centering
  \emolabs@graphic{{\emolabs/{name}.pdf}}\caption{{\emolabs@or{{{title}.}}}}\label{{fig:{name}}}\end{{figure}}}}
"""
_TABLE = r"""\@namedef{{emolabs@table {name}}}{{\begin{{table}}[htbp]\centering
  \caption{{\emolabs@or{{{title}.}}}}\label{{tab:{name}}}\input{{\emolabs/{name}.tex}}\end{{table}}}}
"""
#: A table of several pages is no float, and LaTeX counts it once more.
_LONG = r"""\@namedef{{emolabs@table {name}}}{{\begingroup\centering
  \captionof{{table}}{{\emolabs@or{{{title}.}}}}\label{{tab:{name}}}\input{{\emolabs/{name}.tex}}\par
  \endgroup\addtocounter{{table}}{{-1}}}}
"""
#: A table on a turned page takes its caption along.
_TURNED = r"""\@namedef{{emolabs@table {name}}}{{\begingroup
  \def\emocaption{{\captionof{{table}}{{\emolabs@or{{{title}.}}}}\label{{tab:{name}}}}}\input{{\emolabs/{name}.tex}}%
  \endgroup{back}}}
"""


def export(profile: str, folder: Path) -> list[Path]:
    """Copy the figures and tables of `profile` into `folder` and write `index.tex`; other files there are left alone.

    Returns the paths written. Raises `FileNotFoundError` where the profile has no figures, or where one that its
    manifest names is gone, saying what makes them.
    """
    source, folder = paths.figures(profile), Path(folder).expanduser()
    rows = _items(source)
    files = [source / row["file"] for row in rows]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"{source} lacks {', '.join(missing)}: run `make reproduce PROFILE={profile}` first")
    for file in files:
        with storage.atomic(folder / file.name) as temporary:
            temporary.write_bytes(file.read_bytes())
    storage.write_text(folder / "index.tex", _index(rows, source, profile=profile))
    return [folder / file.name for file in files] + [folder / "index.tex"]


def _items(source: Path) -> list[dict[str, str]]:
    """The rows of the manifest that LaTeX takes, sorted by file."""
    manifest = source / "manifest.csv"
    if not manifest.is_file():
        raise FileNotFoundError(f"there are no figures in {source}: run `make reproduce PROFILE={source.name}` first")
    with open(manifest, encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["file"].endswith((".pdf", ".tex"))]


def _index(rows: list[dict[str, str]], source: Path, *, profile: str) -> str:
    numbers = [row["file"] for row in rows if row["id"] == "numbers"]
    text = [_HEAD.format(profile=profile, numbers="".join(rf"\input{{\emolabs/{file}}}" for file in numbers))]
    everything = []
    for row in rows:
        name, ending = row["file"].rsplit(".", 1)
        if row["file"] in numbers:
            continue
        title = latex.escape(row["title"] + _variant(name, row["id"]))
        tex = (source / row["file"]).read_text(encoding="utf-8") if ending == "tex" else ""
        back = r"\addtocounter{table}{-1}" if "{longtable}" in tex else ""
        form = _TURNED if "{landscape}" in tex else _LONG if back else _TABLE if tex else _FIGURE
        text.append(form.format(name=name, title=title, back=back))
        everything.append(rf"\emo{'figure' if ending == 'pdf' else 'table'}{{{name}}}\clearpage")
    return "".join([*text, r"\newcommand{\emoeverything}{", "%\n".join(everything), "}\n\\makeatother\n"])


def _variant(name: str, id: str) -> str:
    """What tells an item from others of its id, as its caption says it."""
    return f": {name.removeprefix(f'{id}-').replace('_', ', ')}" if name != id else ""


def main() -> None:
    """Export a profile into a folder and say how LaTeX takes it."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.reporting.export", description="Export for a thesis.")
    parser.add_argument("profile")
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    try:
        files = export(chosen.profile, chosen.folder)
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(f"{len(files)} files in {chosen.folder}; in LaTeX: \\input{{…/index}}, then \\emofigure{{40_leakage}}")


if __name__ == "__main__":
    main()
