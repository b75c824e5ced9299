"""Aims and claims: who speaks for them, what decides them, and what is said where rows are missing."""

import pandas as pd
import pytest
import yaml
from evaluated import answered, clips, write

from emolabs import paths
from emolabs.experiments import aims, choice, claims, partitions
from emolabs.experiments.choice import Cell
from emolabs.experiments.runs import Row
from emolabs.modeling import load_pipelines

LLD, WORSE, HSF, LSTM = "logmel-cnn3-mean", "logmel-cnn3-flatten", "whisper-cnn3-mean", "whisper-cnn3-lstm-mean"
AIM = {"aim": "a", "protocol": "hash", "scope": "pooled", "clips": "overall", "rows": "LLD", "metric": "accuracy"}
CLAIM = {"claim": "c", "protocol": "hash", "scope": "pooled", "clips": "overall"}
REACHES = CLAIM | {"rule": "reaches", "rows": "LLD", "metric": "accuracy"}
PART = CLAIM | {"rule": "part", "rows": "HSF", "part": "temporal", "with": "lstm", "without": "none"}


def row(pipeline, **changes) -> Row:
    about = {"profile": "demo", "protocol": "hash", "scope": "pooled", "pipeline": pipeline, "seed": 0}
    return Row(**about | changes)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Four rows; the LLD row that evaluates best is not the one that validates best."""
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / profile)
    for name in ("AIMS", "CLAIMS"):
        monkeypatch.setattr(paths, name, tmp_path / f"{name.lower()}.yaml")
    write(row(LLD), answered(clips(), hits=0.8), validation=0.9)
    write(row(WORSE), answered(clips(), hits=1.0), validation=0.1)
    write(row(HSF), answered(clips(), hits=0.9, seed=1), validation=0.6)
    write(row(LSTM), answered(clips(), hits=0.5, seed=2), validation=0.5)
    write(row(LLD, protocol="speaker"), answered(clips(), hits=0.6))
    return tmp_path


def reached(*rows) -> list[dict]:
    paths.AIMS.write_text(yaml.safe_dump(list(rows)))
    return aims.table(partitions.read("demo").found).to_dict("records")


def claimed(*rows) -> list[dict]:
    paths.CLAIMS.write_text(yaml.safe_dump(list(rows)))
    return claims.table(partitions.read("demo").found, profile="demo").to_dict("records")


def test_validation_chooses_and_the_number_of_candidates_is_said(project):
    (line,) = reached(AIM | {"at_least": 0.9})
    assert (line["pipeline"], line["candidates"], line["verdict"]) == (LLD, 2, "missed")
    (line,) = reached(AIM | {"at_least": 0.9, "rows": "any"})
    assert (line["pipeline"], line["candidates"]) == (LLD, 4)


def test_where_validation_cannot_decide_it_is_said(project):
    write(row(HSF), answered(clips(), hits=0.9, seed=1), validation=0.9)
    (line,) = reached(AIM | {"at_least": 0.9, "rows": "any"})
    assert (line["pipeline"], line["candidates"], line["tied"]) == (min(LLD, HSF), 4, 2)
    shown = aims.formatted(aims.table(partitions.read("demo").found))
    assert shown["chosen on validation"][0].endswith("(of 4; 2 tie)")
    assert "(2 tie)" in claimed(REACHES | {"at_least": 0.1, "rows": "any"})[0]["reason"]
    (alone,) = reached(AIM | {"at_least": 0.9})
    assert alone["tied"] == 1 and "tie" not in aims.formatted(pd.DataFrame([alone]))["chosen on validation"][0]
    assert alone["value_tied"] == "" and aims.formatted(pd.DataFrame([alone]))["value (%)"][0][-1] in "]†"


def test_the_range_of_tied_rows_stands_beside_the_first_of_them(project):
    write(row(HSF), answered(clips(), hits=0.9, seed=1), validation=0.9)
    asked = AIM | {"at_least": 0.9, "rows": "any", "beside": "speaker"}
    assert reached(asked)[0]["beside_tied"] == "", "one of them alone has been run with new speakers"
    write(row(HSF, protocol="speaker"), answered(clips(), hits=0.3))
    there = {
        (r.row.protocol, r.row.pipeline): r.scores["overall"]["accuracy"][0] for r in partitions.read("demo").found
    }
    ends = {
        p: " to ".join(f"{100 * v:.1f}" for v in sorted((there[p, LLD], there[p, HSF]))) for p in ("hash", "speaker")
    }
    (line,) = reached(asked)
    assert (line["value_tied"], line["beside_tied"]) == (ends["hash"], ends["speaker"])
    shown = aims.formatted(pd.DataFrame([line])).loc[0]
    assert shown["value (%)"].endswith(f"(the tied: {ends['hash']})")
    assert shown["new speakers (%)"].endswith(f"(the tied: {ends['speaker']})")
    (claim,) = claimed(REACHES | {"at_least": 0.1, "rows": "any", "beside": "speaker"})
    assert claim["new_speakers"].endswith(f"(the tied: {ends['speaker']})")


def test_a_level_is_met_from_it_or_over_it(project):
    value = reached(AIM | {"at_least": 0.0})[0]["value"]
    lines = reached(AIM | {"at_least": value}, AIM | {"above": value}, AIM | {"above": value - 0.3})
    assert [line["verdict"] for line in lines] == ["reached", "missed", "reached"]
    assert [line["reason"] == aims.INSIDE for line in lines] == [True, True, False]


def test_the_same_pipeline_stands_beside_it_for_new_speakers(project):
    lines = reached(AIM | {"above": 0.1, "beside": "speaker"}, AIM | {"above": 0.1, "rows": "HSF", "beside": "speaker"})
    known = {r.row.protocol: r for r in partitions.read("demo").found if r.row.pipeline == LLD}["speaker"]
    assert lines[0]["beside_value"] == known.scores["overall"]["accuracy"][0]
    shown = aims.formatted(aims.table(partitions.read("demo").found))["new speakers (%)"]
    assert f"{100 * lines[0]['beside_value']:.1f}" in shown[0] and shown[1] == "not run"


def test_aims_without_rows_or_protocol_say_so(project):
    lines = reached(AIM | {"above": 0.1, "rows": "tuned"}, AIM | {"above": 0.1, "protocol": "loso"})
    assert [line["verdict"] for line in lines] == ["not run", "not run"]
    assert "no such row" in lines[0]["reason"] and "no protocol loso" in lines[1]["reason"]
    said = aims.sentences(aims.table(partitions.read("demo").found))
    assert said[0] == "Of 2 aims 0 are reached, 0 are missed, 2 are not run." and len(said) == 3


def test_a_published_level_is_that_of_the_table(project):
    published = {"protocol": "ravdess-6fold", "scope": "ravdess", "published": "Whisper-large-v3 frozen"}
    (line,) = reached(AIM | published)
    rows = yaml.safe_load(paths.PUBLISHED.read_text(encoding="utf-8"))
    (theirs,) = [r["uar"] for r in rows if r["model"] == published["published"]]
    assert line["level"] == pytest.approx(float(theirs) / 100) and line["sign"] == ">"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (AIM, "row 1: expected aim, clips"),
        (AIM | {"above": 0.1, "at_least": 0.1}, "one of at_least, above, published"),
        (AIM | {"published": "nobody"}, "expected one row of published.yaml for nobody"),
        (AIM | {"above": 0.1, "rows": "all"}, "expected rows among any, LLD"),
    ],
)
def test_rows_that_are_none_are_refused(project, row, sentence):
    with pytest.raises(ValueError, match=sentence):
        reached(row)


def test_a_claim_about_a_level_is_decided_by_value_and_interval(project):
    value = claimed(REACHES | {"at_least": 0.1})[0]["value"]
    lines = claimed(*(REACHES | {"at_least": level} for level in (0.1, value - 0.001, value + 0.001, 0.999)))
    assert [line["verdict"] for line in lines] == [claims.HOLDS, claims.OPEN, claims.OPEN, claims.FAILS]
    assert [aims.INSIDE in line["reason"] for line in lines] == [False, True, True, False]


def test_a_claim_about_a_part_compares_rows_that_differ_in_it_alone(project):
    worse, better = claimed(PART | {"direction": "worse"}, PART | {"direction": "better"})
    assert (worse["verdict"], better["verdict"]) == (claims.HOLDS, claims.FAILS)
    assert worse["reason"].startswith(f"{LSTM}") and f"− {HSF}" in worse["reason"] and worse["high"] < 0
    write(row(LSTM), answered(clips(), hits=0.9, seed=5))
    (even,) = claimed(PART | {"direction": "worse"})
    assert even["verdict"] == claims.OPEN and "no difference can be told" in even["reason"]


def test_a_claim_of_the_best_is_against_all_others(project):
    best = CLAIM | {"rule": "best", "rows": "tuned"}
    (line,) = claimed(best)
    assert line["verdict"] == claims.OPEN and "whisper-direct-attention-full" in line["reason"]
    write(row("whisper-direct-attention-full"), answered(clips(), hits=0.3, seed=7), validation=0.2)
    (line,) = claimed(best)
    assert line["verdict"] == claims.FAILS and f"− {LLD}" in line["reason"]


def test_what_is_declared_can_be_decided():
    for claim in claims.declared():
        assert claim["rows"] in choice.GROUPS
    assert {aim["rows"] for aim in aims.declared()} <= set(choice.GROUPS)
    assert claims.levels() == {"99.5 %": 0.995, "73.5 %": 0.735}


def test_kinds_of_rows_leave_out_the_constant_answer(project):
    write(row("constant"), answered(clips(), hits=0.3), validation=0.99)
    found = partitions.read("demo").found
    assert len(choice.candidates(found, cell=Cell("hash", "pooled", "overall"), rows="any")) == 4
    tuned = {name for name, pipeline in load_pipelines().items() if choice.GROUPS["tuned"](pipeline)}
    assert "whisper-direct-attention-full" in tuned and HSF not in tuned
