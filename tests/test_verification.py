"""The table of all numbers, and the comparison of results made here with committed ones."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from evaluated import answered, clips, write
from pandas.testing import assert_frame_equal
from sklearn.metrics import balanced_accuracy_score, recall_score

from emolabs import paths, storage
from emolabs.experiments import partitions, results, verification

CODE = (Path(results.__file__).parents[1], paths.PARAMS)
PIPELINES = ("mfcc-linear", "egemaps-linear", "logmel-cnn3-mean", "whisper-linear")
CHOSEN = {"protocol": "speaker", "scope": "pooled", "pipeline": "egemaps-linear"}


@pytest.fixture(scope="module")
def found() -> list[results.Result]:
    return [
        results.load(results.Row(profile="thesis", seed=0, **CHOSEN | changes))
        for changes in ({}, {"protocol": "hash", "scope": "tess"})
    ]


@pytest.fixture(scope="module")
def table(found) -> pd.DataFrame:
    return results.long(found)


def value(table, **wanted):
    lines = table
    for column, cell in {"fold": "all", "protocol": "speaker", **wanted}.items():
        lines = lines[lines[column] == cell]
    assert len(lines) == 1
    return lines.iloc[0]


def test_every_number_stands_once_and_is_that_of_scikit_learn(found, table):
    assert tuple(table.columns) == results.COLUMNS
    assert not table.duplicated(list(results.COLUMNS[:7])).any()
    clips = found[0].predictions
    line = value(table, corpus="overall", metric="uar")
    assert line.value == pytest.approx(balanced_accuracy_score(clips.emotion, clips.prediction), abs=1e-6)
    assert line.low < line.value < line.high and line.n == len(clips)
    cremad = clips[clips.corpus == "cremad"]
    recall = recall_score(cremad.emotion, cremad.prediction, labels=["fear"], average="macro")
    line = value(table, corpus="cremad", metric="recall_fear")
    assert line.value == pytest.approx(recall, abs=1e-6) and line.n == (cremad.emotion == "fear").sum()
    assert set(table.fold[table.protocol == "speaker"]) == {"all", *"01234"}


def test_folds_hold_all_clips_once(table):
    folds = table[(table.metric == "accuracy") & (table.corpus == "overall") & (table.protocol == "speaker")]
    assert folds.n[folds.fold != "all"].sum() == folds.n[folds.fold == "all"].item()


def closed_sets(result) -> set[str]:
    """The folds of a result for which the table has a closed-set score."""
    lines = results.long([result])
    return set(lines.fold[lines.metric == "closed_set_uar"])


def test_a_fold_that_lacks_a_class_of_its_corpus_has_no_closed_set():
    row = results.Row(profile="thesis", protocol="emodb-speakers", scope="emodb", pipeline="mfcc-linear", seed=0)
    result = results.load(row)
    lacking = [fold for fold, clips in result.predictions.groupby("fold") if clips.emotion.nunique() < 7]
    assert lacking == [3] and result.predictions.emotion.nunique() == len(result.labels) == 7
    assert "closed_set" in storage.read_json(row.results(3) / "metrics.json")["corpora"]["emodb"], "as it was written"
    assert not closed_sets(result)
    lines = results.long([result]).query("fold == '3' and corpus == 'emodb' and metric == 'uar'")
    clips = result.predictions.query("fold == 3")
    present = sorted(clips.emotion.unique())
    recall = recall_score(clips.emotion, clips.prediction, labels=present, average="macro")
    assert lines.value.item() == pytest.approx(recall, abs=1e-6)


def test_a_closed_set_is_over_the_classes_of_the_corpus_in_every_fold(project):
    row = results.Row(profile="demo", protocol="speaker", scope="pooled", pipeline=PIPELINES[0], seed=0)
    english = clips(corpora=("emosynth-en",))
    german = clips(corpora=("emosynth-de",)).query("emotion != 'neutral'")
    folds = [pd.concat([english, german]), german.query("emotion == 'fear'").assign(id=lambda t: t.id + "+")]
    write(row, pd.concat([answered(table, hits=0.5, fold=fold, seed=fold) for fold, table in enumerate(folds)]))
    result = results.load(row)
    lines = results.long([result]).query("metric == 'closed_set_uar' and corpus == 'emosynth-de'").set_index("fold")
    assert set(lines.index) == {"all", "0", "1"} and closed_sets(result) == {"all", "0", "1"}
    fear = result.predictions.query("fold == 1")
    assert lines.value["1"] == pytest.approx((fear.p_fear > fear.p_anger).mean(), abs=1e-6)
    assert 0 < lines.value["1"] < 1, "of one class alone every answer would be right"


def test_what_differs_is_said(table):
    here = table.copy()
    line = value(here, corpus="overall", metric="uar")
    near = line.value + 0.9 * (line.high - line.value)
    changes = {("overall", "uar"): near, ("cremad", "uar"): 0.99, ("tess", "recall_fear"): 0.991}
    changes |= {("overall", "accuracy"): value(here, corpus="overall", metric="accuracy").value + 0.004}
    for (corpus, metric), changed in changes.items():
        here.loc[value(here, corpus=corpus, metric=metric).name, "value"] = changed
    gone = value(here, corpus="emodb", metric="uar").name
    here = here.drop(gone)
    here.loc[value(here, corpus="ravdess", metric="uar").name, "manifest"] = "another"
    lines = verification.compare(here, table)
    verdicts = {
        (corpus, metric): value(lines, corpus=corpus, metric=metric).verdict
        for corpus, metric in [*changes, ("emodb", "uar"), ("ravdess", "uar"), ("cremad", "accuracy")]
    }
    expected = ["within interval", "outside interval", "different", "equal", "missing here", "other partition", "equal"]
    assert list(verdicts.values()) == expected
    assert "missing here" in verification.summary(lines)
    assert set(verification.compare(table, here).verdict) >= {"new here"}


def test_a_row_that_left_its_interval_is_named(table):
    here = table.assign(value=table.value.where(table.metric != "uar", 0.999))
    text = verification.summary(verification.compare(here, table))
    assert "outside interval: egemaps-linear, speaker, pooled, seed 0: UAR here 0.999, committed" in text


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda table: table.drop(columns="low"), r"the results here lack the columns \['low'\]"),
        (lambda table: pd.concat([table, table[:1]]), "hold a number twice"),
    ],
)
def test_a_table_that_is_none_is_refused(table, spoil, sentence):
    with pytest.raises(ValueError, match=sentence):
        verification.compare(spoil(table), table)


def test_the_committed_table_is_that_of_the_committed_results(committed):
    there = pd.read_csv(paths.figures("thesis") / "results.csv", dtype={"fold": str})
    assert_frame_equal(results.long(committed.every), there, check_dtype=False, atol=1e-6)


@pytest.fixture
def others(project) -> Path:
    """A project with two rows, one of another partition and a torn one; the table of the first two."""
    rows = [results.Row(profile="demo", protocol="hash", scope="pooled", pipeline=p, seed=0) for p in PIPELINES]
    for row in rows:
        write(row, answered(clips(), hits=0.7))
    table = results.long(partitions.read("demo").every)
    write(rows[2], answered(clips(), hits=0.9), manifest="new")
    (rows[3].results(0) / "run.json").write_text("{")
    table[table.pipeline.isin(PIPELINES[:2])].to_csv(project / "committed.csv", index=False)
    return project / "committed.csv"


def test_what_cannot_be_compared_is_named_and_the_rest_is_compared(others, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["verification", "demo", "--against", str(others)])
    with pytest.raises(SystemExit) as ended:
        verification.main()
    said = capsys.readouterr()
    assert ended.value.code == 0 and "new here" not in said.out and "equal" in said.out
    assert f"`{PIPELINES[2]}` under `hash`" in said.err and "another version of the partition" in said.err
    assert f"`{PIPELINES[3]}` under `hash`" in said.err and "cannot be read" in said.err


def test_the_command_ends_with_1_where_numbers_differ(committed, tmp_path, monkeypatch, capsys):
    table = pd.read_csv(paths.figures("thesis") / "results.csv")
    table.loc[table.metric == "uar", ["value", "low", "high"]] = 0.5, 0.5, 0.5
    table.to_csv(tmp_path / "other.csv", index=False)
    monkeypatch.setattr(partitions, "read", lambda profile: committed)
    monkeypatch.setattr(sys, "argv", ["verification", "thesis", "--against", str(tmp_path / "other.csv")])
    with pytest.raises(SystemExit) as ended:
        verification.main()
    assert ended.value.code == 1 and "outside interval" in capsys.readouterr().out


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run(["git", "-C", str(root), *identity, *words], check=True, capture_output=True)


def table_of(root: Path, value: float) -> Path:
    """A table of results of the demo with one number."""
    file = root / "figures" / "demo" / "results.csv"
    storage.write_text(file, f"fold,manifest,value\nall,m,{value}\n")
    return file


def commit(root: Path, *files: str) -> None:
    git(root, "init")
    git(root, "add", "--all", *files)
    git(root, "commit", "--allow-empty", "-m", "results")


class TestCommitted:
    refused = r"no committed results of demo.*figures/demo/results\.csv.*--against"

    def test_is_that_of_the_last_commit_and_not_that_on_the_disk(self, project):
        table_of(project, 0.7)
        commit(project, "figures")
        table_of(project, 0.5)
        assert verification.committed("demo").value.tolist() == [0.7]
        shutil.rmtree(project / "figures")
        assert verification.committed("demo").value.tolist() == [0.7]

    @pytest.mark.parametrize("has_commits", [False, True])
    def test_is_refused_where_the_repository_does_not_track_it(self, project, has_commits):
        table_of(project, 0.5)
        storage.write_text(project / ".gitignore", "/figures/demo/\n")
        commit(project, ".gitignore") if has_commits else git(project, "init")
        with pytest.raises(FileNotFoundError, match=self.refused):
            verification.committed("demo")

    def test_is_refused_where_the_repository_cannot_be_asked(self, project, monkeypatch):
        table_of(project, 0.5)
        commit(project, "figures")
        monkeypatch.setenv("PATH", "")
        with pytest.raises(FileNotFoundError, match="no committed results of demo.*git is not installed"):
            verification.committed("demo")

    @pytest.mark.parametrize("is_installed", [True, False])
    def test_without_a_repository_it_is_that_on_the_disk_and_this_is_said(
        self, project, monkeypatch, capsys, is_installed
    ):
        file = table_of(project, 0.5)
        if not is_installed:
            monkeypatch.setenv("PATH", "")
        assert verification.committed("demo").value.tolist() == [0.5]
        assert f"no git repository here: compared with {file}" in capsys.readouterr().err

    def test_without_a_repository_and_a_table_it_is_refused(self, project):
        with pytest.raises(FileNotFoundError, match=self.refused):
            verification.committed("demo")


@pytest.fixture
def copied(others, project) -> Path:
    """The project with the code beside it, so that its root is the code's, and the table of two rows committed."""
    for folder in CODE:
        shutil.copytree(folder, project / folder.name)
    (project / "figures" / "demo").mkdir(parents=True)
    shutil.copy(others, project / "figures" / "demo" / "results.csv")
    commit(project, "figures")
    return project


@pytest.mark.parametrize(("hits", "code", "said"), [(0.7, 0, "equal"), (0.1, 1, f"outside interval: {PIPELINES[0]}")])
def test_the_command_itself_compares_with_the_last_commit(copied, hits, code, said):
    made = results.Row(profile="demo", protocol="hash", scope="pooled", pipeline=PIPELINES[0], seed=0)
    write(made, answered(clips(), hits=hits))
    table_of(copied, hits)  # made anew here: it is not what is compared with
    command = [sys.executable, "-m", "emolabs.experiments.verification", "demo"]
    environment = {**os.environ, "PYTHONPATH": str(copied)}
    done = subprocess.run(command, cwd=copied, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert said in done.stdout and "is left empty" in done.stderr and "Traceback" not in done.stderr
