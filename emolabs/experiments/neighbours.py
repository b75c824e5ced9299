"""Neighbours: which clips lie together in a space of vectors, by emotion, sex, speaker and corpus.

A t-SNE picture (van der Maaten & Hinton 2008, JMLR 9) shows neighbourhoods and nothing else: distances between groups,
their sizes and their shapes are the method's. So beside each picture stands a number that comes from the space itself:
`purity`, the share of a clip's `NEAREST` neighbours that have its label. Distances are Euclidean, between vectors whose
dimensions are standardized over the clips shown.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import StandardScaler

from emolabs import dependencies, params, paths, storage
from emolabs.corpora import index as corpus_index
from emolabs.experiments import kept, learners, networks, saliency
from emolabs.experiments.averages import averages
from emolabs.experiments.runs import Row, features_of
from emolabs.extraction.store import Features
from emolabs.modeling.pipeline import get_pipeline
from emolabs.standardization import split

NEAREST = 5
PERPLEXITY = 30
#: What neighbours are asked for; of emotions also those among other speakers, so that no voice answers for them.
LABELS = ("emotion", "sex", "speaker", "corpus")
ELSEWHERE = "emotion, other speakers"


def points(row: Row, *, keeps: bool | None = None) -> kept.Kept:
    """The clips that the first fold of a row evaluates: their place in a picture and the purity around each.

    Of a network the vectors are what its output layer hears, of a linear row on an encoder what it hears itself, which
    no training has touched. Columns: `id, path, corpus, speaker, emotion, sex`, `x`, `y`, and those of `purity`.
    A stale table stands where `keeps`, by default where the profile keeps results. Raises `FileNotFoundError` where
    there is no table and what it takes is not here.
    """
    pipeline = get_pipeline(row.pipeline)
    try:
        facts = corpus_index.load(row.profile)
        if pipeline.backbone in learners.CLASSICAL:
            features, model = features_of(pipeline, profile=row.profile), None
        else:
            model, features = saliency.opened(row)
        manifest = split.load(row.profile, protocol=row.protocol)
    except (FileNotFoundError, ValueError):
        made, make = None, list
    else:
        clips = manifest[(manifest.fold == 0) & (manifest.split == "evaluation")]
        clips = (clips if row.scope == "pooled" else clips[clips.corpus == row.scope]).drop(columns=["fold", "split"])
        clips = clips.merge(facts[["path", "sex"]], on="path").reset_index(drop=True)
        made = {"run": storage.digest(model.made_from) if model else "", "features": features.digest}
        made |= {"clips": storage.digest(clips.id.tolist()), "code": dependencies.own_digest([Path(__file__)])}
        make = partial(_measure, clips, model=model, features=features)
    file = paths.results(row.profile) / "inside" / f"points_{row.protocol}_{row.scope}_{row.pipeline}.csv"
    keeps = params.load_profile(row.profile).keep_results if keeps is None else keeps
    command = f"notebooks/43_inside.ipynb, where the run {row.folder(0).relative_to(paths.ROOT)} is,"
    return kept.measured(file, made_from=made, make=make, command=command, keeps=keeps)


def purity(vectors: np.ndarray, clips: pd.DataFrame) -> pd.DataFrame:
    """Of each clip the share of its `NEAREST` neighbours that have its label, `near <label>`, and the share of all
    other clips, `blind <label>`, which neighbours drawn blindly would have; for each of `LABELS` and for `ELSEWHERE`.

    `vectors` [clips, size]; a clip is no neighbour of its own.
    """
    apart = pairwise_distances(StandardScaler().fit_transform(vectors))
    np.fill_diagonal(apart, np.inf)
    speaker, found = clips.speaker.to_numpy(), {}
    others = np.where(speaker[:, None] == speaker, np.inf, apart)
    for label in (*LABELS, ELSEWHERE):
        values = clips[label.split(",")[0]].to_numpy()
        distances = others if label == ELSEWHERE else apart
        same, there = values[:, None] == values, np.isfinite(distances)
        nearest = distances.argsort(axis=1, kind="stable")[:, : min(NEAREST, len(clips) - 1)]
        near = np.take_along_axis(there, nearest, axis=1)
        hits = np.take_along_axis(same, nearest, axis=1) & near
        with np.errstate(invalid="ignore"):
            found[f"near {label}"] = hits.sum(axis=1) / near.sum(axis=1)
            found[f"blind {label}"] = (same & there).sum(axis=1) / there.sum(axis=1)
    return pd.DataFrame(found)


def project(vectors: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """The clips [clips, 2] in the plane, by t-SNE from a beginning by principal components."""
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    tsne = TSNE(init="pca", perplexity=perplexity, random_state=seed)
    return tsne.fit_transform(StandardScaler().fit_transform(vectors))


def purities(clips: pd.DataFrame) -> pd.DataFrame:
    """Mean purities of the lines of `points` with intervals over speakers, whose clips ask while the neighbours stay as
    they are: the columns of `averages`, with the label as `measure`, and `chance`, the purity of blind neighbours."""
    labels = [*LABELS, ELSEWHERE]
    table = averages(clips, [f"near {label}" for label in labels])
    return table.assign(measure=labels, chance=[clips[f"blind {label}"].mean() for label in labels])


def vectors(clips: pd.DataFrame, *, model, features: Features) -> np.ndarray:
    """What stands for each clip: [clips, size]. Without a model it is what a linear row hears."""
    rows = pd.Series(np.arange(len(features.clips)), features.clips.id)[clips.id].to_numpy()
    if model is None:
        return learners.vectors(features, rows)
    heard: list[torch.Tensor] = []
    hook = model.network.output.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    side = networks.source(model.pipeline, features, rows=rows)
    with torch.inference_mode():
        for i, length in enumerate(side.lengths.tolist()):
            model.network(side.take(torch.tensor([i]), frames=length), torch.tensor([length]))
    hook.remove()
    return torch.cat(heard).numpy()


def _measure(clips: pd.DataFrame, *, model, features: Features) -> pd.DataFrame:
    space = vectors(clips, model=model, features=features)
    places = pd.DataFrame(project(space), columns=["x", "y"]).round(2)
    return pd.concat([clips, places, purity(space, clips).round(4)], axis=1)
