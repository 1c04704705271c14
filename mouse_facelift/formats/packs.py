"""Packs of procedural animals to pretrain on: posed pictures of many, in one .npz."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from mouse_facelift.formats.arrays import Layout, read_arrays, write_arrays


class Pack(NamedTuple):
    """Animals with equally many views of one size; cameras in OpenCV axes, z up."""

    images: UInt8[np.ndarray, "animal view height width 4"]
    """RGBA, straight alpha, color 0 where alpha is 0"""
    depth: Float16[np.ndarray, "animal view height width"]
    """of the surface along the camera's axis, world units; 0 where nothing is"""
    camera_to_world: Float32[np.ndarray, "animal view 4 4"]
    fxfycxcy: Float32[np.ndarray, "animal view 4"]
    """px, principal point from the outer corner"""


_LAYOUT: Layout = {
    "images": ("uint8", ("animal", "view", "height", "width", 4)),
    "depth": ("float16", ("animal", "view", "height", "width")),
    "camera_to_world": ("float32", ("animal", "view", 4, 4)),
    "fxfycxcy": ("float32", ("animal", "view", 4)),
}


def write_pack(path: Path, pack: Pack) -> None:
    """Write a pack; see `formats.arrays.write_arrays`."""
    write_arrays(path, pack._asdict(), _LAYOUT)


def read_pack(path: Path) -> Pack:
    """Read a pack; see `formats.arrays.read_arrays`."""
    return Pack(**read_arrays(path, _LAYOUT))
