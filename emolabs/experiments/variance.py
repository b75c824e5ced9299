"""Variance as an axis: how much the recordings of a corpus differ although the emotion is the same.

Definition. Every feature is standardized over the clips of all corpora, so that no unit counts more than another. Of a
corpus with emotions k, whose covariance of features within k is Σ_k and whose class means are μ_k,

    W = mean over k of tr Σ_k,    B = tr of the covariance of the μ_k,    within = W / (W + B),

with every emotion counting the same, as in UAR: the share of the variance that does not tell emotions apart (1 − η²,
the one-way decomposition of Fisher 1925). W falls into the variance between the speakers' means within an emotion and
the rest, both as shares. No model is trained, so the axis does not rest on what is plotted over it; it takes the
features as they are, and a nonlinear model may separate what a mean does not. Intervals (95 %) resample speakers; under
`metrics.FEWEST_SPEAKERS` clips, and then they do not cover new speakers.

    python -m emolabs.experiments.variance thesis egemaps     writes the committed table
"""

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd

from emolabs import paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.corpora import labels
from emolabs.experiments import choice, metrics
from emolabs.experiments.choice import Cell
from emolabs.experiments.results import Result
from emolabs.extraction import store
from emolabs.reporting import interval, over_mark, stale_mark

RESAMPLES = 1000
#: Where speakers are known and new, by scope; the single corpora have the label set of the pooled protocols.
SIDES = {"speakers known": ("hash",), "speakers new": ("speaker", "tess-actress")}


def load(profile: str, *, branch: str) -> pd.DataFrame:
    """The table of `measure`: the committed one, else measured from the stores of this machine.

    Raises `FileNotFoundError` naming the command where there is neither.
    """
    file = _file(profile, branch)
    if file.is_file():
        return pd.read_csv(file)
    try:
        return measure(profile, branch=branch)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"there is no {file}, and it cannot be measured here ({error}); "
            f"`python -m emolabs.experiments.variance {profile} {branch}` makes it where the features are"
        ) from None


