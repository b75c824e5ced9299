"""Code that was shown to compute the same: what stands on it, what is refused, and what is never written."""

import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest
import toy

from emolabs import params, paths, storage
from emolabs.experiments import again, digests, results, train
from emolabs.modeling import get_pipeline

MEAN = replace(toy.NETWORK, pipeline="logmel-cnn3-mean")
SEEDED = replace(toy.LINEAR, seed=1)
PARAMETERS = toy.training(epochs=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A toy project in which two networks, and a linear row from two seeds, are trained."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        toy.point(patch, root)
        toy.project()
        for row in (toy.NETWORK, MEAN, toy.LINEAR, SEEDED):
            train(row, parameters=PARAMETERS)
    return root


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    """A copy of it that the test may change."""
    shutil.copytree(trained, tmp_path / "project")
    toy.point(monkeypatch, tmp_path / "project")
    monkeypatch.setattr(params, "load", lambda profile, notebook: {})
    return tmp_path / "project"


def name(row, *, seed: str = "") -> str:
    return f"{row.pipeline} {row.protocol} {row.scope}{seed}"


def prove(monkeypatch, *names: str) -> None:
    """Run the command on rows of these names."""
    monkeypatch.setattr(sys, "argv", ["again", "toy", "--same-code", *names])
    again.main()


def raw(row) -> str:
    return digests.raw_digest(get_pipeline(row.pipeline))


def stale() -> set:
    return {result.row for result in results.find("toy") if result.stale}


def test_code_that_is_listed_counts_as_that_of_the_results(project):
    assert not paths.same_code().exists() and raw(toy.NETWORK) == digests.code_digest(get_pipeline(MEAN.pipeline))
    old, written = raw(toy.NETWORK), toy.NETWORK.folder(0).joinpath("metrics.json").stat().st_mtime_ns
    toy.edit("modeling/training.py", "EDITED = True")
    assert stale() == {toy.NETWORK, MEAN} and raw(toy.NETWORK) != old
    paths.same_code().write_text(f"code,same_as,rows\n{raw(toy.NETWORK)},{old},some row\n")
    assert not stale()
    train(toy.NETWORK, parameters=PARAMETERS)
    assert toy.NETWORK.folder(0).joinpath("metrics.json").stat().st_mtime_ns == written, "it was left alone"
    toy.edit("modeling/training.py", "EDITED = 2")
    assert stale() == {toy.NETWORK, MEAN}, "that is other code again"


def test_what_was_trained_before_its_code_was_listed_stands_too(project):
    old = raw(toy.NETWORK)
    toy.edit("modeling/training.py", "EDITED = True")
    train(MEAN, parameters=PARAMETERS)
    assert storage.read_json(MEAN.results(0) / "run.json")["made_from"]["code"] == raw(MEAN) != old
    written = MEAN.folder(0).joinpath("metrics.json").stat().st_mtime_ns
    paths.same_code().write_text(f"code,same_as,rows\n{raw(toy.NETWORK)},{old},some row\n")
    assert not stale()
    train(MEAN, parameters=PARAMETERS)
    assert MEAN.folder(0).joinpath("metrics.json").stat().st_mtime_ns == written


def test_rows_that_come_out_equal_are_written_a_line_for_each_digest(project, monkeypatch, capsys):
    then = {row: raw(row) for row in (toy.NETWORK, toy.LINEAR)}
    before = {file: file.read_bytes() for row in (MEAN, SEEDED) for file in row.results(0).iterdir()}
    toy.edit("experiments/learners.py", "EDITED = True")  # which every row rests on
    assert len(stale()) == 4
    prove(monkeypatch, name(toy.NETWORK), name(MEAN), name(SEEDED, seed=" 1"))
    lines, beside = pd.read_csv(paths.same_code()), {"beside": "the committed results"}
    assert lines.to_dict("records") == [
        {"code": raw(toy.NETWORK), "same_as": then[toy.NETWORK], "rows": f"{name(toy.NETWORK)}; {name(MEAN)}"} | beside,
        {"code": raw(toy.LINEAR), "same_as": then[toy.LINEAR], "rows": f"{name(SEEDED)} 1"} | beside,
    ]
    assert not stale() and f"{name(MEAN)}: equal to the bit" in capsys.readouterr().out
    assert before == {file: file.read_bytes() for file in before} and not list(project.glob("runs/toy/again*"))
    toy.edit("experiments/learners.py", "EDITED = 2")
    prove(monkeypatch, name(toy.LINEAR))
    assert pd.read_csv(paths.same_code()).same_as.tolist() == [*then.values(), then[toy.LINEAR]], "the first one's"
    assert stale() == {toy.NETWORK, MEAN}


def test_code_is_compared_with_older_code_where_a_machine_computes_otherwise(project, monkeypatch):
    old, rows = raw(toy.NETWORK), [name(toy.NETWORK)]
    file = toy.NETWORK.results(0) / "predictions.parquet"  # as another machine left it
    pd.read_parquet(file).assign(p_fear=lambda table: table.p_fear + 1e-6).to_parquet(file, index=False)
    monkeypatch.setattr(sys, "argv", ["again", "toy", *rows, "--keep", str(project / "old"), "--epochs", "2"])
    again.main()
    toy.edit("modeling/training.py", "EDITED = True")
    with pytest.raises(SystemExit, match="a probability differs by 1e-06"):
        prove(monkeypatch, *rows)
    with pytest.raises(SystemExit, match="rests on another parameters than"):
        prove(monkeypatch, *rows, "--against", str(project / "old"))
    prove(monkeypatch, *rows, "--against", str(project / "old"), "--epochs", "2")
    lines = pd.read_csv(paths.same_code())
    assert list(lines.beside) == ["the older code on one machine, 2 epochs"] and lines.same_as[0] == old
    assert not stale()
    toy.edit("modeling/training.py", "EDITED = 2")
    monkeypatch.setattr(sys, "argv", ["again", "toy", *rows, "--keep", str(project.parent / "new")])
    with pytest.raises(SystemExit):
        again.main()
    monkeypatch.setattr(sys, "argv", ["again", "toy", *rows, "--keep", str(project / "new"), "--epochs", "2"])
    with pytest.raises(SystemExit, match="the code has changed since"):
        again.main()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.assign(p_fear=table.p_fear + 1e-6), r"a probability differs by 1e-06"),
        (lambda table: table.assign(prediction="fear"), r"\d+ of \d+ answers differ"),
    ],
    ids=["probability", "answer"],
)
def test_one_row_that_differs_is_named_and_nothing_written_for_its_digest(project, monkeypatch, change, said):
    def drifted(row, **options):
        train(row, **options)
        if row.pipeline == MEAN.pipeline:
            file = row.results(0) / "predictions.parquet"
            change(pd.read_parquet(file)).to_parquet(file, index=False)

    monkeypatch.setattr(again, "train", drifted)
    toy.edit("experiments/learners.py", "EDITED = True")
    with pytest.raises(SystemExit, match=f"^{name(MEAN)}: .*{said}") as error:
        prove(monkeypatch, name(toy.NETWORK), name(MEAN), name(toy.LINEAR))
    assert isinstance(error.value.code, str), "which is exit status 1"
    assert pd.read_csv(paths.same_code()).code.tolist() == [raw(toy.LINEAR)]
    assert stale() == {toy.NETWORK, MEAN}


