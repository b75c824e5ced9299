"""The words of the findings follow the numbers: nothing, one and all of a kind, and either side of a verdict."""

import re

import pandas as pd
import pytest

from emolabs.experiments import aims, applied, choice, effects, findings, passages, readme
from emolabs.experiments.source import Source


@pytest.fixture(autouse=True)
def read_once(committed, monkeypatch):
    """No source reads the committed results anew: their intervals take ten seconds."""
    monkeypatch.setattr(Source, "evaluation", committed)


class Changed(Source):
    """The committed tables, one of them changed."""

    def __init__(self, name: str, change):
        super().__init__()
        self.name, self.change = name, change

    def table(self, name: str) -> pd.DataFrame:
        lines = super().table(name)
        return self.change(lines) if name == self.name else lines


def test_nothing_refused_and_nothing_twice():
    assert findings.indexed(Changed("10_rejected", lambda lines: lines[:0])).endswith("indexed, and none is refused.")
    said = findings.duplicates(Changed("13_near_duplicates", lambda lines: lines[:0]))
    assert "finds none beyond those of equal samples." in said and "kinds of known copies" in said
    assert "finds [1 pair](" in findings.duplicates(Changed("13_near_duplicates", lambda lines: lines[:1]))


@pytest.mark.parametrize(("passage", "name"), [(findings.parts, "41_effects"), (findings.interactions, "41_contrasts")])
def test_what_is_computed_is_counted_and_the_rest_has_its_reason(passage, name):
    def with_reasons(*reasons):
        return lambda lines: lines[: len(reasons)].assign(missing=reasons)

    done = Source().table(name).missing.isna()
    every = passage(Changed(name, lambda lines: lines[done.to_numpy()]))
    assert f"Computed are {done.sum()} of {done.sum()}." in every
    none = passage(Changed(name, lambda lines: lines[~done.to_numpy()]))
    assert none.startswith("Computed are 0 of ") and "not run." in none
    two = passage(Changed(name, with_reasons("not run: x", "not comparable: y")))
    assert two.startswith("Computed are 0 of 2; 1 not run; 1 not comparable.")


def test_beside_a_comparison_stands_what_is_left_without_corpora_of_few_speakers():
    rest = {"without": "without tess", "without_difference": 0.0125, "without_low": -0.025, "without_high": 0.05}
    said = findings.parts(Changed("41_effects", lambda lines: lines.assign(**rest)))
    assert "without TESS (exploratory)" in said and "1.2 [-2.5, 5.0]" in said and effects.SEED in said
    assert "exploratory" not in findings.parts(Changed("41_effects", lambda lines: lines.assign(without="")))


def test_what_more_speakers_are_worth_is_told_of_every_row():
    lines = Source().table("44_contrasts")
    said = findings.contrasts(Source())
    for name, group in lines.groupby("pipeline"):
        assert f"`{name}` in {int((group.p_holm < effects.LEVEL).sum())} of {len(group)}" in said
    assert f"in {int((lines.difference > 0).sum())} of {len(lines)} comparisons" in said
    assert f"in 0 of {len(lines)} comp" in findings.contrasts(
        Changed("44_contrasts", lambda t: t.assign(difference=-1))
    )


def test_only_rows_with_a_random_start_are_said_to_be_steady_or_not():
    several = Source().table("44_seeds").query("runs > 1 and is_random").iloc[:1]
    fixed = several.assign(pipeline="mfcc-linear", is_random=False)
    said = findings.steadiness(Changed("44_seeds", lambda lines: pd.concat([fixed, several])))
    assert "mfcc-linear" not in said and "is not known" not in said and several.pipeline.item() in said


def test_of_rows_that_tie_the_range_is_told():
    aim = next(row for row in aims.declared() if (row["protocol"], row["scope"]) == ("hash", "tess"))
    source, said = Source(), passages.known_corpus(Source())
    tied = choice.tied(source.found, cell=choice.Cell("hash", "tess", "overall"), rows=aim["rows"])
    new = source.under("tess-actress", "tess")
    scores = sorted(100 * new[r.row.pipeline].scores["overall"]["uar"][0] for r in tied if r.row.pipeline in new)
    assert (f"{len(tied)} {aim['rows']} rows tie" in said) == (len(tied) > 1)
    assert len(scores) < 2 or f"{scores[0]:.1f} to {scores[-1]:.1f} where one is new." in said


def test_a_layer_is_above_others_only_where_the_interval_says_so():
    def apart(lines):
        return lines.assign(below_low=lines.below.where(lines.below == 0, 0.01))

    assert "not told apart from" in findings.layers(Source())
    pattern = r"`whisper-linear` hears layer (\d+) .*whisper-cnn3 rows.*, hear layer (\d+):"
    heard = re.search(pattern, findings.layers(Source()))
    assert heard and heard[1] == heard[2], "what was fixed on these corpora is said of every row that hears it"
    assert "above all others" in findings.layers(Changed("41_layers", apart))


@pytest.mark.parametrize(
    ("gap", "words"), [((0.05, 0.01, 0.09), "women is above"), ((-0.05, -0.09, -0.01), "women is below")]
)
def test_the_gap_has_its_sign(gap, words):
    change = dict(zip(("gap", "low", "high"), gap, strict=True))
    said = applied.reliance(Changed("60_gaps", lambda lines: lines.assign(**change)))
    assert words.split()[-1] in said.split("women is ")[1].split()[0]
    even = applied.reliance(Changed("60_gaps", lambda lines: lines.assign(gap=0.01, low=-0.01, high=0.03)))
    assert "women cannot be told from that for" in even


def test_a_promise_without_answers_and_one_that_is_broken_somewhere():
    nothing = applied.reliance(Changed("60_promise", lambda lines: lines.assign(answered=0, verdict="undecided")))
    assert "nothing is answered" in nothing and "–" not in nothing.split("\n")[0]
    kept = applied.reliance(Changed("60_promise", lambda lines: lines.assign(verdict="kept")))
    assert "broken" not in kept
    assert "it is broken on" in applied.reliance(Changed("60_promise", lambda lines: lines.assign(verdict="broken")))


def test_beside_the_example_stands_the_row_that_validation_chooses():
    source, cell = Source(), choice.Cell("speaker", "pooled", "overall")
    chosen = choice.chosen(source.found, cell=cell, rows="any").row.pipeline
    told = f"chooses for new speakers is `{chosen}`; known speakers: "
    assert (told in applied.reliance(source)) == (chosen != passages.EXAMPLE)
    only = Changed("60_promise", lambda lines: lines[lines.pipeline == passages.EXAMPLE])
    assert "chooses for new speakers" not in applied.reliance(only)


def test_a_table_that_lacks_a_row_is_named():
    source = Changed("60_gaps", lambda lines: lines[lines.pipeline == "no-such"])
    with pytest.raises(ValueError, match="the passage reliance needs a row or a column that the tables of thesis"):
        readme.fill("<!-- results: reliance -->\n\n<!-- /results -->", source)
