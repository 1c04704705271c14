"""Read GS-LRM weights: every tensor is there, fits, and none is left over."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

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


def misfits(weights: Path, config: Path) -> list[str]:
    """List every tensor of a file that keeps `load_gslrm` from loading it, without a copy of the network.

    Raises FileNotFoundError without one of the files, ValueError if one of them cannot be read.
    """
    _, tensors = read_tensors(weights)
    with torch.device("meta"):
        model = Gslrm(read_config(config))
    return differences(model, without_losses(tensors))


def without_losses(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the networks of the training losses, which a published checkpoint holds as well."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(_LOSS_PREFIX)}


def load_exactly(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give a module copies of all its tensors, in float32.

    Raises one ValueError that lists every difference between `tensors`, read from `source`, and the module's own.
    """
    if found := differences(module, tensors):
        listed = "\n  ".join(found)
        raise ValueError(f"{source}: {len(found)} tensors do not fit the configured network\n  {listed}")
    copies = {name: tensor.detach().to(torch.float32, copy=True) for name, tensor in tensors.items()}
    module.load_state_dict(copies, assign=True)


def differences(module: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """List every tensor that is missing, left over, of another shape or type than a module's own, or not finite."""
    expected = module.state_dict()
    listed = [
        *(f"missing: {name} {list(expected[name].shape)}" for name in expected if name not in tensors),
        *(f"not of this network: {name} {list(tensors[name].shape)}" for name in tensors if name not in expected),
    ]
    for name in expected:
        if name not in tensors:
            continue
        found = tensors[name]
        if found.shape != expected[name].shape:
            listed.append(f"shape: {name} is {list(found.shape)}, expected {list(expected[name].shape)}")
        elif not found.is_floating_point():
            listed.append(f"type: {name} is {found.dtype}, expected floating point")
        elif not (finite := found.isfinite()).all():
            listed.append(f"not finite: {name}, in {int((~finite).sum())} of {found.numel()} numbers")
    return listed


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
            try:
                return str(path), load_file(path)
            except SafetensorError as error:
                raise ValueError(f"{path}: no safetensors file: {error}") from error
        case ".pt":
            return str(path), _read_container(path)
        case _:
            raise ValueError(f"{path}: weights must be .safetensors or .pt, not {path.suffix!r}")


def _read_container(path: Path) -> Mapping[str, Tensor]:
    try:
        container = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: cannot be read as tensors alone: {error}") from error
    if not isinstance(container, dict) or "model" not in container:
        found = sorted(map(str, container))[:8] if isinstance(container, dict) else type(container).__name__
        raise ValueError(f"{path}: no state dict under 'model'; found {found}")
    tensors = container["model"]
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise ValueError(f"{path}: 'model' must map names to tensors, not {type(tensors).__name__}")
    return tensors
