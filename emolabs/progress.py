"""Progress of long work: a bar with rate and time left on a terminal or in JupyterLab, else a line now and then."""

import os
import sys
from collections.abc import Iterable

from tqdm.auto import tqdm


def progress(items: Iterable, *, label: str, total: int | None = None, unit: str = "clip", done: int = 0) -> tqdm:
    """Iterate over `items` and show how far it got (stderr; at most every 30 s where nobody watches a terminal).

    `done` of `total` were there before.
    """
    watched = sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ  # which a Jupyter server sets for its kernels
    interval = 0.2 if watched else 30
    options = {"mininterval": interval, "dynamic_ncols": True, "unit_scale": unit == "B", "initial": done}
    return tqdm(items, desc=label, total=total, unit=unit, **options)
