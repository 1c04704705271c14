"""LoRA of the UNet's attention: what learns beside the adapter of the rays, while the network is frozen."""

from pathlib import Path

from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from mouse_facelift.training.lora import add_lora, fill_lora, read_lora, write_lora

LAYERS = r".*\.attn[12]\.(to_q|to_k|to_v|to_out\.0)"
"""Queries, keys, values and outputs of self-attention and of the attention to prompts."""


def add_attention_lora(unet: MultiviewUnet, rank: int, alpha: float, seed: int) -> None:
    """Add fresh matrices to every attention, in place: see `training.lora`, which also merges them."""
    add_lora(unet, LAYERS, rank, alpha, seed)


def write_attention_lora(path: Path, unet: MultiviewUnet, rank: int, alpha: float) -> None:
    """Write the added tensors alone, whole, with rank and alpha."""
    write_lora(path, unet, {"rank": rank, "alpha": alpha})


def load_attention_lora(unet: MultiviewUnet, path: Path) -> None:
    """Add what a file holds to the UNet it was trained on, in place.

    Raises FileNotFoundError without the file, and ValueError for one of another kind, or that lists every tensor that
    does not fit the UNet.
    """
    recipe, tensors = read_lora(path, ("rank", "alpha"))
    add_attention_lora(unet, **recipe, seed=0)
    fill_lora(unet, tensors, str(path))