def test_another_course_of_the_training_is_a_difference(project, monkeypatch):
    toy.edit("modeling/training.py", "EDITED = True")
    file = toy.NETWORK.results(0) / "history.csv"
    history = pd.read_csv(file)
    history.assign(validation_loss=history.validation_loss + 1e-6).to_csv(file, index=False)
    with pytest.raises(SystemExit, match="the history of its training differs in fold 0"):
        prove(monkeypatch, name(toy.NETWORK))
    file.unlink()
    prove(monkeypatch, name(toy.NETWORK))
    assert not stale()


def test_code_that_is_edited_meanwhile_proves_nothing(project, monkeypatch):
    def edited(row, **options):
        train(row, **options)
        toy.edit("modeling/training.py", "EDITED = 2")

    monkeypatch.setattr(again, "train", edited)
    toy.edit("modeling/training.py", "EDITED = True")
    with pytest.raises(SystemExit, match="the code was edited meanwhile"):
        prove(monkeypatch, name(toy.NETWORK))
    assert not paths.same_code().exists()


class TestRefusals:
    @pytest.fixture(autouse=True)
    def untrained(self, project, monkeypatch):
        """Whatever is refused is refused before a row is trained."""
        monkeypatch.setattr(again, "train", None)

    def test_a_row_that_is_not_stale_needs_no_proof(self, monkeypatch, capsys):
        prove(monkeypatch, name(toy.NETWORK))
        assert capsys.readouterr().out == f"{name(toy.NETWORK)}: not stale, it needs no proof\n"
        assert not paths.same_code().exists()

    def test_features_of_other_code_are_no_matter_of_this(self, monkeypatch):
        toy.edit("modeling/training.py", "EDITED = True")
        toy.edit("extraction/spectrograms.py", "EDITED = True")
        with pytest.raises(SystemExit, match=f"{name(toy.NETWORK)}: the code of its features has changed as well"):
            prove(monkeypatch, name(toy.NETWORK))

    def test_rows_of_different_code_are_not_proved_together(self, monkeypatch):
        run = storage.read_json(MEAN.results(0) / "run.json")
        run["made_from"]["code"] = "other"
        storage.write_json(MEAN.results(0) / "run.json", run)
        toy.edit("modeling/training.py", "EDITED = True")
        with pytest.raises(SystemExit, match="were trained with different code \\(.*other\\): expected rows of one"):
            prove(monkeypatch, name(toy.NETWORK), name(MEAN))

    def test_code_counts_as_one_other_only(self, monkeypatch):
        toy.edit("modeling/training.py", "EDITED = True")
        paths.same_code().write_text(f"code,same_as,rows\n{raw(MEAN)},other,some row\n")
        with pytest.raises(SystemExit, match="counts as that of some row already"):
            prove(monkeypatch, name(MEAN))

    def test_an_unknown_row(self, monkeypatch):
        with pytest.raises(SystemExit, match="no finished row is called 'lda hash pooled': expected one such as 'log"):
            prove(monkeypatch, "lda hash pooled")
