"""What is committed of the thesis belongs together: pictures to their runs, scores to their predictions."""

import re

import pandas as pd
import pytest

from emolabs import paths, storage
from emolabs.experiments import metrics

RESULTS = paths.results("thesis")
FOLDS = sorted(file.parent.relative_to(RESULTS).as_posix() for file in RESULTS.glob("*/emodb/*/fold*/*/metrics.json"))


def test_pictures_of_a_run_are_of_the_seed_that_their_names_say():
    lines = pd.read_csv(paths.figures("thesis") / "manifest.csv", dtype=str, keep_default_na=False)
    lines = lines[lines.id.str.match("3[0-4]_")]
    named = lines.file.str.extract(r"_seed(\d+)\.")[0].fillna("0")
    said = zip(lines.file, lines.provenance, named, strict=True)
    wrong = [file for file, provenance, seed in said if not re.search(rf"seed {seed}\b", provenance)]
    assert len(lines) > 200 and not wrong


@pytest.mark.parametrize("fold", FOLDS)
def test_scores_of_a_fold_are_those_of_its_predictions(fold):
    written = storage.read_json(RESULTS / fold / "metrics.json")
    scores = metrics.evaluate(pd.read_parquet(RESULTS / fold / "predictions.parquet"), labels=written["labels"])
    for name in metrics.SCORES:
        assert written["overall"][name] == pytest.approx(scores["overall"][name])
    assert written["overall"]["confusion"] == scores["overall"]["confusion"]
