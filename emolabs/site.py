"""The site: the notebooks as pages that can be read without a kernel, what they link to, and a page that links them.

    python -m emolabs.site demo [FOLDER]

The pages are static and ask nobody else for anything. Recordings that a notebook plays are taken out of them unless
they were synthesized: a published page would pass them on. Texts of the repository that a page links to become pages
too, other files are copied beside them.
"""

import argparse
import html
import os
import posixpath
import re
import shutil
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

import nbformat
from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook

from emolabs import params, paths, storage
from emolabs.corpora import audio
from emolabs.reporting import showcase

#: Scripts would ask other hosts for what a page that does not change has no use for.
_SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
#: A recording in an output of a notebook.
_AUDIO = re.compile(r"<audio.*?</audio>", re.DOTALL)
_SILENT = "<p><em>A recording stands here when the notebook is run; it is not passed on.</em></p>"
#: A link to, or a picture from, a file of the repository; what is behind `#` is named otherwise in a page.
_LINK = re.compile(r'(href|src)="(?!\w+:|#|//)([^"#]+)(?:#[^"]*)?"')
#: A picture of the repository in a notebook.
_PICTURE = re.compile(r"(!\[[^\]]*\]\()\.\./")
_BODY = re.compile(r"<body[^>]*>")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>EmoLabs: {profile}</title>
<style>body{{font:1.05rem/1.5 Georgia,serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}}
h1,h2{{line-height:1.2}}li{{margin:.3rem 0}}small{{color:#666}}a{{color:#0072b2}}</style></head>
<body><h1>EmoLabs: the notebooks of the profile {profile}</h1>
<p>Reproducible speech emotion recognition. Each page is a notebook as it was executed, or says that it was not.</p>
{lists}</body></html>
"""


def build(profile: str, folder: Path) -> list[Path]:
    """Write a page per notebook of `profile`, the gallery, what these link to, and `index.html`, into `folder`.

    A notebook that was not executed is there as it is committed, and says so. Returns the paths of the pages. Raises
    `FileNotFoundError` where nothing has been executed, saying what does it.
    """
    root = paths.executed(profile)
    executed = {notebook.name: notebook for notebook in (root / "notebooks").glob("*.ipynb")}
    if not executed:
        raise FileNotFoundError(f"no executed notebooks of {profile} in {root}: run `make reproduce PROFILE={profile}`")
    runs = {file.relative_to(root).with_suffix(""): _read(file) for file in sorted(root.glob("*/*/*/seed*.ipynb"))}
    trained = {_title(content) for content in runs.values()}
    site, links = _Site(profile, folder), {"The study": [], "The runs": [], "The project": []}
    for name in sorted({notebook.name for notebook in paths.NOTEBOOKS.glob("*.ipynb")} | set(executed)):
        content, note = _read(executed.get(name, paths.NOTEBOOKS / name)), ""
        if name not in executed:
            none = f"no executed copy is in runs/{profile}"
            where = "they are on the pages of its runs" if _title(content) in trained else none
            note = f"As it is committed, without results: {where}."
            for cell in content.cells:
                cell.update({"outputs": []} if cell.cell_type == "code" else {})
        links["The study"].append(site.page(_page_name(name), content, title=_title(content), note=note))
    for run, content in runs.items():
        links["The runs"].append(site.page("-".join(run.parts) + ".html", content, title=" · ".join(run.parts)))
    texts = (paths.figures(profile).parent / "README.md", paths.ROOT / "README.md")
    links["The project"] = [site.pages[site.place(file)] for file in texts]
    lists = "".join(f"<h2>{heading}</h2><ul>{''.join(items)}</ul>" for heading, items in links.items() if items)
    storage.write_text(folder / "index.html", _PAGE.format(profile=html.escape(profile), lists=lists))
    return [folder / name for name in (*site.pages, "index.html")]


class _Site:
    """The pages that are written, and what they link to."""

    def __init__(self, profile: str, folder: Path):
        self.profile, self.folder = profile, folder
        self.keep_audio = all(corpus.startswith("emosynth") for corpus in params.load_profile(profile).corpora)
        self.pages: dict[str, str] = {}  # their lines in the index
        self.copied: set[str] = set()

    def page(self, name: str, content, *, title: str, note: str = "", base: Path | None = None) -> str:
        """Write a page of the notebook `content`, with links as they are from the folder `base` (none: that of the
        notebooks); returns its line for the index."""
        said = f" · <small>{html.escape(note)}</small>" if note else ""
        self.pages[name] = f'<li><a href="{quote(name)}">{html.escape(title)}</a>{said}</li>'
        text = render(content, title=title, keep_audio=self.keep_audio, embed=base is None)
        text = _LINK.sub(lambda link: self._link(link, name=name, base=base or paths.NOTEBOOKS), text)
        home = f'<p><a href="{_relative("index.html", name)}">EmoLabs: {html.escape(self.profile)}</a>{said}</p>'
        storage.write_text(self.folder / name, _BODY.sub(lambda body: body.group() + home, text, count=1))
        return self.pages[name]

    def place(self, file: Path) -> str:
        """Where a file of the repository stands in the site; it is brought there when it is first asked for."""
        name = file.relative_to(paths.ROOT).as_posix()
        if file.suffix == ".ipynb":
            return _page_name(file.name)
        if file.suffix == ".md":
            name = _page_name(name)
            if name not in self.pages:  # texts link to each other
                content = _text(file, self.profile)
                self.page(name, content, title=_title(content), base=file.parent)
        elif name not in self.copied:
            self.copied.add(name)
            with storage.atomic(self.folder / name) as temporary:
                shutil.copyfile(file, temporary)
        return name

    def _link(self, link: re.Match, *, name: str, base: Path) -> str:
        """The link of a page to a file of the repository as one within the site; none where there is no such file."""
        kind, target = link.groups()
        file = Path(os.path.normpath(base / unquote(html.unescape(target))))
        is_there = file.is_file() and file.is_relative_to(paths.ROOT)
        if not is_there or file.suffix in audio.SUFFIXES and not self.keep_audio:
            print(f"{name}: the link to {target} is left out: expected a file that may be passed on")
            return ""
        return f'{kind}="{_relative(self.place(file), name)}"'


def render(notebook: nbformat.NotebookNode, *, title: str, keep_audio: bool, embed: bool = True) -> str:
    """A notebook as one HTML page without scripts; with `embed` its pictures are inside."""
    exporter = HTMLExporter(embed_images=embed, exclude_input_prompt=True, exclude_output_prompt=True)
    about = {"metadata": {"path": str(paths.ROOT), "name": title}}  # pictures above this folder are not embedded
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and embed:
            cell.source = _PICTURE.sub(r"\1", cell.source)
    text, _ = exporter.from_notebook_node(notebook, resources=about)
    text = _SCRIPT.sub("", text)
    return text if keep_audio else _AUDIO.sub(_SILENT, text)


def _read(notebook: Path) -> nbformat.NotebookNode:
    return nbformat.read(notebook, as_version=4)


def _text(file: Path, profile: str) -> nbformat.NotebookNode:
    """A text of the repository as a notebook of one cell; the gallery is that of the profile, where it has figures."""
    is_gallery = file.parent == paths.figures(profile).parent and (paths.figures(profile) / "manifest.csv").is_file()
    return new_notebook(cells=[new_markdown_cell(showcase.page(profile) if is_gallery else file.read_text("utf-8"))])


def _page_name(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".html"))


def _relative(target: str, page: str) -> str:
    """The address of a file of the site from one of its pages."""
    return quote(posixpath.relpath(target, posixpath.dirname(page) or "."))


def _title(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook."""
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "untitled")


def main() -> None:
    """Write the pages of a profile, into `site/<profile>/` unless a folder is named, and say where."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.site", description="The notebooks as pages.")
    parser.add_argument("profile")
    parser.add_argument("folder", type=Path, nargs="?")
    chosen = parser.parse_args()
    folder = chosen.folder or paths.ROOT / "site" / chosen.profile
    try:
        pages = build(chosen.profile, folder)
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(f"{len(pages)} pages: open {folder / 'index.html'}")


if __name__ == "__main__":
    main()
