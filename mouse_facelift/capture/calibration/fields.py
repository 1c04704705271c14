"""Fields of a calibration file, checked where they are read: every error names file, camera, field, found, expected."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

TEXT_LIMIT = 8_000_000  # bytes; a rig of a hundred cameras takes less than a tenth of it
NUMBER_LIMIT = 1e12  # px or units; squares of larger numbers would lose the rotation beside them


def read_toml(path: Path) -> dict[str, object]:
    """Read TOML; whatever is wrong with the text is a ValueError that names the file."""
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a plain ValueError
        raise ValueError(f"{path}: not TOML: {error}") from error


def read_json(path: Path) -> object:
    """Read JSON; whatever is wrong with the text is a ValueError that names the file."""
    try:
        content: object = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    return content


def frames_mismatch(path: Path, key: str) -> str | None:
    """Say why a file is not JSON with a list `frames`, some of which have `key`; None if it is."""
    try:
        content = read_json(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list):
        return "JSON without a list 'frames'"
    if not any(isinstance(frame, dict) and key in frame for frame in frames):
        return f"JSON with 'frames', but none of them has {key}"
    return None


def read_frames(path: Path) -> tuple[Mapping[str, object], list[Mapping[str, object]]]:
    """Read JSON with a list `frames`: the whole table, and the frames, tables all of them."""
    content = table(read_json(path), str(path))
    require(content, ("frames",), str(path))
    frames = content["frames"]
    if not isinstance(frames, list) or not frames:
        raise ValueError(f"{path}: frames: found {describe(frames)}, expected a list of cameras")
    return content, [table(frame, f"{path}: frames[{number}]") for number, frame in enumerate(frames)]


def read_text(path: Path) -> str:
    """Read a text file in UTF-8; the ValueError of one that is none does not name it."""
    if path.is_dir():
        raise ValueError("a folder, expected a file")
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


def row(value: object, lengths: Sequence[int], where: str) -> Float[Tensor, "number"]:
    """Require a row or column of finite numbers, [N], [1, N] or [N, 1], of one of some lengths."""
    nested = _as_list(value)
    if isinstance(nested, list) and len(nested) == 1 and isinstance(nested[0], list):
        nested = nested[0]
    elif isinstance(nested, list) and all(isinstance(entry, list) and len(entry) == 1 for entry in nested):
        nested = [entry[0] for entry in nested]
    return vector(nested, lengths, where)


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


def numeric_order(name: str) -> list[tuple[int, str]]:
    """Key that sorts cam_9 before cam_10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


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
