"""Read the tensors of a released sub-folder: every one is there, fits, and none is left over."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mouse_facelift.formats.tensors import load_exactly, read_safetensors, read_torch_file, require_tensors

DIFFUSERS_FILES = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
TRANSFORMERS_FILES = ("model.safetensors", "pytorch_model.bin")


def load_folder_exactly(module: nn.Module, folder: Path, names: tuple[str, str]) -> None:
    """Give a module the tensors of a folder, in float32, from the first of the files `names` that is there.

    Raises FileNotFoundError without such a file, and one ValueError that lists every tensor that is missing, left
    over, of another shape or type, or not finite.
    """
    path, tensors = read_tensors(folder, names)
    load_exactly(module, tensors, str(path))


def without_positions(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Leave out the counted positions that transformers before 4.31 stored with CLIP's tensors.

    Raises ValueError if they are not 0, 1, 2, ...
    """
    kept = dict(tensors)
    for name in [name for name in tensors if name.endswith("embeddings.position_ids")]:
        counted = kept.pop(name)
        if not torch.equal(counted.flatten(), torch.arange(counted.numel())):
            raise ValueError(f"{source}: {name} is no count from 0")
    return kept


def read_tensors(folder: Path, names: tuple[str, str]) -> tuple[Path, Mapping[str, Tensor]]:
    """Read the first of the files `names`, one `.safetensors` and one `.bin`, that a folder has; and say which.

    Raises FileNotFoundError without either, ValueError for a file that holds more than tensors by name.
    """
    path = found_file(folder, names)
    return path, _read(path)


def found_file(folder: Path, names: tuple[str, str]) -> Path:
    """The first of the files `names` that a folder has. Raises FileNotFoundError without either."""
    for path in (folder / name for name in names):
        if path.is_file():
            return path
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else "no such folder"
    raise FileNotFoundError(f"{folder}: no weights; expected {' or '.join(names)}, found {found}")


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    return require_tensors(read_torch_file(path), f"{path}:")
