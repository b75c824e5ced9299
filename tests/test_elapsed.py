"""Seconds of interrupted trainings: what counts is what the last checkpoint has seen."""

import os

import pytest

from emolabs import storage
from emolabs.experiments import elapsed


def interrupted(folder, *, before: float, started: float, saved: float | None) -> None:
    """Leave in `folder` what a training leaves that was killed: its sitting, and a checkpoint where one was saved."""
    storage.write_json(folder / elapsed.FILE, {"before": before, "started": started})
    if saved is not None:
        (folder / "checkpoint.pt").touch()
        os.utime(folder / "checkpoint.pt", (saved, saved))


@pytest.mark.parametrize(
    ("saved", "seconds"),
    [(5_250.0, 1_250.0), (4_990.0, 1_000.0), (None, 0.0)],
    ids=["up to the checkpoint", "a checkpoint of an earlier sitting", "no checkpoint"],
)
def test_the_seconds_up_to_the_checkpoint_count(tmp_path, saved, seconds):
    interrupted(tmp_path, before=1_000.0, started=5_000.0, saved=saved)
    assert elapsed.resume(tmp_path) == seconds


def test_a_sitting_begins_now_and_knows_those_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(elapsed.time, "time", lambda: 9_000.0)
    assert elapsed.resume(tmp_path) == 0.0
    assert storage.read_json(tmp_path / elapsed.FILE) == {"before": 0.0, "started": 9_000.0}
    interrupted(tmp_path, before=1_000.0, started=9_000.0, saved=9_100.0)
    elapsed.resume(tmp_path)
    (tmp_path / "checkpoint.pt").touch()
    os.utime(tmp_path / "checkpoint.pt", (9_030.0, 9_030.0))
    assert elapsed.resume(tmp_path) == 1_130.0, "three sittings"


@pytest.mark.parametrize(("text", "error"), [("{", ValueError), ('{"before": 1.0}', KeyError)])
def test_a_file_that_is_none_is_no_zero(tmp_path, text, error):
    interrupted(tmp_path, before=1.0, started=2.0, saved=3.0)
    (tmp_path / elapsed.FILE).write_text(text)
    with pytest.raises(error):
        elapsed.resume(tmp_path)
