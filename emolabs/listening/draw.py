"""The draw of a study: which clips it has, and how they sound.

Conventions: a clip's lot is a number in [0, 1) made from the seed and its sample id alone, so neither the order of rows
nor a random generator takes part.
"""

import hashlib
import itertools
import random
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from emolabs import storage, types
from emolabs.corpora import espeak
from emolabs.listening.design import PARTS, Design
from emolabs.listening.selection import trials
from emolabs.listening.study import COLUMNS, Study
from emolabs.standardization import waveforms
from emolabs.standardization.normalization import Normalization, normalize
from emolabs.standardization.split import sample_id
from emolabs.standardization.waveforms import Waveforms

#: An attention check; eSpeak NG says it, so that it has no emotion and anyone may pass it on.
INSTRUCTION, _VOICE, _RATE_WPM = "This one is not about a feeling. Please choose {emotion}.", "en-us+f3", 150
#: Clips that are further than this from the loudness of the others (LU) are not drawn.
TOLERANCE_LU = 0.5
#: What the path of an attention check begins with; it is of no corpus.
_ATTENTION = "attention"
#: No confusion of letters and digits, and no words.
_ALPHABET, _CODE = "23456789bcdfghjkmnpqrstvwxz", 4


def left_out(store: Waveforms, *, pairs: pd.DataFrame, tolerance_lu: float = TOLERANCE_LU) -> pd.DataFrame:
    """Clips that no study takes, with the reason: `path, reason`, sorted by path.

    Those of `pairs` (as `near_duplicates.load` gives them) would be heard twice, and some have two labels. Those whose
    loudness is more than `tolerance_lu` LU off that of the store would not be played at equal loudness.
    """
    target = storage.read_json(store.folder / "store.json")["steps"]["loudness_lufs"]
    twice = zip([*pairs["first"], *pairs["second"]], [*pairs["second"], *pairs["first"]], strict=True)
    reasons = {path: f"near-duplicate: the same recording as {other}" for path, other in twice}
    clips = store.clips[(store.clips.loudness_lufs - target).abs() > tolerance_lu]
    for path, level in zip(clips.path, clips.loudness_lufs, strict=True):
        reasons.setdefault(path, f"loudness: {level:.1f} LUFS where the others have {target:g}")
    return pd.DataFrame(sorted(reasons.items()), columns=["path", "reason"])


def draw(
    index: pd.DataFrame,
    *,
    manifests: Mapping[str, pd.DataFrame],
    design: Design,
    name: str,
    seed: int,
    left_out: Collection[str] = (),
    orders: int = 500,
    made_from: dict | None = None,
) -> Study:
    """Draw the study `name` from the clips of `index` (whatever the order of its rows) by `seed`.

    `manifests` are those of `hash` and `speaker`; trials come half from the evaluation side of the first and half from
    that of the second's fold 0, practice from what is trained on under both. `left_out` are project paths not to draw.
    Raises `ValueError` naming every source, emotion or language that is not there and every cell that has too few
    clips, with what to change, and as `Study.order` does.
    """
    where = f"the study {name} cannot be drawn"
    _check_names(index, design=design, where=where)
    pool = _pool(index, manifests=manifests, design=design, left_out=left_out, seed=seed)
    sides = pool[pool.part.isin(PARTS)]
    types.refuse(_lacking(sides, design=design), where=where)
    judged = pd.concat(trials(sides[sides.corpus == source], design=design, where=where) for source in design.sources)
    practice = _practice(pool[pool.part == "practice"], heard=set(judged.speaker), design=design, where=where)
    clips = pd.concat(
        [judged.assign(role="trial"), practice.assign(role="practice", part=""), _attention(design, seed)]
    )
    clips = clips.sort_values("id", ignore_index=True)
    clips["clip"] = _codes(len(clips), seed=f"{name} {seed}")
    study = Study(name, clips[COLUMNS].sort_values("clip", ignore_index=True), design, seed, orders, made_from or {})
    study.order(0)
    return study


def audio(study: Study, profile: str) -> dict[str, tuple[np.ndarray, int]]:
    """How each clip sounds: code -> (float32 [samples] with full scale 1.0, rate in Hz), from the profile's waveforms.

    Attention checks are spoken anew and normalized as the others were. Raises `ValueError` naming clips that the
    profile does not have.
    """
    store = waveforms.load(profile)
    rows = {id: row for row, id in enumerate(store.clips.id)}
    recorded = study.clips[study.clips.role != "attention"]
    if missing := sorted(recorded.path[~recorded.id.isin(rows)]):
        raise ValueError(
            f"the study {study.name} has {len(missing)} clips that the waveforms of the profile {profile} do not have, "
            f"such as {missing[0]}: add their corpora to the profile and run notebooks/12_normalization.ipynb again"
        )
    sounds = {code: (store.wave(rows[id]), store.sample_rate_hz) for code, id in recorded[["clip", "id"]].to_numpy()}
    steps = Normalization(**storage.read_json(store.folder / "store.json")["steps"])
    for check in study.clips[study.clips.role == "attention"].itertuples():
        spoken = espeak.speak(check.text, voice=_VOICE, rate_wpm=_RATE_WPM, pitch=50, range_pts=50)
        wave, _ = normalize(spoken[:, None].astype(np.float32), sample_rate_hz=espeak.SAMPLE_RATE_HZ, steps=steps)
        sounds[check.clip] = (wave, store.sample_rate_hz)
    return sounds


