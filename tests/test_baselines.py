"""What a row has to beat: the comparison with the linear model, its marks, and where they are shown."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from evaluated import answered, clips, write

from emolabs import paths, reporting
from emolabs.experiments import baselines, humans, paired, partitions, ranking, results
from emolabs.experiments.baselines import MARK, OPEN
from emolabs.experiments.runs import Row

LINEAR, CNN, EQUAL = "egemaps-linear", "logmel-cnn3-mean", "logmel-cnn3-attention"
HITS = {"constant": 0.33, LINEAR: 0.5, CNN: 0.9, EQUAL: 0.5}


def row(pipeline, **changes) -> Row:
    about = {"profile": "demo", "protocol": "hash", "scope": "pooled", "pipeline": pipeline, "seed": 0}
    return Row(**about | changes)


@pytest.fixture
def evaluation(tmp_path, monkeypatch):
    """Rows that beat the linear model and that do not, and one without a linear model to compare with."""
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / "results" / profile)
    monkeypatch.setattr(paths, "figures", lambda profile: tmp_path / "figures" / profile)
    for seed, (pipeline, hits) in enumerate(HITS.items()):
        write(row(pipeline), answered(clips(), hits=hits, seed=seed))
    write(row(CNN, protocol="speaker"), answered(clips(), hits=0.9))
    write(row(CNN, scope="emosynth-de"), answered(clips(corpora=("emosynth-de",)), hits=0.9))
    return partitions.read("demo")


def marked(compared: pd.DataFrame) -> dict[tuple, str]:
    keys = zip(compared.protocol, compared.scope, compared.pipeline, compared.on, strict=True)
    return dict(zip(keys, baselines.marks(compared), strict=True))


def test_differences_are_those_of_the_paired_comparison(evaluation):
    compared = baselines.compare(evaluation.found)
    by_name = {r.row.pipeline: r for r in evaluation.found if (r.row.protocol, r.row.scope) == ("hash", "pooled")}
    for on, line in paired.compare(by_name[CNN], by_name[LINEAR]).set_index("on").iterrows():
        (known,) = compared[
            (compared.pipeline == CNN)
            & (compared.protocol == "hash")
            & (compared.scope == "pooled")
            & (compared.on == on)
        ].to_dict("records")
        assert [known[f"linear_{n}"] for n in baselines.NUMBERS] == [line[n] for n in baselines.NUMBERS]
    constant = compared[compared.linear_low.notna() & (compared.pipeline == CNN) & (compared.on == "overall")].iloc[0]
    assert constant.constant_difference > constant.linear_difference > 0.2


def test_a_row_is_marked_unless_the_interval_lies_above_zero(evaluation):
    marks = marked(baselines.compare(evaluation.found))
    assert marks["hash", "pooled", CNN, "overall"] == "" and marks["hash", "pooled", EQUAL, "overall"] == MARK
    assert marks["hash", "pooled", LINEAR, "overall"] == marks["hash", "pooled", "constant", "overall"] == ""
    assert marks["speaker", "pooled", CNN, "overall"] == marks["hash", "emosynth-de", CNN, "overall"] == OPEN


def test_the_sentence_counts_networks_and_names_those_that_fail(evaluation):
    said = baselines.sentence(baselines.compare(evaluation.found))
    assert said.startswith("Of 2 results of networks, 1 beat `egemaps-linear`; these do not: `logmel-cnn3-attention`")
    assert "For 2 there is no `egemaps-linear`" in said


def test_the_table_shows_the_mark_behind_the_difference(evaluation):
    compared = baselines.compare(evaluation.found)
    shown = baselines.formatted(compared)[f"over {LINEAR} (points)"]
    equal = shown[(compared.pipeline == EQUAL) & (compared.on == "overall")].item()
    assert equal.endswith(f"] {MARK}") and "[" in equal
    assert MARK in baselines.LEGEND and OPEN in baselines.LEGEND


def test_cells_that_are_empty_say_why(evaluation):
    write(row("mfcc-linear"), answered(clips(), hits=0.9), manifest="old")
    (row("logmel-cnn3-flatten").results(0)).mkdir(parents=True)
    row("logmel-cnn3-flatten").summary.write_text('{"folds": [0]}')
    evaluation = partitions.read("demo")
    table = ranking.coverage(evaluation, baselines.compare(evaluation.found)).set_index("pipeline")
    assert (
        table.loc["mfcc-linear", "hash pooled"] == "other"
        and table.loc["logmel-cnn3-flatten", "hash pooled"] == "incomplete"
    )
    assert table.loc[LINEAR, "speaker pooled"] == "–" and table.loc[EQUAL, "hash pooled"].endswith(MARK)
    scores = {r.row.pipeline: r.scores["overall"]["uar"][0] for r in evaluation.found if r.row.protocol == "hash"}
    assert table.loc["constant", "hash pooled"] == f"{100 * scores['constant']:.1f}"


def test_the_figure_leaves_what_is_missing_empty_and_shows_listeners(evaluation, tmp_path):
    compared = baselines.compare(evaluation.found)
    scores = ranking.lines(evaluation, compared)
    band = pd.DataFrame({"corpus": ["emosynth-de"], "uar": [0.4], "low": [0.3], "high": [0.5], "clips": [9]})
    figure, axes = reporting.figure(cols=4, sharey=True)
    corpora = ["emosynth-de", "emosynth-en", "gone"]
    ranking.draw(axes, scores, evaluation=evaluation, corpora=corpora, humans=band)
    names = [label.get_text() for label in axes[0].get_yticklabels()][::-1]
    assert (
        names == [*ranking.shown(scores, evaluation.gaps)]
        and "constant" not in names
        or any("stale" in n for n in names)
    )
    assert "not run" in {text.get_text() for text in axes[0].texts}
    assert [len(axis.patches) for axis in axes] == [0, 1, 0, 0] and axes[1].patches[0].get_width() == pytest.approx(20)
    assert [text.get_text() for text in axes[3].texts] == ["absent"]
    told = [handle.get_label() for handle in ranking.legend(scores, band)]
    assert "white: does not beat egemaps-linear" in told and "listeners, audio: mean, 95 %" in told
    plt.close(figure)


def test_listeners_are_read_where_their_answers_are_published(evaluation, tmp_path):
    assert humans.scores("demo").empty and "52_human_vs_machine" in humans.sentence(humans.scores("demo"))
    columns = ["source", "judge", "score", "clips", "value", "low", "high", "against"]
    lines = [
        ("cremad", "listeners", "uar", 9, 0.4, 0.3, 0.5, "intended"),
        ("emodb", "x", "uar", 9, 0.4, 0, 1, "intended"),
    ]
    lines += [("simulated", "listeners", "uar", 9, 0.4, 0.3, 0.5, "intended")]
    paths.figures("demo").mkdir(parents=True)
    pd.DataFrame(lines, columns=columns).to_csv(paths.figures("demo") / "52_scores.csv", index=False)
    assert humans.scores("demo").to_dict("records") == [
        {"corpus": "cremad", "uar": 0.4, "low": 0.3, "high": 0.5, "clips": 9}
    ]


def test_the_committed_marks_are_those_of_the_committed_results():
    table = pd.read_csv(paths.figures("thesis") / "40_results.csv").fillna({"mark": ""})
    chosen = table[(table.protocol == "hash") & (table.scope == "tess")].reset_index(drop=True)
    about = {"profile": "thesis", "protocol": "hash", "scope": "tess", "seed": 0}
    found = [results.load(Row(**about, pipeline=name)) for name in chosen.pipeline]
    compared = baselines.compare(found)
    compared = compared[compared.on == "overall"].reset_index(drop=True)
    pd.testing.assert_series_equal(chosen.linear_low, compared.linear_low, rtol=1e-9)
    assert chosen["mark"].tolist() == baselines.marks(compared)


@pytest.mark.parametrize(
    ("handles", "marks"),
    [(ranking.legend_scopes, [OPEN, ""]), (lambda scores: ranking.legend(scores, scores), ["", ""])],
    ids=["40_scopes", "40_comparison with listeners"],
)
def test_the_legend_of_all_marks_fits_the_page(handles, marks):
    scores = pd.DataFrame({"speaker_overlap": [1.0, 0.0], "mark": marks})
    with plt.rc_context(reporting.style.STYLE):
        figure, _ = reporting.figure(height_in=3)
        legend = figure.legend(handles=handles(scores), loc="outside upper center", ncols=3)
        figure.draw_without_rendering()
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
