"""Applied: passages of `docs/findings.md` on what people hear, on people beside machines, and on what can be relied on.

`passages` says how they are told.
"""

import pandas as pd

from emolabs.experiments import choice
from emolabs.experiments.choice import Cell
from emolabs.experiments.passages import EXAMPLE
from emolabs.experiments.source import Source, points
from emolabs.reporting import corpus_name, interval

#: What a promise of accuracy came to, by the verdict of `60_promise`.
VERDICTS = {
    "kept": "the promise is kept",
    "broken": "the promise is broken",
    "undecided": "undecided, since the interval contains the promise",
}


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
    said = _promises(source, EXAMPLE)
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
        f"{kept[0].upper()}{kept[1:]}.{broken}{_chosen(source)}\n\n"
        f"With new speakers the UAR of `{EXAMPLE}` for {gap.women:.0f} women {sides} that for {gap.men:.0f} men: the "
        f"difference is {interval(gap.gap, gap.low, gap.high)} points, on {corpus_name(widest.name)} alone "
        f"{interval(widest.gap, widest.low, widest.high)}. People talking in the background as loud as the speaker "
        f"change the UAR by {points(babble)} points, a telephone line by {points(lost.loc['telephone'])}; in that "
        f"background noise the pipeline is right in {100 * babble.accuracy:.0f} % of its answers and "
        f"{100 * babble.confidence:.0f} % sure ({babble.clips} clips)."
    )


def _promises(source: Source, pipeline: str) -> dict[str, pd.Series]:
    """What the promise of a pipeline came to on all corpora together, by who is heard; what was not run is left out."""
    lines = source.table("60_promise")
    lines = lines[(lines.on == "overall") & (lines.pipeline == pipeline)].set_index(["choice", "protocol"])
    who = {
        "known speakers": ("random", "random"),
        "new speakers": ("speaker", "speaker"),
        "new speakers, with the threshold of known ones": ("random, then speaker", "speaker"),
    }
    return {name: lines.loc[key] for name, key in who.items() if key in lines.index}


def _chosen(source: Source) -> str:
    """The same of the row that validation chooses for new speakers, where it is another one."""
    row = choice.chosen(source.found, cell=Cell("speaker", "pooled", "overall"), rows="any")
    if row is None or row.row.pipeline == EXAMPLE or not (said := _promises(source, row.row.pipeline)):
        return ""
    kept = "; ".join(f"{who}: {_promised(line)}" for who, line in said.items())
    return f" The row that validation chooses for new speakers is `{row.row.pipeline}`; {kept}."


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
