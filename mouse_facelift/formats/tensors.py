"""Tensors by name, in a file and in a network: every one is there, fits, and none is left over."""

import json
import pickle
import struct
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from mouse_facelift.formats.whole import whole_file

# What zipfile and torch.load raise for files that are damaged or of another kind.
TORCH_DAMAGE = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(OverflowError, MemoryError, NotImplementedError, struct.error, zipfile.BadZipFile, pickle.UnpicklingError),
)


def load_exactly(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give a module copies of all its tensors, in float32, in place of those it has, which may be on the meta device.

    Raises one ValueError that lists every difference between `tensors`, read from `source`, and the module's own.
    """
    require_fitting(module.state_dict(), tensors, source)
    copies = {name: tensor.detach().to(torch.float32, copy=True) for name, tensor in tensors.items()}
    module.load_state_dict(copies, assign=True)


def require_fitting(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: str) -> None:
    """Raise one ValueError that lists every difference between `tensors`, read from `source`, and those expected."""
    if found := differences(expected, tensors):
        listed = "\n  ".join(found)
        raise ValueError(f"{source}: {len(found)} tensors do not fit the configured network\n  {listed}")


def differences(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> list[str]:
    """List every tensor that is missing, left over, of another shape or type than expected, or not finite."""
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


def write_tensors(path: Path, tensors: Mapping[str, Tensor], recipes: Mapping[str, Any] | None = None) -> None:
    """Write tensors as safetensors, whole; the same tensors give the same bytes.

    `recipes`, by name, are plain data that go with them: what it takes to build the part that they are the tensors of.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = None if recipes is None else {name: json.dumps(recipe) for name, recipe in recipes.items()}
    with whole_file(path) as partial:
        partial.write_bytes(save(stored, metadata))


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Raises FileNotFoundError without the file, ValueError for a file of another kind.
    """
    try:
        stored: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: no safetensors file: {error}") from error
    return stored


def read_recipe(path: Path, name: str, keys: Collection[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a safetensors file and the recipe of a name in it, which has these keys and no others.

    Raises FileNotFoundError without the file, ValueError for one of another kind, without the recipe or with another.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected one with a {name!r} recipe")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            tensors = {tensor: file.get_tensor(tensor) for tensor in names}
    except SafetensorError as error:
        raise ValueError(f"{path}: no safetensors file with a {name!r} recipe: {error}") from error
    if name not in metadata:
        raise ValueError(f"{path}: no {name!r} recipe in it; found {sorted(metadata)}")
    try:
        recipe = json.loads(metadata[name])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: its {name!r} recipe is no JSON: {error}") from error
    if not isinstance(recipe, dict) or set(recipe) != set(keys):
        raise ValueError(f"{path}: its {name!r} recipe is {recipe!r}, expected the keys {sorted(keys)}")
    return recipe, tensors


def read_torch_file(path: Path) -> object:
    """Read a file of `torch.save` that holds plain data alone.

    Raises FileNotFoundError without the file, ValueError for anything else in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        require_sound_archive(path)
        content: object = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except TORCH_DAMAGE as error:
        raise ValueError(f"{path}: cannot be read as tensors alone: {error}") from error
    return content


def require_sound_archive(path: Path) -> None:
    """Compare a file of `torch.save` with the checksums in it, which `torch.load` does not.

    Raises one of TORCH_DAMAGE if it is no such file, or damaged, or packed: `torch.save` never packs, and a small file
    may unpack to more than any memory holds.
    """
    with zipfile.ZipFile(path) as archive:
        if packed := [part.filename for part in archive.infolist() if part.compress_type != zipfile.ZIP_STORED]:
            raise ValueError(f"packed parts, which torch.save does not write: {packed[:8]}")
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"{damaged} has another checksum than was written: it is damaged")


def require_tensors(content: object, where: str) -> Mapping[str, Tensor]:
    """Return what was read if it maps names to tensors. Raises ValueError that names `where` for anything else."""
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError(f"{where} must map names to tensors, not {type(content).__name__}")
    return content


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
