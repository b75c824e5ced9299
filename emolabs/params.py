"""Typed parameters: what a notebook declares, what a profile sets, and sentences where the two disagree.

The truth about a parameter is its line in the notebook's own cell tagged `parameters`, written as
``epochs: int = 12  # passes over the training side``. Types are `int float str bool`, lists of the first three, and
`X | None`. A whole number is accepted for a `float`; a `bool` is no number. What seldom changes may stand in a cell
tagged `switches` before that one, behind which papermill puts what it is given.
"""

import ast
import io
import tokenize
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from emolabs import dependencies, paths, types


@dataclass(frozen=True)
class Parameter:
    """One line of a `parameters` cell: name, type as it is written, default and what the comment says of it."""

    name: str
    type: str
    default: object
    comment: str


@dataclass(frozen=True)
class Grid:
    """Training runs of a profile: every pipeline with every seed; ("demo",) stands for the demo rows of the table."""

    protocol: str
    scope: str
    seeds: tuple[int, ...]
    pipelines: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """A named set of parameters; with `keep_results` a finished run outlives changes of the code.

    `runs` are trained; `wanted` are those that the study asks for beyond them, which tables leave empty until they are.
    """

    name: str
    corpora: tuple[str, ...]
    protocols: tuple[str, ...]
    keep_results: bool
    runs: tuple[Grid, ...]
    wanted: tuple[Grid, ...] = ()


#: The cells of a notebook that declare parameters.
_TAGS = ("switches", "parameters")
#: The lists of runs in a profile.
_GRIDS = ("runs", "wanted")


def declared(notebook: Path) -> dict[str, Parameter]:
    """The parameters of a notebook, in their order.

    Raises `FileNotFoundError` where there is no notebook and `ValueError`, naming every fault at once, where the cell
    is missing or a line lacks its type, a literal default of that type or the comment that says its unit or meaning.
    """
    notebook = Path(notebook)
    cells = [(tag, cell.source) for cell in dependencies.code_cells(notebook) for tag in _TAGS if tag in cell.tags]
    tags = [tag for tag, _ in cells]
    if (number := tags.count("parameters")) != 1:
        raise ValueError(f"{notebook.name}: expected one code cell tagged `parameters`, found {number}; tag one")
    if tags[-1] != "parameters":
        raise ValueError(f"{notebook.name}: expected `switches` before the cell `parameters`, found it after; move it")
    found, problems = {}, []
    for tag, source in cells:
        try:
            lines = ast.parse(source).body
        except SyntaxError as error:
            problems.append(f"the `{tag}` cell is no Python, line {error.lineno}: {error.msg}")
            continue
        for line in lines:
            try:
                parameter = _parameter(line, comments=_comments(source))
                found[parameter.name] = parameter
            except TypeError as error:
                problems.append(f"`{tag}` cell, line {line.lineno}: {error}")
    types.refuse(problems, where=notebook.name)
    return found


def check(values: Mapping, *, notebook: Path) -> dict:
    """`values` as the notebook's types have them: unknown names and wrong types are refused, a float is a float.

    Raises `ValueError` that lists all problems at once.
    """
    known, checked, problems = declared(notebook), {}, []
    for name, value in values.items():
        if name not in known:
            problems.append(types.unknown(name, known=known, noun="parameter"))
            continue
        try:
            checked[name] = types.convert(value, type=known[name].type)
        except TypeError as error:
            problems.append(f"{name}: {error}")
    types.refuse(problems, where=f"{Path(notebook).name} cannot take the given parameters")
    return checked


def parse(texts: Mapping[str, str], *, notebook: Path) -> dict:
    """Values typed on a command line: each is read as YAML, or as what the declared type makes of its text.

    For a `str` the text itself is the value, for a `float` also `1e-3` counts. Raises `ValueError` as `check` does.
    """
    known = declared(notebook)
    return check(
        {name: types.read(text, type=known[name].type if name in known else "") for name, text in texts.items()},
        notebook=notebook,
    )


def load(profile: str, notebook_name: str, **overrides: object) -> dict:
    """The parameters that `params/<profile>/<notebook_name>.yaml` sets, with `overrides` on top, checked.

    Raises `FileNotFoundError` where the profile has no such file, `ValueError` naming the file and all problems.
    """
    file = paths.PARAMS / profile / f"{notebook_name}.yaml"
    values = load_file(file)
    try:
        return check({**values, **overrides}, notebook=paths.NOTEBOOKS / f"{notebook_name}.ipynb")
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def load_file(file: Path) -> dict:
    """The mapping in a YAML file; an empty file is an empty mapping. Raises as `load` does."""
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no {file}: a profile has one file of parameters per notebook, which may be empty; create it"
        )
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is no YAML: {' '.join(str(error).split())}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{file}: expected lines of `name: value`, found a {type(values).__name__}; write a mapping")
    return values


