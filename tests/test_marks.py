"""The marks behind scores and names come from one place."""

import ast

import pytest

from emolabs import paths, reporting

MODULES = sorted(path for path in (paths.ROOT / "emolabs").rglob("*.py") if path.name != "marks.py")


def test_marks():
    assert [reporting.over_mark(over) for over in ("clips", "speakers", None, float("nan"))] == ["†", "", "", ""]
    assert [reporting.known_mark(is_known) for is_known in (True, False)] == ["§", ""]
    assert [reporting.stale_mark(is_stale) for is_stale in (True, False)] == [" (stale)", ""]


def written(source: str) -> list[str]:
    """The texts of a module that hold a mark, docstrings and comments aside."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in prose]
    return [text for text in texts if isinstance(text, str) and any(mark in text for mark in ("†", "§", "(stale)"))]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_no_module_writes_a_mark_of_its_own(module):
    assert written('x = f"a{1} (stale)"') and not written('"""Marked †."""')
    assert written(module.read_text(encoding="utf-8")) == []
