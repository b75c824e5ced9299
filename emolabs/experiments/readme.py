"""The README and `docs/findings.md`: their passages between HTML comments are written from the committed results.

    python -m emolabs.experiments.readme

A passage stands between `<!-- results: NAME -->` and `<!-- /results -->`; what is between them is replaced, all else is
left as it is. Numbers that people read are so the results' own, whatever they are.
"""

import re
import sys
from collections.abc import Callable

from emolabs import paths, storage
from emolabs.experiments import applied, findings, passages
from emolabs.experiments.passages import Source

#: The pages that hold passages, as seen from the root.
PAGES = ("README.md", "docs/findings.md")
#: Adding a passage is adding a row.
PASSAGES: dict[str, Callable[[Source], str]] = {
    "known corpus": passages.known_corpus,
    "known speakers": passages.known_speakers,
    "table": passages.results_table,
    "run so far": passages.run_so_far,
    "speech": passages.speech,
    "index": findings.indexed,
    "duplicates": findings.duplicates,
    "identity": findings.identity,
    "parts": findings.parts,
    "interactions": findings.interactions,
    "steadiness": findings.steadiness,
    "layers": findings.layers,
    "contrasts": findings.contrasts,
    "people": applied.people,
    "machines": applied.machines,
    "reliance": applied.reliance,
}
MARKED = re.compile(r"(<!-- results: (?P<name>[^>]+?) -->\n).*?(\n<!-- /results -->)", re.DOTALL)


def fill(text: str, source: Source) -> str:
    """`text` with its passages written anew.

    Raises `ValueError` for a passage that no row of `PASSAGES` is, for a mark without its end, and where a table lacks
    what a passage tells.
    """
    whole = MARKED.findall(text)
    opened = re.findall("<!-- results: ([^>]+?) -->", text)
    if len(opened) != len(whole) or len(opened) != text.count("<!-- /results -->"):
        raise ValueError(
            f"expected every <!-- results: … --> to be followed by its own <!-- /results -->, found "
            f"{len(opened)} beginnings and {text.count('<!-- /results -->')} ends"
        )
    unknown = [name for name in opened if name not in PASSAGES]
    if unknown:
        raise ValueError(f"expected passages among {', '.join(PASSAGES)}, found {', '.join(unknown)}")
    return MARKED.sub(lambda mark: f"{mark[1]}{_written(mark['name'], source)}{mark[3]}", text)


def _written(name: str, source: Source) -> str:
    try:
        return PASSAGES[name](source)
    except (LookupError, StopIteration) as error:
        raise ValueError(
            f"the passage {name} needs a row or a column that the tables of {source.profile} do not have ({error}): "
            f"run `make reproduce PROFILE={source.profile}` first"
        ) from None


def main() -> None:
    """Write the pages and say which of them changed."""
    source = Source()
    try:
        for name in PAGES:
            page = paths.ROOT / name
            old = page.read_text(encoding="utf-8")
            new = fill(old, source)
            if new != old:
                storage.write_text(page, new)
            print(f"{name}: {'written anew' if new != old else 'as it was'}")
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
