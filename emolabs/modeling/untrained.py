"""Tiny encoders that have learned nothing: they exercise every path of branch B in the demo, where no weights are."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from emolabs import paths, storage
from emolabs.modeling import encoder, weights

#: What stands for a tiny untrained encoder where a branch's weights are named.
UNTRAINED = "untrained"
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_CONVOLUTIONS = {  # narrow where frames are many
    "conv_dim": [4, 4, 4, 8, 8, 16, 32],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
#: What config.json says of each: windows and hops are those of the pretrained ones, and the weights are large enough
#: for a clip to be heard.
CONFIGS = {
    "whisper": {
        "model_type": "whisper",
        "d_model": 32,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "init_std": 0.2,
    },
    "wav2vec2": {"model_type": "wav2vec2", **_SIZES, **_CONVOLUTIONS, "initializer_range": 0.2},
    "hubert": {"model_type": "hubert", **_SIZES, **_CONVOLUTIONS, "initializer_range": 0.2},
}


def choose(branch: str, *, given: str = "", profile: str) -> str | Path:
    """What `encoder.load` takes for a branch: `given` (a folder or hub id), or where it is empty the branch itself.

    `untrained` stands for a tiny encoder of the branch's kind, made under the profile's interim data.
    """
    return (
        make(branch, folder=paths.encoders(profile) / f"{UNTRAINED}-{branch}")
        if given == UNTRAINED
        else given or branch
    )


def make(branch: str, *, folder: Path, seed: int = 0) -> Path:
    """Write the tiny encoder of a branch to `folder`, as transformers would, unless it is there; the same each time."""
    config = CONFIGS[branch]
    if folder.is_dir() and storage.read_json(folder / weights.CONFIG) == {**config, "seed": seed}:
        return folder
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = encoder.build(config).model
    with storage.atomic(folder) as temporary:
        temporary.mkdir()
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, temporary / weights.SINGLE)
        storage.write_json(temporary / weights.CONFIG, {**config, "seed": seed})
    return folder
