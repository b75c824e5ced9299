"""A small study as the draw would make it, and the files that its page would write."""

import functools
import json

import pandas as pd

from emolabs.listening.design import Design
from emolabs.listening.study import COLUMNS, Study
from emolabs.standardization import sample_id

EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]


@functools.cache
def study(*, clips_per_emotion: int = 10) -> Study:
    """Trials of two sources, two practice clips and two attention checks."""
    rows = []
    for number in range(clips_per_emotion * len(EMOTIONS)):
        corpus, emotion = ["cremad", "emodb"][number % 2], EMOTIONS[number // 2 % len(EMOTIONS)]
        rows.append({"clip": f"k{number:02d}q", "path": f"{corpus}/{number:03d}", "corpus": corpus, "emotion": emotion})
    clips = pd.DataFrame(rows).assign(role="trial")
    beside = [("p1a", "practice", "anger"), ("p2b", "practice", "fear")]
    beside += [("a1c", "attention", "sadness"), ("a2d", "attention", "anger")]
    beside = [
        {"clip": c, "role": r, "emotion": e, "path": f"emosynth-en/{c}", "corpus": "emosynth-en"} for c, r, e in beside
    ]
    clips = pd.concat([clips, pd.DataFrame(beside)], ignore_index=True)
    clips = clips.assign(
        id=[sample_id(path) for path in clips.path],
        speaker=[f"{corpus}/{n % 5}" for n, corpus in enumerate(clips.corpus)],
        sex=["female" if n % 5 % 2 else "male" for n in range(len(clips))],
        language=clips.corpus.map({"cremad": "en", "emodb": "de", "emosynth-en": "en"}),
        text=[f"sentence {n % 7}" for n in range(len(clips))],
        part=["emocorpus" if n % 4 < 2 else "emobench" for n in range(len(clips))],
        intensity="",
    )
    design = Design(emotions=tuple(EMOTIONS), sources=("cremad", "emodb"), practice=2, attention=2)
    return Study("pilot", clips[COLUMNS], design, seed=0, orders=100, made_from={})


def page_file(**changes: object) -> dict:
    """What the page writes of one participant who hears two practice clips and the study's order 0."""
    return json.loads(_page_text()) | changes


@functools.cache
def _page_text() -> str:
    drawn = study()
    heard = drawn.clips.set_index("clip").loc[["p1a", "p2b", *drawn.order(0)]]
    trials = [
        {
            "position": number + 1 if number < 2 else number - 1,
            "role": row.role,
            "clip": code,
            "answer": row.emotion if number % 3 or row.role == "attention" else "neutral",
            "confidence": number % 5 + 1 if number % 11 else None,
            "plays": 1 + number % 2,
            "response_time_s": round(0.6 + 0.0125 * number, 4) if number != 9 else None,
        }
        for number, (code, row) in enumerate(heard.iterrows())
    ]
    told = {"age_band": "25-34", "gender": None, "country": "NA", "english": "none"}
    told |= {"headphones": "headphones", "hearing": "unimpaired"}
    whole = {"format": "emolabs-listening-1", "study": "pilot", "digest": drawn.digest, "participant": "bcdfghjklm"}
    whole |= {"order": 0, "started": "2024-05-31T09:30:00.000Z", "finished": "2024-05-31T09:51:10Z", "language": "en"}
    return json.dumps(whole | {"background": told, "trials": trials})


def page_rows(file: dict) -> list[dict]:
    """The rows of the page's CSV: one a trial, what is known of the participant in each."""
    told = {key: value for key, value in file.items() if key not in ("background", "trials")}
    return [told | file["background"] | trial for trial in file["trials"]]


def page_csv(file: dict, *, separator: str = ",", comma: str = ".", mark: str = "") -> str:
    """The page's CSV; or otherwise separated, with decimal commas or `mark` before each cell, as spreadsheets do it."""

    def cell(value: object) -> str:
        text = "" if value is None else str(value).replace(".", comma) if isinstance(value, float) else str(value)
        return '"' + (mark + text).replace('"', '""') + '"'

    rows = page_rows(file)
    header = separator.join(f'"{name}"' for name in rows[0])
    return "\r\n".join([header, *[separator.join(map(cell, row.values())) for row in rows], ""])
