"""Stability: counts and their bootstrap, subsets, cells that are resumed, ablations, seeds, what is said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import toy
import yaml
from test_paired import predictions, result

from emolabs import paths, reporting
from emolabs.experiments import (
    ablations,
    cells,
    counts,
    learning_curves,
    metrics,
    paired,
    results,
    seeds,
    stability,
    stability_drawings,
    train,
)
from emolabs.experiments.learning_curves import Design
from emolabs.extraction import functionals
from emolabs.modeling import classical
from emolabs.standardization import split, waveforms
from emolabs.standardization.normalization import Normalization

GOOD, BAD = predictions(hits=0.7, seed=1), predictions(hits=0.55, seed=2)
SMALL = Design(
    pipelines=["mfcc-linear"],
    curves=["hash pooled clips", "speaker pooled speakers", "speaker pooled spread"],
    fractions=[0.25],
    speakers=[4, 1000],
    draws=2,
)


def test_counts_give_the_uar_and_the_interval_that_predictions_give():
    probabilities = {f"p_{label}": 0.0 for label in ("anger", "fear", "neutral")}
    expected = metrics.score(GOOD.assign(**probabilities), labels=["anger", "fear", "neutral"])["uar"]
    values, samples = counts.bootstrap([counts.count(GOOD)])
    assert [values[0], *counts.bounds(samples[:, 0])] == pytest.approx(expected, abs=1e-12)


def test_differences_of_counts_are_those_of_paired_comparisons():
    expected = paired.compare(result(GOOD), result(BAD)).iloc[0]
    values, samples = counts.bootstrap([counts.count(GOOD), counts.count(BAD)])
    drawn = samples[:, 0] - samples[:, 1]
    found = counts.difference(values[0] - values[1], drawn, clips=len(GOOD))
    assert found.pop("interval_over") == expected.interval_over == "speakers"
    assert [*found.values()] == pytest.approx([expected.low, expected.high, expected.p], abs=1e-12)


def test_counts_that_no_draw_parts_have_the_exact_interval_of_so_many_clips():
    expected = paired.compare(result(GOOD), result(GOOD)).iloc[0]
    _, samples = counts.bootstrap([counts.count(GOOD), counts.count(GOOD)])
    found = counts.difference(0.0, samples[:, 0] - samples[:, 1], clips=len(GOOD))
    assert found == {name: expected[name] for name in ("low", "high", "p", "interval_over")}
    assert found["high"] == pytest.approx(1 - 0.025 ** (1 / len(GOOD)))


def test_few_speakers_have_no_interval_and_other_clips_no_comparison():
    two = GOOD[GOOD.speaker.isin(["a/0", "b/1"])]
    values, samples = counts.bootstrap([counts.count(two)])
    assert 0 < values[0] < 1 and np.isnan(samples).all()
    assert np.isnan(counts.difference(0.0, samples[:, 0], clips=len(two))["p"])
    with pytest.raises(ValueError, match="the same evaluated clips"):
        counts.bootstrap([counts.count(GOOD), counts.count(two)])


def test_holm_leaves_out_what_has_no_p():
    corrected = paired.holm(pd.Series([0.01, np.nan, 0.04]))
    assert corrected.tolist()[::2] == pytest.approx([0.02, 0.04]) and np.isnan(corrected[1])


def test_every_beginning_of_an_order_holds_its_share_of_every_stratum():
    strata = np.repeat(["a", "b", "c"], [700, 200, 20])
    order = learning_curves.systematic(strata, generator=np.random.default_rng(3))
    assert sorted(order) == list(range(len(strata)))
    for k in (50, 300, 919):
        for stratum, share in zip("abc", (700, 200, 20), strict=True):
            assert (strata[order[:k]] == stratum).sum() == pytest.approx(k * share / 920, abs=2)
    assert (order != learning_curves.systematic(strata, generator=np.random.default_rng(4))).any()


def test_subsets_are_nested_and_equally_many_clips_come_of_few_speakers_or_of_all():
    manifest = split.manifest(toy.index(), protocol="speaker")
    side = manifest[(manifest.fold == 0) & (manifest.split == "train")]
    ids = {
        (axis, size, draw): set(learning_curves.subset(side, axis=axis, size=size, draw=draw).id)
        for axis, sizes in {"clips": (0.1, 0.5), "speakers": (2, 4), "spread": (2, 4)}.items()
        for size in sizes
        for draw in (0, 1)
    }
    for axis, small, large in (("clips", 0.1, 0.5), ("speakers", 2, 4), ("spread", 2, 4)):
        assert ids[axis, small, 0] < ids[axis, large, 0]
        assert ids[axis, small, 0] != ids[axis, small, 1]
    heard = side[side.id.isin(ids["speakers", 2, 0])]
    assert heard.speaker.nunique() == 2 and len(heard) == side.speaker.isin(heard.speaker.unique()).sum()
    assert len(ids["spread", 2, 0]) == len(heard)
    assert side[side.id.isin(ids["spread", 2, 0])].speaker.nunique() > 2


@pytest.fixture
def profile(tmp_path, monkeypatch) -> str:
    """The toy profile in a project of its own, with parameters of its own."""
    for place, name, value in toy.sources(tmp_path / "project"):
        monkeypatch.setattr(place, name, value)
    toy.project()
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params")
    keep_results(False)
    return "toy"


def keep_results(keeps: bool) -> None:
    values = {"corpora": list(toy.SPEAKERS), "protocols": ["hash", "speaker"], "keep_results": keeps, "runs": []}
    (paths.PARAMS / "toy").mkdir(parents=True, exist_ok=True)
    (paths.PARAMS / "toy" / "profile.yaml").write_text(yaml.safe_dump(values))


def test_an_interrupted_design_goes_on_where_it_was_and_ends_the_same(profile, monkeypatch):
    design = replace(SMALL, curves=["hash pooled clips"], fractions=[0.1, 0.2], draws=3)
    learning_curves.measure(profile, design)
    file = cells.file(profile, learning_curves.DESIGN)
    expected, computed = pd.read_parquet(file), []
    file.unlink()
    honest = cells.train

    def counted(*arguments, **options):
        computed.append(arguments)
        if len(computed) == 4:
            raise KeyboardInterrupt
        return honest(*arguments, **options)

    monkeypatch.setattr(cells, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        learning_curves.measure(profile, design)
    assert pd.read_parquet(file).drop_duplicates(list(learning_curves.NAMES)).shape[0] == 3
    learning_curves.measure(profile, design)
    pd.testing.assert_frame_equal(pd.read_parquet(file), expected)
    names = expected[list(learning_curves.NAMES)].drop_duplicates()
    assert len(computed) == len(names) + 1 == 8  # the whole, two sizes three times, and what was interrupted


def test_the_whole_training_side_scores_as_the_run_does(profile):
    learning_curves.measure(profile, replace(SMALL, curves=["hash pooled clips"]))
    (line,) = learning_curves.table(profile).query("is_whole and on == 'overall'").itertuples()
    train(toy.LINEAR)
    expected = results.load(toy.LINEAR)
    scores = metrics.evaluate(expected.predictions, labels=expected.labels)["overall"]  # bootstrap, as of every size
    assert [line.uar, line.low, line.high] == pytest.approx(scores["uar"], abs=1e-12)
    assert line.train_clips == expected.facts["train_clips"]


def test_a_change_of_the_code_measures_again_or_marks_what_is_kept_stale(profile, monkeypatch):
    design = replace(SMALL, curves=["hash pooled clips"], draws=1)
    learning_curves.measure(profile, design)
    before = learning_curves.table(profile)
    assert not before.stale.any()
    toy.edit("modeling/classical.py", "CHANGED = True")
    assert learning_curves.table(profile).stale.all()
    keep_results(True)
    with monkeypatch.context() as patch:
        patch.setattr(cells, "train", None)  # nothing is trained
        learning_curves.measure(profile, design)
    keep_results(False)
    learning_curves.measure(profile, design)
    pd.testing.assert_frame_equal(learning_curves.table(profile), before)
    learning_curves.measure(profile, replace(design, fractions=[]))
    assert learning_curves.table(profile).empty, "what the design has no more is dropped, with its curve of one point"


def test_contrasts_pair_few_speakers_with_many_on_as_many_clips(profile):
    learning_curves.measure(profile, replace(SMALL, draws=1))  # 1000 speakers are more than any fold has
    points, (line,) = learning_curves.table(profile), learning_curves.contrasts(profile).itertuples()
    few, many = (
        points.query("axis == @axis and size == 4 and on == 'overall'").iloc[0] for axis in ("speakers", "spread")
    )
    assert (line.few, line.many) == pytest.approx((few.uar, many.uar))
    assert few.train_clips == many.train_clips == line.train_clips and line.low <= line.difference <= line.high
    assert few.train_speakers == 4 < many.train_speakers
    said = stability.contrasts_sentences(learning_curves.contrasts(profile))[0]
    assert reporting.interval(line.difference, line.low, line.high) in said
    shown = stability_drawings.panels(points)
    assert [title for title, _ in shown] == ["all corpora: more clips", "all corpora: few speakers or many"]
    for title, group in [*shown, *stability_drawings.corpora(points)]:  # a corpus of two speakers has no interval
        _, axis = reporting.figure()
        stability_drawings.draw_curves(axis, group, title=title)
        assert axis.get_title() == title and len(axis.lines) > 0
    assert len(stability.curves_table(points)) == (points.on == "overall").sum()


def test_without_measurements_tables_are_empty_and_a_wrong_design_is_a_sentence(profile):
    assert learning_curves.table(profile).empty and learning_curves.contrasts(profile).empty
    assert ablations.table(profile).empty and stability.curves_sentences(learning_curves.table(profile)) == []
    with pytest.raises(ValueError, match="protocol scope axis"):
        replace(SMALL, curves=["hash pooled hours"])
    with pytest.raises(ValueError, match="between 0 and 1"):
        replace(SMALL, fractions=[2.0])


@pytest.fixture
def recorded(profile, raw) -> str:
    """The toy profile with recordings of its second corpus, so quiet that no peak is ever bounded."""
    index = toy.index()
    for file in index.file[index.corpus == "emosynth-de"]:
        raw.write(file)
    waves = waveforms.build(
        index[index.corpus == "emosynth-de"], profile=profile, steps=Normalization(loudness_lufs=-40.0), workers=1
    )
    functionals.build(waves, branch="mfcc", profile=profile, workers=1)
    return profile


def test_a_step_that_changes_no_sample_changes_no_score(recorded):
    under = ["hash emosynth-de"]
    ablations.measure(recorded, pipelines=["mfcc-linear"], under=under, steps=["bound_peak", "none"], workers=1)
    table = ablations.table(recorded).set_index("steps")
    assert list(table.index) == ["all", "without bound_peak", "none"]
    assert table.difference["without bound_peak"] == 0 and np.isnan(table.difference["all"])
    assert table.uar["none"] - table.uar["all"] == pytest.approx(table.difference["none"])
    with pytest.raises(ValueError, match=r"no \['without echo'\]"):
        ablations.measure(recorded, pipelines=["mfcc-linear"], under=under, steps=["echo"], workers=1)
    with pytest.raises(ValueError, match="hears no functionals"):
        ablations.measure(recorded, pipelines=["logmel-cnn3-mean"], under=under, steps=[], workers=1)


def changes() -> pd.DataFrame:
    line = {
        "pipeline": "mfcc-linear",
        "protocol": "hash",
        "scope": "emodb",
        "clips": 44,
        "speakers": 10,
        "stale": False,
    }
    rows = [{"steps": "all", "uar": 0.7, "low": 0.6, "high": 0.8}]
    for steps, difference, p, over in (("without trim", -0.05, 0.01, "speakers"), ("none", 0.01, 0.5, "clips")):
        bounds = {"difference_low": difference - 0.02, "difference_high": difference + 0.02, "difference_over": over}
        rows.append({"steps": steps, "uar": 0.7 + difference, "low": 0.6, "high": 0.8, "p_holm": p} | bounds)
        rows[-1]["difference"] = difference
    return pd.DataFrame([line | row for row in rows])


def test_what_is_said_and_drawn_of_ablations_is_what_they_are():
    said = stability.ablations_sentences(changes())
    assert "margins kept: -5.0 [-7.0, -3.0] points" in said[0] and len(said) == 2
    assert said[1].startswith("1 of 2 differences") and "5.0 points" in said[1]
    assert list(stability.ablations_table(changes())["minus full chain"]) == [
        "–",
        "-5.0 [-7.0, -3.0]",
        "1.0 [-1.0, 3.0]†",
    ]
    _, axis = reporting.figure()
    stability_drawings.draw_ablations(axis, changes(), title="emodb, hash")
    assert [label.get_text() for label in axis.get_yticklabels()] == ["margins kept", "none of it"]
    assert [text.get_text() for text in axis.texts] == ["†"], "the second interval is over clips"


def runs_of(pipeline: str, hits: list[float], *, code: str = "now") -> list[results.Result]:
    found = []
    for seed, share in enumerate(hits):
        table = predictions(hits=share, seed=seed).assign(p_anger=0.0, p_fear=0.0, p_neutral=0.0)
        one = result(table, pipeline=pipeline)
        made = {"made_from": {"manifest": "m", "code": code, "seed": seed, "fold": 0}}
        scores = metrics.evaluate(table, labels=one.labels)
        found.append(replace(one, row=replace(one.row, seed=seed), runs=[made], scores=scores))
    return found


def test_seeds_are_counted_all_and_never_mixed_between_versions():
    several = runs_of("logmel-cnn3-mean", [0.5, 0.7, 0.6])
    older = runs_of("logmel-cnn3-mean", [0.9], code="old")
    lines = seeds.table([*several, *older, *runs_of("mfcc-linear", [0.7])])
    assert list(lines.runs) == [3, 1, 1] and list(lines.is_random) == [True, True, False]
    uars = [one.scores["overall"]["uar"] for one in several]
    scores = [uar[0] for uar in uars]
    line = lines.iloc[0]
    assert (line["mean"], line.lowest, line.highest) == pytest.approx((np.mean(scores), min(scores), max(scores)))
    assert line["range"] == pytest.approx(max(scores) - min(scores)) and [line.uar, line.low, line.high] == uars[0]
    said = stability.seeds_sentences(lines)
    assert "the seeds' range is wider" in said[0] and "over the seeds 0, 1, 2" in said[0]
    assert said[1].startswith("1 of 2 rows with a random start have one seed")
    table = stability.seeds_table(lines)
    assert list(table["lowest – highest"])[1:] == ["one seed", "no random start"]
    _, axis = reporting.figure()
    drawn, rest = stability_drawings.several(lines)
    stability_drawings.draw_seeds(axis, drawn)
    assert len(axis.get_yticklabels()) == 1 and rest == "; not drawn: 1 network with one seed"
    assert "mean of the seeds" in axis.get_legend_handles_labels()[1]


def test_a_linear_model_has_no_random_start():
    generator = np.random.default_rng(0)
    side = generator.standard_normal((60, 5)), generator.integers(0, 3, 60)
    models = [classical.fit_linear(side, validation=side, seed=seed)[0] for seed in (0, 1)]
    assert (models[0].predict_proba(side[0]) == models[1].predict_proba(side[0])).all()


@pytest.mark.parametrize(
    ("name", "table"), [("44_ablations", ablations.table), ("44_contrasts", learning_curves.contrasts)]
)
def test_the_committed_tables_are_those_of_the_committed_cells(name, table):
    committed = pd.read_csv(paths.figures("thesis") / f"{name}.csv").drop(columns="stale")
    expected = table("thesis")[committed.columns]
    pd.testing.assert_frame_equal(committed, expected, check_dtype=False, rtol=1e-9)
