"""Findings: the passages of `docs/findings.md`, one a question, from the committed tables (see `passages`)."""

import pandas as pd

from emolabs import markdown
from emolabs.experiments import again, stability
from emolabs.experiments import contrasts as declared_contrasts
from emolabs.experiments.passages import EXAMPLE, Source, points, title
from emolabs.reporting import interval, p_value, stale_mark

#: What a promise of accuracy came to, by the verdict of `60_promise`.
VERDICTS = {
    "kept": "the promise is kept",
    "broken": "the promise is broken",
    "undecided": "the promise lies within the interval",
}


def indexed(source: Source) -> str:
    """What the index takes and refuses."""
    corpora, rejected = source.table("10_corpora"), source.table("10_rejected")
    kinds = rejected.reason.str.split(":").str[0].value_counts()
    listed = ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
    return (
        f"Of {corpora.clips.sum() + len(rejected):,} recordings found {corpora.clips.sum():,} are indexed, and "
        f"{len(rejected)} are refused, each with its reason ([list](../figures/thesis/10_rejected.csv)): {listed}."
    )


def duplicates(source: Source) -> str:
    """Recordings that are there twice, and how many known copies the search finds."""
    pairs, recall = source.table("13_near_duplicates"), source.table("13_recall")
    corpora = {title(path.split("/")[0]) for path in [*pairs["first"], *pairs.second]}
    conflicts = pairs.conflict.value_counts()
    named = [f"{count} of them name two {kind}s for one recording" for kind, count in conflicts.items()]
    apart = {side: int((pairs[side] > 0).sum()) for side in ("hash", "random", "speaker")}
    sides = ", ".join(f"{count or 'none'} under `{side}`" for side, count in apart.items())
    worst = recall.loc[(recall.found / recall.copies).idxmin()]
    return (
        f"A search for recordings that are there twice under another cut, level or encoding finds "
        f"[{len(pairs)} pairs](../figures/thesis/13_near_duplicates.csv) beyond those of equal samples, in "
        f"{' and '.join(sorted(corpora))}; {'; '.join(named) or 'their labels agree'}. Pairs on two sides of a "
        f"fold: {sides}. Of {len(recall)} kinds of known copies it finds the fewest of «{worst.alteration}», "
        f"{worst.found} of {worst.copies} ([all](../figures/thesis/13_recall.csv))."
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
    lines = source.table("41_effects")
    done = lines.dropna(subset="difference")
    shown = [
        {
            "question": line.question,
            "first": f"`{line.first_row}`",
            "second": f"`{line.second_row}`",
            "first − second (points)": points(line) + stale_mark(line.stale),
            "p (Holm)": p_value(line.p_holm),
        }
        for line in done.itertuples()
    ]
    told = f"Computed are {len(done)} of {len(lines)} comparisons; the others wait for rows that have not been run."
    return f"{markdown.table(pd.DataFrame(shown))}\n{told}"


def interactions(source: Source) -> str:
    """The declared differences in differences that have been computed, a sentence each."""
    lines = source.table("41_contrasts").fillna({"missing": ""})
    done = lines[lines.missing == ""]
    said = "".join(f"- {sentence}\n" for sentence in declared_contrasts.sentences(done))
    return f"{said}\nComputed are {len(done)} of {len(lines)}; the others wait for rows that have not been run."


def steadiness(source: Source) -> str:
    """What a second training and other seeds change."""
    seeds = source.table("44_seeds")
    several = seeds[seeds.runs > 1]
    said = [again.sentence(source.table("44_again")), *stability.seeds_sentences(several)[: len(several)]]
    return "\n".join(f"- {sentence}" for sentence in said)


def layers(source: Source) -> str:
    """Which layer of the encoder carries emotion for new speakers."""
    lines = source.table("41_layers").query("on == 'overall' and protocol == 'speaker'").astype({"layer": str})
    lines = lines[lines.layer.str.isdecimal()].sort_values("uar", ascending=False)
    best, last = lines.iloc[0], lines.loc[lines.layer.astype(int).idxmax()]
    scores = [interval(line.uar, line.low, line.high) for line in (best, lines.iloc[1], last)]
    return (
        f"With new speakers layer {best.layer} has the highest UAR, {scores[0]}, before layer {lines.iloc[1].layer} "
        f"with {scores[1]}; the last, layer {last.layer}, has {scores[2]}."
    )


def contrasts(source: Source) -> str:
    """What more speakers are worth on equally many clips."""
    lines = source.table("44_contrasts").query("pipeline == @EXAMPLE", local_dict={"EXAMPLE": EXAMPLE})
    few = lines.sort_values("few_speakers").iloc[0]
    return (
        f"On {title(few.scope)}, {few.train_clips:.0f} training clips of {few.many_speakers:.0f} speakers instead of "
        f"{few.few_speakers:.0f} change the UAR of `{EXAMPLE}` by {points(few)} points; all its clips have a UAR of "
        f"{100 * few.whole:.1f}."
    )


def people(source: Source) -> str:
    """What the listeners of CREMA-D hear."""
    overall, bias = source.table("51_overall"), source.table("51_bias").set_index(["modality", "emotion"]).loc["audio"]
    uar = {line.modality: interval(line.uar, line.uar_low, line.uar_high) for line in overall.itertuples()}
    most, least = (bias.named / bias.meant).idxmax(), bias.recall.idxmin()
    return (
        f"From {overall.answers.sum():,} published votes of CREMA-D's listeners comes a UAR of {uar['audio']} from the "
        f"voice alone, {uar['face']} from the face and {uar['audiovisual']} from both. From the voice alone, "
        f"{bias.named[most] / bias.meant[most]:.1f} times as many clips are called {most} as were meant so, and "
        f"{least} is named in {100 * bias.recall[least]:.0f} of 100 clips."
    )


def machines(source: Source) -> str:
    """Listeners and a pipeline against the intended and the perceived emotion."""
    lines = source.table("52_scores").query("source == 'cremad'").set_index(["judge", "score", "against"])

    def score(judge: str, name: str, against: str) -> str:
        line = lines.loc[(judge, name, against)]
        return interval(line.value, line.low, line.high)

    return (
        f"On CREMA-D's clips, with new speakers, `{EXAMPLE}` names the intended emotion with a UAR of "
        f"{score(EXAMPLE, 'uar', 'intended')}, single listeners with {score('listeners', 'uar', 'intended')}. A "
        f"pipeline knows how often each class was acted, listeners do not: their votes, read by somebody who does, "
        f"reach {score('informed votes', 'uar', 'intended')}. Against the emotion that other listeners perceive, the "
        f"accuracy is {score('listeners', 'accuracy', 'perceived')} for a listener and "
        f"{score(EXAMPLE, 'accuracy', 'perceived')} for the pipeline."
    )


def reliance(source: Source) -> str:
    """What abstention promises and keeps, for whom recall differs, and what noise costs."""
    promise = source.table("60_promise")
    promise = promise[(promise.on == "overall") & (promise.pipeline == EXAMPLE)].set_index(["choice", "protocol"])
    said = {
        "known speakers": promise.loc[("random", "random")],
        "new speakers": promise.loc[("speaker", "speaker")],
        "new speakers, with the threshold of known ones": promise.loc[("random, then speaker", "speaker")],
    }
    kept = "; ".join(
        f"{who}: {100 * line.coverage:.0f} % answered, of these "
        f"{interval(line.accuracy, line.accuracy_low, line.accuracy_high)} % right, {VERDICTS[line.verdict]}"
        for who, line in said.items()
    )
    gaps = source.table("60_gaps").query("on == 'overall' and measure == 'UAR'").set_index("pipeline")
    gap = gaps.loc[EXAMPLE]
    sides = "above" if gap.low > 0 else "below" if gap.high < 0 else "not told from"
    lost = source.table("60_robustness-speaker")
    lost = lost[(lost.on == "overall") & (lost.pipeline == EXAMPLE)].set_index("degradation")
    babble = lost.loc["babble0"]
    return (
        f"A pipeline may keep silent where it is not sure. A threshold is chosen on validation clips so that "
        f"{100 * said['known speakers'].target:.0f} % of the answers of `{EXAMPLE}` are right. "
        f"{kept[0].upper()}{kept[1:]}.\n\n"
        f"The recall of women is {sides} that of men: the difference is {interval(gap.gap, gap.low, gap.high)} "
        f"points of UAR. People talking in the background as loud as the speaker change the UAR by {points(babble)} "
        f"points, a telephone line by {points(lost.loc['telephone'])}; in that background noise the pipeline is right "
        f"in {100 * babble.accuracy:.0f} % of its answers and {100 * babble.confidence:.0f} % sure "
        f"({babble.clips} clips)."
    )
