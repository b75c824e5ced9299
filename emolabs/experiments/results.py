"""Finished runs of a profile, read from `data/results/`, for tables and figures; nothing here trains."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emolabs import paths, storage
from emolabs.experiments import metrics
from emolabs.experiments.runs import Row, code_digest, features_code
from emolabs.modeling import Pipeline
from emolabs.reporting import describe


@dataclass(frozen=True)
class Result:
    """A row with all its folds: predictions over the folds, metrics computed from them, and how it came about."""

    row: Row
    predictions: pd.DataFrame
    runs: list[dict]  # run.json of each fold
    scores: dict  # `metrics.evaluate` over all folds
    labels: list[str]
    stale: bool  # the code that trained it, or the code that made its features, has changed since

    @property
    def corpora(self) -> set[str]:
        """The corpora it rests on."""
        return {corpus for run in self.runs for corpus in run["data"]["corpora"]}

    @property
    def opus(self) -> bool:
        """Whether any recording came from an Opus copy."""
        return any(run["data"]["opus"] > 0 for run in self.runs)

    @property
    def provenance(self) -> str:
        """The sentence for figures and tables that rest on this row alone."""
        row = self.row
        facts = {
            "protocol": row.protocol,
            "scope": row.scope,
            "seed": row.seed,
            "encoder": self.runs[0]["data"].get("encoder"),
            "evaluated clips": len(self.predictions),
        }
        return describe(sorted(self.corpora), opus=self.opus, **facts)

    @property
    def facts(self) -> dict:
        """What stands beside the scores: training clips, shares of evaluated clips with a known speaker or text."""
        overlaps = pd.DataFrame([run["data"]["overlap"] for run in self.runs])
        weights = overlaps.evaluation / overlaps.evaluation.sum()
        return {
            "folds": len(self.runs),
            "train_clips": int(overlaps.train.mean()),
            "speaker_overlap": float((overlaps.speakers_share * weights).sum()),
            "text_overlap": float((overlaps.texts_share * weights).sum()),
            "seconds": sum(run["seconds"] for run in self.runs),
        }


def find(profile: str) -> list[Result]:
    """All rows of a profile whose folds are complete, sorted by protocol, scope, pipeline and seed.

    Raises `FileNotFoundError` where there is none, saying what makes them.
    """
    root = paths.results(profile)
    found = [load(_row(file, profile=profile)) for file in sorted(root.glob("*/*/*/seed*.json"))]
    if not found:
        raise FileNotFoundError(f"no finished runs under {root}: run `make reproduce PROFILE={profile}` first")
    return found


def load(row: Row) -> Result:
    """The result of one row."""
    folds = storage.read_json(row.summary)["folds"]
    tables = [pd.read_parquet(row.results(fold) / "predictions.parquet") for fold in folds]
    predictions = pd.concat(tables, ignore_index=True)
    runs = [storage.read_json(row.results(fold) / "run.json") for fold in folds]
    labels = storage.read_json(row.results(folds[0]) / "metrics.json")["labels"]
    stale = any(_is_stale(run["made_from"]) for run in runs)
    return Result(row, predictions, runs, metrics.evaluate(predictions, labels=labels), labels, stale)


def table(results: list[Result]) -> pd.DataFrame:
    """One line per result and set of clips (`overall` or a corpus): scores with intervals, and what they rest on."""
    lines = []
    for result in results:
        row = result.row
        sets = {"overall": result.scores["overall"], **result.scores["corpora"]}
        for name, scores in sets.items():
            line = {
                "protocol": row.protocol,
                "scope": row.scope,
                "pipeline": row.pipeline,
                "seed": row.seed,
                "on": name,
            }
            for score in metrics.SCORES:
                line |= dict(zip((score, f"{score}_low", f"{score}_high"), scores[score], strict=True))
            line |= {key: scores[key] for key in ("ece", "clips", "speakers", "interval_over")}
            line["closed_set_uar"] = scores.get("closed_set", scores)["uar"][0]
            lines.append(line | result.facts | {"stale": result.stale})
    return pd.DataFrame(lines)


def _is_stale(made_from: dict) -> bool:
    pipeline = Pipeline(**made_from["parts"] | {"demo": False})
    now = code_digest(pipeline), features_code(pipeline)
    return (made_from["code"], made_from.get("features_code", "")) != now


def _row(summary: Path, *, profile: str) -> Row:
    protocol, scope, pipeline, seed = summary.relative_to(paths.results(profile)).parts
    number = int(seed.removeprefix("seed").removesuffix(".json"))
    return Row(profile=profile, protocol=protocol, scope=scope, pipeline=pipeline, seed=number)


if __name__ == "__main__":
    try:
        found = find(sys.argv[1])
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(*(result.row.summary.relative_to(paths.ROOT) for result in found if result.stale))
