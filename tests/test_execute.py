"""Strict execution with real kernels, and the dependencies that decide whether a notebook runs again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from emolabs import dependencies, execute, paths, storage

PARAMETERS = "seed: int = 0  # of the run\nrate: float = 0.1  # of learning"


def write_notebook(path: Path, *sources: str) -> Path:
    cells = [new_markdown_cell("# A question"), new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    notebook = new_notebook(cells=cells + [new_code_cell(source) for source in sources])
    notebook.metadata.kernelspec = {"name": "a_kernel_nobody_has", "display_name": "x", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def said_by(output: Path) -> str:
    cells = [cell for cell in nbformat.read(output, as_version=4).cells if cell.cell_type == "code"]
    return "".join(o.text for cell in cells for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")


@pytest.fixture
def no_kernel(monkeypatch):
    monkeypatch.setattr(execute, "_run", lambda *_, **__: pytest.fail("a kernel was started"))


def test_success_from_the_command_line(tmp_path, monkeypatch, capsys):
    shadow = tmp_path / "kernels" / "python3"
    shadow.mkdir(parents=True)
    (shadow / "kernel.json").write_text(json.dumps({"argv": ["false"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    question = "import json, os, sys, emolabs\nfacts = [os.getcwd(), sys.executable, emolabs.__file__]\n"
    question += "print(json.dumps([*facts, os.environ['PYTHONHASHSEED'], seed, rate]))"
    notebook = write_notebook(tmp_path / "30_x.ipynb", question)
    (tmp_path / "p.yaml").write_text("seed: 7\nrate: 1\n")
    output = tmp_path / "runs" / "30_x.ipynb"
    before = notebook.read_bytes()
    assert execute.main([str(notebook), str(output), "-f", str(tmp_path / "p.yaml"), "-p", "seed", "3"]) == 0
    package = str(paths.ROOT / "emolabs" / "__init__.py")
    assert json.loads(said_by(output)) == [str(paths.NOTEBOOKS), sys.executable, package, "0", 3, 1.0]
    said = capsys.readouterr().out
    assert said.startswith("30_x: ") and " s, " in said and len(said.splitlines()) == 1
    assert notebook.read_bytes() == before


def test_processes_that_a_notebook_starts_have_one_thread_each_whatever_a_workflow_sets(tmp_path, monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "2")  # as Snakemake does for a step of two threads
    question = """
