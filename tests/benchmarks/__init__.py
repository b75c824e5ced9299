"""How fast and how lean each step is, against the obvious way to write it: `python -m tests.benchmarks`."""

import os

os.environ.setdefault("TQDM_DISABLE", "1")  # tqdm reads it when it is imported; a bar would be measured, too
