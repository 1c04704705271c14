"""Low-rank additions (LoRA, arXiv:2106.09685) to matrices of a frozen network, by peft."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mouse_facelift.formats.tensors import read_recipe, require_fitting, write_tensors

PARTS = (".lora_A.", ".lora_B.")
RECIPE = "lora"


def add_lora(network: nn.Module, layers: str, rank: int, alpha: float, seed: int) -> None:
    """Add fresh matrices to the layers whose whole names a regular expression matches, in place.

    They change nothing yet, and alone ask for gradients. What they will add is multiplied by `alpha` / `rank`.
    """
    from peft import LoraConfig, inject_adapter_in_model  # takes seconds, and most networks have none

    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=layers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, network)
    network.requires_grad_(False)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_is_added(name))


def merge_lora(network: nn.Module) -> None:
    """Add what was learned, if there is any, to the matrices it belongs to, in place: the old names alone are left."""
    if not lora_tensors(network):
        return
    from peft.tuners.lora import LoraLayer

    for name, layer in list(network.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            network.set_submodule(name, layer.get_base_layer())


def lora_tensors(network: nn.Module) -> dict[str, Tensor]:
    """The added tensors, by name; none if nothing was added."""
    return {name: tensor for name, tensor in network.state_dict().items() if _is_added(name)}


def write_lora(path: Path, network: nn.Module, recipe: Mapping[str, Any]) -> None:
    """Write the added tensors alone, whole, with what it takes to add them to the weights they were trained on."""
    write_tensors(path, lora_tensors(network), {RECIPE: dict(recipe)})


def read_lora(path: Path, keys: Collection[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write_lora` wrote: a recipe with these keys, and the tensors. Raises as `read_recipe`."""
    return read_recipe(path, RECIPE, keys)


def fill_lora(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give fresh additions the learned values, in place.

    Raises one ValueError that lists every difference between `tensors`, read from `source`, and the network's own.
    """
    added = lora_tensors(network)
    require_fitting(added, tensors, source)
    with torch.no_grad():
        for name, tensor in added.items():
            tensor.copy_(tensors[name])


def _is_added(name: str) -> bool:
    return any(part in name for part in PARTS)
