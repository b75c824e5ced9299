"""The benchmarks run, name their data and judge by their targets; no time is asserted here."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from benchmarks import arithmetic, processes, scale
from benchmarks.measure import Row, Settings, interleave
from benchmarks.processes import peaks

from emolabs import paths
from emolabs.corpora import index
from emolabs.modeling import encoder, untrained

RATE_HZ = 16_000


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Two speakers of RAVDESS, a harmonic tone of its own for every emotion and sentence."""
    for actor in (1, 2):
        folder = tmp_path / "ravdess" / f"Actor_{actor:02d}"
        folder.mkdir(parents=True)
        for emotion in range(1, 9):
            for text in (1, 2):
                seconds = np.arange(int((0.6 + 0.1 * emotion) * RATE_HZ)) / RATE_HZ
                pitch_hz = 90 * actor + 10 * emotion + 5 * text
                tone = sum(np.sin(2 * np.pi * k * pitch_hz * seconds) / k for k in range(1, 9))
                file = folder / f"03-01-{emotion:02d}-01-{text:02d}-01-{actor:02d}.wav"
                soundfile.write(file, 0.1 * tone, RATE_HZ)
    return tmp_path


def test_a_small_run_gives_the_whole_table(corpus, tmp_path):
    command = [sys.executable, "-m", "tests.benchmarks", "--clips", "24", "--repeats", "1", "--out", tmp_path / "out"]
    command += ["--only", "indexing", "normalization", "logmel", "training", "memory", "scale"]
    command += ["embeddings", "arithmetic"]
    nowhere = {"EMOLABS_WEIGHTS": "", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    environment = os.environ | {"EMOLABS_RAW": str(corpus)} | nowhere
    done = subprocess.run(command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "real: ravdess 32" in done.stdout
    with open(tmp_path / "out" / "benchmarks.csv", newline="", encoding="utf-8") as stream:
        rows = {row["benchmark"]: row for row in csv.DictReader(stream)}
    measured = [name for name, row in rows.items() if row["ratio"]]
    assert [name.split(":")[0].split(",")[0] for name in measured] == [
        *("indexing", "indexing", "normalization", "normalization", "log-mel", "training", "scale of the index")
    ]
    assert all(rows[name]["verdict"] in ("pass", "miss") for name in measured if rows[name]["target"])
    assert "skipped" in rows["peak memory"]["note"]
    for name in ("embeddings", "encoder arithmetic"):
        assert rows[name]["ours"] == "skipped" and "EMOLABS_WEIGHTS" in rows[name]["note"]
    assert 0.05 < float(rows["scale of the index: 24 clips"]["ratio"].split()[0]) < 1.5
    assert done.returncode == int(any(row["verdict"] == "miss" for row in rows.values()))
    assert float(rows["log-mel"]["note"].split("at most ")[1].split(" dB")[0]) <= 0.07  # one step of float16 at 100 dB
    assert done.stdout.strip() == (tmp_path / "out" / "benchmarks.md").read_text(encoding="utf-8").strip()


def test_operations_of_an_encoder_are_compared_to_those_of_a_product(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLABS_RAW", str(corpus))
    arithmetic.data.recordings.cache_clear()
    tiny = encoder.build(untrained.CONFIGS["whisper"])
    tiny.source = {"name": "tiny"}
    monkeypatch.setattr(arithmetic.encoder, "load", lambda _: tiny)
    (row,) = arithmetic.run(Settings(clips=8, repeats=1, full=False, folder=tmp_path))
    arithmetic.data.recordings.cache_clear()
    assert 0 < row.ratio < 10 and "tiny on" in row.note and "× 32 × 128" in row.compared_to


def test_every_step_whose_memory_is_measured_runs_to_its_end(corpus, tmp_path):
    """One process for all, because each costs its imports; the first step has one of its own, as all have in use."""
    steps = ["normalization", "near_duplicates", "logmel", "mfcc", "epoch"]
    inside = f"""
from pathlib import Path
from tests.benchmarks import data, memory
with data.scratch(Path({str(tmp_path / "steps")!r})):
    for step in {steps}:
        memory.STEPS[step](None)
"""
    first = ["-m", "tests.benchmarks.memory", "indexing", tmp_path / "steps"]
    for arguments in (first, ["-c", inside]):
        environment = os.environ | {"EMOLABS_RAW": str(corpus)}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").is_file(), reason="needs Linux' /proc")
def test_memory_that_processes_share_counts_once(tmp_path):
    shared, pages = "memory = mmap.mmap(-1, 300 << 20)", "range(0, 300 << 20, 4096)"
    script = f"""
import mmap, os, time
{shared}
for page in {pages}: memory[page] = 1
is_child = 0 in (os.fork(), os.fork())
for page in {pages}: memory[page]
time.sleep(1)
if not is_child: os.wait(); os.wait()
"""
    found = peaks(["timeit", "-n", "1", "-r", "1", script], log=tmp_path / "log")
    assert len(found.each) == 4 and all(0.29 < peak < 0.4 for peak in found.each)
    assert 0.29 < found.together < 0.45


def test_a_look_during_which_a_process_ends_counts_nothing_twice(monkeypatch):
    living, end = {1, 2, 3}, {}

    def gib(pid, _, key):
        found = (0.3 if key == "VmHWM:" else 0.3 / len(living)) if pid in living else 0.0
        living.discard(end.get(pid) if key == "Pss:" else None)
        return found

    monkeypatch.setattr(processes, "_gib", gib)
    assert processes._at_once([1, 2, 3, 4]) == (pytest.approx(0.3), {1: 0.3, 2: 0.3, 3: 0.3})
    end[2] = 1  # while the second of them is looked at, the first ends: 0.1 + 0.1 + 0.15
    assert processes._at_once([1, 2, 3]) == (0.0, {1: 0.0, 2: 0.3, 3: 0.3})


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").is_file(), reason="needs Linux' /proc")
def test_memory_of_a_process_of_its_own_adds_up(tmp_path):
    script = """
import os, time
is_child = os.fork() == 0
memory = b"x" * (300 << 20)
time.sleep(1)
if not is_child: os.wait()
"""
    found = peaks(["timeit", "-n", "1", "-r", "1", script], log=tmp_path / "log")
    assert 0.58 < found.together < 0.75 and found.together <= sum(found.each)


@pytest.mark.parametrize(
    ("ratio", "target", "at_most", "verdict"),
    [(1.8, 1.6, False, "pass"), (1.5, 1.6, False, "miss"), (1.2, 1.25, True, "pass"), (3.1, 3, True, "miss")]
    + [(30.0, None, False, ""), (None, 3, True, "")],
)
def test_verdicts(ratio, target, at_most, verdict):
    row = Row(name="x", ours="", compared_to="", ratio=ratio, target=target, at_most=at_most)
    assert row.verdict == row.cells()["verdict"] == verdict


def test_growth_compares_the_time_a_clip_of_the_largest_size_to_that_of_the_smallest_that_is_large():
    assert not scale.growth({5_000: 1.0, 20_000: 4.0})
    (row,) = scale.growth({5_000: 9.0, 20_000: 10.0, 50_000: 30.0, 200_000: 140.0})
    assert row.ratio == pytest.approx(1.4) and row.verdict == "miss"


def test_generated_clips_are_all_different_and_parsed(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLABS_RAW", str(tmp_path))
    scale.generate(tmp_path, clips=1_003)
    found, rejected = index.build([scale.CORPUS], workers=1)
    assert len(found) == 1_003 and rejected.empty
    assert found.pcm_sha256.is_unique and found.speaker.nunique() == 2
    assert found.path.iloc[-1] == "scale/s0001_t02_fear_0001002"


def test_rounds_are_interleaved_and_medians_count(monkeypatch):
    clock, order = iter([0, 1, 1, 11, 20, 29, 30, 42, 50, 52, 60, 71]), []
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    medians = interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, repeats=3)
    assert order == ["a", "b"] * 3
    assert medians == {"a": 2, "b": 11}