def _check_names(index: pd.DataFrame, *, design: Design, where: str) -> None:
    known = {
        "source": (design.sources, index.corpus),
        "emotion": (design.emotions, index.emotion),
        "language": (design.languages, index.language),
    }
    problems = [
        types.unknown(value, known=sorted(there.unique()), noun=noun)
        for noun, (wanted, there) in known.items()
        for value in wanted
        if value not in set(there)
    ]
    types.refuse(problems, where=where)


def _pool(
    index: pd.DataFrame, *, manifests: Mapping[str, pd.DataFrame], design: Design, left_out: Collection[str], seed: int
) -> pd.DataFrame:
    """The clips that may be drawn, sorted by id, with `part` (`PARTS` or practice) and `lot`; one that is on both
    evaluation sides is there for each."""
    used = index.emotion.isin(design.emotions) & index.corpus.isin(design.sources) & ~index.path.isin(set(left_out))
    used &= index.language.isin(design.languages) if design.languages else True
    clips = index[used].drop(columns="id", errors="ignore")
    emotions = clips.groupby(["corpus", "text"]).emotion.transform("nunique")
    clips = clips[emotions >= design.text_emotions_min]
    clips = clips.assign(id=clips.path.map(sample_id)).sort_values("id")
    clips["lot"] = [_lot(seed, id) for id in clips.id]
    first = manifests["speaker"][manifests["speaker"].fold == 0]
    sides = {"emocorpus": manifests["hash"], "emobench": first}
    ids = {part: set(manifest.id[manifest.split == "evaluation"]) for part, manifest in sides.items()}
    ids["practice"] = set.intersection(*(set(manifest.id[manifest.split == "train"]) for manifest in sides.values()))
    return pd.concat([clips[clips.id.isin(there)].assign(part=part) for part, there in ids.items()], ignore_index=True)


def _lot(seed: int, id: str) -> float:
    return int(hashlib.sha256(f"{seed} {id}".encode()).hexdigest()[:12], 16) / 16**12


def _lacking(sides: pd.DataFrame, *, design: Design) -> list[str]:
    """A sentence for every cell that has too few clips, and one on what could be drawn."""
    cells = {cell: set(ids) for cell, ids in sides.groupby(["emotion", "corpus", "part"]).id}
    problems = _short(cells, needs=design.needs(), design=design)
    if not problems:
        return []
    fewer = [number for number in range(design.per_cell - 1, 0, -1) if number * design.cells % 2 == 0]
    enough = [number for number in fewer if not _short(cells, needs=design.needs(number), design=design)]
    advice = f"set `clips` to {enough[0] * design.cells}, " if enough else ""
    return [*problems, f"{advice}leave out the source (`sources`) or the emotion (`emotions`), or add recordings"]


def _short(cells: Mapping[tuple, set[str]], *, needs: Mapping[tuple, int], design: Design) -> list[str]:
    problems = []
    for emotion, source in itertools.product(design.emotions, design.sources):
        need = [needs[emotion, source, part] for part in PARTS]
        there = [cells.get((emotion, source, part), set()) for part in PARTS]
        together = len(set.union(*there))
        if together < sum(need) or any(len(ids) < number for ids, number in zip(there, need, strict=True)):
            wanted = " and ".join(f"{number} of {words}" for number, words in zip(need, PARTS.values(), strict=True))
            found = " and ".join(str(len(ids)) for ids in there)
            problems.append(f"{emotion} × {source}: expected {wanted}, none twice; found {found}, {together} together")
    return problems


def _practice(pool: pd.DataFrame, *, heard: set[str], design: Design, where: str) -> pd.DataFrame:
    """Clips to practise on: the emotions in turn, each time from the next source that has one, by lot; a voice that is
    on no trial goes before one that is."""
    chosen: list[int] = []
    for number in range(design.practice):
        emotion = design.emotions[number % len(design.emotions)]
        turn = number + number // len(design.emotions)
        wait = {s: (i - turn) % len(design.sources) for i, s in enumerate(design.sources)}
        there = pool[(pool.emotion == emotion) & ~pool.index.isin(chosen)]
        if there.empty:
            said = f"{emotion}: expected a training clip to practise on, found none left; set `practice` to {number}"
            types.refuse([said], where=where)
        keys = there.assign(wait=there.corpus.map(wait), known=there.speaker.isin(heard))
        chosen.append(keys.sort_values(["wait", "known", "lot"]).index[0])
    return pool.loc[chosen].drop(columns="lot")


def _attention(design: Design, seed: int) -> pd.DataFrame:
    """Attention checks, each with an answer of its own, by lot."""
    answers = sorted(design.emotions, key=lambda emotion: _lot(seed, sample_id(f"{_ATTENTION}/{emotion}")))
    same = {"corpus": "", "speaker": f"{_ATTENTION}/espeak", "sex": "", "language": "en", "intensity": ""}
    rows = [
        {"path": f"{_ATTENTION}/{emotion}", "id": sample_id(f"{_ATTENTION}/{emotion}"), "emotion": emotion, **same}
        | {"text": INSTRUCTION.format(emotion=emotion), "part": "", "role": "attention"}
        for emotion in answers[: design.attention]
    ]
    return pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "clip"])


def _codes(number: int, *, seed: str) -> list[str]:
    """Different codes that say nothing of what they stand for."""
    size = len(_ALPHABET)
    values = random.Random(f"{seed} codes").sample(range(size**_CODE), number)
    return ["".join(_ALPHABET[value // size**place % size] for place in range(_CODE)) for value in values]
