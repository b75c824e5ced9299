"""Kernels that are forks of a server: they are what ordinary ones are, and end as those do."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from emolabs import execute, kernels, paths
from emolabs.kernel_client import SERVER

needs_a_server = pytest.mark.skipif(
    sys.platform != "linux" or bool(shutil.which("nvidia-smi")), reason="forks need Linux, and no GPU"
)
#: Whether a notebook runs in a fork, and what it sees of its process.
IS_FORK = "import sys\nprint('torch' in sys.modules)"
FACTS = """
import json, os, sys, emolabs
import matplotlib.pyplot as plt, threadpoolctl, torch
threads = sorted({pool["num_threads"] for pool in threadpoolctl.threadpool_info()} | {torch.get_num_threads()})
environment = {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "OMP", "MALLOC", "MPL"))}
print(json.dumps([os.getcwd(), sys.executable, emolabs.__file__, sys.path, threads, environment, os.environ["MINE"]]))
"""
FIGURE = "_, axes = plt.subplots()\nline, = axes.plot([1, 2])"
#: Something to do at exit, and a module with something that notices how it is taken apart.
LEFT = """
import atexit, sys
class Loaded:
    def __del__(self, apart=here / "apart"): apart.touch()
atexit.register((here / "due").touch)
sys.modules["loaded"] = module = type(sys)("loaded")
module.it = Loaded()
"""
DRAWN = "import numpy as np, random\nprint(np.random.random(), random.random())"


@pytest.fixture(scope="module")
def served():
    with kernels.served() as environment:
        yield environment


@pytest.fixture
def beside(served, monkeypatch):
    """The environment of a program beside the server."""
    for name, value in (served | {"OMP_NUM_THREADS": "1", "MINE": "yes"}).items():
        monkeypatch.setenv(name, value)
    return served


def executed(folder: Path, *sources: str) -> list:
    """The outputs of each cell of a notebook that was executed."""
    folder.mkdir(exist_ok=True)
    cells = [new_code_cell("", metadata={"tags": ["parameters"]}), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), folder / "in.ipynb")
    execute.execute(folder / "in.ipynb", output=folder / "out.ipynb", parameters={})
    return [cell.outputs for cell in nbformat.read(folder / "out.ipynb", as_version=4).cells][-len(sources) :]


@needs_a_server
def test_a_fork_is_what_an_ordinary_kernel_is(tmp_path, beside, monkeypatch):
    fork = executed(tmp_path / "fork", IS_FORK, FACTS, FIGURE)
    monkeypatch.delenv(SERVER)
    ordinary = executed(tmp_path / "ordinary", IS_FORK, FACTS, FIGURE)
    assert [outputs[0][0].text for outputs in (fork, ordinary)] == ["True\n", "False\n"]
    of_fork, of_ordinary = (json.loads(outputs[1][0].text) for outputs in (fork, ordinary))
    assert of_fork == of_ordinary
    assert of_fork[0] == str(paths.NOTEBOOKS) and of_fork[4] == [1]
    assert [output.output_type for output in fork[2]] == ["display_data"] == [o.output_type for o in ordinary[2]]


@needs_a_server
def test_forks_draw_their_own_random_numbers(tmp_path, beside):
    assert executed(tmp_path / "a", DRAWN)[0][0].text != executed(tmp_path / "b", DRAWN)[0][0].text


@pytest.mark.parametrize("is_fork", [False, pytest.param(True, marks=needs_a_server)])
def test_a_kernel_does_what_is_due_at_its_end_and_takes_nothing_apart(is_fork, tmp_path, beside, monkeypatch):
    if not is_fork:
        monkeypatch.delenv(SERVER, raising=False)
    executed(tmp_path, f"import pathlib\nhere = pathlib.Path({str(tmp_path)!r})", LEFT)
    assert (tmp_path / "due").is_file() and not (tmp_path / "apart").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("OMP_NUM_THREADS", "2"), ("PYTHONPATH", "/elsewhere"), (SERVER, "/no/such/socket")]
)
def test_where_a_fork_would_not_be_the_same_the_kernel_is_an_ordinary_one(name, value, tmp_path, beside, monkeypatch):
    monkeypatch.setenv(name, value)
    assert executed(tmp_path, IS_FORK)[0][0].text == "False\n"


def test_a_killed_fork_is_a_failure_as_every_killed_kernel(tmp_path, beside):
    with pytest.raises(execute.ExecutionError, match="the kernel died"):
        executed(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")


def kernel_of(client) -> psutil.Process:
    """The process that runs what `client` asks for."""
    said = []
    client.execute_interactive("import os; print(os.getpid())", output_hook=lambda m: said.append(m["content"]))
    return psutil.Process(int(next(content["text"] for content in said if "text" in content)))


def test_a_program_that_asks_by_name_interrupts_and_ends_its_kernel(beside):
    manager, client = start_new_kernel(kernel_name=kernels.NAME, env=dict(os.environ))
    kernel = kernel_of(client)
    client.execute("print('begun', flush=True); import time; time.sleep(600)")
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    assert client.execute_interactive("1 + 1", timeout=60)["content"]["status"] in ("ok", "aborted")
    assert kernel.is_running()
    manager.provisioner.process.send_signal(signal.SIGKILL)  # which no process can pass on
    assert not psutil.wait_procs([kernel], timeout=20)[1]
    client.stop_channels()


def test_a_kernel_ends_with_the_program_that_started_it(beside):
    script = """
