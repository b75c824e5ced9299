"""What the README claims is what the committed results say."""

import re

import pandas as pd
import pytest

from emolabs import paths
from emolabs.experiments import comparison, partitions, results
from emolabs.modeling import load_pipelines
from emolabs.reporting import interval

README = (paths.ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `([a-z0-9-]+)` \| ([a-z]+) \| `([a-z0-9-]+)`( \(stale\))? \| ([^|]+) \| (\d+) % \| ([\d,]+) \|$", re.MULTILINE
)

#: Tables whose intervals the README quotes: the score and its bounds.
QUOTED = [
    ("41_layers", "uar", ["low", "high"]),
    ("44_contrasts", "difference", ["low", "high"]),
    ("52_scores", "value", ["low", "high"]),
    ("60_gaps", "gap", ["low", "high"]),
    ("60_promise", "accuracy", ["accuracy_low", "accuracy_high"]),
    ("60_robustness-speaker", "difference", ["low", "high"]),
]


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    """The scores of the committed results, computed from their predictions, a line per row."""
    scores = results.table(partitions.read("thesis").found)
    return scores[scores.on == "overall"].reset_index(drop=True)


def test_every_row_of_results_is_what_the_committed_predictions_say(committed):
    keys = ["protocol", "scope", "pipeline"]
    table, stale = comparison.formatted(committed).set_index(keys), committed.set_index(keys).stale
    rows = ROW.findall(README)
    assert len(rows) >= 6 and len(rows) == len(re.findall(r"^\| `.* % \| [\d,]+ \|$", README, re.MULTILINE))
    for protocol, scope, pipeline, mark, uar, known, clips in rows:
        line = table.loc[(protocol, scope, pipeline)]
        assert bool(mark) == stale[(protocol, scope, pipeline)], "a stale result is called so, and no other"
        assert line["UAR (%)"] == uar.strip()
        assert (line["known speakers (%)"], line["clips"]) == (int(known), int(clips.replace(",", "")))


def test_every_interval_quoted_is_a_result(committed):
    known = {value.rstrip("†") for value in comparison.formatted(committed)["UAR (%)"]}
    for name in ("41_effects", "42_premium"):
        lines = pd.read_csv(paths.figures("thesis") / f"{name}.csv").dropna(subset="difference")
        known |= {interval(*values) for values in lines[["difference", "low", "high"]].itertuples(index=False)}
    for name, score, bounds in QUOTED:
        lines = pd.read_csv(paths.figures("thesis") / f"{name}.csv").dropna(subset=bounds)
        known |= {interval(*values) for values in lines[[score, *bounds]].itertuples(index=False)}
    quoted = set(re.findall(r"-?\d+\.\d \[-?\d+\.\d, -?\d+\.\d\]", README))
    assert len(quoted) > 10 and quoted <= known


def test_the_committed_table_is_made_from_the_committed_results(committed):
    table = pd.read_csv(paths.figures("thesis") / "40_results.csv")
    scores = [column for column in table if column in committed]
    assert set(committed) <= set(table)
    pd.testing.assert_frame_equal(table[scores], committed[scores], check_dtype=False, rtol=1e-9)


def test_what_people_hear_is_what_the_committed_tables_say():
    tables = paths.figures("thesis")
    uar = pd.read_csv(tables / "51_overall.csv").set_index("modality").uar
    said = f"a UAR of {100 * uar.audio:.1f} %\nfrom the voice alone, {100 * uar.face:.1f} % from the face and "
    assert said + f"{100 * uar.audiovisual:.1f} % from both" in README
    bias = pd.read_csv(tables / "51_bias.csv").set_index(["modality", "emotion"]).loc["audio"]
    assert f"{bias.named.neutral / bias.meant.neutral:.1f} times as many clips are called neutral" in README
    assert round(1 / bias.recall.sadness) == 4
    assert f"{pd.read_csv(tables / '51_overall.csv').answers.sum():,} published votes" in README


def test_what_can_be_relied_on_is_what_the_committed_tables_say():
    tables = paths.figures("thesis")
    promise = pd.read_csv(tables / "60_promise.csv").query("on == 'overall' and pipeline == 'whisper-linear'")
    answered = promise.set_index(["choice", "protocol"]).coverage
    assert f"answers {100 * answered['random', 'random']:.0f} % of the clips of known speakers" in README
    assert f"at {100 * answered['speaker', 'speaker']:.0f} % answered" in README
    noise = pd.read_csv(tables / "60_robustness-speaker.csv").query("on == 'overall' and degradation == 'babble0'")
    noise = noise.set_index("pipeline").loc["whisper-linear"]
    assert f"is right\nin {100 * noise.accuracy:.0f} % of its answers and {100 * noise.confidence:.0f} % sure" in README


def test_pictures_notebooks_and_links_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (paths.ROOT / target).exists(), target
    for notebook in paths.NOTEBOOKS.glob("*.ipynb"):
        assert f"(notebooks/{notebook.name})" in README


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|\n)make ([a-z-]+)", README))))
def test_make_targets_are_there(target):
    assert re.search(rf"^{target}:", (paths.ROOT / "Makefile").read_text(), re.MULTILINE)


def test_pipelines_named_are_rows_of_the_table():
    assert set(re.findall(r"`([a-z0-9]+-(?:cnn\d+|linear)[a-z-]*)`", README)) <= set(load_pipelines())
