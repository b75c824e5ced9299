"""A small study as the draw would make it, and the files that its page would write."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from emolabs.standardization import sample_id

EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]


def study(*, clips_per_emotion: int = 10) -> SimpleNamespace:
    """Sixty trials of two sources, two practice clips and two attention checks."""
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
    )

    def order(seed: int) -> list[str]:
        heard = clips["clip"][~clips.role.eq("practice")].to_numpy()
        return list(np.random.default_rng(seed).permutation(heard))

    return SimpleNamespace(
        name="pilot", digest="0123456789ab", emotions=EMOTIONS, clips=clips, design={}, seed=0, order=order
    )
