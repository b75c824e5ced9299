"""Shared fixtures: a root for small corpora, redirected locations, and the real corpora where a machine has them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from emolabs import dependencies, paths, storage
from emolabs.corpora import REGISTRY, index
from emolabs.experiments import partitions

#: The files that take longest. They are begun first: begun last, one of them would keep one process alone.
LONGEST = ("workflow", "page", "benchmarks", "reporting", "runs", "one_corpus", "emobench", "kernels", "predictor")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of `LONGEST` before all others."""
    order = {f"test_{name}": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def voice(seed: int = 0, *, duration_s: float = 0.5, sample_rate_hz: int = 16_000) -> np.ndarray:
    """A made-up voice, float64 [samples]: falling harmonics with syllables; every seed sounds different."""
    time_s = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    f0_hz = 100 + 7 * (seed % 20) + 0.01 * seed
    harmonics = [np.sin(2 * np.pi * k * f0_hz * time_s + k * k) / k for k in range(1, 25)]
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time_s)
    return 0.15 * syllables * np.sum(harmonics, axis=0)


@dataclass(frozen=True)
class Raw:
    """A root of raw audio that a test fills."""

    root: Path

    def write(self, file: str, samples: np.ndarray | None = None, *, rate_hz: int = 16_000, **format: str) -> Path:
        """Write `samples` (a voice of its own for every name where None) to `file` under the root, as 16-bit WAV."""
        if samples is None:
            samples = voice(sum(i * ord(letter) for i, letter in enumerate(file)), sample_rate_hz=rate_hz)
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate_hz, **({"format": "WAV", "subtype": "PCM_16"} | format))
        return path


@pytest.fixture
def raw(tmp_path, monkeypatch) -> Raw:
    """An empty root of raw audio, for published and embedded corpora alike."""
    root = tmp_path / "raw"
    root.mkdir()
    monkeypatch.setenv("EMOLABS_RAW", str(root))
    monkeypatch.setattr(paths, "RAW", root)
    return Raw(root)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A root under which indexes, stores, runs, results and figures go; the code stays the repository's."""
    root, repository = tmp_path / "project", paths.ROOT
    root.mkdir()
    monkeypatch.setattr(dependencies, "_root", lambda: repository)
    monkeypatch.setattr(paths, "ROOT", root)
    return root


def _given(variable: str) -> Path:
    if not os.environ.get(variable):
        pytest.skip(f"{variable} names no folder")
    return Path(os.environ[variable])


@pytest.fixture
def corpora() -> Path:
    """Root of the real corpora, as `EMOLABS_RAW` names it."""
    return _given("EMOLABS_RAW")


@pytest.fixture(scope="session")
def indexed_corpora() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Index and rejected files of the real corpora; decoded once for each state of the audio and of the code."""
    _given("EMOLABS_RAW")
    found = [REGISTRY[key] for key in ("cremad", "emodb", "ravdess", "tess")]
    listing = dependencies.listing_digest(folder for corpus in found for folder in corpus.folders())
    code = dependencies.own_digest(Path(index.__file__).parent.glob("*.py"))
    made_from = [listing, code, storage.file_digest(paths.EMOTIONS)]
    cache = paths.ROOT / "data" / "interim" / "tests" / storage.digest(made_from)
    if not cache.is_dir():
        table, rejected = index.build(found)
        with storage.atomic(cache) as temporary:
            temporary.mkdir()
            table.to_parquet(temporary / "index.parquet", index=False)
            rejected.to_parquet(temporary / "rejected.parquet", index=False)
    return pd.read_parquet(cache / "index.parquet"), pd.read_parquet(cache / "rejected.parquet")


@pytest.fixture(scope="session")
def committed() -> partitions.Evaluation:
    """The committed results of the profile thesis, read once: their intervals take ten seconds."""
    return partitions.read("thesis")


@pytest.fixture
def human() -> Path:
    """Root of the published answers of listeners, as `EMOLABS_HUMAN` names it."""
    return _given("EMOLABS_HUMAN")


@pytest.fixture
def quirks() -> Path:
    """Root of original files with the faults that real copies have, as `EMOLABS_QUIRKS` names it."""
    return _given("EMOLABS_QUIRKS")
