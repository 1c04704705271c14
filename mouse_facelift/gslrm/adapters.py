"""LoRA adapters of the matrices of the transformer's blocks."""

from collections.abc import Sequence
from pathlib import Path

from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.settings import LoraTarget
from mouse_facelift.training.lora import add_lora, fill_lora, read_lora, write_lora

ADAPTERS_FILE = "adapters.safetensors"
LAYERS: dict[LoraTarget, str] = {"to_qkv": r"attn\.to_qkv", "fc": r"attn\.fc", "mlp": r"mlp\.mlp\.[02]"}


def add_adapters(model: Gslrm, rank: int, alpha: float, targets: Sequence[LoraTarget], seed: int) -> None:
    """Add fresh adapters to every block, in place. They change nothing yet, and alone ask for gradients."""
    matrices = "|".join(LAYERS[target] for target in targets)
    add_lora(model, rf"transformer_layers\.\d+\.({matrices})", rank, alpha, seed)


def write_adapters(path: Path, model: Gslrm, rank: int, alpha: float, targets: Sequence[LoraTarget]) -> None:
    """Write the adapters alone, whole, with what it takes to add them to the weights they were trained on."""
    write_lora(path, model, {"rank": rank, "alpha": alpha, "targets": list(targets)})


def load_adapters(model: Gslrm, path: Path) -> None:
    """Add the adapters of a file to the network they were trained on, in place.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no adapters, or those of another network.
    """
    recipe, tensors = read_lora(path, ("rank", "alpha", "targets"))
    add_adapters(model, **recipe, seed=0)
    fill_lora(model, tensors, f"{path}: adapters of another network")
