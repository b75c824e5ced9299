"""The drawing of `13_near_duplicates`: two clips that are one recording, one over the other."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emolabs import reporting
from emolabs.reporting import COLORS
from emolabs.standardization import near_duplicates
from emolabs.standardization.waveforms import Waveforms

_LOOKS = [(COLORS["blue"], "-"), (COLORS["orange"], "--")]


def draw_pair(store: Waveforms, *, pair: pd.Series) -> Figure:
    """Two clips of a store, `first` and `second` of a row of `near_duplicates.search`, where they lie on one another.

    Above their envelopes, below the 40 ms around the loudest sample that they share; each is scaled to its energy in
    what they have in common. No more than that moment is drawn sample by sample: pictures are passed on, recordings are
    not.
    """
    rate, places = near_duplicates.RATE_HZ, {path: i for i, path in enumerate(store.clips.path)}
    lag, hop = round(pair.lag_s * rate), rate // 50
    views = {
        path: near_duplicates.view(store.wave(places[path]), sample_rate_hz=store.sample_rate_hz)
        for path in (pair["first"], pair["second"])
    }
    starts = dict(zip(views, [0, lag], strict=True))
    common = np.arange(max(lag, 0), max(lag, 0) + round(pair.overlap_s * rate))
    loudest = common[np.abs(views[pair["first"]][common]).argmax()]
    moment = np.arange(loudest - hop, loudest + hop)
    figure, axes = reporting.figure(rows=2, height_in=3.4)
    for k, (path, view) in enumerate(views.items()):
        look = {"color": _LOOKS[k][0], "linestyle": _LOOKS[k][1]}
        wave = view / view[common - starts[path]].std()
        envelope = np.abs(wave[: len(wave) // hop * hop]).reshape(-1, hop).max(axis=1)
        seconds = (starts[path] + hop * np.arange(len(envelope))) / rate
        axes[0].fill_between(seconds, -15 * k - envelope, -15 * k + envelope, color=look["color"])
        axes[1].plot(moment / rate, wave.take(moment - starts[path], mode="clip"), label=path, **look)
    axes[0].set(title=f"similarity {pair.similarity:.3f}, lag {1000 * pair.lag_s:.1f} ms", yticks=[])
    axes[1].set(xlabel="time (s)")
    figure.legend(loc="outside upper center", ncols=2)
    figure.supylabel("amplitude")
    return figure
