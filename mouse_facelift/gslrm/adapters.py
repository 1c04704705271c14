"""Low-rank additions (LoRA, arXiv:2106.09685) to the matrices of the transformer's blocks."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mouse_facelift.formats.whole import whole_file
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.settings import LoraTarget

ADAPTERS_FILE = "adapters.safetensors"
LAYERS: dict[LoraTarget, str] = {"to_qkv": r"attn\.to_qkv", "fc": r"attn\.fc", "mlp": r"mlp\.mlp\.[02]"}
PARTS = (".lora_A.", ".lora_B.")


def add_adapters(model: Gslrm, rank: int, alpha: float, targets: Sequence[LoraTarget], seed: int) -> None:
    """Add fresh adapters to every block, in place. They change nothing yet, and alone ask for gradients."""
    from peft import LoraConfig, inject_adapter_in_model  # takes seconds, and most networks have no adapters

    matrices = "|".join(LAYERS[target] for target in targets)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=rf"transformer_layers\.\d+\.({matrices})")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    model.requires_grad_(False)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(_is_adapter(name))


def merge_adapters(model: Gslrm) -> None:
    """Add adapters, if there are any, to the matrices they belong to, in place: the published names alone are left."""
    if not adapters_of(model):
        return
    from peft.tuners.lora import LoraLayer

    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            model.set_submodule(name, layer.get_base_layer())


def adapters_of(model: Gslrm) -> dict[str, Tensor]:
    """The adapters' tensors, by name; none if there are no adapters."""
    return {name: tensor for name, tensor in model.state_dict().items() if _is_adapter(name)}


def write_adapters(path: Path, model: Gslrm, rank: int, alpha: float, targets: Sequence[LoraTarget]) -> None:
    """Write the adapters alone, whole, with what it takes to add them to the weights they were trained on."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapters_of(model).items()}
    recipe = json.dumps({"rank": rank, "alpha": alpha, "targets": list(targets)})
    with whole_file(path) as partial:
        partial.write_bytes(save(tensors, {"lora": recipe}))


def load_adapters(model: Gslrm, path: Path) -> None:
    """Add the adapters of a file to the network they were trained on, in place.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no adapters, or those of another network.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such adapters")
    try:
        with safe_open(path, "pt") as file:
            recipe = json.loads((file.metadata() or {})["lora"])
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path}: no adapters in a safetensors file: {error}") from error
    add_adapters(model, **recipe, seed=0)
    expected = adapters_of(model)
    found = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if found != (wanted := {name: list(tensor.shape) for name, tensor in expected.items()}):
        differing = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise ValueError(f"{path}: adapters of another network: {len(differing)} tensors differ, first {differing[0]}")
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(tensors[name])


def _is_adapter(name: str) -> bool:
    return any(part in name for part in PARTS)
