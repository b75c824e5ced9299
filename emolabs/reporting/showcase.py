"""The gallery of a profile as a page in Markdown: every figure and table, what made it, and from what.

    python -m emolabs.reporting.showcase thesis

The page is `figures/README.md`; it is made from the manifest of the figures, so that nothing in it is typed.
"""

import csv
import sys
from itertools import groupby

import pandas as pd

from emolabs import markdown, paths, storage

_HEAD = """# The gallery

Figures and tables of the profile `{profile}`, by the notebook that makes them. Every picture says at its foot which
recordings it rests on. `parameters` and `data` are digests of what an item was made with and from; they are also
embedded in the files, and `{profile}/manifest.csv` has them with the SHA-256 of every file. Made by
`python -m emolabs.reporting.showcase {profile}`; do not edit.
"""


def page(profile: str) -> str:
    """The gallery of `profile` in Markdown, by notebook, then item; the first of several variants is shown in full.

    Raises `FileNotFoundError` where the profile has no figures, saying what makes them.
    """
    manifest = paths.figures(profile) / "manifest.csv"
    if not manifest.is_file():
        raise FileNotFoundError(f"there are no figures of {profile}: run `make reproduce PROFILE={profile}` first")
    with open(manifest, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].endswith((".png", ".csv", ".tex", ".md"))]
    rows.sort(key=lambda row: (row["id"], row["title"]))
    text = [_HEAD.format(profile=profile)]
    notebooks = {path.stem[:2]: path.name for path in sorted(paths.NOTEBOOKS.glob("*.ipynb"))}
    for number, group in groupby(rows, key=lambda row: row["id"][:2]):
        name = notebooks.get(number, "40_evaluation.ipynb")
        text.append(f"## [{name.removesuffix('.ipynb')}](../notebooks/{name})\n")
        for _, items in groupby(group, key=lambda row: (row["id"], row["title"])):
            text += _item(list(items), profile=profile)
    return "\n".join(text)


def _item(rows: list[dict[str, str]], *, profile: str) -> list[str]:
    """A figure or a table with all its variants."""
    names = dict.fromkeys(row["file"].rsplit(".", 1)[0] for row in rows)
    lines = [f"### {rows[0]['title']}\n"]
    picture = next((row["file"] for row in rows if row["file"].endswith(".png")), None)
    if picture:
        lines.append(f"![{rows[0]['title']}]({profile}/{picture})\n")
    table = []
    for name in names:
        files = [row for row in rows if row["file"].rsplit(".", 1)[0] == name]
        endings = [row["file"].rsplit(".", 1)[1] for row in files]
        endings = ["pdf"] * ("png" in endings) + endings
        links = " ".join(f"[{ending}]({profile}/{name}.{ending})" for ending in endings)
        table.append([name, links, files[0]["provenance"], files[0]["parameters"] or "–", files[0]["data"] or "–"])
    frame = pd.DataFrame(table, columns=["item", "files", "rests on", "parameters", "data"])
    return [*lines, markdown.table(frame)]


def main() -> None:
    """Write `figures/README.md` from the figures of the profile that is named, of the thesis where none is."""
    profile = sys.argv[1] if sys.argv[1:] else "thesis"
    try:
        text = page(profile)
    except FileNotFoundError as error:
        sys.exit(str(error))
    storage.write_text(paths.figures(profile).parent / "README.md", text)


if __name__ == "__main__":
    main()
