"""The marks behind scores and names come from one place."""

import ast
import re

import pytest

from emolabs import dependencies, paths, reporting
from emolabs.reporting import marks

MODULES = sorted(path for path in (paths.ROOT / "emolabs").rglob("*.py") if path.name != "marks.py")
NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))


def test_marks():
    assert [reporting.over_mark(over) for over in ("clips", "speakers", None, float("nan"))] == ["†", "", "", ""]
    assert [reporting.known_mark(is_known) for is_known in (True, False)] == ["§", ""]
    assert [reporting.stale_mark(is_stale) for is_stale in (True, False)] == [" (stale)", ""]


@pytest.mark.parametrize("mark", ["†", "§"])
def test_a_mark_is_explained_once_where_it_occurs(mark):
    assert reporting.meanings(iter(["TESS", f"SAVEE{mark}", f"EmoDB{mark}"])) == [reporting.IN_PICTURES[mark]]
    assert marks.explained("", cells=[1.0, f"60.1{mark}", f"2{mark}"]) == reporting.IN_NOTES[mark]
    assert marks.explained(f"{mark} told.", cells=[f"60.1{mark}"]) == f"{mark} told."
    assert marks.explained("Percent.", cells=["60.1", None]) == "Percent." and reporting.meanings(["60.1"]) == []
    assert reporting.meanings(iter(["a§", "b†"])) == [*reporting.IN_PICTURES.values()]


def written(source: str) -> list[str]:
    """The texts of a module that hold a mark, docstrings and comments aside: one of the signs, or "stale" behind
    something else. Alone it is the name of a column or the word in one, but within another text it is a mark."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    texts = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    nodes = [node for node in texts if id(node) not in prose]
    said = [n.value for n in nodes if re.search(r"[†§]|\(stale\)|\Wstale\W?$", n.value)]
    return said + [n.value for n in nodes if id(n) in within and n.value == "stale"]


@pytest.mark.parametrize(
    "mark",
    [
        '"a (stale)"',
        'f"a{1} (stale)"',
        '"a" + (" stale" if b else "")',
        """f"a{', stale' if b else ''}\"""",
        """f"a {'stale' if b else ''}\"""",
    ],
)
def test_marks_of_every_shape_are_seen(mark):
    assert written(f"x = {mark}")


@pytest.mark.parametrize("text", ['"""Marked †."""', 'x = {True: "stale"}', 'x = "marked stale, and kept"', "x.stale"])
def test_what_is_no_mark_is_let_be(text):
    assert not written(text)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_no_module_writes_a_mark_of_its_own(module):
    assert written(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_writes_a_mark_of_its_own(notebook):
    cells = dependencies.code_cells(notebook)
    assert cells and [mark for cell in cells for mark in written(cell.source)] == []