from jupyter_client.manager import start_new_kernel
_, client = start_new_kernel(kernel_name="emolabs")
client.execute_interactive("import os; print(os.getpid(), flush=True)")
client.execute_interactive("import time; time.sleep(600)")"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as program:
        kernel = psutil.Process(int(next(line for line in program.stdout if line.strip().isdigit())))
        program.kill()
        assert not psutil.wait_procs([kernel], timeout=20)[1]


@needs_a_server
def test_the_command_ends_as_what_it_runs_and_leaves_no_server():
    ask = f"import os; print(os.environ[{SERVER!r}]); raise SystemExit(7)"
    made = command(sys.executable, "-c", ask)
    assert made.returncode == 7
    assert not Path(made.stdout.strip()).parent.exists()


@needs_a_server
def test_a_killed_command_takes_its_server_along():
    ask = f"import os, time; print(os.environ[{SERVER!r}], flush=True); time.sleep(600)"
    parts = [sys.executable, "-m", "emolabs.kernels", sys.executable, "-c", ask]
    with subprocess.Popen(parts, stdout=subprocess.PIPE, cwd=paths.ROOT, env=kernels.environment()) as made:
        made.stdout.readline()
        children = psutil.Process(made.pid).children()
        server = [child for child in children if "--serve" in child.cmdline()]
        made.kill()
        gone = psutil.wait_procs(server, timeout=20)[0]
        for child in children:
            if child not in gone:
                child.kill()
        assert len(server) == 1 and len(children) == 2 and gone == server


@pytest.mark.parametrize("lacking", ["forks", "sockets"])
def test_where_there_can_be_no_server_kernels_are_ordinary_ones_by_the_same_name(lacking, tmp_path, monkeypatch):
    if lacking == "forks":
        (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    else:
        deep = tmp_path / ("x" * 100)
        deep.mkdir()
        monkeypatch.setenv("TMPDIR", str(deep))
    ask = f"""
import os
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="emolabs")
client.execute_interactive("import sys; print('torch' in sys.modules, flush=True)")
print({SERVER!r} in os.environ)
client.stop_channels(); manager.shutdown_kernel()"""
    made = command(sys.executable, "-c", ask)
    assert made.stdout.split() == ["False", "False"], made.stderr


def command(*parts: str) -> subprocess.CompletedProcess:
    """A command beside a server of kernels, where there can be one."""
    return subprocess.run(
        [sys.executable, "-m", "emolabs.kernels", *parts],
        capture_output=True, text=True, cwd=paths.ROOT, env=kernels.environment(),
    )  # fmt: skip


def test_without_a_command_it_says_what_is_expected(capsys):
    assert kernels.main([]) == 2
    assert "expected a command that executes notebooks" in capsys.readouterr().err
