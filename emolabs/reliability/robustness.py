"""Robustness: what trained models say of the same clips when something happens to the recording.

A fixed set of evaluated clips, as many of each emotion and corpus, is degraded (`degradation`), goes through the whole
chain of each run from normalization on, as a recording of one's own would, and is answered. What was answered is kept
in `data/results/<profile>/reliability/robustness.parquet`, a row per run, clip and degradation, with digests of the run
and of the code that degraded; an interrupted measurement goes on where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soxr

from emolabs import dependencies, paths, storage
from emolabs.corpora import audio
from emolabs.corpora import index as corpus_index
from emolabs.experiments.predictor import Model, Prediction, stored
from emolabs.experiments.results import Result
from emolabs.progress import progress
from emolabs.reliability import degradation, models
from emolabs.reliability.degradation import Degradation

COLUMNS = ["protocol", "pipeline", "run", "code", "seed", "path", "degradation", "prediction", "confidence"]
#: Voices that babble is drawn from, and clips after which the table is written.
POOL, EVERY = 24, 10
#: The rate at which clips are degraded, that of the normalized waveform.
RATE_HZ = 16_000


def subset(found: Sequence[Result], *, per_cell: int, seed: int) -> pd.DataFrame:
    """Clips that all results evaluated: of each corpus and emotion the first `per_cell` by the digest of seed and path.

    Returns `id, path, corpus, speaker, emotion`, sorted by path; a cell with fewer clips gives all it has.
    Raises `ValueError` where no clip is common.
    """
    common = set.intersection(*(set(result.predictions.path) for result in found))
    clips = found[0].predictions
    clips = clips.loc[clips.path.isin(common), ["id", "path", "corpus", "speaker", "emotion"]]
    if clips.empty:
        raise ValueError("the results evaluated no clip in common: choose results of the same corpora")
    lot = clips.path.map(lambda path: storage.digest([seed, path]))
    first = clips.assign(lot=lot).sort_values("lot").groupby(["corpus", "emotion"]).head(per_cell)
    return first.drop(columns="lot").sort_values("path").reset_index(drop=True)


def measure(
    found: Sequence[Result], *, profile: str, clips: pd.DataFrame, degradations: Sequence[Degradation], seed: int
) -> list[str]:
    """Complete the table of a profile by what it lacks of these results, clips and degradations.

    Returns what could not be measured, a sentence each: runs that are not here or are others than the results', and
    recordings that are not on this machine.
    """
    opened, reasons = _open(found)
    table = _kept(profile, clips=clips, found=found, seed=seed)
    there = set(table[["run", "path", "degradation"]].itertuples(index=False, name=None))
    wanted = {}
    for path in clips.path:
        runs = [run for run in opened if path in run.evaluated]
        rows = [(row, [r for r in runs if (r.digest, path, row.name) not in there]) for row in degradations]
        wanted |= {path: [pair for pair in rows if pair[1]]} if any(runs for _, runs in rows) else {}
    if not wanted:
        return reasons
    try:
        index = corpus_index.load(profile).set_index("path")
        voices = _voices(index, evaluated=clips.path, seed=seed)
        lines: list[dict] = []
        for number, (path, rows) in enumerate(progress(wanted.items(), label="degraded", total=len(wanted)), start=1):
            others = [wave for speaker, wave in voices if speaker != index.speaker[path]]
            lines += _answered(_wave(index.loc[path]), path=path, rows=rows, voices=others, seed=seed)
            if number % EVERY == 0 or number == len(wanted):
                table = pd.DataFrame([*table.to_dict("records"), *lines])
                _write(table, profile=profile)
                lines = []
    except (OSError, ValueError, KeyError) as error:
        reasons.append(f"the clips cannot be degraded here: {error}")
    return reasons


def load(found: Sequence[Result], *, profile: str, clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows of these results and clips, with `stale` where the code that degraded has changed since."""
    table = _kept(profile, clips=clips, found=found, seed=seed, any_code=True)
    return table.assign(stale=table.code != code_digest())


def code_digest() -> str:
    """Digest of the code that degrades and answers."""
    return dependencies.own_digest([Path(__file__), Path(degradation.__file__)])


@dataclass(frozen=True)
class _Run:
    """One fold of a result with its model: what it is called in the table, and the clips that it evaluated."""

    protocol: str
    pipeline: str
    digest: str
    model: Model
    evaluated: frozenset[str]


