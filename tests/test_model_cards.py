"""Model cards say what results and registry say, where a row is finished and nowhere else."""

import sys
from dataclasses import fields, replace

import pytest
from evaluated import answered, clips, write

from emolabs import paths, storage
from emolabs.corpora import REGISTRY
from emolabs.experiments import metrics, model_cards, results
from emolabs.experiments.runs import Row
from emolabs.reporting import interval

ROWS = {
    "known": Row(profile="thesis", protocol="hash", scope="pooled", pipeline="mfcc-linear", seed=0),
    "new": Row(profile="thesis", protocol="speaker", scope="pooled", pipeline="mfcc-linear", seed=0),
    "two speakers": Row(profile="thesis", protocol="tess-actress", scope="tess", pipeline="egemaps-linear", seed=0),
}


@pytest.fixture(scope="module", params=ROWS)
def case(request) -> tuple[str, results.Result]:
    """A committed result and what is special in it."""
    return request.param, results.load(ROWS[request.param])


def test_a_card_has_the_scores_the_overlap_and_the_terms(case):
    name, result = case
    page = model_cards.card(result)
    assert page.startswith(f"# {result.row.pipeline}, {result.row.protocol}, {result.row.scope}, seed 0\n")
    for score in ("accuracy", "uar", "macro_f1"):
        assert interval(*result.scores["overall"][score]) in page
    share = f"{100 * result.facts['speaker_overlap']:.0f} %"
    assert f"| evaluated clips whose speaker was heard in training | {share} |" in page
    assert share == ("100 %" if name == "known" else "0 %")
    for key in result.corpora:
        assert f"| {REGISTRY[key].licence} | {REGISTRY[key].citation} |" in page
    assert "from Opus copies" in page and "read from Opus copies" in page


def test_a_card_says_what_its_intervals_cover(case):
    name, result = case
    page = model_cards.card(result)
    assert ("only as far as these were heard in training" in page) == (name == "known")
    assert ("they do not cover new speakers" in page) == ("tess" in result.corpora)
    assert ("They cover other speakers" in page) == (name != "two speakers")


def test_a_card_says_where_an_interval_is_exact(case):
    result = case[1]
    right = result.predictions.assign(prediction=result.predictions.emotion)
    scores = metrics.exact(metrics.evaluate(right, labels=result.labels))
    page = model_cards.card(replace(result, scores=scores))
    assert "| clips, exact |" in page and "Clopper & Pearson" in page
    assert "fewer than six speakers" not in page and "Intervals over speakers" not in page
    assert "Clopper & Pearson" not in model_cards.card(result)


def test_a_card_of_synthetic_speech_says_that_it_is_nobodys(case):
    result = case[1]
    runs = [run | {"data": run["data"] | {"corpora": ["emosynth-en"], "opus": 0.0}} for run in result.runs]
    page = model_cards.card(replace(result, runs=runs))
    assert "spoken by a synthesizer" in page and "acted" not in page and "Opus" not in page


def test_a_card_says_how_busy_the_machine_was_where_every_fold_does(case):
    result = case[1]
    shares = [{"cpu_utilization": 0.2, "gpu_utilization": None}, {"cpu_utilization": 0.8, "gpu_utilization": 0.9}]
    folds = [result.runs[0] | share | {"seconds": s} for share, s in zip(shares, (30.0, 10.0), strict=True)]
    page = model_cards.card(replace(result, runs=folds))
    assert ", 40 s, CPU 35 % busy |" in page, "a fold without a GPU's share has none to add up"
    assert "GPU 90 % busy" in model_cards.card(replace(result, runs=folds[1:]))
    older = [{key: value for key, value in run.items() if "utilization" not in key} for run in result.runs]
    assert "busy" not in model_cards.card(replace(result, runs=older)), "they do not say"


def test_corpora_of_the_users_own_that_are_gone_are_named_without_terms(case):
    result = case[1]
    runs = [run | {"data": run["data"] | {"corpora": ["mine"]}} for run in result.runs]
    assert "| mine | 0 | its description is not here |" in model_cards.card(replace(result, runs=runs))


def test_cards_lie_beside_the_summary_and_in_the_runs_that_are_there(case, tmp_path, monkeypatch):
    result = case[1]
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    first = result.row.folder(0)
    first.mkdir(parents=True)
    written = model_cards.write(result)
    assert written == [result.row.summary.with_suffix(".md"), first / "card.md"]
    assert {file.read_text() for file in written} == {model_cards.card(result)}


def test_a_torn_row_is_named_and_the_others_have_their_cards(project, monkeypatch, capsys):
    good, torn = (replace(ROWS["known"], profile="demo", pipeline=name) for name in ("mfcc-linear", "whisper-linear"))
    for row in (good, torn):
        write(row, answered(clips(), hits=0.7))
    (torn.results(0) / "run.json").write_text("{")
    monkeypatch.setattr(model_cards, "card", lambda result: result.row.pipeline)
    monkeypatch.setattr(sys, "argv", ["model_cards", "demo"])
    model_cards.main()
    said = capsys.readouterr()
    assert good.summary.with_suffix(".md").is_file() and said.out.startswith("1 model cards")
    assert "whisper-linear under hash" in said.err and "cannot be read" in said.err


def test_committed_cards_are_there_and_every_eighth_is_that_of_its_result():
    summaries = sorted(paths.results("thesis").glob("*/*/*/seed*.json"))
    assert [file for file in summaries if not file.with_suffix(".md").is_file()] == [], "run `make cards`"
    for file in summaries[::8]:
        said = storage.read_json(file)
        page = model_cards.card(results.load(Row(**{field.name: said[field.name] for field in fields(Row)})))
        assert file.with_suffix(".md").read_text(encoding="utf-8") == page, f"{file}: run `make cards`"
