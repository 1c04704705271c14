"""Read the tensors of a released sub-folder: every one is there, fits, and none is left over."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

DIFFUSERS_FILES = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
TRANSFORMERS_FILES = ("model.safetensors", "pytorch_model.bin")


def load_folder_exactly(module: nn.Module, folder: Path, names: tuple[str, str]) -> None:
    """Give a module the tensors of a folder, in float32, from the first of the files `names` that is there.

    Raises FileNotFoundError without such a file, and one ValueError that lists every tensor that is missing, left
    over, of another shape or type, or not finite.
    """
    path, tensors = read_tensors(folder, names)
    load_exactly(module, tensors, str(path))


def load_exactly(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give a module all its tensors in float32, in place of those it has, which may be on the meta device.

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
    for name in expected.keys() & tensors.keys():
        found = tensors[name]
        if found.shape != expected[name].shape:
            listed.append(f"shape: {name} is {list(found.shape)}, expected {list(expected[name].shape)}")
        elif not found.is_floating_point():
            listed.append(f"type: {name} is {found.dtype}, expected floating point")
        elif not (finite := found.isfinite()).all():
            listed.append(f"not finite: {name}, in {int((~finite).sum())} of {found.numel()} numbers")
    return sorted(listed)


def read_tensors(folder: Path, names: tuple[str, str]) -> tuple[Path, Mapping[str, Tensor]]:
    """Read the first of the files `names`, one `.safetensors` and one `.bin`, that a folder has; and say which.

    Raises FileNotFoundError without either, ValueError for a file that holds more than tensors by name.
    """
    for path in (folder / name for name in names):
        if path.is_file():
            return path, _read(path)
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else "no such folder"
    raise FileNotFoundError(f"{folder}: no weights; expected {' or '.join(names)}, found {found}")


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        try:
            stored: dict[str, Tensor] = load_file(path)
            return stored
        except SafetensorError as error:
            raise ValueError(f"{path}: no safetensors file: {error}") from error
    tensors = read_torch_file(path)
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise ValueError(f"{path}: must map names to tensors, not {type(tensors).__name__}")
    return tensors


def read_torch_file(path: Path) -> object:
    """Read a file of `torch.save` that holds plain data alone.

    Raises FileNotFoundError without the file, ValueError for anything else in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        content: object = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: cannot be read as tensors alone: {error}") from error
    return content
