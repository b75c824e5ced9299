"""Seeds: how far the same row comes out differently when only its random start differs, beside its interval.

Runs count as seeds of one row only where partition, parameters, features and code are the same; runs of two versions
of the code are two lines, and never mixed. Scores are UAR over all evaluated clips, as shares in 0–1.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emolabs import storage
from emolabs.experiments import learners
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import get_pipeline

#: What may differ between two seeds of a row.
_OF_A_RUN = {"seed", "fold", "manifest"}


def table(found: Sequence[Result]) -> pd.DataFrame:
    """A line per row and version of it: `seeds` (their numbers), `runs` (how many), `mean`, `sd`, `lowest`, `highest`
    and `range` over all of them, and of the first seed `uar`, `low`, `high`, `width` (95 % interval) and
    `interval_over`; `is_random` (a classical row has no random start), `stale`. Of one seed `sd`, `range` are NaN.
    """
    groups: dict[tuple, list[Result]] = {}
    for result in found:
        row = result.row
        groups.setdefault((row.protocol, row.scope, row.pipeline, _version(result)), []).append(result)
    lines = []
    for (protocol, scope, pipeline, _), results in groups.items():
        results = sorted(results, key=lambda result: result.row.seed)
        scores = np.array([result.scores["overall"]["uar"][0] for result in results])
        several = len(scores) > 1
        uar, low, high = results[0].scores["overall"]["uar"]
        lines.append(
            {
                "protocol": protocol,
                "scope": scope,
                "pipeline": pipeline,
                "seeds": ", ".join(str(result.row.seed) for result in results),
                "runs": len(scores),
                "mean": scores.mean(),
                "sd": scores.std(ddof=1) if several else np.nan,
                "lowest": scores.min(),
                "highest": scores.max(),
                "range": np.ptp(scores) if several else np.nan,
                "uar": uar,
                "low": low,
                "high": high,
                "width": high - low,
                "interval_over": results[0].scores["overall"]["interval_over"],
                "scores": scores.tolist(),
                "is_random": get_pipeline(pipeline).backbone not in learners.CLASSICAL,
                "stale": any(result.stale for result in results),
            }
        )
    return pd.DataFrame(lines)


def _version(result: Result) -> str:
    """Digest of all that is the same in two seeds of a row."""
    made = [{key: value for key, value in run["made_from"].items() if key not in _OF_A_RUN} for run in result.runs]
    return storage.digest([result.manifest, made])