def _open(found: Sequence[Result]) -> tuple[list[_Run], list[str]]:
    """The models of all folds of the results, and a sentence for each that is not here."""
    opened, reasons = [], []
    for result, fold in models.folds(found):
        row, clips = result.row, result.predictions
        try:
            model = models.load(result, fold)
        except (FileNotFoundError, ValueError) as error:
            reasons.append(str(error))
            continue
        evaluated = frozenset(clips.path[clips.fold == fold])
        opened.append(_Run(row.protocol, row.pipeline, models.digest(row.results(fold)), model, evaluated))
    return opened, reasons


def _answered(wave: np.ndarray, *, path: str, rows: list, voices: list[np.ndarray], seed: int) -> list[dict]:
    """What the runs of each row say of one clip, wave [samples] at `RATE_HZ`; models that hear alike hear once."""
    lines, code = [], code_digest()
    for row, runs in rows:
        lot = int(storage.digest([seed, path, row.family]), 16)  # one noise at all its strengths
        chance = {"generator": np.random.default_rng(lot), "voices": voices, "sample_rate_hz": RATE_HZ}
        degraded = wave if row.is_after else row.effect(wave, **chance)
        heard: dict[object, object] = {}
        for run in runs:
            said = _heard(run.model, degraded, row=row, chance=chance, heard=heard).probabilities
            line = {"protocol": run.protocol, "pipeline": run.pipeline, "run": run.digest, "code": code, "seed": seed}
            line |= {"path": path, "degradation": row.name, "prediction": said.idxmax()}
            lines.append(line | {"confidence": round(float(said.max()), 4)})
    return lines


def _heard(model: Model, wave: np.ndarray, *, row: Degradation, chance: dict, heard: dict) -> Prediction:
    """What a model says of a wave; `heard` keeps what others can share: normalized waves, frames, features."""
    steps = model.normalization
    if steps not in heard:
        waves = model.normalize(wave, sample_rate_hz=RATE_HZ)
        heard[steps] = stored(row.effect(waves.wave(0), **chance), steps) if row.is_after else waves
    waves = heard[steps]
    for key, make in [
        ((steps, model.encodes), lambda: model.encode(waves)),
        ((steps, model.hears), lambda: model.hear(waves, frames=heard[steps, model.encodes])),
    ]:
        if key not in heard:
            heard[key] = make()
    return model.answer(waves, heard[steps, model.hears])


def _wave(clip: pd.Series) -> np.ndarray:
    """A recording of the index as the normalization begins with it: mono, at `RATE_HZ`, float32 [samples]."""
    samples, rate = audio.read(paths.raw(clip.corpus) / clip.file)
    wave = samples.mean(axis=1, dtype=np.float32)
    return soxr.resample(wave, rate, RATE_HZ) if rate != RATE_HZ else wave


def _voices(index: pd.DataFrame, *, evaluated: pd.Series, seed: int) -> list[tuple[str, np.ndarray]]:
    """Speaker and wave of `POOL` recordings that are not degraded themselves, for babble."""
    others = index[~index.index.isin(evaluated)]
    lot = pd.Series([storage.digest([seed, "babble", path]) for path in others.index], index=others.index)
    return [(clip.speaker, _wave(clip)) for _, clip in others.loc[lot.sort_values().index[:POOL]].iterrows()]


def _kept(
    profile: str, *, clips: pd.DataFrame, found: Sequence[Result], seed: int, any_code: bool = False
) -> pd.DataFrame:
    """The rows of the table that belong to these clips, results and this seed, and unless `any_code` to this code."""
    file = _file(profile)
    if not file.is_file():
        return pd.DataFrame(columns=COLUMNS)
    table = pd.read_parquet(file).astype({name: str for name in COLUMNS if name not in ("seed", "confidence")})
    valid = {models.digest(result.row.results(fold)) for result, fold in models.folds(found)}
    kept = table.run.isin(valid) & table.path.isin(clips.path) & (table.seed == seed)
    return table[kept & (any_code | (table.code == code_digest()))].reset_index(drop=True)


def _write(table: pd.DataFrame, *, profile: str) -> None:
    order = ["protocol", "pipeline", "degradation", "path"]
    compact = table[COLUMNS].sort_values(order).astype({"confidence": np.float32})
    words = ["protocol", "pipeline", "run", "code", "path", "degradation", "prediction"]
    with storage.atomic(_file(profile)) as temporary:
        compact.astype(dict.fromkeys(words, "category")).to_parquet(temporary, index=False)


def _file(profile: str) -> Path:
    return paths.reliability(profile) / "robustness.parquet"
