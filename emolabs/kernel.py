"""A notebook's kernel: ipykernel, but at its end it does not take apart what it has loaded, two seconds for PyTorch.

python emolabs/kernel.py ARGUMENTS ...     which are ipykernel's
"""

import atexit
import os
import sys
from collections.abc import Callable


def run(arguments: list[str], *, ended: Callable[[], object] = lambda: None) -> None:
    """Be a kernel until it is shut down, say so by `ended`, do what is due at exit and end this process."""
    from ipykernel import kernelapp

    sys.argv = ["ipykernel_launcher", *arguments]
    kernelapp.launch_new_instance(argv=arguments)
    ended()
    atexit._run_exitfuncs()
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.flush()
    os._exit(0)


if __name__ == "__main__":
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [folder for folder in sys.path if folder != here]  # modules of the package are none of their own
    run(sys.argv[1:])
