"""Packs of procedural animals to pretrain on: posed pictures of many, in one .npz."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float16, Float32, UInt8


class Pack(NamedTuple):
    """Animals with equally many views of one size; cameras in OpenCV axes, z up."""

    images: UInt8[np.ndarray, "animal view height width 4"]
    """RGBA, straight alpha, color 0 where alpha is 0"""
    depth: Float16[np.ndarray, "animal view height width"]
    """of the surface along the camera's axis, world units; 0 where nothing is"""
    camera_to_world: Float32[np.ndarray, "animal view 4 4"]
    fxfycxcy: Float32[np.ndarray, "animal view 4"]
    """px, principal point from the outer corner"""


_LAYOUT: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "images": ("uint8", ("animal", "view", "height", "width", 4)),
    "depth": ("float16", ("animal", "view", "height", "width")),
    "camera_to_world": ("float32", ("animal", "view", 4, 4)),
    "fxfycxcy": ("float32", ("animal", "view", 4)),
}


def write_pack(path: Path, pack: Pack) -> None:
    """Write a pack; equal arrays give equal bytes. Whole when its folder is (`formats.whole`).

    Raises:
        ValueError: as `read_pack`, of a field's type or shape.
    """
    _check(pack._asdict(), path)
    np.savez_compressed(path, **pack._asdict())


def read_pack(path: Path) -> Pack:
    """Read a pack.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file, and what is missing, unknown, of another type or of another shape.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such pack")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an .npz file that can be read ({path.stat().st_size} bytes)")
    with np.load(path, allow_pickle=False) as file:
        if set(file.files) != set(_LAYOUT):
            raise ValueError(f"{path}: fields: found {sorted(file.files)}, expected {sorted(_LAYOUT)}")
        try:
            arrays = {field: np.asarray(file[field]) for field in _LAYOUT}
        except (ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged: {error}") from error
    _check(arrays, path)
    return Pack(**arrays)


def _check(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    sizes: dict[str, int] = {}
    for field, (dtype, axes) in _LAYOUT.items():
        found = arrays[field]
        named = zip(axes, found.shape, strict=False)
        expected = [sizes.setdefault(axis, length) if isinstance(axis, str) else axis for axis, length in named]
        if found.dtype != dtype or found.ndim != len(axes) or list(found.shape) != expected:
            raise ValueError(
                f"{path}: {field}: found {found.dtype} {found.shape}, expected {dtype} ({', '.join(map(str, axes))})"
                + (f" beside images {arrays['images'].shape}" if field != "images" else "")
            )
