"""Layer sums: what the learnable sum over the layers of a frozen encoder counts in each finished `direct` row.

They are read from the models, which do not leave the machine that trained them, and kept as a table of the results.
"""

import pandas as pd

from emolabs import paths, storage
from emolabs.experiments import predictor

#: Of a line: the run, the layer (0 is the input of the first block) and its weight; the weights of a run sum to 1.
COLUMNS = ["protocol", "scope", "pipeline", "fold", "seed", "layer", "weight"]


def read(profile: str) -> pd.DataFrame:
    """A line per run and layer, `COLUMNS`: of the runs that are here, and as they were kept of others whose results are
    the same still.

    A run that cannot be opened is named and left out.
    """
    file = paths.results(profile) / "inside" / "layers_learned.csv"
    known = pd.read_csv(file, dtype={"run": str}) if file.is_file() else pd.DataFrame()
    known = known.reindex(columns=[*COLUMNS, "run"])  # lines that name no run are of an older version, and none stands
    opened = pd.DataFrame(_opened(profile), columns=known.columns)
    others = known[~known.run.isin(opened.run)]
    others = others[[_stands(line, profile) for line in others.itertuples()]]
    table = pd.concat([part for part in (opened, others) if len(part)] or [opened])
    table = table.drop_duplicates(COLUMNS[:-1]).sort_values(COLUMNS[:-1], ignore_index=True)
    if not len(table) and not file.is_file():
        return table[COLUMNS]
    with storage.atomic(file) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    return pd.read_csv(file)[COLUMNS]  # as whoever has no models reads it


def _opened(profile: str) -> list[list]:
    """The lines of the runs that are here, each with the digest of what its run was made from."""
    root, lines = paths.executed(profile), []
    for run in sorted(root.glob("*/*/*-direct-*/fold*/seed*/metrics.json")):
        try:
            model = predictor.load(run.parent)
        except (FileNotFoundError, ValueError) as error:
            print(error)
            continue
        if not model.network.layer_sum:
            continue
        protocol, scope, pipeline, fold, seed = run.parent.relative_to(root).parts
        row = [protocol, scope, pipeline, int(fold.removeprefix("fold")), int(seed.removeprefix("seed"))]
        weights, made_from = model.network.layer_sum.weights.tolist(), storage.digest(model.made_from)
        lines += [[*row, layer, weight, made_from] for layer, weight in enumerate(weights)]
    return lines


def _stands(line, profile: str) -> bool:
    """Whether the result of a kept line's run is the one that the line was read from."""
    folder = paths.results(profile) / line.protocol / line.scope / line.pipeline / f"fold{line.fold}"
    file = folder / f"seed{line.seed}" / "run.json"
    return file.is_file() and storage.digest(storage.read_json(file)["made_from"]) == line.run
