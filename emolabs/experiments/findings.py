"""Findings: passages of `docs/findings.md` on corpora, parts and protocols, one a question, from the committed tables.

`passages` says how they are told; those on people and on use are in `applied`.
"""

import pandas as pd

from emolabs import markdown, params
from emolabs.experiments import again, learners, metrics, stability
from emolabs.experiments import contrasts as declared_contrasts
from emolabs.experiments.effects import LEVEL, SEED, TUNING
from emolabs.experiments.effects import rest as without
from emolabs.experiments.paired import title
from emolabs.experiments.passages import EXAMPLE
from emolabs.experiments.source import Source, points
from emolabs.reporting import IN_NOTES, KNOWN, corpus_name, interval, known_mark, p_value, stale_mark


def indexed(source: Source) -> str:
    """What the index takes and refuses."""
    corpora, rejected = source.table("10_corpora"), source.table("10_rejected")
    kinds = rejected.reason.str.split(":").str[0].value_counts()
    listed = ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
    found = f"Of {corpora.clips.sum() + len(rejected):,} recordings found {corpora.clips.sum():,} are indexed"
    if rejected.empty:
        return f"{found}, and none is refused."
    reasons = f"each with its reason ([list](../figures/thesis/10_rejected.csv)): {listed}"
    return f"{found}; refused are {len(rejected)}, {reasons}."


def duplicates(source: Source) -> str:
    """Recordings that are there twice, and how many known copies the search finds."""
    pairs, recall = source.table("13_near_duplicates"), source.table("13_recall")
    worst = recall.loc[(recall.found / recall.copies).idxmin()]
    known = (
        f"Of {len(recall)} kinds of known copies it finds the fewest of «{worst.alteration}», {worst.found} of "
        f"{worst.copies} ([all](../figures/thesis/13_recall.csv))."
    )
    search = "A search for recordings that are there twice under another cut, level or encoding finds"
    if pairs.empty:
        return f"{search} none beyond those of equal samples. {known}"
    corpora = {corpus_name(path.split("/")[0]) for path in [*pairs["first"], *pairs.second]}
    conflicts = pairs.conflict.value_counts()
    named = [f"with two {kind}s for one recording: {count}" for kind, count in conflicts.items()]
    apart = {side: int((pairs[side] > 0).sum()) for side in ("hash", "random", "speaker")}
    sides = ", ".join(f"{count or 'none'} under `{side}`" for side, count in apart.items())
    return (
        f"{search} [{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'}](../figures/thesis/13_near_duplicates.csv) "
        f"beyond those of equal samples, in {' and '.join(sorted(corpora))}; "
        f"{'; '.join(named) or 'their labels agree'}. Pairs on two sides of a fold: {sides}. {known}"
    )


def identity(source: Source) -> str:
    """How well corpus, speaker and emotion are named from the same vectors, before and after normalization."""
    lines = source.table("24_identity")
    lines["score"] = [interval(*v) for v in lines[["uar", "uar_low", "uar_high"]].itertuples(index=False)]
    shown = lines.pivot(index=["branch", "question", "classes"], columns="normalization", values="score").reset_index()
    shown["by chance"] = (100 / shown.classes).round(1)
    shown = shown[["question", "branch", "by chance", "before", "after"]]
    names = {"before": "before normalization", "after": "after normalization", "question": "named"}
    return markdown.table(shown.rename(columns=names)).rstrip("\n")


def parts(source: Source) -> str:
    """The declared comparisons that have been computed, a line each."""
    lines = source.table("41_effects").fillna({"without": ""})
    done = lines[lines.missing.isna()]
    rest = [
        {f"{title(line.without)} (exploratory)": interval(*without(line, "difference"))} if line.without else {}
        for line in done.itertuples()
    ]
    shown = [
        {
            "question": line.question + known_mark(line.known),
            "first": f"`{line.first_row}`",
            "second": f"`{line.second_row}`",
            "first − second (points)": points(line) + stale_mark(line.stale),
            "p (Holm)": p_value(line.p_holm),
            **beside,
        }
        for line, beside in zip(done.itertuples(), rest, strict=True)
    ]
    if done.empty:
        return computed(lines)
    floor = p_value(min(1.0, len(done) * 2 / (metrics.RESAMPLES + 1)))
    told = (
        f"{computed(lines)} {IN_NOTES[KNOWN]} With "
        f"{metrics.RESAMPLES:,} draws and {len(done)} comparisons no corrected p can be under {floor}."
    )
    return f"{markdown.table(pd.DataFrame(shown).fillna(''))}\n{told} {SEED}" + f" {TUNING}" * (
        "tuning" in set(done.question)
    )


