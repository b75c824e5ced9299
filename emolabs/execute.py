"""Strict execution of a notebook by papermill: what is wrong is refused before it starts, and a failure is a failure.

Beyond papermill: unknown parameters and changed types are errors, the working directory is the notebooks' folder, the
kernel is the interpreter that runs this module, on several GPUs one is leased for as long as the notebook runs, and a
notebook that stops early (a killed kernel, `sys.exit`) never passes as completed. The executed notebook is written as
it goes and is the log; it stays when the execution fails.

    python -m emolabs.execute NOTEBOOK OUTPUT [-f params.yaml] [-p name value]...
"""

import argparse
import contextlib
import getpass
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from emolabs import dependencies, kernels, params, paths, storage

#: How long a kernel may take to start: for the first one a server loads all libraries, from a slow disk for minutes.
_START_S = 600
#: How often a GPU is asked for while all are taken.
_LEASE_EVERY_S = 2.0
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ExecutionError(RuntimeError):
    """A notebook did not run to its end; the message names the notebook, the cell and the executed copy."""


def execute(notebook: Path, *, output: Path, parameters: dict) -> float:
    """Execute `notebook` with `parameters`, write the executed copy to `output` and return the seconds it took.

    Raises:
        FileNotFoundError: there is no such notebook.
        ValueError: a parameter is unknown or has another type than declared, or `output` is `notebook` (no kernel
            was started, nothing was written).
        ExecutionError: a cell raised, the kernel died or not every cell ran; `output` holds what ran.
    """
    notebook, output = Path(notebook).absolute(), Path(output).absolute()
    values = params.check(parameters, notebook=notebook)
    if output.exists() and output.samefile(notebook):
        raise ValueError(f"{notebook} would be overwritten by its executed copy: expected another file as output")
    output.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with _lease(notebook) as gpu, _environment(gpu):
        reason = _run(notebook, output=output, values=values)
    _verify(output, name=notebook.name, reason=reason)
    return time.monotonic() - began


def _run(notebook: Path, *, output: Path, values: dict) -> Exception | None:
    """Let papermill write `output`; the exception that ended it, if one did, which `_verify` turns into a sentence."""
    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    output.unlink(missing_ok=True)
    try:
        papermill.execute_notebook(
            notebook,
            output,
            parameters=values,
            kernel_name="python3",
            language="python",
            cwd=paths.NOTEBOOKS,
            start_timeout=_START_S,
            progress_bar={"desc": notebook.stem, "unit": "cell"} if sys.stderr.isatty() else False,
            kernel_manager_class=_kernel_manager(),
        )
    except Exception as error:
        if not output.is_file():
            raise ExecutionError(f"{notebook.name} could not be started: {error}") from error
        return error
    return None


def _kernel_manager() -> type:
    """A manager whose only kernel is the running interpreter, whichever kernels a user has installed."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernelManager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = kernels.command("--log-level=CRITICAL")
            return KernelSpec(argv=argv, display_name="EmoLabs", language="python")

    return OwnKernelManager


def _verify(output: Path, *, name: str, reason: Exception | None) -> None:
    """Raise `ExecutionError` unless every code cell ran without an error and the kernel lived to the end."""
    where = f"the executed copy is {_short(output)}"
    cells = [c for c in storage.read_json(output)["cells"] if c["cell_type"] == "code" and "".join(c["source"]).strip()]
    started = [cell for cell in cells if cell["metadata"].get("papermill", {}).get("start_time")]
    for cell in started:
        errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
        if errors and "raises-exception" not in cell["metadata"].get("tags", []):
            found = _ANSI.sub("", f"{errors[0]['ename']}: {errors[0]['evalue']}")
            raise ExecutionError(f"{name}, {_label(cell)}: {found}\n  {where}")
    last = _label(started[-1]) if started else "before the first cell"
    if type(reason).__name__ == "DeadKernelError":
        raise ExecutionError(f"{name}, {last}: the kernel died (often: out of memory)\n  {where}")
    if reason is not None:
        raise ExecutionError(f"{name}, {last}: {type(reason).__name__}: {reason}\n  {where}")
    for cell in cells:
        if not cell["execution_count"] and "skip-execution" not in cell["metadata"].get("tags", []):
            raise ExecutionError(f"{name}: {_label(cell)} was never executed, as if the kernel had died\n  {where}")


def _label(cell: dict) -> str:
    line = "".join(cell["source"]).strip().splitlines()[0]
    number = f"In [{cell['execution_count']}]" if cell["execution_count"] else "without number"
    return f"cell {number} `{line[:60]}`"


@contextlib.contextmanager
def _lease(notebook: Path) -> Iterator[dict[str, str]]:
    """The environment that names one GPU nobody else has leased; empty where there are not several to choose from."""
    gpus = _gpus()
    if len(gpus) < 2 or not dependencies.imports(notebook, "torch"):
        yield {}
        return
    folder = Path(tempfile.gettempdir(), f"emolabs-{getpass.getuser()}")
    folder.mkdir(exist_ok=True)
    waited = False
    while True:
        for gpu in gpus:
            lock = FileLock(folder / f"gpu-{re.sub(r'[^A-Za-z0-9-]', '_', gpu)}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield {"CUDA_VISIBLE_DEVICES": gpu}
            finally:
                lock.release()
            return
        if not waited:
            print(f"{notebook.stem}: all {len(gpus)} GPUs are taken, waiting for one", flush=True)
            waited = True
        time.sleep(_LEASE_EVERY_S)


def _gpus() -> list[str]:
    """The GPUs that may be used, as `CUDA_VISIBLE_DEVICES` names them, without loading torch."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [gpu.strip() for gpu in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if gpu.strip()]
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    slices = re.findall(r"UUID: (MIG-[^)\s]+)", listed)
    return slices or re.findall(r"UUID: (GPU-[^)\s]+)", listed)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while; kernels inherit them and find this very package first."""
    before, found = dict(os.environ), kernels.environment() | values
    os.environ.clear()
    os.environ.update(found)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _short(path: Path) -> Path:
    return path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 where the notebook ran to its end, otherwise 1 and a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.execute", description="Execute a notebook, strictly.")
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook, which stays as it is")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the executed copy; kept when a cell fails")
    parser.add_argument("-f", dest="file", type=Path, metavar="YAML", help="a file of parameters")
    parser.add_argument("-p", dest="single", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a terminated run takes its kernel with it
    try:
        values = params.load_file(chosen.file) if chosen.file else {}
        values |= params.parse(dict(chosen.single), notebook=chosen.notebook)
        seconds = execute(chosen.notebook, output=chosen.output, parameters=values)
    except (ExecutionError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"{chosen.notebook.name} was interrupted; {_short(chosen.output.absolute())} holds what ran",
            file=sys.stderr,
        )
        return 130
    print(f"{chosen.notebook.stem}: {seconds:.1f} s, {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
