"""What others report of the same listeners, beside what their published votes and rates say."""

import numpy as np
import pandas as pd

from emolabs.listening.intervals import bounds, draw
from emolabs.listening.tally import Tally

#: «Human recognition of intended emotion», from the abstract of Cao et al. 2014 (doi 10.1109/TAFFC.2014.2336244).
CREMAD = {"audio": 0.409, "face": 0.582, "audiovisual": 0.636}
#: Why the tabulated votes need not give the abstract's numbers.
REASON = (
    "The published table leaves out answers whose first click came later than ten seconds after the clip, practice and "
    "repeated clips (processFinishedResponses.R in the corpus' repository), and the abstract does not say whether its "
    "percentages do, nor whether they average answers, clips or emotions"
)


def beside_cremad(overall: pd.DataFrame, *, clips: pd.DataFrame) -> pd.DataFrame:
    """The abstract's percentages beside three readings of the votes: `modality, published, accuracy, clip_mean, uar`.

    `overall` is `recall.overall` by modality; `clips` that of `difficulty.clips`, whose mean is `clip_mean`.
    """
    means = clips.groupby("modality").share.mean()
    table = overall[["modality", "accuracy", "uar", "uar_low", "uar_high"]].copy()
    table.insert(1, "published", table.modality.map(CREMAD))
    table.insert(3, "clip_mean", table.modality.map(means))
    order = list(CREMAD)
    return table.sort_values("modality", key=lambda names: names.map(order.index), ignore_index=True)


def explain(table: pd.DataFrame) -> str:
    """In words, how far the readings of `beside_cremad` are from what was published, and why they may be."""
    readings = {"accuracy": "the share of all answers", "clip_mean": "the mean over clips", "uar": "the UAR"}
    gaps = {name: (table.published - table[name]).abs().max() for name in readings}
    nearest = min(gaps, key=gaps.get)
    sides = np.sign(table.published - table[nearest])
    side = "below" if (sides > 0).all() else "above" if (sides < 0).all() else "around"
    inside = table.published.between(table.uar_low, table.uar_high)
    return (
        f"Nearest to the published percentages is {readings[nearest]}, which stays {side} them by at most "
        f"{100 * gaps[nearest]:.1f} points; {readings['accuracy']} is up to {100 * gaps['accuracy']:.1f} points away. "
        f"{REASON}. The published value lies within the interval of the UAR for {inside.sum()} of {len(table)} "
        f"modalities."
    )


def emodb_rates(rates: pd.DataFrame) -> pd.DataFrame:
    """EmoDB's recognition rates per emotion, of all recorded clips and of those whose audio was published.

    `rates` is `votes.emodb_rates`. Columns: `emotion`, `recorded` and `published` (numbers of clips), `all, all_low,
    all_high` and `kept, kept_low, kept_high`: mean shares with intervals over speakers and clips.
    """
    items = rates.assign(modality="audio").reset_index(drop=True)
    draws = draw(Tally([], pd.DataFrame(), items, None, (), simulated=False))
    rows = []
    for emotion in [*sorted(items.emotion.unique()), "all emotions"]:
        here = (items.emotion == emotion) | (emotion == "all emotions")
        row = {"emotion": emotion, "recorded": int(here.sum()), "published": int((here & items.published).sum())}
        for name, chosen in [("all", here), ("kept", here & items.published)]:
            values, weights = items.recognition[chosen].to_numpy(), draws.items[:, chosen.to_numpy()]
            with np.errstate(invalid="ignore", divide="ignore"):
                low, high = bounds(weights @ values / weights.sum(axis=1))
            row |= {name: values.mean(), f"{name}_low": float(low), f"{name}_high": float(high)}
        rows.append(row)
    return pd.DataFrame(rows)


def selection(rates: pd.DataFrame) -> str:
    """In words, what the choice of EmoDB's published clips does to their rates."""
    kept, other = rates[rates.published], rates[~rates.published]
    least = kept.recognition.min()
    raised = kept.recognition.mean() - rates.recognition.mean()
    return (
        f"Of {len(rates)} recorded clips {len(kept)} were published, and they were chosen by these very rates and by "
        f"how natural they sounded: the lowest rate among them is {100 * least:.0f} %, while "
        f"{100 * (other.recognition < least).mean():.0f} % of the others lie below it. The choice lifts the mean rate "
        f"by {100 * raised:.1f} points, so that the published clips' {100 * kept.recognition.mean():.1f} % say how "
        f"well selected clips are recognized, not how well people recognize acted emotion."
    )
