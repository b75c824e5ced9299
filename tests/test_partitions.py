"""Results that do not belong together: which are left out of the evaluation, and that this is said."""

import sys

import pandas as pd
import pytest
from evaluated import answered, clips, write

from emolabs import paths, storage
from emolabs.experiments import aims, baselines, claims, costs, paired, partitions, ranking, results, retraining
from emolabs.experiments.runs import Row

LINEAR, CNN, OTHER = "mfcc-linear", "logmel-cnn3-mean", "logmel-cnn3-attention"


def row(pipeline=LINEAR, **changes) -> Row:
    about = {"profile": "demo", "protocol": "hash", "scope": "pooled", "pipeline": pipeline, "seed": 0}
    return Row(**about | changes)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the results of three rows of one partition."""
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / profile)
    for seed, pipeline in enumerate((LINEAR, CNN, OTHER)):
        write(row(pipeline), answered(clips(), hits=0.7, seed=seed))
    return tmp_path


def left_out(evaluation) -> dict[str, str]:
    """The reason why a row of the demo has no place, by pipeline; those that were never run aside."""
    gaps = evaluation.gaps[evaluation.gaps.reason != partitions.NOT_RUN]
    return dict(zip(gaps.pipeline, gaps.reason, strict=True))


def kept(evaluation) -> set[str]:
    return {result.row.pipeline for result in evaluation.found}


def test_rows_of_one_partition_stand_together(project):
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, CNN, OTHER} and not left_out(evaluation)
    assert not evaluation.sentences()


def test_what_was_to_be_run_and_was_not_is_a_gap(project):
    gaps = partitions.read("demo").gaps
    never = gaps[gaps.reason == partitions.NOT_RUN]
    assert {("hash", "egemaps-linear"), ("speaker", LINEAR)} <= set(zip(never.protocol, never.pipeline, strict=True))
    assert ("hash", LINEAR) not in set(zip(never.protocol, never.pipeline, strict=True))


@pytest.mark.parametrize("name", ["predictions.parquet", "run.json", "metrics.json"])
def test_a_row_whose_fold_is_gone_is_named_and_the_others_stay(project, name):
    (row(CNN).results(0) / name).unlink()
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, OTHER} and left_out(evaluation) == {CNN: partitions.BROKEN}
    (said,) = evaluation.sentences()
    assert f"fold0/seed0/{name}" in said and "train the row again" in said
    with pytest.raises(FileNotFoundError, match="restore them, or delete the summary"):
        results.find("demo")


@pytest.mark.parametrize("name", ["predictions.parquet", "run.json", "metrics.json"])
def test_a_torn_file_is_a_sentence_and_no_traceback(project, name):
    (row(CNN).results(0) / name).write_text("{")
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, OTHER} and left_out(evaluation) == {CNN: partitions.BROKEN}
    assert "cannot be read" in evaluation.sentences()[0]


def spoil(file, *keys, **values):
    """Take the keys out of a JSON file, `part.key` out of one of its parts, and put values into it."""
    content = storage.read_json(file)
    for key in keys:
        part, _, name = key.rpartition(".")
        del (content[part] if part else content)[name]
    for key, value in values.items():
        part, _, name = key.rpartition("__")
        (content[part] if part else content)[name] = value
    storage.write_json(file, content)


@pytest.mark.parametrize("key", ["made_from", "data", "seconds", "machine"]
                         + [f"made_from.{key}" for key in ("code", "fold", "manifest", "parameters", "parts")]
                         + [f"data.{key}" for key in ("clips", "corpora", "opus", "overlap", "speakers")])  # fmt: skip
def test_a_run_that_does_not_say_how_it_came_about_is_named_and_the_others_stay(project, key):
    spoil(row(CNN).results(0) / "run.json", key)
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, OTHER} and left_out(evaluation) == {CNN: partitions.BROKEN}
    (said,) = evaluation.sentences()
    assert f"fold0/seed0/run.json lacks {key}" in said and "train the row again" in said


@pytest.mark.parametrize("key", ["labels", "overall", "corpora"])
def test_a_fold_without_a_score_is_named_and_the_others_stay(project, key):
    spoil(row(CNN).results(0) / "metrics.json", key)
    evaluation = partitions.read("demo")
    assert left_out(evaluation) == {CNN: partitions.BROKEN}
    assert f"fold0/seed0/metrics.json lacks {key}" in evaluation.sentences()[0]


@pytest.mark.parametrize(
    "values",
    [
        {"data__corpora": None},
        {"data__clips": None},
        {"data__overlap": {}},
        {"data__opus": "some"},
        {"made_from__manifest": None},
        {"made_from__parts": {"branch": "none", "backbone": "constant", "depth": 3}},
        {"made_from__parts": {"branch": "wavlm", "backbone": "linear"}},
        {"made_from": []},
        {"seconds": "long"},
    ],
)
def test_a_run_that_says_what_this_code_does_not_know_is_named_and_the_others_stay(project, values):
    spoil(row(CNN).results(0) / "run.json", **values)
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, OTHER} and left_out(evaluation) == {CNN: partitions.BROKEN}
    assert "cannot be read" in evaluation.sentences()[0] and "train the row again" in evaluation.sentences()[0]


@pytest.mark.parametrize("gone", [row("whisper-gone"), row("lda", seed=2), row(protocol="gone")])
def test_what_left_the_tables_is_named_and_the_evaluation_goes_on(project, gone):
    write(gone, answered(clips(), hits=0.9))
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, CNN, OTHER} and left_out(evaluation) == {gone.pipeline: partitions.GONE}
    assert "any more" in evaluation.sentences()[0]
    found = evaluation.found
    assert len(claims.table(found, profile="demo")) and len(aims.table(found))
    assert set(costs.measure("demo", found).pipeline) == {LINEAR, CNN, OTHER}
    covered = ranking.coverage(evaluation, baselines.compare(found))
    assert gone.pipeline == LINEAR or gone.pipeline not in set(covered.pipeline)
    assert not any(gone.protocol in column for column in covered) or gone.protocol == "hash"


class TestTrainedAgain:
    """What `make retrain` asks for."""

    def listed(self, monkeypatch, capsys) -> set[str]:
        monkeypatch.setattr(sys, "argv", ["retraining", "demo"])
        retraining.main()
        self.said = capsys.readouterr()
        return {summary.split("/")[-2] for summary in self.said.out.split()}

    @pytest.fixture
    def project(self, project, monkeypatch):
        monkeypatch.setattr(paths, "ROOT", project)
        monkeypatch.setattr(results, "_is_stale", lambda made_from: made_from["manifest"] == "old0")
        return project

    def test_is_what_is_stale(self, project, monkeypatch, capsys):
        assert not self.listed(monkeypatch, capsys) and not self.said.err
        write(row(CNN), answered(clips(), hits=0.7), manifest="old")
        assert self.listed(monkeypatch, capsys) == {CNN} and not self.said.err
        assert self.said.out == f"demo/hash/pooled/{CNN}/seed0.json\n"

    @pytest.mark.parametrize("name", ["predictions.parquet", "run.json", "metrics.json"])
    def test_is_what_cannot_be_read_and_why_is_said(self, project, monkeypatch, capsys, name):
        (row(CNN).results(0) / name).write_text("{")
        (row(OTHER).results(0) / name).unlink()
        row().summary.write_text("{")
        assert self.listed(monkeypatch, capsys) == {LINEAR, CNN, OTHER}
        assert "cannot be read" in self.said.err and f"fold0/seed0/{name}" in self.said.err

    def test_is_nothing_that_left_the_tables(self, project, monkeypatch, capsys):
        write(row("whisper-gone"), answered(clips(), hits=0.7), manifest="old")
        assert not self.listed(monkeypatch, capsys)
        assert "whisper-gone" in self.said.err and "any more" in self.said.err


def test_a_row_of_another_manifest_is_left_out_and_named(project):
    write(row(CNN), answered(clips(), hits=0.9), manifest="new")
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, OTHER} and left_out(evaluation) == {CNN: partitions.OTHER}
    assert CNN in evaluation.sentences()[0] and "another version of the partition" in evaluation.sentences()[0]


def test_the_same_manifest_with_other_evaluated_clips_is_another_version(project):
    write(row(CNN), answered(clips()[1:], hits=0.9))
    assert left_out(partitions.read("demo")) == {CNN: partitions.OTHER}


def test_a_corpus_that_is_absent_here_is_named(project):
    english = clips(corpora=("emosynth-en",))
    write(row(OTHER), answered(english, hits=0.9), manifest="fewer")
    evaluation = partitions.read("demo")
    assert left_out(evaluation) == {OTHER: partitions.OTHER} and "without emosynth-de" in evaluation.sentences()[0]
    for pipeline in (LINEAR, CNN):
        write(row(pipeline), answered(english, hits=0.9), manifest="fewer")
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, CNN, OTHER}, "where all rows lack it they can be compared"
    assert evaluation.absent == {("hash", "pooled"): ["emosynth-de"]}
    assert "emosynth-de" in evaluation.sentences()[0]


def test_a_protocol_of_one_corpus_lacks_no_other(project):
    of_one = row(protocol="ravdess-6fold")
    write(of_one, answered(clips(corpora=("ravdess",)), hits=0.9))
    evaluation = partitions.read("demo")
    assert of_one in [result.row for result in evaluation.found]
    assert not evaluation.absent and not evaluation.sentences()


def test_folds_of_two_versions_are_no_result(project):
    folds = pd.concat([answered(clips(), hits=0.7, fold=0), answered(clips(), hits=0.7, fold=1)])
    write(row(CNN, protocol="speaker"), folds)  # each clip is evaluated twice
    assert left_out(partitions.read("demo")) == {CNN: partitions.MIXED}


def test_folds_with_other_corpora_are_no_result(project):
    german, english = (clips(corpora=(corpus,)) for corpus in ("emosynth-de", "emosynth-en"))
    first, second = row(CNN, protocol="speaker"), answered(english, hits=0.7, fold=1)
    write(first, second, corpora=["emosynth-en"])
    write(first, answered(german, hits=0.7, fold=0), corpora=["emosynth-de"])
    first.summary.write_text('{"folds": [0, 1]}')
    assert left_out(partitions.read("demo")) == {CNN: partitions.MIXED}


def test_most_rows_decide_and_the_order_of_files_does_not(project):
    for pipeline in (CNN, OTHER):
        write(row(pipeline), answered(clips(), hits=0.9), manifest="new")
    assert left_out(partitions.read("demo")) == {LINEAR: partitions.OTHER}
    write(row("egemaps-linear"), answered(clips(speakers=10), hits=0.5))
    write(row("constant"), answered(clips(speakers=10), hits=0.3))
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {CNN, OTHER}, "of two versions with as many rows the one with more clips"


def test_a_row_has_one_voice_whatever_its_seeds(project):
    for seed in range(4):
        write(row(CNN, seed=seed), answered(clips(), hits=0.9), manifest="new")
    evaluation = partitions.read("demo")
    assert kept(evaluation) == {LINEAR, OTHER} and left_out(evaluation) == {CNN: partitions.OTHER}
    assert len(evaluation.gaps[evaluation.gaps.reason == partitions.OTHER]) == 4, "every seed is named"


def test_seeds_and_protocols_have_partitions_of_their_own(project):
    write(row(CNN, protocol="speaker"), answered(clips(), hits=0.5), manifest="other")
    write(row(CNN, seed=1), answered(clips(), hits=0.5))
    assert not left_out(partitions.read("demo"))


def test_a_row_stands_with_its_first_seed_and_all_seeds_are_there_to_be_compared(project):
    write(row(CNN, seed=1), answered(clips(), hits=1.0))
    write(row(CNN, protocol="speaker", seed=3), answered(clips(), hits=0.5))
    write(row(CNN, protocol="speaker", seed=2), answered(clips(), hits=0.5))
    evaluation = partitions.read("demo")
    found = {(r.row.protocol, r.row.pipeline): r.row.seed for r in evaluation.found}
    assert found == {("hash", LINEAR): 0, ("hash", CNN): 0, ("hash", OTHER): 0, ("speaker", CNN): 2}
    assert len(evaluation.found) == 4 and len(evaluation.every) == 6


def test_where_the_first_seed_is_not_comparable_the_next_one_stands(project):
    write(row(CNN), answered(clips(), hits=0.9), manifest="new")
    write(row(CNN, seed=1), answered(clips(), hits=0.5))
    evaluation = partitions.read("demo")
    assert {r.row.pipeline: r.row.seed for r in evaluation.found} == {LINEAR: 0, CNN: 1, OTHER: 0}
    assert left_out(evaluation) == {CNN: partitions.OTHER}


def test_without_results_it_says_what_makes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / profile)
    with pytest.raises(FileNotFoundError, match="make reproduce PROFILE=demo"):
        partitions.read("demo")


def test_pairs_of_two_partitions_are_refused_with_a_sentence(project):
    write(row(CNN), answered(clips(), hits=0.9), manifest="new")
    write(row(CNN, protocol="speaker"), answered(clips(corpora=("emosynth-en",)), hits=0.9))
    one, other, fewer = map(results.load, (row(), row(CNN), row(CNN, protocol="speaker")))
    with pytest.raises(ValueError, match="mfcc-linear under hash and logmel-cnn3-mean under hash rest on two versions"):
        paired.compare(one, other)
    with pytest.raises(ValueError, match="on other corpora: emosynth-de"):
        paired.compare(one, fewer)
    assert paired.refusal(one, one) == ""
