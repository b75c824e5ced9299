"""Finished runs of a profile, read from `data/results/`, for tables and figures; nothing here trains."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from emolabs import paths, storage
from emolabs.experiments import metrics
from emolabs.experiments.digests import code_digest, counts_as, features_code
from emolabs.experiments.runs import Row
from emolabs.modeling import Pipeline, load_pipelines
from emolabs.reporting import describe
from emolabs.standardization import split

#: What every fold of a finished row leaves.
FILES = ("predictions.parquet", "run.json", "metrics.json")
#: What is read of the last two.
KEYS = {
    "run.json": ("made_from", "data", "seconds", "machine"),
    "made_from": ("code", "fold", "manifest", "parameters", "parts"),
    "data": ("clips", "corpora", "opus", "overlap", "speakers"),
    "metrics.json": ("labels", "overall", "corpora"),
}
#: Columns of `long`: the first seven name a number.
COLUMNS = ("pipeline", "protocol", "scope", "fold", "seed", "corpus", "metric", "value", "low", "high", "n", "manifest")


@dataclass(frozen=True)
class Result:
    """A row with all its folds: predictions over the folds, metrics computed from them, and how it came about."""

    row: Row
    predictions: pd.DataFrame
    runs: list[dict]  # run.json of each fold
    scores: dict  # `metrics.exact` of `metrics.evaluate` over all folds
    labels: list[str]
    stale: bool  # the code that trained it, or the code that made its features, has changed since
    classes: dict[str, list[str]] = field(default_factory=dict)  # the emotions of each corpus

    @property
    def corpora(self) -> set[str]:
        """The corpora it rests on."""
        return {corpus for run in self.runs for corpus in run["data"]["corpora"]}

    @property
    def opus(self) -> bool:
        """Whether any recording came from an Opus copy."""
        return any(run["data"]["opus"] > 0 for run in self.runs)

    @property
    def manifest(self) -> str:
        """The digest of the partition it was trained and evaluated on; of all of them where its folds differ."""
        return "+".join(sorted({run["made_from"]["manifest"] for run in self.runs}))

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

    Raises `FileNotFoundError` where there is none, saying what makes them, and as `load` does.
    """
    return [load(row) for row in rows(profile)]


def rows(profile: str) -> list[Row]:
    """The rows of a profile that have a summary, sorted, whatever their folders hold. Raises as `find` does."""
    root = paths.results(profile)
    there = [_row(file, profile=profile) for file in sorted(root.glob("*/*/*/seed*.json"))]
    if not there:
        raise FileNotFoundError(f"no finished runs under {root}: run `make reproduce PROFILE={profile}` first")
    return there


def gone(row: Row) -> str:
    """What the row rests on that this repository has no more, as a sentence; empty where it has all."""
    if row.protocol not in split.PROTOCOLS:
        return f"there is no protocol {row.protocol} any more"
    return "" if row.pipeline in load_pipelines() else "there is no such row in params/pipelines.yaml any more"


def load(row: Row) -> Result:
    """The result of one row.

    Raises `FileNotFoundError` naming what a fold lacks, and `ValueError` where a file is torn or does not say what
    tables read, where folds know other labels, or as `metrics.evaluate` does.
    """
    try:
        folds = storage.read_json(row.summary)["folds"]
        _refuse_lacking(row, folds)
        predictions = pd.concat([pd.read_parquet(row.results(fold) / FILES[0]) for fold in folds], ignore_index=True)
        runs, scored = ([_read(row, fold, name) for fold in folds] for name in FILES[1:])
        known = [scores["labels"] for scores in scored]
        stale = any(map(_is_stale, _alike(run["made_from"] for run in runs)))
        metrics.validate(predictions, labels=known[0])
        result = Result(row, predictions, runs, {}, known[0], stale, _classes(predictions, scored))
        _read_facts(result)
    except FileNotFoundError:
        raise
    except (KeyError, TypeError, AttributeError, OSError, ValueError) as error:
        raise ValueError(f"the results beside {row.summary} cannot be read ({error}): train the row again") from None
    if any(labels != known[0] for labels in known):
        raise ValueError(f"the folds beside {row.summary} know different labels: train the row again")
    scores = metrics.evaluate(predictions, labels=known[0], classes=result.classes)
    return replace(result, scores=metrics.exact(scores))


def _classes(predictions: pd.DataFrame, scored: list[dict]) -> dict[str, list[str]]:
    """The emotions of each corpus: those evaluated in any fold, and those that the folds say their sides hold."""
    classes = metrics.classes_of(predictions)
    said = [scores.get("classes", {}) for scores in scored]  # older results do not say it
    return {corpus: sorted(set(of).union(*(s.get(corpus, ()) for s in said))) for corpus, of in classes.items()}