def computed(lines: pd.DataFrame) -> str:
    """How many of the declared lines have numbers, and why the others have none."""
    left = lines.missing.fillna("")
    reasons = left[left != ""].str.split(":").str[0].value_counts()
    said = f"Computed are {int((left == '').sum())} of {len(lines)}"
    return f"{said}{''.join(f'; {count} {reason}' for reason, count in reasons.items())}."


def interactions(source: Source) -> str:
    """The declared differences in differences that have been computed, a sentence each."""
    lines = source.table("41_contrasts").fillna({"missing": "", "without": ""})
    shown = declared_contrasts.formatted(lines[lines.missing == ""])
    told = f"{computed(lines)} {declared_contrasts.LEGEND}"
    return f"{markdown.table(shown)}\n{told}" if len(shown) else told


def steadiness(source: Source) -> str:
    """What a second training and other seeds change."""
    seeds = source.table("44_seeds")
    several = seeds[(seeds.runs > 1) & seeds.is_random]
    said = [again.sentence(source.table("44_again")), *stability.seeds_sentences(several)[: len(several)]]
    listed = "\n".join(f"- {sentence}" for sentence in said)
    return f"{listed}\n\nEverywhere else a row stands with its first seed, whether that is its best or its worst."


def layers(source: Source) -> str:
    """Which layer of the encoder carries emotion for new speakers."""
    lines = source.table("41_layers").query("on == 'overall'").astype({"layer": str})
    fixed, stored, sides = str(learners.LAYER), params.load(source.profile, "21_embeddings")["layer"], {}
    for protocol, group in lines.groupby("protocol"):
        sides[protocol] = group.set_index("layer")
    new = sides["speaker"]
    of = new[new.index.str.isdecimal()]
    best, last = of.loc[of.uar.idxmax()], of.loc[max(of.index, key=int)]
    even = [layer for layer in of.index if layer != best.name and of.below_low[layer] <= 0]
    apart = f"not told apart from {' and '.join(even)}" if even else "above all others"
    said = (
        f"With new speakers layer {best.name} has the highest UAR, {_scored(best)}, {apart}; the last, layer "
        f"{last.name}, has {_scored(last)}. `{EXAMPLE}` hears layer {fixed} everywhere, and all whisper-cnn3 "
        f"rows, with and without an LSTM, hear layer {stored}: this was fixed before this code existed, from "
        f"measurements on these corpora."
    )
    words = {"speaker": "with new speakers", "hash": "under `hash`"}
    chosen = " and ".join(
        f"{_scored(sides[protocol].loc['chosen'])} instead of {_scored(sides[protocol].loc[fixed])} {word}"
        for protocol, word in words.items()
    )
    return f"{said} What validation would have chosen has {chosen}."


def _scored(line: pd.Series) -> str:
    return interval(line.uar, line.low, line.high)


def contrasts(source: Source) -> str:
    """What more speakers are worth on equally many clips, for one row in numbers, and in how many sizes for all."""
    every = source.table("44_contrasts")
    lines = every[every.pipeline == EXAMPLE]
    few = lines.sort_values("few_speakers").iloc[0]
    clear = (every.p_holm < LEVEL).groupby(every.pipeline).agg(["sum", "size"])
    counts = "; ".join(f"`{name}` in {told['sum']} of {told['size']}" for name, told in clear.iterrows())
    above = int((every.difference > 0).sum())
    return (
        f"On {corpus_name(few.scope)} as many clips are drawn from few speakers and from many, in {len(lines)} sizes. "
        f"By so much that it can be told (p (Holm) under {LEVEL:g}) the UAR differs for {counts}; in {above} of "
        f"{len(every)} comparisons more speakers have the higher UAR. In the smallest size, "
        f"{few.train_clips:.0f} clips of {few.many_speakers:.0f} speakers instead of {few.few_speakers:.0f} change "
        f"that of `{EXAMPLE}` by {points(few)} points, with p {p_value(few.p_holm)}. Training on all clips of all "
        f"speakers gives {100 * few.whole:.1f}."
    )
