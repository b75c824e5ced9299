"""Parameters: every type, every message, and files of a profile."""

import json
from types import SimpleNamespace

import pytest

from emolabs import params, paths

CELL = """
profile: str = "demo"  # which set of parameters
epochs: int = 12  # passes over the training side
rate: float = 1e-3  # step of the optimizer
lstm: bool = False  # temporal modelling
corpora: list[str] = ["emosynth-en"]  # corpus keys
seeds: list[int] = [
    0,
    1,  # one run each
]
noise_db: list[float] = [0, 2.5]  # signal-to-noise ratios, dB
limit: int | None = None  # clips; none for all
"""


def write_notebook(path, source=CELL, tags=("parameters",)):
    return write_cells(path, (source, tags))


def write_cells(path, *cells):
    rest = {"cell_type": "code", "outputs": [], "execution_count": None}
    cells = [{"source": source, "metadata": {"tags": list(tags)}, **rest} for source, tags in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params")
    return write_notebook(tmp_path / "notebooks" / "30_classic_cnn.ipynb")


def test_declared_reads_types_defaults_and_comments(notebook):
    found = params.declared(notebook)
    assert list(found) == ["profile", "epochs", "rate", "lstm", "corpora", "seeds", "noise_db", "limit"]
    assert found["epochs"] == params.Parameter("epochs", "int", 12, "passes over the training side")
    assert found["seeds"].default == [0, 1] and found["seeds"].comment == "one run each"
    assert found["noise_db"].default == [0.0, 2.5]
    assert found["limit"].type == "int | None" and found["limit"].default is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("epochs = 12  # passes", "expected `name: type = default  # unit or meaning`, found `epochs = 12`"),
        ("import os", "found `import os`"),
        ("epochs: int", "found `epochs: int`"),
        ("epochs: dict = {}  # x", "epochs: expected a type among int, float, str, bool"),
        ("epochs: int = 6 * 2  # passes", "epochs: expected a literal default, found `6 * 2`"),
        ("epochs: int = 1.5  # passes", "epochs: expected int, found the float 1.5"),
        ("epochs: int = 12", "epochs: expected a comment with its unit or meaning"),
        ("epochs: int = = 12", "is no Python, line 1"),
    ],
)
def test_a_bad_declaration_is_a_sentence_with_its_place(tmp_path, line, said):
    with pytest.raises(ValueError) as error:
        params.declared(write_notebook(tmp_path / "30_x.ipynb", line))
    assert said in str(error.value) and "30_x.ipynb" in str(error.value)


