"""Which results 60_reliability looks at, as its parameters name them."""

from collections.abc import Sequence

from emolabs.experiments.results import Result

#: The protocol under which every evaluated speaker is new.
NEW = "speaker"


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


def new_speakers(found: Sequence[Result]) -> list[Result]:
    """Those of the results that were evaluated on new speakers, in their order.

    Raises `LookupError` where there is none.
    """
    chosen = [result for result in found if result.row.protocol == NEW]
    if not chosen:
        names = ", ".join(dict.fromkeys(f"{result.row.pipeline} under {result.row.protocol}" for result in found))
        raise LookupError(
            f"gaps between groups of speakers need results of new speakers: expected one under {NEW}, found {names}; "
            f"name {NEW} among the protocols, or train one of these pipelines under it first"
        )
    return chosen


def _chosen(found: Sequence[Result], *, names: Sequence[tuple], seed: int) -> list[Result]:
    rows = [result for result in found if result.row.scope == "pooled" and result.row.seed == seed]
    by_name = {(result.row.pipeline, result.row.protocol): result for result in rows}
    chosen = [by_name[name] for name in names if name in by_name]
    if not chosen:
        listed = "; ".join(f"{pipeline} under {protocol}" for pipeline, protocol in names) or "nothing"
        raise LookupError(f"expected pooled results of seed {seed} of {listed}, found none: train one of them first")
    return chosen
