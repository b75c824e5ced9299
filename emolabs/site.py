"""The site: executed notebooks as pages that can be read without a kernel, and a page that links them.

    python -m emolabs.site demo [FOLDER]

The pages are static and ask nobody else for anything. Recordings that a notebook plays are taken out of them unless
they were synthesized: a published page would pass them on.
"""

import argparse
import html
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from emolabs import params, paths, storage

#: Scripts would ask other hosts for what a page that does not change has no use for.
_SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
#: A recording in an output of a notebook.
_AUDIO = re.compile(r"<audio.*?</audio>", re.DOTALL)
_SILENT = "<p><em>A recording stands here when the notebook is run; it is not passed on.</em></p>"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>EmoLabs: {profile}</title>
<style>body{{font:1.05rem/1.5 Georgia,serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}}
h1,h2{{line-height:1.2}}li{{margin:.3rem 0}}small{{color:#666}}a{{color:#0072b2}}</style></head>
<body><h1>EmoLabs: the notebooks of the profile {profile}</h1>
<p>Reproducible speech emotion recognition. Each page is a notebook as it was executed.</p>
{lists}</body></html>
"""


def build(profile: str, folder: Path) -> list[Path]:
    """Write a page per executed notebook of `profile`, and `index.html`, into `folder`; returns their paths.

    Raises `FileNotFoundError` where nothing has been executed, saying what does it.
    """
    root = paths.executed(profile)
    stages = sorted((root / "notebooks").glob("*.ipynb"))
    runs = sorted(root.glob("*/*/*/seed*.ipynb"))
    if not stages:
        raise FileNotFoundError(f"no executed notebooks of {profile} in {root}: run `make reproduce PROFILE={profile}`")
    is_synthetic = all(corpus.startswith("emosynth") for corpus in params.load_profile(profile).corpora)
    pages, links = [], {"The study": [], "The runs": []}
    for heading, notebooks in zip(links, (stages, runs), strict=True):
        for notebook in notebooks:
            name = "-".join(notebook.relative_to(root).with_suffix(".html").parts).removeprefix("notebooks-")
            content = nbformat.read(notebook, as_version=4)
            title = (
                _title(content) if notebook in stages else " · ".join(notebook.relative_to(root).with_suffix("").parts)
            )
            storage.write_text(folder / name, render(content, title=title, keep_audio=is_synthetic))
            pages.append(folder / name)
            links[heading].append(f'<li><a href="{html.escape(name)}">{html.escape(title)}</a></li>')
    lists = "".join(f"<h2>{heading}</h2><ul>{''.join(items)}</ul>" for heading, items in links.items() if items)
    storage.write_text(folder / "index.html", _PAGE.format(profile=html.escape(profile), lists=lists))
    return [*pages, folder / "index.html"]


def render(notebook: nbformat.NotebookNode, *, title: str, keep_audio: bool) -> str:
    """An executed notebook as one HTML page with its pictures inside and without scripts."""
    exporter = HTMLExporter(embed_images=True, exclude_input_prompt=True, exclude_output_prompt=True)
    about = {"metadata": {"path": str(paths.ROOT), "name": title}}  # pictures above this folder are not embedded
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../", "](")
    text, _ = exporter.from_notebook_node(notebook, resources=about)
    text = _SCRIPT.sub("", text)
    return text if keep_audio else _AUDIO.sub(_SILENT, text)


def _title(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook."""
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "untitled")


def main() -> None:
    """Write the pages of a profile, into `site/<profile>/` unless a folder is named, and say where."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.site", description="Executed notebooks as pages.")
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
