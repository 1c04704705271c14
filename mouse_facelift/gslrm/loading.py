"""Read GS-LRM weights: every tensor is there, fits, and none is left over."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mouse_facelift.formats.tensors import differences, load_exactly, read_tensors
from mouse_facelift.gslrm.config import GslrmConfig, read_config
from mouse_facelift.gslrm.network import Gslrm

_LOSS_PREFIX = "loss_calculator."


def load_gslrm(
    weights: str | Path | Mapping[str, Tensor],
    config: GslrmConfig | Mapping[str, Any] | str | Path,
    checkpoint_activations: bool = False,
) -> Gslrm:
    """Load a network from published weights.

    `weights` is a `.safetensors` file, a `.pt` file with the state dict under `model`, or a state dict. Tensors under
    `loss_calculator.` are left out; all others must match the network that `config` describes. They become float32.

    Raises FileNotFoundError without the file, and one ValueError that lists every tensor that is missing, left over,
    of another shape or not finite.
    """
    source, tensors = read_tensors(weights)
    with torch.device("meta"):
        model = Gslrm(read_config(config), checkpoint_activations)
    load_exactly(model, without_losses(tensors), source)
    return model


def misfits(weights: Path, config: GslrmConfig | Path) -> list[str]:
    """List every tensor of a file that keeps `load_gslrm` from loading it, without a copy of the network.

    Raises FileNotFoundError without one of the files, ValueError if one of them cannot be read.
    """
    _, tensors = read_tensors(weights)
    with torch.device("meta"):
        model = Gslrm(read_config(config))
    return differences(model.state_dict(), without_losses(tensors))


def without_losses(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the networks of the training losses, which a published checkpoint holds as well."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(_LOSS_PREFIX)}
