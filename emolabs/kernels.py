"""Kernels that start at once: forks of one process that has loaded the large libraries already.

    python -m emolabs.kernels COMMAND ...     runs COMMAND; the kernels of notebooks that it executes are such forks

Loading PyTorch, transformers and SciPy keeps a core busy for about ten seconds, longer than many notebooks of the demo
work. A fork loads this package's own modules anew: it runs the code as it is when it starts.

In the kernel's place Jupyter starts `kernel_client.py`, which hands what it was started with to the server: arguments,
environment, working directory, streams. Client and fork end with each other, and signals are passed on. The client
becomes an ordinary kernel where a fork would not be the same, because variables differ that are read only once
(`kernel_client.FIXED`), and where no server answers. There is none on machines with a GPU, which does not survive a
fork, on others than Linux, and where no socket can be made.
"""

import contextlib
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from emolabs import kernel, paths, storage
from emolabs.kernel_client import REFUSED, SERVER, fixed, receive

#: What no kernel should differ by; interpreter and libraries read it when they start.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait do not take the cores from other notebooks
    # glibc keeps freed tensors instead of handing their pages back to the system after every operation
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
}
#: What no kernel finds. Snakemake sets them for each step, and then they hold in the processes that joblib starts, too,
#: of which there is one for each core; unset, joblib gives each of those one thread.
NOT_INHERITED = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS")
#: The kernel's name for programs that ask for kernels by name, such as nbval.
NAME = "emolabs"
#: What the server loads; what is not installed is left out.
LOADED = (
    *("ipykernel.kernelapp", "ipywidgets", "numpy", "pandas", "pyarrow.parquet", "matplotlib.pyplot", "seaborn"),
    *("scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.stats", "sklearn.linear_model", "sklearn.manifold"),
    *("statsmodels.stats.multitest", "librosa.display", "soundfile", "soxr", "pyloudnorm", "safetensors.torch"),
    *("torch", "torch._dynamo", "torch.utils.flop_counter", "torch.utils.tensorboard", "torchaudio", "captum.attr"),
    *(f"transformers.models.{name}.modeling_{name}" for name in ("whisper", "wav2vec2", "hubert")),
)


def environment() -> dict[str, str]:
    """This process' environment with what every kernel finds, `ENVIRONMENT` and this very package first, and without
    what none does."""
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    found = [str(paths.ROOT), *(path for path in others if path and path != str(paths.ROOT))]
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return kept | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(found)}


def command(*arguments: str) -> list[str]:
    """The command line of a kernel, as a kernel specification has it: a client where there is a server, or else
    a kernel of its own. `arguments` are ipykernel's."""
    arguments = ("-f", "{connection_file}", *arguments)
    return _client(*arguments) if SERVER in os.environ else [sys.executable, kernel.__file__, *arguments]


def _client(*arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("kernel_client.py")), *arguments]


@contextlib.contextmanager
def served() -> Iterator[dict[str, str]]:
    """The environment of programs whose kernels a server provides, where there can be one, as long as the context
    lasts. By the name `NAME` they find a kernel in any case."""
    with tempfile.TemporaryDirectory(prefix="emolabs-") as folder:
        path = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))
        specification = {"argv": _client("-f", "{connection_file}"), "display_name": "EmoLabs", "language": "python"}
        storage.write_json(Path(folder, "kernels", NAME, "kernel.json"), specification)
        found = environment() | {"JUPYTER_PATH": path}
        with contextlib.ExitStack() as ending:
            if sys.platform == "linux" and not shutil.which("nvidia-smi"):
                with contextlib.suppress(OSError):  # a path that is too long, a file system without sockets
                    found |= _start(f"{folder}/socket", environment=found, ending=ending)
            yield found


def _start(address: str, *, environment: dict[str, str], ending: contextlib.ExitStack) -> dict[str, str]:
    """Start a server, which ends with `ending`; the variable that names it."""
    single = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"} | environment | {"OMP_NUM_THREADS": "1"}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        server = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, "--serve", str(listening.fileno())],
            cwd=paths.ROOT,
            env=single,
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,
            start_new_session=True,  # an interruption from the keyboard is for the command
        )
    ending.callback(server.wait)
    ending.callback(server.terminate)
    return {SERVER: address}


def serve(listening: socket.socket) -> None:
    """Fork a kernel for every client that connects; `LOADED` is loaded for the first. Ends with the standard input."""
    mine, is_loaded = fixed(os.environ), False
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that have ended are not waited for
    while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:  # which ends with who started this
        connection, _ = listening.accept()
        with connection:
            try:
                request, streams = receive(connection)
            except (OSError, ValueError):
                continue  # the client is gone
            if fixed(request["environment"]) == mine:
                is_loaded = is_loaded or _load()
                if _fork() == 0:
                    listening.close()
                    _become(request, streams=streams, connection=connection)
            else:
                with contextlib.suppress(OSError):  # the client is gone
                    connection.sendall(REFUSED)
        for stream in streams:
            os.close(stream)


def _load() -> bool:
    for name in LOADED:
        with contextlib.suppress(Exception):  # not installed, or broken: whoever needs it will say so
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is loaded stays in pages that all forks share
    return True


def _fork() -> int:
    with warnings.catch_warnings():
        # pyarrow's allocator has a thread of its own, which it restarts in a fork
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(request: dict, *, streams: list[int], connection: socket.socket) -> None:
    """Make this fork the kernel that was asked for, and run it to its end."""
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ.pop("JPY_PARENT_PID", None)  # whose end would be looked for in this process' parent
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]  # which may have been edited
    connection.sendall(os.getpid().to_bytes(len(REFUSED), "big"))
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()

    import numpy as np

    np.random.seed()  # forks would draw the same numbers; Python's own generator sees to it itself
    kernel.run(request["arguments"], ended=lambda: connection.sendall(b"0"))


def _end_with(connection: socket.socket) -> None:
    """End this process and those it has started as soon as its client has ended."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Run a command beside a server of kernels and return its exit status; 2 where there is none."""
    if not arguments:
        print("python -m emolabs.kernels COMMAND ...: expected a command that executes notebooks", file=sys.stderr)
        return 2
    with served() as found:
        command = subprocess.Popen(arguments, env=found, close_fds=False)  # a lock stays with the command
        # the keyboard's interruption reaches the command by itself, and how it ends is its own affair
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: command.terminate())
        return command.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        del sys.path[0]  # the working directory of this command, which is none of a kernel's
        serve(socket.socket(fileno=int(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1:]))
