"""Read GS-LRM weights: every tensor is there, fits, and none is left over."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mouse_facelift.formats.tensors import differences, load_exactly, read_safetensors, read_torch_file, require_tensors
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


def read_tensors(weights: str | Path | Mapping[str, Tensor]) -> tuple[str, Mapping[str, Tensor]]:
    """Read a `.safetensors` file, a `.pt` file with a state dict under `model`, or a state dict; and say which.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file of another kind, or one that holds more than plain data.
    """
    if isinstance(weights, Mapping):
        return "state dict", weights
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights; expected a .safetensors or .pt file")
    match path.suffix:
        case ".safetensors":
            return str(path), read_safetensors(path)
        case ".pt":
            return str(path), _read_container(path)
        case _:
            raise ValueError(f"{path}: weights must be .safetensors or .pt, not {path.suffix!r}")


def _read_container(path: Path) -> Mapping[str, Tensor]:
    container = read_torch_file(path)
    if not isinstance(container, dict) or "model" not in container:
        found = sorted(map(str, container))[:8] if isinstance(container, dict) else type(container).__name__
        raise ValueError(f"{path}: no state dict under 'model'; found {found}")
    return require_tensors(container["model"], f"{path}: 'model'")