def measure(profile: str, *, branch: str) -> pd.DataFrame:
    """A line per corpus: `corpus, clips, speakers, texts, emotions`, the shares `within` (with `low`, `high` and
    `interval_over`), `between` (emotions), `by_speaker` and `rest`, which add up to `within`, `branch`, and
    `features`, the digest of the store of functionals that was read."""
    features, index = store.load(profile, branch=branch), corpus_index.load(profile)
    values = np.asarray(features.values, dtype=float)
    facts = ["path", "corpus", "speaker", "text", "emotion"]
    clips = features.clips[["path"]].merge(index[facts], on="path", how="left")
    is_used = clips.emotion.isin(labels()).to_numpy()
    clips, values = clips[is_used].reset_index(drop=True), values[is_used]
    spread = values.std(axis=0)
    values = (values - values.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    lines = []
    for corpus, group in clips.groupby("corpus"):
        line = {"corpus": corpus, "clips": len(group)}
        line |= {name: group[column].nunique() for name, column in COUNTS.items()}
        lines.append(line | spread_of(values[group.index], clips=group.reset_index(drop=True)))
    return pd.DataFrame(lines).assign(branch=branch, features=features.digest)


#: What is counted of a corpus, and the column of the index that is counted.
COUNTS = {"speakers": "speaker", "texts": "text", "emotions": "emotion"}


def spread_of(values: np.ndarray, *, clips: pd.DataFrame) -> dict:
    """The shares of one corpus as `measure` has them: values [clips, features], and `speaker` and `emotion` of each."""
    over = "speakers" if clips.speaker.nunique() >= metrics.FEWEST_SPEAKERS else "clips"
    unit = pd.factorize(clips.speaker)[0] if over == "speakers" else np.arange(len(clips))
    units = unit.max() + 1
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(units, np.full(units, 1 / units), RESAMPLES)
    weights = np.concatenate([np.ones((1, units)), drawn])  # the first row is the corpus as it is
    within, means = [], []
    for emotion in sorted(clips.emotion.unique()):
        members = np.flatnonzero(clips.emotion == emotion)
        total, mean = _moments(values[members], weights=weights, unit=unit[members])
        within.append(total)
        means.append(mean)
    inner, outer = np.nanmean(within, axis=0), np.nanvar(means, axis=0).sum(axis=-1)
    shares = inner / (inner + outer)
    low, high = np.percentile(shares[1:], [2.5, 97.5])
    speakers = np.mean([_between(values[part.index], part.speaker) for _, part in clips.groupby("emotion")])
    by_speaker = speakers / (inner + outer)[0]
    line = {"within": shares[0], "low": low, "high": high, "interval_over": over, "between": 1 - shares[0]}
    return line | {"by_speaker": by_speaker, "rest": shares[0] - by_speaker}


def _moments(values: np.ndarray, *, weights: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trace of the covariance [draws] and mean [draws, features] of clips whose units have these weights."""
    sums, squares, counts = np.zeros((weights.shape[1], values.shape[1])), *np.zeros((2, weights.shape[1]))
    np.add.at(sums, unit, values)
    np.add.at(squares, unit, (values**2).sum(axis=1))
    np.add.at(counts, unit, 1)
    number = weights @ counts
    with np.errstate(invalid="ignore"):  # an emotion may be missing from a draw
        mean = (weights @ sums) / np.where(number > 0, number, np.nan)[:, None]
        return (weights @ squares) / np.where(number > 0, number, np.nan) - (mean**2).sum(axis=1), mean


def _between(values: np.ndarray, speakers: pd.Series) -> float:
    """Trace of the covariance of the speakers' means, each counted by its clips."""
    frame = pd.DataFrame(values).groupby(speakers.to_numpy()).transform("mean").to_numpy()
    return float(((frame - values.mean(axis=0)) ** 2).sum(axis=1).mean())


def chosen(found: Sequence[Result], *, seed: int = 0) -> pd.DataFrame:
    """What the LLD and the HSF row that validation chose reach in each corpus, for new speakers the same row as for
    known ones where it has been run, else the one chosen there: `side` (a key of `SIDES`), `protocol`,
    `scope` (pooled, or the corpus that alone was trained on), `kind`, `pipeline`, `corpus`, `accuracy`, `low`, `high`,
    `interval_over`, `stale`."""
    lines = []
    for side, protocols in SIDES.items():
        there = {(r.row.protocol, r.row.scope) for r in found if r.row.protocol in protocols}
        for (protocol, scope), kind in ((key, kind) for key in sorted(there) for kind in ("LLD", "HSF")):
            cell = Cell(protocol, scope, "overall")
            known = choice.chosen(found, cell=Cell("hash", scope, "overall"), rows=kind, seed=seed)
            result = known and choice.same(found, known, cell=cell)
            result = result or choice.chosen(found, cell=cell, rows=kind, seed=seed)
            for corpus in result.scores["corpora"] if result else ():
                scores = choice.scores(result, on=corpus)
                line = {"side": side, "protocol": protocol, "scope": scope, "kind": kind, "corpus": corpus}
                line |= dict(zip(("accuracy", "low", "high"), scores["accuracy"], strict=True))
                line |= {"interval_over": scores["interval_over"], "pipeline": result.row.pipeline}
                lines.append(line | {"stale": result.stale})
    columns = ["side", "protocol", "scope", "kind", "corpus", "accuracy", "low", "high", "interval_over", "pipeline"]
    return pd.DataFrame(lines, columns=[*columns, "stale"])


def formatted(spread: pd.DataFrame) -> pd.DataFrame:
    """The table of `measure` for reading: shares in percent; an interval over clips only is marked †."""
    mark = spread.interval_over.map(over_mark)
    bounds = zip(spread.within, spread.low, spread.high, mark, strict=True)
    table = spread[["branch", "corpus", "clips", *COUNTS]].rename(columns={"branch": "features"})
    table["within emotions (%)"] = [interval(*values) + m for *values, m in bounds]
    for column, title in (("by_speaker", "of it between speakers"), ("rest", "of it within speakers")):
        table[title] = (100 * spread[column]).map("{:.1f}".format)
    return table


def sentences(lines: pd.DataFrame, *, levels: dict[str, float]) -> list[str]:
    """Where the levels hold with known speakers, and what is left of it when the speaker is new: a line per row."""
    said = []
    known = lines[lines.side == "speakers known"]
    new = lines[lines.side == "speakers new"].set_index(["scope", "kind", "corpus"])
    for name, level in levels.items():
        holds = known[known.accuracy >= level]
        where = [f"{_briefly(line)} {_share(line)}" for line in holds.itertuples()]
        below = sorted(set(known.corpus) - set(holds.corpus))
        said.append(
            f"**{name}** is reached with known speakers in: {'; '.join(where) or 'none'}"
            + (f"; by no chosen row in {', '.join(below)}." if below else ".")
        )
    for line in known.itertuples():
        key = (line.scope, line.kind, line.corpus)
        if key in new.index:
            other = new.loc[key]
            same = "" if other.pipeline == line.pipeline else f", by `{other.pipeline}`"
            left = interval(other.accuracy, other.low, other.high) + over_mark(other.interval_over)
            said.append(f"{_trained(line)}: {_share(line)} → {left} with new speakers{same}.")
    return said


def _briefly(line) -> str:
    return f"{line.corpus}, {line.kind}" + (" trained on it alone" if line.scope != "pooled" else "")


def _trained(line) -> str:
    return f"{_briefly(line)} (`{line.pipeline}`){stale_mark(line.stale)}"


def _share(line) -> str:
    return interval(line.accuracy, line.low, line.high) + over_mark(line.interval_over)


def _file(profile: str, branch: str):
    return paths.results(profile) / f"variance-{branch}.csv"


def main() -> None:
    """Measure the variance of a profile's corpora in the features of a branch, and write the table to be committed."""
    if len(sys.argv) != 3:
        sys.exit(
            "usage: python -m emolabs.experiments.variance PROFILE BRANCH (a branch of functionals: egemaps, mfcc)"
        )
    profile, branch = sys.argv[1:]
    try:
        table = measure(profile, branch=branch)
    except FileNotFoundError as error:
        sys.exit(str(error))
    with storage.atomic(_file(profile, branch)) as temporary:
        table.round(6).to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
