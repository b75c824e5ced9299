"""Which results 60_reliability looks at, as its parameters name them."""

from collections.abc import Sequence

from emolabs.experiments.results import Result


def calibrated(
    found: Sequence[Result], *, protocols: Sequence[str], pipelines: Sequence[str], seed: int
) -> list[Result]:
    """The pooled results of these protocols and pipelines, as far as they are there, in the order given.

    Raises `LookupError` where there is none.
    """
    return _chosen(found, names=[(pipeline, protocol) for pipeline in pipelines for protocol in protocols], seed=seed)


def degraded(found: Sequence[Result], *, rows: Sequence[str], seed: int) -> list[Result]:
    """The pooled results that `rows` names as `pipeline protocol`, as far as they are there.

    Raises `ValueError` for a row of another form, and `LookupError` where there is no result.
    """
    names = [tuple(row.split()) for row in rows]
    wrong = [row for row, name in zip(rows, names, strict=True) if len(name) != 2]
    if wrong:
        raise ValueError(f"expected rows such as `whisper-linear speaker`, pipeline and protocol, found {wrong}")
    return _chosen(found, names=names, seed=seed)


def _chosen(found: Sequence[Result], *, names: Sequence[tuple], seed: int) -> list[Result]:
    rows = [result for result in found if result.row.scope == "pooled" and result.row.seed == seed]
    by_name = {(result.row.pipeline, result.row.protocol): result for result in rows}
    chosen = [by_name[name] for name in names if name in by_name]
    if not chosen:
        listed = "; ".join(f"{pipeline} under {protocol}" for pipeline, protocol in names) or "nothing"
        raise LookupError(f"expected pooled results of seed {seed} of {listed}, found none: train one of them first")
    return chosen
