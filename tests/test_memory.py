"""Memory of a training: mapped pages are let go of beyond a bound, and freed memory goes back to the system."""

import time

import numpy as np
import pytest

from emolabs.experiments import memory

pytestmark = pytest.mark.skipif(not memory._STATUS.is_file(), reason="this system does not say what a process holds")


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "values.npy", np.arange(2**24, dtype=np.int64).reshape(-1, 8))  # 128 MiB
    return np.load(tmp_path / "values.npy", mmap_mode="r")


def _grown_gib(values: np.ndarray, *, limit_gib: float) -> float:
    """By how much the process holds more after `values` were read within the bound, GiB."""
    before = memory.resident_gib()
    with memory.bounded(values, limit_gib=limit_gib, interval_s=0.01):
        assert values.sum() == (2**24 - 8) * (2**24 + 7) // 2  # of 8, 9, …, 2²⁴ − 1
        time.sleep(0.2)
        return memory.resident_gib() - before


def test_mapped_pages_are_let_go_of_beyond_the_bound_only(mapped):
    assert _grown_gib(mapped[1:], limit_gib=1000.0) > 0.1
    assert _grown_gib(mapped[1:], limit_gib=0.0) < 0.03  # and what it reads is the same, which is asserted there


@pytest.mark.parametrize("values", [None, np.ones(3)])
def test_what_is_not_mapped_is_left_alone(values):
    with memory.bounded(values, limit_gib=0.0):
        assert values is None or values.sum() == 3


def test_errors_inside_come_out(mapped):
    with pytest.raises(ZeroDivisionError), memory.bounded(mapped):
        1 / 0  # noqa: B018


def test_memory_between_blocks_in_use_goes_back():
    blocks = [bytearray(2**16) for _ in range(4000)]  # 250 MiB in pieces that the C library keeps
    kept = blocks[::400]
    held = memory.resident_gib()
    del blocks
    memory.release()
    assert held - memory.resident_gib() > 0.15 and len(kept) == 10
