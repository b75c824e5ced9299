"""Weights of pretrained encoders: where they are looked for, and that they fit or are refused.

A folder of weights is as transformers saves one: `config.json`, `model.safetensors` (or its index and parts) and, where
the waveform is to be normalized in a certain way, `preprocessor_config.json`. Checkpoints of whole models are reduced
to their encoder. Nothing is unpickled and no code of a repository is run.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open
from torch import nn

from emolabs import storage

CONFIG, INDEX, SINGLE = "config.json", "model.safetensors.index.json", "model.safetensors"
_WANTED = [CONFIG, "preprocessor_config.json", SINGLE, INDEX, "model-*.safetensors"]


@dataclass(frozen=True)
class Source:
    """A pretrained encoder: its hub id, the revision it is pinned to, the licence of its weights and its frame rate."""

    hub: str
    revision: str
    licence: str
    frame_rate_hz: float = 50.0


#: The encoder of each branch. The default revisions of wav2vec 2.0 and HuBERT have no safetensors; these have.
ENCODERS = {
    "whisper": Source("openai/whisper-base", "e37978b90ca9030d5170a5c07aadb050351a65bb", "Apache-2.0"),
    "wav2vec2": Source("facebook/wav2vec2-base", "9f0eb264dec63c8511a7905d0a854ca6d2a39e45", "Apache-2.0"),
    "hubert": Source("facebook/hubert-base-ls960", "refs/pr/2", "Apache-2.0"),
}


@dataclass(frozen=True)
class Checkpoint:
    """How a whole model names its encoder: what is cut from a key, and which keys are not of the encoder."""

    prefixes: tuple[str, ...]
    others: tuple[str, ...]


_HEADS = ("quantizer.", "project_q.", "project_hid.", "lm_head.", "projector.", "classifier.", "masked_spec_embed")
CHECKPOINTS = {
    "whisper": Checkpoint(("model.encoder.", "encoder."), ("model.decoder.", "decoder.", "proj_out.")),
    "wav2vec2": Checkpoint(("wav2vec2.",), _HEADS),
    "hubert": Checkpoint(("hubert.",), _HEADS),
}
#: Names of the weight normalization before PyTorch 2, as in the published files.
_RENAMED = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}


def is_here(name: str | Path) -> bool:
    """Whether the weights of a branch, a folder or a hub id are on this machine; the hub is not asked."""
    try:
        return bool(find(name, offline=True))
    except FileNotFoundError:
        return False


def find(name: str | Path, *, revision: str | None = None, offline: bool = False) -> Path:
    """The folder of a branch's encoder, a local folder or a hub id, looked for in this order: `name` as a folder, under
    `EMOLABS_WEIGHTS` (as the last part of the id, with or without `-encoder`), in the hub's cache, on the hub
    (unless `offline`).

    Raises `FileNotFoundError` with the three ways to provide what is not there.
    """
    source = ENCODERS.get(str(name))
    hub = source.hub if source else str(name)
    stem, local = hub.rsplit("/", 1)[-1], os.environ.get("EMOLABS_WEIGHTS")
    places = [] if source else [Path(name).expanduser()]
    places += [Path(local).expanduser() / folder for folder in (stem, f"{stem}-encoder")] if local else []
    for folder in places:
        if folder.is_dir():
            return folder
    revision = revision or (source and source.revision)
    try:
        return Path(snapshot_download(hub, revision=revision, allow_patterns=_WANTED, local_files_only=offline))
    except (OSError, HFValidationError):
        raise FileNotFoundError(
            f"there are no weights of {hub} here and the hub gave none: set EMOLABS_WEIGHTS to a folder that has them "
            f"as {stem}/ ({CONFIG} and {SINGLE}), or let this machine reach huggingface.co once so that they come into "
            "the hub's cache, or give the path of a folder of weights in the place of the name."
        ) from None


def read_config(folder: Path) -> dict:
    """What the folder says of its model; `do_normalize` is that of preprocessor_config.json.

    Raises `FileNotFoundError` or `ValueError` naming the file that is missing or no JSON.
    """
    file = Path(folder) / CONFIG
    if not file.is_file():
        raise FileNotFoundError(f"{folder} has no {CONFIG}: expected a folder of weights as transformers saves one")
    extra = Path(folder) / "preprocessor_config.json"
    try:
        config = storage.read_json(file)
        normalize = storage.read_json(extra).get("do_normalize") if extra.is_file() else None
    except ValueError:
        raise ValueError(f"{folder}: {CONFIG} or preprocessor_config.json is no JSON; copy the folder anew") from None
    return config if normalize is None else {**config, "do_normalize": normalize}


def files(folder: Path) -> list[Path]:
    """The safetensors of a folder. Raises `FileNotFoundError` where there are none, or not all that the index names."""
    folder = Path(folder)
    names = [SINGLE]
    if (folder / INDEX).is_file():
        names = sorted(set(storage.read_json(folder / INDEX)["weight_map"].values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        pickled = " (pickled weights are not read: convert them)" if list(folder.glob("*.bin")) else ""
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}{pickled}: copy the folder anew")
    return [folder / name for name in names]


def fill(model: nn.Module, folder: Path, *, kind: str) -> None:
    """Load the weights of `folder` into `model`, a transformers model of this `model_type`; half precision is widened.

    Raises `ValueError` naming keys that are missing, unexpected or of another shape; `model` is then as it was.
    """
    tensors = {}
    for file in files(folder):
        try:
            with safe_open(file, framework="pt") as opened:
                for key in opened.keys():  # noqa: SIM118, it is no dictionary
                    name = _own_key(key, CHECKPOINTS[kind])
                    if name:
                        tensors[name] = opened.get_tensor(key).float()
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{file} is no complete safetensors file ({error}): copy it anew") from None
    expected = model.state_dict()
    problems = [
        ("missing", sorted(set(expected) - set(tensors))),
        ("unexpected", sorted(set(tensors) - set(expected))),
        (
            "of another shape",
            [
                f"{key} (expected {list(value.shape)}, found {list(tensors[key].shape)})"
                for key, value in expected.items()
                if key in tensors and tensors[key].shape != value.shape
            ],
        ),
    ]
    if any(keys for _, keys in problems):
        said = "; ".join(f"{what}: {_list(keys)}" for what, keys in problems if keys)
        raise ValueError(
            f"the weights in {folder} do not fit its {CONFIG} as {type(model).__name__}. {said}. "
            "They would have been left at random; give the folder of one and the same model"
        )
    model.load_state_dict(tensors)


def describe(name: str | Path, *, revision: str | None, folder: Path) -> dict:
    """What an encoder is made from: name, revision (None for a local folder) and the digest of its files."""
    source = ENCODERS.get(str(name))
    local = storage.digest([storage.file_digest(file) for file in [Path(folder) / CONFIG, *files(folder)]])
    pinned = revision or (source.revision if source else None)
    return {"name": source.hub if source else Path(name).name, "revision": pinned, "weights": local}


def _own_key(key: str, checkpoint: Checkpoint) -> str | None:
    """What the encoder calls this key of a checkpoint; None where it is not of the encoder."""
    if key.startswith(checkpoint.others):
        return None
    prefix = next((prefix for prefix in checkpoint.prefixes if key.startswith(prefix)), "")
    name = key.removeprefix(prefix)
    if name.startswith(checkpoint.others):
        return None
    for old, new in _RENAMED.items():
        name = name.removesuffix(old) + new if name.endswith(old) else name
    return name


def _list(keys: list[str], *, most: int = 6) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
