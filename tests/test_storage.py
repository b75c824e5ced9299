"""Whatever interrupts a write, a file or a store is as it was before or complete, and the reason is a sentence."""

import errno
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emolabs import paths, storage
from emolabs.extraction import store

CLIPS = pd.DataFrame({"id": [str(i) for i in range(40)]})
STORE = {"shape": (4, 100), "dtype": "float32", "branch": "logmel", "profile": "tiny", "made_from": {"bands": 4}}


def batches(count: int = 4):
    return (np.full((10, 4, 100), i, dtype=np.float32) for i in range(count))


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_takes_its_name_when_it_is_complete(tmp_path):
    file = tmp_path / "new" / "a.txt"
    with storage.atomic(file) as temporary:
        temporary.write_text("part")
        assert temporary.parent == file.parent and not file.exists()
        temporary.write_text("whole")
    assert file.read_text() == "whole" and everything(tmp_path) == ["new", "new/a.txt"]


def test_a_folder_replaces_the_one_that_was_there(tmp_path):
    for text in ("old", "new"):
        with storage.atomic(tmp_path / "store") as temporary:
            temporary.mkdir()
            (temporary / f"{text}.txt").write_text(text)
    assert everything(tmp_path) == ["store", "store/new.txt"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.EACCES, "no")])
def test_after_an_error_the_old_file_is_untouched_and_nothing_is_left(tmp_path, error):
    storage.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(type(error)) as raised, storage.atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("part of the new one")
        raise error
    assert raised.value is error
    assert (tmp_path / "a.txt").read_text() == "old" and everything(tmp_path) == ["a.txt"]


def dead_process() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_when_the_same_target_is_written_again(tmp_path, kind):
    target, here, dead = tmp_path / "a [1].npy", platform.node(), dead_process()
    left = {
        f".{target.name}.{here}.{dead}.partial": False,  # killed
        f".{target.name}.{here}.{os.getppid()}.partial": True,  # at work
        f".{target.name}.another-machine.{dead}.partial": True,  # whether it is alive cannot be told
        f".b.npy.{here}.{dead}.partial": True,  # another target
        f".{target.name}.{here}.notes.partial": True,  # no process'
    }
    for name in left:
        (tmp_path / name).mkdir() if kind == "folder" else (tmp_path / name).write_text("part")
        if kind == "folder":
            (tmp_path / name / "x.npy").write_text("part")
    storage.write_text(target, "whole")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([target.name, *(n for n in left if left[n])])


