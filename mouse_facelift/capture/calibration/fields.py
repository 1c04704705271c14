"""Fields of a calibration file, checked where they are read: every error names file, camera, field, found, expected."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.geometry.calibration import Calibration

TEXT_LIMIT = 8_000_000  # bytes; a rig of a hundred cameras takes less than a tenth of it
NUMBER_LIMIT = 1e12  # px or units; squares of larger numbers would lose the rotation beside them


def read_toml(path: Path) -> dict[str, object]:
    """Read TOML; whatever is wrong with the text is a ValueError that names the file."""
    try:
        return tomllib.loads(_read_text(path))
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a plain ValueError
        raise ValueError(f"{path}: not TOML: {error}") from error


def read_json(path: Path) -> object:
    """Read JSON; whatever is wrong with the text is a ValueError that names the file."""
    try:
        content: object = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    return content


def _read_text(path: Path) -> str:
    size = path.stat().st_size
    if size > TEXT_LIMIT:
        raise ValueError(f"{size} bytes, more than a calibration takes ({TEXT_LIMIT})")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not text in UTF-8 ({error.reason} at byte {error.start})") from error


def table(value: object, where: str) -> Mapping[str, object]:
    """Require a table of named values."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: found {describe(value)}, expected a table of fields")
    return value


def require(fields: Mapping[str, object], names: Iterable[str], where: str) -> None:
    """Require that all fields are there."""
    if missing := sorted(set(names) - set(fields)):
        raise ValueError(f"{where}: missing {missing}; found {sorted(map(str, fields))}")


def text(value: object, where: str) -> str:
    """Require a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: found {describe(value)}, expected text")
    return str(value)


def numbers(value: object, shape: tuple[int, ...], where: str) -> Float[Tensor, "..."]:
    """Require finite numbers, nested as `shape` says; returns float64."""
    flat: list[float] = []
    _flatten(_as_list(value), shape, where, shape, flat)
    return torch.tensor(flat, dtype=torch.float64).reshape(shape)


def vector(value: object, lengths: Sequence[int], where: str) -> Float[Tensor, "number"]:
    """Require a row of finite numbers that has one of some lengths."""
    value = _as_list(value)
    if not isinstance(value, list) or len(value) not in lengths:
        expected = " or ".join(map(str, lengths))
        raise ValueError(f"{where}: found {describe(value)}, expected {expected} numbers")
    return numbers(value, (len(value),), where)


def size(value: object, where: str) -> Int[Tensor, "2"]:
    """Require the width and height of a picture in px."""
    found = numbers(value, (2,), where)
    if bool((found != found.round()).any()) or bool((found < 1).any()):
        raise ValueError(f"{where}: found {found.tolist()}, expected whole numbers of pixels: width, height")
    return found.long()


def intrinsics(value: object, where: str, transposed: bool = False) -> Float[Tensor, "3 3"]:
    """Require an intrinsic matrix; `transposed` says how the format stores it. Returns it upright."""
    stored = numbers(value, (3, 3), where)
    upright, other = (stored.T, stored) if transposed else (stored, stored.T)
    if bool((upright[2, :2] != 0).any()) and bool((other[2, :2] == 0).all()):
        row, column = "the last row", "the last column"
        expected, found = (row, column) if transposed else (column, row)
        raise ValueError(
            f"{where}: is transposed: found the principal point in {found}, expected it in {expected}:"
            f" {stored.tolist()}"
        )
    return upright.contiguous()


def pose(rotation: Float[Tensor, "3 3"], translation: Float[Tensor, "3"]) -> Float[Tensor, "4 4"]:
    """Join a rotation and a translation."""
    joined = torch.eye(4, dtype=torch.float64)
    joined[:3, :3], joined[:3, 3] = rotation, translation
    return joined


def calibration(
    path: Path,
    names: Sequence[str],
    intrinsics: Sequence[Tensor],
    distortion: Sequence[Tensor],
    world_to_camera: Sequence[Tensor],
    image_sizes: Sequence[Tensor] | None,
    notes: Sequence[str],
) -> Calibration:
    """Join the cameras of a file. Distortions of fewer coefficients get zeros behind, as OpenCV reads them.

    Raises:
        ValueError: names the file and what `Calibration` refuses.
    """
    longest = max([5, *(len(coefficients) for coefficients in distortion)])
    padded = [torch.nn.functional.pad(coefficients, (0, longest - len(coefficients))) for coefficients in distortion]
    try:
        return Calibration(
            names=list(names),
            intrinsics=torch.stack(list(intrinsics)),
            distortion=torch.stack(padded),
            world_to_camera=torch.stack(list(world_to_camera)),
            image_sizes=None if image_sizes is None else torch.stack(list(image_sizes)),
            notes=list(notes),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def describe(value: object) -> str:
    """Say what a value is, in few words."""
    value = _as_list(value)
    match value:
        case list():
            return f"{len(value)} values {_short(value)}"
        case Mapping():
            return f"a table with {_short(sorted(map(str, value)))}"
        case _:
            return f"{type(value).__name__} {_short(value)}"


def _flatten(value: object, shape: tuple[int, ...], where: str, whole: tuple[int, ...], flat: list[float]) -> None:
    if not shape:
        flat.append(_number(value, where))
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        expected = " x ".join(map(str, whole))
        raise ValueError(f"{where}: found {describe(value)}, expected {expected} numbers")
    for part in value:
        _flatten(part, shape[1:], where, whole, flat)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where}: found {describe(value)}, expected a number")
    if not abs(value) <= NUMBER_LIMIT:  # NaN, too, is not
        raise ValueError(f"{where}: found {_short(value)}, expected a finite number below {NUMBER_LIMIT:.0e}")
    return float(value)


def _as_list(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
