"""How often the intervals of the human baseline hold what they should: `python -m tests.benchmarks.coverage`.

Simulated studies of 12 listeners and 60 clips whose true recall is known (`emolabs.listening.simulation`), and votes
without listeners of 24 speakers. The share of intervals that hold the truth shall be about 95 %; Wilson's interval and
the mixed model stand beside the bootstrap.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from emolabs.listening import intervals, models, recall, simulation, tally
from emolabs.progress import progress
from tests.benchmarks.measure import Row, Settings

EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]
RECALL = dict(zip(EMOTIONS, [0.85, 0.5, 0.55, 0.6, 0.75, 0.65], strict=True))
#: Listeners, and the standard deviations of listeners and of clips in logits.
STUDIES = {"as in the demo": (12, 0.5, 1.0), "like clips": (12, 1.0, 0.3), "many listeners": (40, 0.5, 1.0)}
#: At least so many of them shall hold the truth (%).
TARGET = 90


def heard(*, listeners: int) -> pd.DataFrame:
    """What listeners are to hear: ten clips an emotion from five sources, two of each."""
    clips = pd.DataFrame({"emotion": np.repeat(EMOTIONS, 10), "corpus": np.tile([f"source{n}" for n in range(5)], 12)})
    clips["clip"] = clips["path"] = [f"{c}/{n:02d}" for n, c in enumerate(clips.corpus)]
    rows = [clips.assign(participant=f"simulated-{n:03d}", position=range(1, 61)) for n in range(listeners)]
    return pd.concat(rows, ignore_index=True).assign(role="trial", modality="audio", started="0", simulated=True)


def listening(
    studies: int, *, listeners: int, listener_sd: float, clip_sd: float, with_model: bool
) -> dict[str, float]:
    """The share of intervals of recall that hold the true one, by kind of interval."""
    confusion = simulation.confusion(RECALL, pull={"neutral": 3.0})
    true = simulation.truth(confusion, listener_sd=listener_sd, clip_sd=clip_sd).recall
    spreads, trials = {"listener_sd": listener_sd, "clip_sd": clip_sd}, heard(listeners=listeners)
    inside = {"bootstrap": [], "UAR": [], "Wilson": [], "model": []}
    for seed in progress(range(studies), label=f"{listeners} listeners", unit="study"):
        answers = simulation.answer(trials, confusion=confusion, seed=seed, **spreads)
        counted = tally.count(answers, labels=EMOTIONS)
        draws = intervals.draw(counted, draws=400, seed=seed)
        found = recall.by_emotion(counted, draws).set_index("emotion").loc[EMOTIONS]
        inside["bootstrap"] += [true[EMOTIONS].between(found.low, found.high).mean()]
        inside["Wilson"] += [true[EMOTIONS].between(found.wilson_low, found.wilson_high).mean()]
        whole = recall.overall(counted, draws).iloc[0]
        inside["UAR"] += [whole.uar_low <= true.mean() <= whole.uar_high]
        if with_model:
            mixed = models.fit(counted).recall.set_index("emotion").loc[EMOTIONS]
            inside["model"] += [true[EMOTIONS].between(mixed.low, mixed.high).mean()]
    return {name: float(np.mean(values)) for name, values in inside.items() if values}


def voting(studies: int, *, speakers: int = 24, clips: int = 12, votes: int = 10) -> float:
    """The same for votes: speakers and clips differ by 0.6 and 1.0 (logits), the listeners are unknown."""
    speaker_sd, clip_sd, share, inside = 0.6, 1.0, 0.4, []
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    true = expit(logit(share) + np.hypot(speaker_sd, clip_sd) * nodes) @ weights / weights.sum()
    table = pd.DataFrame({"speaker": np.repeat([f"c/{n}" for n in range(speakers)], clips)})
    table = table.assign(path=[f"c/{n:04d}" for n in range(len(table))], corpus="c", emotion="anger", modality="audio")
    for seed in progress(range(studies), label="votes", unit="study"):
        random = np.random.default_rng(seed)
        effect = np.repeat(random.normal(0, speaker_sd, speakers), clips) + random.normal(0, clip_sd, len(table))
        hits = random.binomial(votes, expit(logit(share) + effect))
        answer = np.where(np.arange(votes) < hits[:, None], "anger", "fear").reshape(-1)
        long = table.loc[table.index.repeat(votes)].assign(answer=answer, role="trial", participant=None)
        counted = tally.count(long, labels=EMOTIONS)
        found = recall.by_emotion(counted, intervals.draw(counted, draws=400, seed=seed)).iloc[0]
        inside.append(found.low <= true <= found.high)
    return float(np.mean(inside))


def run(settings: Settings) -> list[Row]:
    """A row per kind of study; `settings.clips` bounds the number of studies (200)."""
    studies, rows = settings.limit(200), []
    for name, (listeners, listener_sd, clip_sd) in STUDIES.items():
        spreads = {"listeners": listeners, "listener_sd": listener_sd, "clip_sd": clip_sd}
        found = listening(studies, **spreads, with_model=settings.full)
        beside = ", ".join(f"{kind} {100 * share:.1f} %" for kind, share in found.items() if kind != "bootstrap")
        note = f"{listeners} listeners × 60 clips, listeners ± {listener_sd}, clips ± {clip_sd} (logits); {beside}"
        rows.append(_row(f"coverage of recall: {name}", found["bootstrap"], studies=6 * studies, note=note))
    note = "24 speakers × 12 clips × 10 votes, speakers ± 0.6, clips ± 1.0 (logits)"
    rows.append(_row("coverage of recall: votes", voting(studies), studies=studies, note=note))
    return rows


def _row(name: str, share: float, *, studies: int, note: str) -> Row:
    said = f"{100 * share:.1f} % of {studies:,} intervals"
    return Row(name=name, ours=said, compared_to="95 %", ratio=100 * share, target=TARGET, unit="%", note=note)


def main(arguments: list[str] | None = None) -> None:
    """Print a line per kind of study."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.coverage")
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--model", action="store_true", help="fit the mixed model, too (two seconds a study)")
    chosen = parser.parse_args(arguments)
    for row in run(Settings(chosen.studies, 1, chosen.model, None)):
        print(f"{row.name}: {row.ours}; {row.note}")


if __name__ == "__main__":
    main()
