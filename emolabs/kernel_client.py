"""The kernel's place: what Jupyter starts where a server of `emolabs.kernels` provides the kernel itself.

It runs on the standard library alone, because it has to start in no time.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping

#: The variable that names the server's socket.
SERVER = "EMOLABS_KERNELS"
#: How the variables begin that an interpreter or a library reads only when it starts.
FIXED = ("PYTHON", "OMP_", "MKL_", "OPENBLAS_", "GOTO_", "NUMBA_", "MALLOC_", "LD_", "CUDA_")
_LENGTH = 4  # bytes of a number
#: What the server answers instead of a process number.
REFUSED = bytes(_LENGTH)


def fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment a fork cannot change any more."""
    return {name: value for name, value in environment.items() if name.startswith(FIXED)}


def receive(connection: socket.socket) -> tuple[dict, list[int]]:
    """What `_ask` sends: the request, and descriptors of the three streams. Raises `ValueError` where it breaks off."""
    head, streams, *_ = socket.recv_fds(connection, _LENGTH, 3)
    missing, parts = int.from_bytes(head, "big"), []
    while missing:
        parts.append(connection.recv(missing))
        if not parts[-1]:
            for stream in streams:
                os.close(stream)
            raise ValueError("the client's request breaks off")
        missing -= len(parts[-1])
    return json.loads(b"".join(parts)), streams


def _ask(arguments: list[str]) -> tuple[socket.socket, int]:
    """A connection to the server and the process number of the kernel that it has started, 0 where it refuses."""
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
    text = json.dumps(request).encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ[SERVER])
    socket.send_fds(connection, [len(text).to_bytes(_LENGTH, "big")], [0, 1, 2])
    connection.sendall(text)
    return connection, int.from_bytes(connection.recv(_LENGTH), "big")


def _pass_on(number: int, kernel: int) -> None:
    """Send a signal to a kernel and the processes it has started, as Jupyter does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(kernel, number)


def main(arguments: list[str]) -> int:
    """Stand for a kernel until it has ended; 0 where it ended by itself. Without a server this becomes a kernel."""
    try:
        connection, kernel = _ask(arguments)
    except (OSError, KeyError):
        kernel = 0
    if not kernel:
        ordinary = os.path.join(os.path.dirname(__file__), "kernel.py")
        os.execv(sys.executable, [sys.executable, ordinary, *arguments])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: _pass_on(received, kernel))
    parent, said = int(os.environ.get("JPY_PARENT_PID") or os.getppid()), b""
    while True:
        if select.select([connection], [], [], 1.0)[0]:
            part = connection.recv(1)
            if not part:
                break
            said += part
        elif os.getppid() != parent:
            return 1  # who started this has ended, and the kernel ends with this
    return 0 if said else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
