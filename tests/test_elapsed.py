"""Seconds of interrupted trainings: what counts is what the last checkpoint has seen."""

import os

import pytest

from emolabs import storage
from emolabs.experiments import elapsed


def interrupted(folder, *, before: float, started: float, saved: float | None, code: str = "a1") -> None:
    """Leave in `folder` what a training leaves that was killed: its sitting, and a checkpoint where one was saved."""
    storage.write_json(folder / elapsed.FILE, {"before": before, "started": started, "code": code})
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
    assert elapsed.resume(tmp_path, code="a1") == seconds


def test_a_sitting_begins_now_and_knows_those_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(elapsed.time, "time", lambda: 9_000.0)
    assert elapsed.resume(tmp_path, code="a1") == 0.0
    assert storage.read_json(tmp_path / elapsed.FILE) == {"before": 0.0, "started": 9_000.0, "code": "a1"}
    interrupted(tmp_path, before=1_000.0, started=9_000.0, saved=9_100.0)
    elapsed.resume(tmp_path, code="a1")
    (tmp_path / "checkpoint.pt").touch()
    os.utime(tmp_path / "checkpoint.pt", (9_030.0, 9_030.0))
    assert elapsed.resume(tmp_path, code="a1") == 1_130.0, "three sittings"


def test_what_other_code_spent_was_thrown_away(tmp_path):
    interrupted(tmp_path, before=1_000.0, started=5_000.0, saved=5_250.0, code="b2")
    assert elapsed.resume(tmp_path, code="a1") == 0.0
    assert elapsed.resume(tmp_path, code="a1") == 0.0, "the checkpoint is still that of the other code"


def test_a_sitting_that_does_not_say_its_code_counts(tmp_path):
    interrupted(tmp_path, before=1_000.0, started=5_000.0, saved=5_250.0)
    last = storage.read_json(tmp_path / elapsed.FILE)
    storage.write_json(tmp_path / elapsed.FILE, {"before": last["before"], "started": last["started"]})
    assert elapsed.resume(tmp_path, code="a1") == 1_250.0


@pytest.mark.parametrize(("text", "error"), [("{", ValueError), ('{"before": 1.0}', KeyError)])
def test_a_file_that_is_none_is_no_zero(tmp_path, text, error):
    interrupted(tmp_path, before=1.0, started=2.0, saved=3.0)
    (tmp_path / elapsed.FILE).write_text(text)
    with pytest.raises(error):
        elapsed.resume(tmp_path, code="a1")