def load_profile(profile: str) -> Profile:
    """What `params/<profile>/profile.yaml` says: corpora, protocols, the runs to train (and the wanted ones), whether
    results are kept.

    Raises `FileNotFoundError` listing the profiles there are, `ValueError` naming the file and all problems.
    """
    file = paths.PARAMS / profile / "profile.yaml"
    if not file.is_file():
        there = ", ".join(sorted(f.parent.name for f in paths.PARAMS.glob("*/profile.yaml"))) or "none"
        raise FileNotFoundError(f"there is no profile {profile!r}: expected {file}; the profiles there are: {there}")
    values = load_file(file)
    problems: list[str] = []
    top = _row(values, keys={"corpora": "list[str]", "protocols": "list[str]", "keep_results": "bool"}, also=_GRIDS)
    problems += top.pop("problems")
    given = {"wanted": [], "runs": None} | values
    grids = {key: _grids(given[key], key=key, profile=top, problems=problems) for key in _GRIDS}
    types.refuse(problems, where=str(file))
    return Profile(profile, tuple(top["corpora"]), tuple(top["protocols"]), top["keep_results"], **grids)


def _grids(rows: object, *, key: str, profile: dict, problems: list[str]) -> tuple[Grid | None, ...]:
    if not isinstance(rows, list):
        problems.append(f"{key}: expected a list of {{protocol, scope, seeds, pipelines}}, found {rows!r}")
        rows = []
    return tuple(_grid(row, key=key, number=n, profile=profile, problems=problems) for n, row in enumerate(rows, 1))


def training_runs(profile: Profile, *, pipelines: Mapping, wanted: bool = False) -> list[tuple[str, str, str, int]]:
    """Every (protocol, scope, pipeline, seed) of a profile once; `pipelines` is the table, by name. With `wanted` also
    those that are not trained yet.

    Raises `ValueError` naming pipelines that the table does not have.
    """
    runs, problems = {}, []
    for grid in (*profile.runs, *(profile.wanted if wanted else ())):
        names = [n for n in pipelines if pipelines[n].demo] if grid.pipelines == ("demo",) else grid.pipelines
        problems += [types.unknown(name, known=pipelines, noun="pipeline") for name in names if name not in pipelines]
        runs |= {(grid.protocol, grid.scope, name, seed): None for name in names for seed in grid.seeds}
    types.refuse(list(dict.fromkeys(problems)), where=str(paths.PARAMS / profile.name / "profile.yaml"))
    return list(runs)


def _grid(row: object, *, key: str, number: int, profile: dict, problems: list[str]) -> Grid | None:
    if not isinstance(row, dict):
        problems.append(f"{key}, row {number}: expected {{protocol, scope, seeds, pipelines}}, found {row!r}")
        return None
    if isinstance(row.get("pipelines"), str):
        row = {**row, "pipelines": [row["pipelines"]]}
    keys = {"protocol": "str", "scope": "str", "seeds": "list[int]", "pipelines": "list[str]"}
    values = _row({"scope": "pooled", "seeds": [0], **row}, keys=keys)
    faults = values.pop("problems")
    for name, known in {"protocol": profile.get("protocols"), "scope": ["pooled", *profile.get("corpora", ())]}.items():
        if name in values and known is not None and values[name] not in known:
            faults.append(f"{name}: expected one of {', '.join(known)}, found {values[name]!r}")
    problems += [f"{key}, row {number}, {fault}" for fault in faults]
    if faults:
        return None
    return Grid(values["protocol"], values["scope"], tuple(values["seeds"]), tuple(values["pipelines"]))


def _row(values: dict, *, keys: dict[str, str], also: Collection[str] = ()) -> dict:
    """The checked values of a mapping, and under `problems` the sentences on what is wrong with the others."""
    known = [*keys, *also]
    row: dict = {"problems": [types.unknown(name, known=known, noun="key") for name in values if name not in known]}
    for name, type_ in keys.items():
        if name not in values:
            row["problems"].append(f"{name}: expected {type_}, found nothing; add the key")
            continue
        try:
            row[name] = types.convert(values[name], type=type_)
        except TypeError as error:
            row["problems"].append(f"{name}: {error}")
    return row


def _parameter(line: ast.stmt, *, comments: dict[int, str]) -> Parameter:
    if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is None:
        found = ast.unparse(line).splitlines()[0]
        raise TypeError(f"expected `name: type = default  # unit or meaning`, found `{found}`")
    name, type_ = line.target.id, ast.unparse(line.annotation)
    if type_.removesuffix(" | None") not in types.TYPES:
        raise TypeError(f"{name}: expected a type among {', '.join(types.TYPES)} (or one with `| None`), found {type_}")
    try:
        default = types.convert(ast.literal_eval(line.value), type=type_)
    except ValueError:
        raise TypeError(f"{name}: expected a literal default, found `{ast.unparse(line.value)}`") from None
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    comment = " ".join(comments[n] for n in range(line.lineno, line.end_lineno + 1) if n in comments)
    if not comment:
        raise TypeError(f"{name}: expected a comment with its unit or meaning at the end of the line, found none")
    return Parameter(name, type_, default, comment)


def _comments(source: str) -> dict[int, str]:
    """The text of each comment by its line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    texts = {t.start[0]: t.string.lstrip("# ").rstrip() for t in tokens if t.type == tokenize.COMMENT}
    return {line: text for line, text in texts.items() if text}