def test_declarations_are_reported_together_and_the_cell_must_be_there_once(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: (.|\n)*line 2: "):
        params.declared(write_notebook(tmp_path / "a.ipynb", "a = 1\nb = 2"))
    with pytest.raises(ValueError, match="expected one code cell tagged `parameters`, found 0"):
        params.declared(write_notebook(tmp_path / "b.ipynb", tags=()))
    with pytest.raises(FileNotFoundError, match="there is no notebook"):
        params.declared(tmp_path / "c.ipynb")
    (tmp_path / "d.ipynb").write_text("no notebook")
    with pytest.raises(ValueError, match="expected a notebook of format 4"):
        params.declared(tmp_path / "d.ipynb")


def test_switches_are_declared_in_a_cell_before(tmp_path):
    switches = ("averaging: float = 0.0  # decay a step", ["switches"])
    found = params.declared(write_cells(tmp_path / "a.ipynb", switches, (CELL, ["parameters"])))
    assert list(found)[:2] == ["averaging", "profile"] and found["averaging"].comment == "decay a step"
    with pytest.raises(ValueError, match="b.ipynb: .*`switches` before .*`parameters`, found it after.*; move it"):
        params.declared(write_cells(tmp_path / "b.ipynb", (CELL, ["parameters"]), switches))
    with pytest.raises(ValueError, match=r"c.ipynb:\n  `switches` cell, line 1: .*\n  `parameters` cell, line 2: "):
        params.declared(write_cells(tmp_path / "c.ipynb", ("a = 1", ["switches"]), ("\nb = 1", ["parameters"])))


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ({"rate": 1}, {"rate": 1.0}),
        ({"noise_db": [1, 2.5]}, {"noise_db": [1.0, 2.5]}),
        ({"lstm": True, "epochs": 3}, {"lstm": True, "epochs": 3}),
        ({"limit": None}, {"limit": None}),
        ({"limit": 5, "corpora": []}, {"limit": 5, "corpora": []}),
    ],
)
def test_fitting_values_are_taken(notebook, given, checked):
    found = params.check(given, notebook=notebook)
    assert found == checked
    assert [type(value) for value in found.values()] == [type(value) for value in checked.values()]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epohcs": 3}, "epohcs: there is no such parameter; did you mean epochs?"),
        ({"zzz": 3}, "zzz: there is no such parameter; known are profile, epochs"),
        ({"epochs": 3.0}, "epochs: expected int, found the float 3.0"),
        ({"epochs": True}, "epochs: expected int, found the truth value True"),
        ({"rate": True}, "rate: expected float, found the truth value True"),
        ({"rate": "fast"}, "rate: expected float, found the text 'fast'"),
        ({"rate": "1e-3"}, "has no dot: write 1.0e-3"),
        ({"rate": "2E5"}, "write 2.0e+5"),
        ({"rate": "0.5"}, "write 0.5"),
        ({"lstm": 1}, "lstm: expected bool, found the int 1"),
        ({"profile": 3}, "profile: expected str, found the int 3"),
        ({"profile": None}, "profile: expected str, found nothing (null)"),
        ({"corpora": "tess"}, "corpora: expected list[str], found the text 'tess'; write it as [a, b]"),
        ({"corpora": [1]}, "corpora: expected str, found the int 1"),
        ({"seeds": [True]}, "seeds: expected int, found the truth value True"),
        ({"limit": "all"}, "limit: expected int | None, found the text 'all'"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(notebook, given, said):
    with pytest.raises(ValueError) as error:
        params.check(given, notebook=notebook)
    assert said in str(error.value) and "30_classic_cnn.ipynb" in str(error.value)


def test_all_problems_are_listed_at_once(notebook):
    with pytest.raises(ValueError) as error:
        params.check({"epochs": "3", "lstm": 0, "sed": 1}, notebook=notebook)
    assert len(str(error.value).splitlines()) == 4


def test_a_hint_is_right_about_yaml():
    import yaml

    assert yaml.safe_load("1e-3") == "1e-3" and yaml.safe_load("1.0e-3") == 0.001
    assert yaml.safe_load("2.0e5") == "2.0e5" and yaml.safe_load("2.0e+5") == 2e5


def test_typed_text_becomes_what_the_type_says(notebook):
    texts = {"epochs": "3", "rate": "1e-3", "profile": "12", "seeds": "[1, 2]", "lstm": "true", "limit": "null"}
    found = params.parse(texts, notebook=notebook)
    assert found == {"epochs": 3, "rate": 0.001, "profile": "12", "seeds": [1, 2], "lstm": True, "limit": None}
    with pytest.raises(ValueError, match="epochs: expected int, found the text 'many'"):
        params.parse({"epochs": "many"}, notebook=notebook)
    with pytest.raises(ValueError, match="did you mean epochs"):
        params.parse({"epoch": "1"}, notebook=notebook)


def write_params(name, text):
    file = paths.PARAMS / "demo" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_load_reads_the_file_and_checks_it(notebook):
    with pytest.raises(FileNotFoundError, match=r"there is no .*params/demo/30_classic_cnn.yaml.*create it"):
        params.load("demo", "30_classic_cnn")
    write_params("30_classic_cnn", "")
    assert params.load("demo", "30_classic_cnn", epochs=2) == {"epochs": 2}
    write_params("30_classic_cnn", "epochs: 5\nrate: 1\n")
    assert params.load("demo", "30_classic_cnn", epochs=2) == {"epochs": 2, "rate": 1.0}
    write_params("30_classic_cnn", "rate: 1e-3\n")
    with pytest.raises(ValueError, match=r"params/demo/30_classic_cnn.yaml: (.|\n)*write 1.0e-3"):
        params.load("demo", "30_classic_cnn")
    write_params("30_classic_cnn", "- 1\n")
    with pytest.raises(ValueError, match="expected lines of `name: value`, found a list"):
        params.load("demo", "30_classic_cnn")
    write_params("30_classic_cnn", "a: [\n")
    with pytest.raises(ValueError, match="is no YAML"):
        params.load("demo", "30_classic_cnn")


PROFILE = """
corpora: [tess, savee]
protocols: [speaker, hash]
keep_results: true
runs:
  - {protocol: speaker, scope: tess, seeds: [0, 1], pipelines: [a]}
  - {protocol: hash, pipelines: demo}
"""
TABLE = {"a": SimpleNamespace(demo=False), "b": SimpleNamespace(demo=True)}


def test_load_profile_and_its_runs(notebook):
    write_params("profile", PROFILE)
    profile = params.load_profile("demo")
    assert profile.corpora == ("tess", "savee") and profile.keep_results is True
    runs = params.training_runs(profile, pipelines=TABLE)
    assert runs == [("speaker", "tess", "a", 0), ("speaker", "tess", "a", 1), ("hash", "pooled", "b", 0)]
    with pytest.raises(ValueError, match="a: there is no such pipeline; known are b"):
        params.training_runs(profile, pipelines={"b": TABLE["b"]})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("keep_results:", "keep_result:", "keep_result: there is no such key; did you mean keep_results?"),
        ("keep_results: true", "", "keep_results: expected bool, found nothing; add the key"),
        ("keep_results: true", "keep_results: 1", "keep_results: expected bool, found the int 1"),
        ("[tess, savee]", "tess", "corpora: expected list[str], found the text 'tess'"),
        ("seeds:", "seed:", "runs, row 1, seed: there is no such key; did you mean seeds?"),
        ("scope: tess", "scope: ravdess", "row 1, scope: expected one of pooled, tess, savee, found 'ravdess'"),
        ("protocol: hash", "protocol: random", "row 2, protocol: expected one of speaker, hash, found 'random'"),
        ("protocol: hash, ", "", "row 2, protocol: expected str, found nothing"),
        ("[0, 1]", "[x]", "row 1, seeds: expected int, found the text 'x'"),
        ("runs:", "runs: {}\nother:", "other: there is no such key"),
        ("runs:", "runs: {}\nother:", "runs: expected a list of {protocol, scope, seeds, pipelines}, found {}"),
        ("  - {protocol: hash, pipelines: demo}", "  - hash", "runs, row 2: expected"),
    ],
)
def test_a_bad_profile_is_a_sentence(notebook, old, new, said):
    assert old in PROFILE
    write_params("profile", PROFILE.replace(old, new))
    with pytest.raises(ValueError) as error:
        params.load_profile("demo")
    assert said in str(error.value) and "params/demo/profile.yaml" in str(error.value)


def test_wanted_runs_are_no_runs_to_train(notebook):
    wanted = "wanted:\n  - {protocol: hash, scope: tess, pipelines: [a]}\n"
    write_params("profile", PROFILE.rstrip() + "\n" + wanted)
    profile = params.load_profile("demo")
    trained = params.training_runs(profile, pipelines=TABLE)
    assert ("hash", "tess", "a", 0) not in trained
    assert params.training_runs(profile, pipelines=TABLE, wanted=True) == [*trained, ("hash", "tess", "a", 0)]
    write_params("profile", PROFILE.rstrip() + "\n" + wanted.replace("hash", "hush"))
    with pytest.raises(ValueError, match="wanted, row 1, protocol: expected one of"):
        params.load_profile("demo")


def test_an_absent_profile_names_those_that_are_there(notebook):
    write_params("profile", PROFILE)
    with pytest.raises(FileNotFoundError, match="there is no profile 'thesis'.*profiles there are: demo"):
        params.load_profile("thesis")