import os
from joblib import Parallel, delayed
def threads():
    import numpy, threadpoolctl
    return max(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")
print(Parallel(n_jobs=max(2, os.cpu_count()))(delayed(threads)() for _ in range(2)))"""
    notebook, output = write_notebook(tmp_path / "30_x.ipynb", question), tmp_path / "out.ipynb"
    assert execute.main([str(notebook), str(output)]) == 0
    assert said_by(output).strip() == "[1, 1]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "sed", "3"], "sed: there is no such parameter; did you mean seed?"),
        (["-p", "seed", "3.5"], "seed: expected int, found the float 3.5"),
        (["-f", "nowhere.yaml"], "there is no nowhere.yaml"),
    ],
)
def test_wrong_parameters_are_refused_before_a_kernel_starts(tmp_path, capsys, no_kernel, arguments, said):
    notebook, output = write_notebook(tmp_path / "a.ipynb"), tmp_path / "out.ipynb"
    output.write_text("an older run")
    assert execute.main([str(notebook), str(output), *arguments]) == 1
    assert said in capsys.readouterr().err
    assert output.read_text() == "an older run"


def test_the_notebook_is_never_overwritten_and_must_exist(tmp_path, no_kernel):
    notebook = write_notebook(tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match="would be overwritten"):
        execute.execute(notebook, output=notebook, parameters={})
    with pytest.raises(FileNotFoundError, match="there is no notebook"):
        execute.execute(tmp_path / "b.ipynb", output=tmp_path / "c.ipynb", parameters={})


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (
            ["a = 1", "raise ValueError('no clips of tess')"],
            "In [3] `raise ValueError('no clips of tess')`: ValueError: no",
        ),
        (["import os\nos.kill(os.getpid(), 9)", "b = 2"], "`import os`: the kernel died (often: out of memory)"),
        (
            ["import os, threading\nthreading.Timer(0.0, os._exit, [0]).start()\nimport time; time.sleep(1)"],
            "the kernel died",
        ),
        (["import sys\nsys.exit(0)", "b = 2"], "In [2] `import sys`: SystemExit: 0"),
    ],
    ids=["exception", "killed", "left at the last cell", "left early"],
)
def test_a_notebook_that_does_not_run_to_its_end_is_a_failure(tmp_path, capsys, sources, said):
    notebook, output = write_notebook(tmp_path / "30_x.ipynb", *sources), tmp_path / "out.ipynb"
    assert execute.main([str(notebook), str(output)]) == 1
    found = capsys.readouterr().err
    assert said in found and "30_x.ipynb" in found and f"the executed copy is {output}" in found
    assert "Traceback" not in found
    assert output.is_file()


def test_a_completed_looking_copy_with_an_unexecuted_cell_is_a_failure(tmp_path, monkeypatch):
    notebook = write_notebook(tmp_path / "a.ipynb", "a = 1")
    monkeypatch.setattr(
        execute, "_run", lambda notebook, *, output, values: output.write_bytes(notebook.read_bytes()) and None
    )
    with pytest.raises(execute.ExecutionError, match="was never executed, as if the kernel had died"):
        execute.execute(notebook, output=tmp_path / "b.ipynb", parameters={})


def test_a_terminated_run_takes_its_kernel_with_it(tmp_path):
    pid_file = tmp_path / "pid"
    code = f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    notebook = write_notebook(tmp_path / "a.ipynb", code)
    command = [sys.executable, "-m", "emolabs.execute", notebook, tmp_path / "b.ipynb"]
    process = subprocess.Popen(command, cwd=paths.ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: pid_file.is_file() and pid_file.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 130
    assert "a.ipynb was interrupted" in process.stderr.read()
    wait_until(lambda: not Path(f"/proc/{pid_file.read_text()}").exists())


def wait_until(condition, *, limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_two_runs_lease_two_gpus_and_a_third_waits(tmp_path, monkeypatch, capsys):
    notebook = write_notebook(tmp_path / "a.ipynb", "def load():\n    import torch.nn")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    monkeypatch.setattr(execute.tempfile, "gettempdir", lambda: str(tmp_path))
    with execute._lease(notebook) as first:
        with execute._lease(notebook) as second:
            assert (first, second) == ({"CUDA_VISIBLE_DEVICES": "4"}, {"CUDA_VISIBLE_DEVICES": "5"})
            monkeypatch.setattr(execute.time, "sleep", lambda _: (_ for _ in ()).throw(InterruptedError))
            with pytest.raises(InterruptedError), execute._lease(notebook):
                pass
            assert "all 2 GPUs are taken" in capsys.readouterr().out
        with execute._lease(notebook) as third:
            assert third == second
    with execute._lease(write_notebook(tmp_path / "b.ipynb", "import json")) as none:
        assert none == {}, "a notebook without torch takes no GPU from the others"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    with execute._lease(notebook) as none:
        assert none == {}


def test_gpus_are_listed_without_torch(tmp_path, monkeypatch):
    listed = "GPU 0: NVIDIA H100 (UUID: GPU-aaa)\nGPU 1: NVIDIA H100 (UUID: GPU-bbb)\n"
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nprintf '{listed}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert execute._gpus() == ["GPU-aaa", "GPU-bbb"]
    tool.write_text(f"#!/bin/sh\nprintf '{listed}  MIG 1g.10gb Device 0: (UUID: MIG-ccc)\n'\n")
    assert execute._gpus() == ["MIG-ccc"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package in which the notebook reaches `deep` through a relative and a late import, and never `other`."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    files = {
        "__init__": '"""A package."""\n',
        "stage/__init__": "from emolabs.stage.near import work\n",
        "stage/near": "def work():\n    from . import deep\n    return deep.SIZE\n",
        "stage/deep": '"""Deep."""\n\nSIZE = 3  # of what\n\n\nclass Box:\n    """A box."""\n',
        "other": "SIZE = 4\n",
        "many/__init__": "import pkgutil\nnames = list(pkgutil.iter_modules(__path__))\n",
        "many/row": "SIZE = 5\n",
    }
    for name, text in files.items():
        file = tmp_path / "emolabs" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    write_notebook(
        tmp_path / "notebooks" / "22_x.ipynb",
        "%matplotlib inline\nimport emolabs.stage as stage",
        "a = 1  # one\nb = 2",
    )
    return tmp_path


def test_modules_are_found_through_late_relative_and_dynamic_imports(project):
    notebook = project / "notebooks" / "22_x.ipynb"
    found = [module.relative_to(project / "emolabs").as_posix() for module in dependencies.modules(notebook)]
    assert found == ["__init__.py", "stage/__init__.py", "stage/deep.py", "stage/near.py"]
    write_notebook(notebook, "from emolabs import many")
    found = [module.relative_to(project / "emolabs").as_posix() for module in dependencies.modules(notebook)]
    assert found == ["__init__.py", "many/__init__.py", "many/row.py"]


SAME = {
    "prose": ("notebooks/22_x.ipynb", "# A question", "# Another question"),
    "comment in a cell": ("notebooks/22_x.ipynb", "# one", "# the first"),
    "layout in a cell": ("notebooks/22_x.ipynb", "a = 1", "a  =  1"),
    "docstring": ("emolabs/stage/deep.py", "A box.", "A larger box."),
    "docstring of a module": ("emolabs/stage/deep.py", "Deep.", "Deeper."),
    "comment": ("emolabs/stage/deep.py", "# of what", "# of the box"),
    "unrelated module": ("emolabs/other.py", "4", "5"),
}
OTHER = {
    "cell": ("notebooks/22_x.ipynb", "a = 1", "a = 2"),
    "default": ("notebooks/22_x.ipynb", "rate: float = 0.1", "rate: float = 0.2"),
    "magic": ("notebooks/22_x.ipynb", "inline", "agg"),
    "deep module": ("emolabs/stage/deep.py", "SIZE = 3", "SIZE = 4"),
    "package": ("emolabs/stage/__init__.py", "import work", "import work as labour"),
}


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [(*change, True) for change in SAME.values()] + [(*change, False) for change in OTHER.values()],
    ids=[*SAME, *OTHER],
)
def test_the_digest_follows_code_and_nothing_else(project, file, old, new, same):
    notebook = project / "notebooks" / "22_x.ipynb"
    before = dependencies.code_digest(notebook)
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))
    assert (dependencies.code_digest(notebook) == before) is same


def test_dividing_a_cell_changes_nothing(project):
    notebook = project / "notebooks" / "22_x.ipynb"
    before = dependencies.code_digest(notebook)
    write_notebook(notebook, "%matplotlib inline\nimport emolabs.stage as stage", "a = 1", "b = 2")
    assert dependencies.code_digest(notebook) == before


def test_a_broken_module_is_named(project):
    (project / "emolabs/stage/deep.py").write_text("SIZE = = 3\n")
    with pytest.raises(ValueError, match=r"deep.py, line 1, is no Python: .*; correct the line"):
        dependencies.modules(project / "notebooks" / "22_x.ipynb")


def test_a_stamp_is_written_only_when_it_says_something_else(project):
    notebook = project / "notebooks" / "22_x.ipynb"

    def stamp(**inputs):
        path = dependencies.write_stamp("demo", "22_x", code=notebook, inputs=inputs)
        written = path.stat().st_mtime_ns
        os.utime(path, ns=(written - 10**9, written - 10**9))
        return written - 10**9, path

    first, path = stamp(seeds=(0, 1))
    assert path == project / "data/interim/demo/stamps/22_x.json"
    assert storage.read_json(path)["inputs"] == {"seeds": [0, 1]}
    assert stamp(seeds=(0, 1))[0] == first - 10**9, "an equal stamp keeps its time"
    assert stamp(seeds=(0, 2))[0] > first
    path.write_text("broken")
    stamp(seeds=(0, 2))
    assert storage.read_json(path)["inputs"] == {"seeds": [0, 2]}


def test_the_listing_follows_names_and_sizes(tmp_path):
    clip = tmp_path / "tess" / "a" / "x.wav"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"1234")
    before = dependencies.listing_digest([tmp_path / "tess", tmp_path / "absent"])
    os.utime(clip, (0, 0))
    (clip.parent / ".DS_Store").write_bytes(b"1")
    assert dependencies.listing_digest([tmp_path / "tess", tmp_path / "absent"]) == before
    clip.write_bytes(b"12345")
    larger = dependencies.listing_digest([tmp_path / "tess"])
    clip.rename(clip.with_name("y.wav"))
    assert len({before, larger, dependencies.listing_digest([tmp_path / "tess"])}) == 3
