"""Checkpoints: read only where they come from the same parameters, data and code."""

import pickle
from pathlib import Path

import torch


def resume(file: Path, *, made_from: dict) -> dict | None:
    """The state in `file`, or None where there is none or only the code has changed since.

    Raises `ValueError` for a file that cannot be read, and for one that another row, other data or other parameters
    made, naming them, whatever became of the code.
    """
    if not file.is_file():
        return None
    try:
        state = torch.load(file, weights_only=True, map_location="cpu")
        then, now = _flat(state["made_from"]), _flat(made_from)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, LookupError, TypeError, ValueError):
        raise ValueError(
            f"the checkpoint {file} cannot be read: it is damaged or none of ours; delete it to start anew"
        ) from None
    changed = {key for key in {*then, *now} if then.get(key) != now.get(key)}
    if "code" in changed and changed <= {"code", "features_code"}:
        print(f"the code has changed since {file} was written: the run starts anew")
        return None
    if changed:
        told = "; ".join(f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in sorted(changed))
        raise ValueError(
            f"the checkpoint {file} comes from an interrupted run with other parameters: {told}. "
            "Restore them to continue that run, or delete the checkpoint to start anew."
        )
    return state


def _flat(made_from: dict) -> dict:
    """Parts of parts by their own names, so that a sentence can name the one that changed."""
    pairs = ((key, value if isinstance(value, dict) else {"": value}) for key, value in made_from.items())
    return {f"{key} {part}".strip(): value for key, parts in pairs for part, value in parts.items()}
