"""Findings: the passages of `docs/findings.md`, one a question, from the committed tables (see `passages`)."""

import pandas as pd

from emolabs import markdown, params
from emolabs.experiments import again, learners, metrics, stability
from emolabs.experiments import contrasts as declared_contrasts
from emolabs.experiments.effects import LEVEL, TUNING
from emolabs.experiments.passages import EXAMPLE
from emolabs.experiments.source import Source, points
from emolabs.reporting import IN_NOTES, KNOWN, corpus_name, interval, known_mark, p_value, stale_mark

#: What a promise of accuracy came to, by the verdict of `60_promise`.
VERDICTS = {
    "kept": "the promise is kept",
    "broken": "the promise is broken",
    "undecided": "undecided, since the interval contains the promise",
}


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
    lines = source.table("41_effects")
    done = lines[lines.missing.isna()]
    shown = [
        {
            "question": line.question + known_mark(line.known),
            "first": f"`{line.first_row}`",
            "second": f"`{line.second_row}`",
            "first − second (points)": points(line) + stale_mark(line.stale),
            "p (Holm)": p_value(line.p_holm),
        }
        for line in done.itertuples()
    ]
    if done.empty:
        return computed(lines)
    floor = p_value(min(1.0, len(done) * 2 / (metrics.RESAMPLES + 1)))
    told = (
        f"{computed(lines)} {IN_NOTES[KNOWN]} With "
        f"{metrics.RESAMPLES:,} draws and {len(done)} comparisons no corrected p can be under {floor}."
    )
    return f"{markdown.table(pd.DataFrame(shown))}\n{told}" + f" {TUNING}" * ("tuning" in set(done.question))


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
    """What more speakers are worth on equally many clips."""
    lines = source.table("44_contrasts").query("pipeline == @EXAMPLE", local_dict={"EXAMPLE": EXAMPLE})
    few = lines.sort_values("few_speakers").iloc[0]
    clear = int((lines.p_holm < LEVEL).sum())
    return (
        f"On {corpus_name(few.scope)} as many clips are drawn from few speakers and from many, in {len(lines)} sizes; "
        f"in {clear} of them the UAR of `{EXAMPLE}` differs (p (Holm) under {LEVEL:g}). In the smallest, "
        f"{few.train_clips:.0f} clips of {few.many_speakers:.0f} speakers instead of {few.few_speakers:.0f} change it "
        f"by {points(few)} points, with p {p_value(few.p_holm)}. Training on all clips of all speakers gives "
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
        f"{bias.named[most] / bias.meant[most]:.1f} times as many answers are {most} as the clips ask for, and "
        f"{100 * bias.recall[least]:.0f} of 100 answers to clips of {least} name it."
    )


def machines(source: Source) -> str:
    """Listeners and a pipeline against the intended and the perceived emotion."""
    lines = source.table("52_scores").set_index(["source", "judge", "score", "against"])
    apart = source.table("52_differences").set_index(["source", "pipeline", "score"]).loc[("emodb", EXAMPLE, "uar")]

    def score(judge: str, name: str, against: str) -> str:
        """A score of a judge on CREMA-D's clips with its interval."""
        line = lines.loc[("cremad", judge, name, against)]
        return interval(line.value, line.low, line.high)

    intended, heard = (
        [f"{lines.loc[('cremad', judge, 'uar', against)].clips:,}" for judge in ("listeners", EXAMPLE)]
        for against in ("intended", "perceived")
    )
    perceived = ", ".join(
        f"in {word} {score('listeners', name, 'perceived')} for a listener and {score(EXAMPLE, name, 'perceived')} for "
        f"the pipeline"
        for name, word in {"uar": "UAR", "accuracy": "accuracy"}.items()
    )
    return (
        f"On CREMA-D's {intended[0]} clips, with new speakers, `{EXAMPLE}` names the intended emotion with a UAR of "
        f"{score(EXAMPLE, 'uar', 'intended')}, single listeners with {score('listeners', 'uar', 'intended')}. A "
        f"pipeline knows how often each class was acted, listeners do not: their votes, read by somebody who does, "
        f"reach {score('informed votes', 'uar', 'intended')}. Against the emotion that other listeners perceive, where "
        f"classes are of unequal size and the two measures part, it is {perceived} ({heard[0]} clips for listeners, "
        f"{heard[1]} for the pipeline). On EmoDB, whose clips were kept because listeners recognized them, listeners "
        f"less pipeline is {interval(apart.difference, apart.low, apart.high)} points of UAR."
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
    kept = "; ".join(f"{who}: {_promised(line)}" for who, line in said.items())
    broken = _broken(source.table("60_promise"))
    gaps = source.table("60_gaps").query("measure == 'UAR'").set_index(["pipeline", "on"])
    gap, where = gaps.loc[(EXAMPLE, "overall")], gaps.loc[EXAMPLE].drop(index="overall")
    widest = where.loc[where.clips.idxmax()] if "clips" in where else where.loc[(where.women + where.men).idxmax()]
    is_told = gap.low > 0 or gap.high < 0
    sides = f"is {'above' if gap.low > 0 else 'below'}" if is_told else "cannot be told from"
    lost = source.table("60_robustness-speaker")
    lost = lost[(lost.on == "overall") & (lost.pipeline == EXAMPLE)].set_index("degradation")
    babble = lost.loc["babble0"]
    return (
        f"A pipeline may keep silent where it is not sure. A threshold is chosen on validation clips so that "
        f"{100 * said['known speakers'].target:.0f} % of the answers of `{EXAMPLE}` are right. "
        f"{kept[0].upper()}{kept[1:]}.{broken}\n\n"
        f"With new speakers the UAR of `{EXAMPLE}` for {gap.women:.0f} women {sides} that for {gap.men:.0f} men: the "
        f"difference is {interval(gap.gap, gap.low, gap.high)} points, on {corpus_name(widest.name)} alone "
        f"{interval(widest.gap, widest.low, widest.high)}. People talking in the background as loud as the speaker "
        f"change the UAR by {points(babble)} points, a telephone line by {points(lost.loc['telephone'])}; in that "
        f"background noise the pipeline is right in {100 * babble.accuracy:.0f} % of its answers and "
        f"{100 * babble.confidence:.0f} % sure ({babble.clips} clips)."
    )


def _promised(line: pd.Series) -> str:
    """What a promise came to: how much is answered, how much of it is right, and the verdict."""
    if not line.answered:
        return "nothing is answered"
    right = interval(line.accuracy, line.accuracy_low, line.accuracy_high)
    return f"{100 * line.coverage:.0f} % answered, of these {right} % right, {VERDICTS[line.verdict]}"


def _broken(lines: pd.DataFrame) -> str:
    """On which corpora the promise of known speakers is broken, whatever it is on all together."""
    lines = lines[(lines.pipeline == EXAMPLE) & (lines.choice == "random") & (lines.protocol == "random")]
    lines = lines[(lines.verdict == "broken") & (lines.on != "overall")]
    right = [
        f"{corpus_name(line.on)} ({interval(line.accuracy, line.accuracy_low, line.accuracy_high)})"
        for line in lines.itertuples()
    ]
    return f" Corpus by corpus, known speakers, it is broken on {' and '.join(right)}." if right else ""
