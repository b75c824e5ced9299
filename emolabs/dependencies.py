"""Dependencies: the code a notebook rests on, found without running it, and the stamps that change only with it.

A stamp is a small file that names the code and the parameters of a notebook. It is written only when what it says has
changed, so that its time of modification is the time of the last real change: edits of prose, comments, docstrings
and layout leave it alone.
"""

import ast
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emolabs import paths, storage

_PACKAGE = "emolabs"
#: Who calls one of these may import any module of its own folder.
_DYNAMIC = {"import_module", "iter_modules", "walk_packages", "__import__"}


@dataclass(frozen=True)
class Cell:
    """A code cell of a notebook."""

    source: str
    tags: tuple[str, ...]


def code_cells(notebook: Path) -> list[Cell]:
    """The code cells of a notebook in their order; read as plain JSON, because nbformat takes a second to load.

    Raises `FileNotFoundError` or, where the file is no notebook of format 4, `ValueError`, naming the file.
    """
    if not notebook.is_file():
        raise FileNotFoundError(f"there is no notebook {notebook}: check the name, or restore the file")
    try:
        cells = [cell for cell in storage.read_json(notebook)["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{notebook}: expected a notebook of format 4, found another file; save it anew") from None
    return [Cell("".join(cell["source"]), tuple(cell["metadata"].get("tags", []))) for cell in cells]


def modules(source: Path) -> list[Path]:
    """The package's modules that a notebook or module imports, directly or not, sorted; also imports within functions.

    The `__init__` of every package on the way counts. A module that imports by computed names counts with all modules
    of its folder. Raises `FileNotFoundError`, or `ValueError` where a
    module is no Python, naming the file.
    """
    found: set[Path] = set()
    waiting = [Path(source).resolve()]
    while waiting:
        for module in _local_imports(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return sorted(found)


def imports(source: Path, package: str) -> bool:
    """Whether a notebook, or a module that it rests on, imports `package`, such as torch."""
    return any(
        name.split(".")[0] == package for file in [Path(source).resolve(), *modules(source)] for name in _told(file)[0]
    )


def code_digest(source: Path) -> str:
    """Digest of the code of a notebook or module and of all modules it rests on (16 hexadecimal digits).

    Comments, docstrings, layout, Markdown cells and how the code is divided into cells do not count. A cell with
    magics counts as it is written.
    """
    rests_on = {module.relative_to(_root()).as_posix(): _normalized(module) for module in modules(source)}
    return storage.digest({"code": _normalized(Path(source).resolve()), "modules": rests_on})


def own_digest(sources: Iterable[Path]) -> str:
    """Digest of the code of these modules alone, normalized as by `code_digest`, whatever they import."""
    return storage.digest(
        {file.relative_to(_root()).as_posix(): _normalized(file) for file in map(Path.resolve, sources)}
    )


def listing_digest(folders: Iterable[Path]) -> str:
    """Digest of the names and sizes of all files under `folders`; a folder that is not there has none."""
    rows = []
    for folder in folders:
        files = (file for file in storage.walk(folder) if not file.name.startswith(".") and file.exists())
        rows += [[file.relative_to(folder).as_posix(), file.stat().st_size] for file in files]
    return storage.digest(sorted(rows))


def stamp(profile: str, name: str) -> Path:
    """Where the stamp of a notebook (or of another step) lies."""
    return paths.interim(profile) / "stamps" / f"{name}.json"


def write_stamp(profile: str, name: str, *, code: Path, inputs: dict) -> Path:
    """Stamp the step `name` with the digest of `code` (a notebook or module) and what else decides its result.

    `inputs` is anything that JSON can hold: the parsed parameters, digests of data. A stamp that says the same already
    is not touched. Returns the stamp's path.
    """
    path, value = stamp(profile, name), json.loads(json.dumps({"code": code_digest(code), "inputs": inputs}))
    try:
        same = storage.read_json(path) == value
    except (OSError, ValueError):
        same = False
    if not same:
        storage.write_json(path, value)
    return path


def _root() -> Path:
    return paths.ROOT.resolve()


def _local_imports(file: Path) -> set[Path]:
    names, is_dynamic = _told(file)
    root = _root()
    parts = [name.split(".") for name in names if name.split(".")[0] == _PACKAGE]
    stems = {os.path.join(root, *of[:end]) for of in parts for end in range(1, len(of) + 1)}
    files = (name for stem in stems for name in (os.path.join(stem, "__init__.py"), f"{stem}.py"))
    found = set(map(Path, filter(os.path.isfile, files)))
    if is_dynamic and file.suffix == ".py" and file.parent != root / _PACKAGE:
        found |= set(file.parent.glob("*.py"))
    return found - {file}


def _told(file: Path) -> tuple[frozenset[str], bool]:
    """The dotted names that a file imports, and whether it imports by computed names; a module is read only once."""
    if file.suffix != ".py":
        return _imports(file, _trees(file)), False
    return _told_once(file, file.stat().st_mtime_ns)


@cache
def _told_once(module: Path, _changed: int) -> tuple[frozenset[str], bool]:
    tree = _parsed(module, module.read_text(encoding="utf-8"))
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    is_dynamic = any(getattr(call, "id", getattr(call, "attr", None)) in _DYNAMIC for call in calls)
    return _imports(module, [tree]), is_dynamic


def _imports(file: Path, trees: list[ast.Module]) -> frozenset[str]:
    """Dotted names in a file's import statements; of `from a import b` both `a` and `a.b`, whatever `b` is."""
    names = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                folder = file.parents[node.level - 1]
                base = [*folder.relative_to(_root()).parts, *base]
            names |= {".".join([*base, alias.name]) for alias in node.names} | {".".join(base)}
    return frozenset(names)


def _normalized(file: Path) -> str:
    """The code's syntax tree as text, without comments and docstrings; a cell that is no Python as it is written."""
    if file.suffix == ".py":
        return _of_module(file, file.read_text(encoding="utf-8"))
    texts = []
    for cell in code_cells(file):
        try:
            texts.append(_printed(ast.parse(cell.source), is_module=False))
        except SyntaxError:
            texts.append(cell.source.strip())
    return "\n".join(text for text in texts if text)


@cache
def _of_module(file: Path, text: str) -> str:
    return _printed(_parsed(file, text), is_module=True)


def _printed(tree: ast.Module, *, is_module: bool) -> str:
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef) + ((ast.Module,) if is_module else ())
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return "\n".join(map(_shape, tree.body))


def _shape(node: object) -> str:
    """A syntax tree as text that does not depend on the version of Python; empty fields do not count."""
    if isinstance(node, ast.AST):
        fields = [
            f"{name}={_shape(value)}" for name, value in ast.iter_fields(node) if value is not None and value != []
        ]
        return f"{type(node).__name__}({','.join(fields)})"
    return f"[{','.join(map(_shape, node))}]" if isinstance(node, list) else repr(node)


def _trees(notebook: Path) -> list[ast.Module]:
    trees = []
    for cell in code_cells(notebook):
        lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines()]
        try:
            trees.append(ast.parse("\n".join(lines)))
        except SyntaxError:
            continue
    return trees


def _parsed(module: Path, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"{module}, line {error.lineno}, is no Python: {error.msg}; correct the line") from None
