"""Where pipelines fail: the pipeline that validation chooses, and the clips that all of them get wrong."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emolabs import paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.experiments.results import Result
from emolabs.reporting import corpus_name


def validation_uar(result: Result) -> float:
    """The mean validation UAR of a result's folds (0–1); NaN for a row that looks at no validation side."""
    files = [result.row.results(run["made_from"]["fold"]) / "metrics.json" for run in result.runs]
    scores = [(storage.read_json(file).get("validation") or {}).get("uar") for file in files]
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if known else float("nan")


def best(found: Sequence[Result]) -> Result:
    """The result with the highest validation UAR, the first of `tied` ones; the evaluation side has no say."""
    return tied(found)[0]


def tied(found: Sequence[Result]) -> list[Result]:
    """The results with the highest validation UAR, as they are ordered; several where validation cannot decide.

    Raises `ValueError` where none has a validation score.
    """
    scored = [(validation_uar(result), result) for result in found]
    scored = [pair for pair in scored if not np.isnan(pair[0])]
    if not scored:
        raise ValueError("expected results with a validation score, found none: train a row of the protocol first")
    highest = max(uar for uar, _ in scored)
    return [result for uar, result in scored if np.isclose(uar, highest, rtol=0, atol=1e-9)]


def hardest(found: Sequence[Result], *, most: int = 20) -> pd.DataFrame:
    """The clips that the fewest of the given results name correctly, the most mistaken first.

    Columns: `path`, `emotion`, `wrong` (how many of the results), `of`, `answer` (the most frequent wrong one) and
    `confidence` (mean probability, 0–1, that the results give to the true emotion). Only clips that all of them
    evaluated; ties are ordered by that probability, then by path.
    """
    tables = []
    for result in found:
        clips = result.predictions
        shares = clips[[f"p_{label}" for label in result.labels]].to_numpy()
        truth = clips.emotion.map(result.labels.index).to_numpy()
        given = shares[np.arange(len(clips)), truth]
        tables.append(clips[["path", "emotion", "prediction"]].assign(given=given))
    every = pd.concat(tables, ignore_index=True)
    every["is_wrong"] = every.prediction != every.emotion
    clips = every.groupby("path").agg(
        emotion=("emotion", "first"), wrong=("is_wrong", "sum"), of=("is_wrong", "size"), confidence=("given", "mean")
    )
    mistakes = every[every.is_wrong].groupby(["path", "prediction"]).size().reset_index(name="times")
    mistakes = mistakes.sort_values(["path", "times", "prediction"], ascending=[True, False, True])
    clips["answer"] = mistakes.drop_duplicates("path").set_index("path").prediction
    clips = clips[clips.of == len(found)].reset_index()
    clips = clips.sort_values(["wrong", "confidence", "path"], ascending=[False, True, True])
    return clips.head(most)[["path", "emotion", "wrong", "of", "answer", "confidence"]].reset_index(drop=True)


def missed(found: Sequence[Result]) -> str:
    """How many of the clips that all results evaluated none of them names, overall and per corpus, in words."""
    clips = pd.concat([r.predictions[["path", "corpus", "emotion", "prediction"]] for r in found], ignore_index=True)
    clips["is_wrong"] = clips.prediction != clips.emotion
    clips = clips.groupby(["corpus", "path"]).is_wrong.agg(["all", "size"])
    clips = clips[clips["size"] == len(found)]["all"]
    shares = 100 * clips.groupby("corpus").mean()
    told = ", ".join(f"{corpus_name(corpus)} {share:.1f} %" for corpus, share in shares.items())
    return f"None of {len(found)} pipelines names {clips.sum():,} of {len(clips):,} clips: {told}."


def recordings(clips: pd.DataFrame, *, profile: str) -> list[tuple[str, Path]]:
    """A caption and the file of each of the clips (lines of `hardest`) whose recording is on this machine."""
    try:
        files = corpus_index.load(profile).set_index("path").file
    except FileNotFoundError:
        return []
    found = []
    for clip in clips[clips.path.isin(files.index)].itertuples():
        file = paths.raw(clip.path.split("/")[0]) / files[clip.path]
        if file.is_file():
            missed = f"{clip.wrong} of {clip.of} pipelines miss it, most answer {clip.answer}"
            found.append((f"`{clip.path}`, meant as {clip.emotion}: {missed}", file))
    return found
