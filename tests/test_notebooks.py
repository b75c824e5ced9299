"""The notebooks' contracts: what can be checked without running them. nbval runs them."""

import dataclasses
import re
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from emolabs import params, paths, storage
from emolabs.modeling.training import Training
from emolabs.reporting import CATALOGUE

NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
PROFILES = sorted(file.parent.name for file in paths.PARAMS.glob("*/profile.yaml"))
#: What a number in prose may be: a definition, a name, a convention. Results are written by code from numbers.
DEFINITIONS = ("4.0 s", "95 %", "100 %", "95 of 100", "under 0.05", "wav2vec 2.0")
#: What a result looks like: a decimal, a percentage, a count out of another, a difference in points, an interval.
RESULT = re.compile(r"\d+\.\d+|\d\s?(?:%|percent)|\d+ (?:out )?of \d+|\d+ points|\[-?\d+, -?\d+\]")


def typed_results(prose: str) -> list[str]:
    """The numbers in Markdown that look like results; code spans, formulas' sources and link targets do not count."""
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose)
    for definition in DEFINITIONS:
        prose = prose.replace(definition, "")
    return RESULT.findall(prose)


def cells(notebook, kind):
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == kind]


def tagged(notebook, tag):
    return [cell for cell in cells(notebook, "code") if tag in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
class TestNotebook:
    def test_begins_with_its_number_and_a_question(self, notebook):
        title = cells(notebook, "markdown")[0].source
        assert title.startswith(f"# {notebook.stem[:2]} · ")
        assert "?" in title.splitlines()[0] and "**Question.**" in title
        assert "**Comes in:**" in title and "**Goes out:**" in title

    def test_has_short_cells_and_a_sentence_before_each_step(self, notebook):
        assert max(len(cell.source.splitlines()) for cell in cells(notebook, "code")) <= 15
        assert len(cells(notebook, "markdown")) >= 0.6 * len(cells(notebook, "code"))

    def test_ends_with_a_contract_whose_output_is_kept_and_nothing_else_is(self, notebook):
        contracts = tagged(notebook, "nbval-check-output")
        assert 1 <= len(contracts) <= 3
        for cell in cells(notebook, "code"):
            if cell in contracts:
                assert "keep_output" in cell.metadata.tags
                assert cell.outputs, "run `make contracts` to keep the contract's output"
                assert all(output.output_type == "stream" for output in cell.outputs)
            else:
                assert not cell.outputs, "run `make contracts` to strip the outputs"

    @pytest.mark.parametrize("profile", PROFILES)
    def test_takes_the_parameters_of_every_profile(self, notebook, profile):
        assert params.load(profile, notebook.stem)["profile"] == profile

    def test_defaults_are_those_of_the_demo(self, notebook):
        declared = params.declared(notebook)
        for name, value in params.load("demo", notebook.stem).items():
            assert declared[name].default == value, name

    def test_writes_and_shows_items_of_the_catalogue_only(self, notebook):
        text = "\n".join(cell.source for cell in nbformat.read(notebook, as_version=4).cells)
        named = set(re.findall(r'"(\d\d_[a-z_]+)"', text)) | set(re.findall(r"figures/thesis/(\d\d_[a-z_]+)", text))
        assert named and named <= {entry.id for entry in CATALOGUE}

    def test_no_result_is_typed_in_prose(self, notebook):
        assert typed_results("\n".join(cell.source for cell in cells(notebook, "markdown"))) == []

    def test_shows_a_figure_before_anyone_runs_it(self, notebook):
        text = "\n".join(cell.source for cell in cells(notebook, "markdown"))
        shown = re.findall(r"!\[.+?\]\(\.\./(figures/[^)]+)\)", text)
        assert shown
        for file in shown:
            assert (paths.ROOT / file).is_file(), file


@pytest.mark.parametrize(
    "prose", ["a UAR of 0.897", "by 18 % of their norm", "names 45 of 100", "loses 13 points", "73 [68, 77]"]
)
def test_a_typed_result_is_seen(prose):
    assert typed_results(prose) and not typed_results(f"`{prose}` at 16 kHz in 4.0 s, with 95 % intervals (He 2016)")


@pytest.mark.parametrize(
    ("emotions", "shown"),
    [(["fear", "anger", "anger"], "b"), (["calm", "boredom", "calm"], "a")],
    ids=["anger", "none"],
)
def test_normalization_shows_an_angry_clip_or_any_other(emotions, shown):
    (source,) = [
        c.source for c in cells(paths.NOTEBOOKS / "12_normalization.ipynb", "code") if "audio.read" in c.source
    ]
    clips = pd.DataFrame({"path": list("abc"), "file": list("abc"), "corpus": "mine", "emotion": emotions})
    audio = SimpleNamespace(read=lambda file: (np.zeros((1, 1)), 16000))
    names = {"clips": clips, "audio": audio, "paths": paths, "Audio": lambda samples, rate: None}
    exec(source, names)
    assert names["chosen"].path == shown


@pytest.mark.parametrize(
    ("notebook", "pipeline", "fixed"),
    [
        ("30_classic_cnn", "logmel-cnn3-mean", {"encoder_learning_rate"}),
        ("31_cnn_lstm", "logmel-cnn3-lstm-mean", {"encoder_learning_rate"}),
        ("32_resnet_ablation", "logmel-resnet8-mean", {"encoder_learning_rate"}),
        ("33_encoder_finetuning", "whisper-direct-attention-partial", {"label_smoothing", "dropout", "width"}),
    ],
)
def test_every_part_of_the_training_can_be_set_and_the_thesis_is_that_of_its_runs(notebook, pipeline, fixed):
    file, names = paths.NOTEBOOKS / f"{notebook}.ipynb", {field.name for field in dataclasses.fields(Training)}
    declared = params.declared(file)
    assert names - set(declared) == fixed
    cell = "\n".join(c.source for c in cells(file, "code") if c.source.startswith(("switches = ", "parameters = ")))
    given = {name: parameter.default for name, parameter in declared.items()} | params.load("thesis", notebook)
    run = paths.results("thesis") / "hash" / "emodb" / pipeline / "fold0" / "seed0" / "run.json"
    for name, value in {"": None, "averaging": 0.5, "class_weights": False, "clip_norm": 1.0}.items():
        scope = {"Training": Training} | given | {name: value}
        exec(cell, scope)
        expected = storage.read_json(run)["made_from"]["parameters"] | ({name: value} if name else {})
        assert dataclasses.asdict(scope["parameters"]) == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_and_notebooks_agree_on_corpora_and_protocols(profile):
    chosen = params.load_profile(profile)
    assert params.load(profile, "10_indexing")["corpora"] == list(chosen.corpora)
    assert params.load(profile, "11_split")["protocols"] == list(chosen.protocols)


def test_emotion_labels_are_the_seven_and_every_source_is_there_once():
    table = yaml.safe_load(paths.EMOTIONS.read_text(encoding="utf-8"))
    assert table["labels"] == sorted(["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"])
    sources = [source.casefold() for row in table["sources"].values() for source in row]
    assert len(sources) == len(set(sources))