def test_a_process_of_another_user_is_alive(tmp_path, monkeypatch):
    left = tmp_path / f".a.{platform.node()}.1.partial"
    left.write_text("part")

    def kill(_process, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    storage.write_text(tmp_path / "a", "whole")
    assert left.exists()


def write_into_a_full_disk(temporary: Path) -> None:
    temporary.write_text("part of the new one")
    raise OSError(errno.ENOSPC, "No space left on device")


def write_into_the_full_device(temporary: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    temporary.write_text("part of the new one")
    with open("/dev/full", "w") as device:
        device.write("x")


@pytest.mark.parametrize("write", [write_into_a_full_disk, write_into_the_full_device])
def test_a_full_disk_is_a_sentence_and_leaves_everything_as_it_was(tmp_path, write):
    file = tmp_path / "a.txt"
    storage.write_text(file, "old")
    with pytest.raises(OSError, match="the disk is full") as raised, storage.atomic(file) as temporary:
        write(temporary)
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.strerror == (
        f"the disk is full: {file} could not be written and is as it was before; "
        f"free some space under {tmp_path} and run the same command again"
    )
    assert file.read_text() == "old" and everything(tmp_path) == ["a.txt"]


def test_a_disk_that_is_found_full_at_the_last_moment_leaves_everything_as_it_was(tmp_path, monkeypatch):
    storage.write_json(tmp_path / "a.json", {"old": True})

    def fsync(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=r"the disk is full: .*a\.json could not be written and is as it was before"):
        storage.write_json(tmp_path / "a.json", {"old": False})
    assert storage.read_json(tmp_path / "a.json") == {"old": True} and everything(tmp_path) == ["a.json"]


def test_a_store_on_a_full_disk_is_absent_and_the_next_build_makes_it(project):
    def interrupted():
        yield from batches(2)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="the disk is full: .* could not be written and is as it was before; free some"):
        store.build(interrupted(), clips=CLIPS, **STORE)
    assert everything(paths.features("tiny", "logmel")) == []
    with pytest.raises(FileNotFoundError, match=r"no complete store under .*: run notebooks/22_spectrograms.ipynb"):
        store.load("tiny", branch="logmel")
    features = store.build(batches(), clips=CLIPS, **STORE)
    assert list(features.values[::10, 0, 0]) == [0, 1, 2, 3]


ON_A_SMALL_DISK = """
import sys, pathlib, numpy as np, pandas as pd
from emolabs import paths
from emolabs.extraction import store
paths.ROOT = pathlib.Path(sys.argv[1])
clips = pd.DataFrame({"id": range(100)})
batches = (np.ones((10, 4, 100), "float32") for _ in range(10))
store.build(batches, clips=clips, shape=(4, 100), dtype="float32", branch="logmel", profile="tiny", made_from={})
"""


def test_a_store_that_outgrows_a_real_disk_is_an_error_and_no_dead_process(tmp_path):
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}"
    own_mounts = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*own_mounts, mount], capture_output=True).returncode:
        pytest.skip("this system lends no small disk")
    command = f"{mount} && '{sys.executable}' -c '{ON_A_SMALL_DISK}' {tmp_path}; echo $?; find {tmp_path} -type f"
    done = subprocess.run([*own_mounts, command], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.stdout == "1\n"  # a Python error, no signal, and no file left
    assert "the disk is full: " in done.stderr.splitlines()[-1]


KILLED = """
import sys, time, pathlib, numpy as np, pandas as pd
from emolabs import paths
from emolabs.extraction import store
paths.ROOT = pathlib.Path(sys.argv[1])
def batches():
    for i in range(4):
        yield np.full((10, 4, 100), i, "float32")
        print(i, flush=True)
        time.sleep(60 if i == 2 else 0)
clips = pd.DataFrame({"id": [str(i) for i in range(40)]})
store.build(batches(), clips=clips, shape=(4, 100), dtype="float32", branch="logmel", profile="tiny",
            made_from={"bands": 4})
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_build_leaves_no_store_and_does_not_disturb_the_next(project):
    repository = Path(storage.__file__).parent.parent
    process = subprocess.Popen([sys.executable, "-c", KILLED, project], cwd=repository, stdout=subprocess.PIPE)
    while process.stdout.readline().strip() != b"2":
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    folder = paths.features("tiny", "logmel")
    left = [path for path in folder.iterdir() if path.name.endswith(".partial")]
    assert len(left) == 1 and [path.name for path in folder.iterdir()] == [left[0].name]
    with pytest.raises(FileNotFoundError, match="no complete store under"):
        store.load("tiny", branch="logmel")

    left[0].rename(folder / left[0].name.replace(str(process.pid), str(os.getpid())))  # even under the same number
    features = store.build(batches(), clips=CLIPS, **STORE)
    assert features.values.shape == (40, 4, 100) and list(features.values[::10, 0, 0]) == [0, 1, 2, 3]
    assert sorted(path.name for path in folder.iterdir()) == sorted([features.digest, "current.json"])


def test_a_partial_store_of_another_process_does_not_disturb(project):
    folder = paths.features("tiny", "logmel")
    stale = folder / f".{storage.digest(STORE['made_from'])}.1.partial"
    stale.mkdir(parents=True)
    (stale / "features.npy").write_bytes(b"half")
    assert store.build(batches(), clips=CLIPS, **STORE).values[39, 0, 0] == 3
    assert store.load("tiny", branch="logmel").values[39, 0, 0] == 3


def test_a_pointer_to_a_store_that_was_deleted_names_the_notebook(project):
    shutil.rmtree(store.build(batches(), clips=CLIPS, **STORE).folder)
    with pytest.raises(FileNotFoundError, match=r"no complete store under .*: run notebooks/22_spectrograms.ipynb"):
        store.load("tiny", branch="logmel")


def test_a_digest_is_of_the_value_and_stays_the_same():
    assert storage.digest({"b": [1, 2.5, None], "a": "ü"}) == storage.digest({"a": "ü", "b": [1, 2.5, None]})
    # printf '%s' '{"a":"ü","b":[1,2.5,null]}' | sha256sum
    assert storage.digest({"a": "ü", "b": [1, 2.5, None]}) == "91ff63a7ddb19a1b"
    values = [{}, [], "", None, 0, False, {"a": 1}, {"a": "1"}, {"a": [1]}, {"b": 1}]
    assert len({storage.digest(value) for value in values}) == len(values)


def test_the_digest_of_a_file_is_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert storage.file_digest(tmp_path / "a") == "e3b0c44298fc1c14"  # SHA-256 of nothing
    assert storage.sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
    (tmp_path / "a").write_bytes(b"abc")
    assert storage.sha256(tmp_path / "a") == storage.sha256(b"abc")


def test_json_is_sorted_and_readable_and_ends_with_a_line_feed(tmp_path):
    storage.write_json(tmp_path / "a.json", {"b": "ü", "a": 1})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "a": 1,\n  "b": "ü"\n}\n'.encode()


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff", b"no JSON"])
def test_what_is_no_json_is_refused_with_the_name_of_its_file(tmp_path, content):
    (tmp_path / "torn.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{tmp_path}/torn\.json is no JSON \(.*restore it, or make it again"):
        storage.read_json(tmp_path / "torn.json")