def _read(row: Row, fold: int, name: str) -> dict:
    """A JSON file of a fold. Raises `ValueError` naming what it does not say."""
    file = row.results(fold) / name
    content = storage.read_json(file)
    lacking = [key for key in KEYS[name] if key not in content]
    for part in content.keys() & KEYS.keys():
        lacking += [f"{part}.{key}" for key in KEYS[part] if key not in content[part]]
    if lacking:
        raise ValueError(f"{file.relative_to(row.summary.parent)} lacks {', '.join(lacking)}")
    return content


def _read_facts(result: Result) -> None:
    """Read what tables read once, so that values that are none end here and not in a table."""
    _ = result.facts, result.provenance, result.manifest, result.predictions.fold
    _ = [(int(run["made_from"]["fold"]), sum(run["data"]["clips"].values())) for run in result.runs]


def _refuse_lacking(row: Row, folds: list[int]) -> None:
    lacking = [file for fold in folds for name in FILES if not (file := row.results(fold) / name).is_file()]
    if lacking:
        raise FileNotFoundError(
            f"{row.summary} says that its folds are finished, and {len(lacking)} of their files are not there, such as "
            f"{lacking[0].relative_to(row.summary.parent)}: restore them, or delete the summary and train the row again"
        )


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


def long(found: list[Result]) -> pd.DataFrame:
    """Every number of every result, one a line, with `COLUMNS`, sorted; what `make verify` compares.

    `fold` is a number, or `all` for the clips of all folds together; `corpus` is a key, or `overall`; `metric` one of
    `accuracy`, `uar`, `macro_f1`, `ece`, `recall_<emotion>`, and `closed_set_uar` where a corpus lacks a class. `low`
    and `high` bound the 95 % interval, where there is one; `n` counts clips, of a recall those of its emotion. Values
    are shares, rounded to six digits. `manifest` is the digest of the partition.
    """
    lines = []
    for result in found:
        row = result.row
        folds = [run["made_from"]["fold"] for run in result.runs]
        scored = {"all": result.scores}
        scored |= {str(fold): metrics.exact(_of_fold(result, fold)) for fold in folds}
        for fold, scores in scored.items():
            for corpus, values in {"overall": scores["overall"], **scores["corpora"]}.items():
                key = (row.pipeline, row.protocol, row.scope, fold, row.seed, corpus)
                lines += [(*key, *line, result.manifest) for line in _numbers(values, labels=result.labels)]
    table = pd.DataFrame(lines, columns=COLUMNS).sort_values(list(COLUMNS[:7])).reset_index(drop=True)
    return table.round(6)


def _of_fold(result: Result, fold: int) -> dict:
    """The scores of a fold: as it left them, or anew where its clips lack a class that their corpus has, which older
    folds took for one that the corpus lacks."""
    clips = result.predictions[result.predictions.fold == fold]
    if all(result.classes[corpus] == of for corpus, of in metrics.classes_of(clips).items()):
        return storage.read_json(result.row.results(fold) / FILES[2])
    return metrics.evaluate(clips, labels=result.labels, classes=result.classes)


def _numbers(scores: dict, *, labels: list[str]) -> Iterator[tuple]:
    """(metric, value, low, high, n) of a set of clips."""
    clips = scores["clips"]
    for name in metrics.SCORES:
        yield (name, *scores[name], clips)
    if "closed_set" in scores:
        yield ("closed_set_uar", *scores["closed_set"]["uar"], clips)
    yield ("ece", scores["ece"], None, None, clips)
    for label, confused in zip(labels, scores["confusion"], strict=True):
        if label in scores["recall"]:
            yield (f"recall_{label}", scores["recall"][label], None, None, sum(confused))


def _alike(made: Iterable[dict]) -> list[dict]:
    """Of what runs were made from, one for each code and parts: folds of a row mostly have the same."""
    return list({storage.digest([m["code"], m.get("features_code"), m["parts"]]): m for m in made}.values())


def _is_stale(made_from: dict) -> bool:
    pipeline = Pipeline(**made_from["parts"] | {"demo": False})
    now = code_digest(pipeline), features_code(pipeline)
    return (counts_as(made_from["code"]), made_from.get("features_code", "")) != now


def _row(summary: Path, *, profile: str) -> Row:
    protocol, scope, pipeline, seed = summary.relative_to(paths.results(profile)).parts
    number = int(seed.removeprefix("seed").removesuffix(".json"))
    return Row(profile=profile, protocol=protocol, scope=scope, pipeline=pipeline, seed=number)
