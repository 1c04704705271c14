"""The animal in one chunk of a recording's frames, as its masks show it: numbers of each frame and view."""

import json
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from pydantic import TypeAdapter, ValidationError

from mouse_facelift.formats.arrays import Layout, read_arrays, write_arrays


class ViewState(IntEnum):
    """What a view shows of the animal in one frame."""

    missing = 0
    """nothing"""
    seen = 1
    cut = 2
    """it reaches the picture's edge, so that it may go on outside"""
    doubtful = 3
    """its mask disagrees with those of the other views"""


class AnimalChunk(NamedTuple):
    """Lengths in millimeters, world axes of the calibration file; pixels of raw pictures, OpenCV origin."""

    frames: Int64[np.ndarray, "frame"]
    """numbers in the recording, rising"""
    states: UInt8[np.ndarray, "view frame"]
    """see `ViewState`"""
    areas: Int64[np.ndarray, "view frame"]
    """px of the cleaned mask"""
    centers: Float64[np.ndarray, "view frame 2"]
    """px; NaN where there is no mask"""
    shares: Float64[np.ndarray, "view frame"]
    """part of the raw mask that the animal makes up, 0 to 1; below 1 the mask held more than the animal"""
    confidences: Float64[np.ndarray, "view frame"]
    """0 to 1"""
    sharpness: Float64[np.ndarray, "view frame"]
    """variance of the Laplacian of luminance about the animal; NaN where it was not measured"""
    points: Float64[np.ndarray, "frame 3"]
    """where the rays through the masks' centers meet; NaN where fewer than two views show the animal"""
    body_centers: Float64[np.ndarray, "frame 3"]
    """middle of the hull's upright box; NaN where there is no hull"""
    centroids: Float64[np.ndarray, "frame 3"]
    """of the hull's volume"""
    extents: Float64[np.ndarray, "frame 3"]
    """edges of that box, the third upright"""
    radii: Float64[np.ndarray, "frame"]
    """how far the hull reaches from the middle of its box"""
    remarks: tuple[str, ...]
    """why views are doubtful, a line each"""


class AnimalShapes(NamedTuple):
    """What takes most of a chunk's room, and few read."""

    outlines: Float32[np.ndarray, "view frame vertex 2"]
    """convex, px; short ones repeat a vertex, those of missing masks are NaN"""
    surfaces: Float32[np.ndarray, "frame point 3"]
    """points of the hull's surface, spread over it; NaN where there is no hull"""
    spacings: Float64[np.ndarray, "frame"]
    """about the distance from such a point to its neighbors"""


_LAYOUT: Layout = {
    "frames": ("int64", ("frame",)),
    "states": ("uint8", ("view", "frame")),
    "areas": ("int64", ("view", "frame")),
    "centers": ("float64", ("view", "frame", 2)),
    "shares": ("float64", ("view", "frame")),
    "confidences": ("float64", ("view", "frame")),
    "sharpness": ("float64", ("view", "frame")),
    "outlines": ("float32", ("view", "frame", "vertex", 2)),
    "points": ("float64", ("frame", 3)),
    "body_centers": ("float64", ("frame", 3)),
    "centroids": ("float64", ("frame", 3)),
    "extents": ("float64", ("frame", 3)),
    "radii": ("float64", ("frame",)),
    "surfaces": ("float32", ("frame", "point", 3)),
    "spacings": ("float64", ("frame",)),
    "remarks": ("uint8", ("byte",)),
}


_REMARKS = TypeAdapter(tuple[str, ...])
_NUMBERS = [name for name in AnimalChunk._fields if name != "remarks"]


def write_animal(path: Path, chunk: AnimalChunk, shapes: AnimalShapes) -> None:
    """Write a chunk; see `formats.arrays.write_arrays`."""
    remarks = np.frombuffer(json.dumps(chunk.remarks).encode(), np.uint8)
    write_arrays(path, chunk._asdict() | {"remarks": remarks} | shapes._asdict(), _LAYOUT)


def read_animal(path: Path) -> AnimalChunk:
    """Read a chunk's numbers; see `formats.arrays.read_arrays`."""
    arrays = read_arrays(path, _LAYOUT, AnimalChunk._fields)
    try:
        remarks = _REMARKS.validate_json(arrays.pop("remarks").tobytes())
    except ValidationError as error:
        raise ValueError(f"{path}: remarks: {error.errors()[0]['msg']}") from error
    return AnimalChunk(remarks=remarks, **arrays)


def read_shapes(path: Path) -> AnimalShapes:
    """Read a chunk's shapes; see `formats.arrays.read_arrays`."""
    return AnimalShapes(**read_arrays(path, _LAYOUT, AnimalShapes._fields))


def join_animals(chunks: Sequence[AnimalChunk]) -> AnimalChunk:
    """Join the numbers of consecutive chunks, one at least, to those of one."""
    joined = {
        name: np.concatenate([getattr(chunk, name) for chunk in chunks], axis=_frame_axis(name)) for name in _NUMBERS
    }
    return AnimalChunk(remarks=tuple(remark for chunk in chunks for remark in chunk.remarks), **joined)


def select_frames(chunk: AnimalChunk, frames: Bool[np.ndarray, "frame"]) -> AnimalChunk:
    """Take the numbers of some frames; all remarks stay."""
    taken = {name: np.compress(frames, getattr(chunk, name), axis=_frame_axis(name)) for name in _NUMBERS}
    return AnimalChunk(remarks=chunk.remarks, **taken)


def _frame_axis(field: str) -> int:
    return _LAYOUT[field][1].index("frame")


def read_surfaces(path: Path) -> dict[int, tuple[Float32[np.ndarray, "point 3"], float]]:
    """Read points of each frame's hull, mm, and how far they stand apart; frames without a hull are left out.

    Raises:
        FileNotFoundError, ValueError: as `formats.arrays.read_arrays`.
    """
    found = read_arrays(path, _LAYOUT, ["frames", "surfaces", "spacings"])
    rows = zip(found["frames"].tolist(), found["surfaces"], found["spacings"].tolist(), strict=True)
    return {frame: (surface, spacing) for frame, surface, spacing in rows if np.isfinite(spacing)}
