"""What a pipeline costs: counts by hand, what cannot be counted, and the figure."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from evaluated import answered, clips, write

from emolabs import paths, reporting
from emolabs.experiments import baselines, costs, partitions, results
from emolabs.experiments.runs import Row


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path / "results" / profile)
    monkeypatch.setattr(paths, "interim", lambda profile: tmp_path / "interim" / profile)
    about = {"profile": "demo", "protocol": "hash", "scope": "pooled", "seed": 0}
    for pipeline in ("constant", "mfcc-linear"):
        write(Row(**about, pipeline=pipeline), answered(clips(), hits=0.7))
    return partitions.read("demo").found


def test_without_features_the_row_says_what_counts_it(found):
    table = costs.load("demo", found).set_index("pipeline")
    assert table.operations["constant"] == 0 and pd.isna(table.operations["mfcc-linear"])
    assert "python -m emolabs.experiments.costs demo" in table.missing["mfcc-linear"]


def test_a_committed_count_is_taken_and_drawn(found):
    counts = "pipeline,parameters,trained,operations,encoder_parameters,encoder_operations\nmfcc-linear,90,90,70,5,6\n"
    (paths.results("demo") / "costs.csv").write_text(counts)
    scores = results.table(found)
    lines = scores[scores.on == "overall"].reset_index(drop=True)
    priced = costs.table(lines, costs.load("demo", found), devices=costs.devices(found)).set_index("pipeline")
    assert priced.all_parameters["mfcc-linear"] == 95 and priced.all_operations["mfcc-linear"] == 76
    assert not costs.missing(priced.reset_index()) and (priced.device == "cpu").all()
    figure, axes = reporting.figure(cols=3)
    costs.draw(axes, priced.reset_index())
    assert axes[0].get_legend_handles_labels()[1] == ["mfcc-linear (stale)"]
    assert "do not compare between rows" in costs.caption(priced) and costs.SECONDS in costs.LEGEND
    assert "GPU" not in costs.caption(priced) and "GPU" in costs.caption(priced.assign(device="cuda"))
    assert costs.formatted(priced.reset_index()).pipeline.tolist() == ["constant", "mfcc-linear"]
    plt.close(figure)


def test_of_several_results_the_one_on_all_corpora_under_hash_counts(found, monkeypatch):
    about = {"profile": "demo", "protocol": "speaker", "scope": "pooled", "seed": 0, "pipeline": "constant"}
    write(Row(**about), answered(clips(), hits=0.7))
    every, counted = partitions.read("demo").found, []
    monkeypatch.setattr(costs, "_count", lambda result, profile: counted.append(result.row.protocol) or {})
    for order in (every, every[::-1]):
        costs.measure("demo", order)
    assert len(every) == 3 and counted == ["hash"] * 4


def test_what_cannot_be_counted_here_keeps_its_line(found, monkeypatch, capsys):
    file = paths.results("demo") / "costs.csv"
    kept = "mfcc-linear,90,90,70,5,6\n"
    file.write_text(f"{','.join(costs.COLUMNS[:-1])}\n{kept}")
    monkeypatch.setattr("sys.argv", ["costs", "demo"])
    costs.main()
    assert file.read_text().endswith(f"constant,0,0,0,0,0\n{kept}")
    assert "mfcc-linear keeps its line" in capsys.readouterr().err
    file.unlink()
    costs.main()
    assert "mfcc-linear" not in file.read_text() and "mfcc-linear is left out" in capsys.readouterr().err


def test_every_point_is_drawn_at_its_value_and_those_on_each_other_stay_visible(found):
    scores = results.table(found)
    line = scores[(scores.on == "overall") & (scores.pipeline == "mfcc-linear")].assign(device="cpu", seconds=9.0)
    names = ["whisper-linear", "whisper-cnn3-mean", "mfcc-linear"]
    lines = pd.concat([line.assign(pipeline=name) for name in names]).assign(all_operations=float("nan"))
    lines["all_parameters"] = [1e7, 1.01e7, 1e3]
    figure, axes = reporting.figure(cols=3)
    costs.draw(axes, lines)
    points = {bar.get_label().removesuffix(" (stale)"): bar.lines[0] for bar in axes[0].containers}
    assert {name: point.get_xdata()[0] for name, point in points.items()} == dict(
        zip(names, lines.all_parameters, strict=True)
    )
    assert {point.get_markerfacecolor() for point in points.values()} == {"none"} and not axes[1].containers
    plt.close(figure)


def test_the_committed_counts_are_those_of_the_formulas():
    table = pd.read_csv(paths.results("thesis") / "costs.csv").set_index("pipeline")
    sizes = {"egemaps-linear": 88, "mfcc-linear": 120, "whisper-linear": 512}
    for name, size in sizes.items():
        assert table.trained[name] == 7 * (size + 1) and table.operations[name] == 2 * 7 * size
    assert table.encoder_parameters["whisper-linear"] < 20_600_000, "three of the six blocks"
    assert baselines.LINEAR in table.index and (table.trained <= table.parameters).all()
