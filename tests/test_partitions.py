"""Results that do not belong together: which are left out of the evaluation, and that this is said."""

import pandas as pd
import pytest
from evaluated import answered, clips, write

from emolabs import paths
from emolabs.experiments import paired, partitions, results
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
