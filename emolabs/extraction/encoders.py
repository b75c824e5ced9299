"""Which pretrained encoder a branch is heard or tuned with: one of the branch's own kind, in whatever size."""

from pathlib import Path

from emolabs.modeling import untrained, weights


def choose(branch: str, *, given: str = "", profile: str) -> str | Path:
    """What `encoder.load` takes for a branch, with `given` as of `untrained.choose`.

    Raises `ValueError` where the encoder is of another kind: its frames would be stored, and its scores told, under the
    name of the branch. Raises as `weights.find` and `weights.read_config` do.
    """
    source = untrained.choose(branch, given=given, profile=profile)
    folder = weights.find(source)
    kind = weights.read_config(folder).get("model_type")
    if kind != branch:
        raise ValueError(
            f"branch {branch}: expected an encoder of kind {branch}, found {kind} in {folder}: give the folder or the "
            f"hub id of a {branch} (such as {weights.ENCODERS[branch].hub}) as `weights`, or name no branch but {kind}"
        )
    return source
