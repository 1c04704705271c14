"""Key points in space, checked where they are made, and the animal's place that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.capture.calibration import fields

COORDINATE_LIMIT = 1e9  # units; what is further away is no animal


@dataclass(frozen=True)
class KeyPoints:
    """Named points of one animal in some frames.

    Raises:
        ValueError: counts differ, a name stands there twice, frames do not rise.
    """

    names: list[str]
    points: Float[Tensor, "frame point 3"]
    """float64, in the file's unit and world; NaN where a point is absent"""
    frames: Int[Tensor, "frame"]
    """numbers in the video from 0, rising"""
    notes: list[str]
    """which conventions of the file were undone; those that begin with `warning: ` say what is doubtful"""

    def __post_init__(self) -> None:
        if self.points.shape[:2] != (len(self.frames), len(self.names)):
            raise ValueError(
                f"{len(self.frames)} frames and {len(self.names)} names for points of shape {tuple(self.points.shape)}"
            )
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ValueError(f"names of points stand there twice: {twice}")
        if not len(self.frames) or bool((torch.diff(self.frames) <= 0).any()) or int(self.frames[0]) < 0:
            raise ValueError(f"frames: found {self.frames.tolist()[:8]} ..., expected numbers from 0 that rise")


def animal_places(key_points: KeyPoints, names: Sequence[str] | None, least: int) -> Float[Tensor, "frame 3"]:
    """Place the animal at the median, axis by axis, of the chosen points that are there; None chooses all.

    A frame in which fewer than `least` of them are there is NaN.

    Raises:
        ValueError: a name is not there, or `least` is more than the points chosen.
    """
    chosen = list(key_points.names) if names is None else list(names)
    if missing := [name for name in chosen if name not in key_points.names]:
        raise ValueError(f"no key point {missing}; found {key_points.names}")
    if not 1 <= least <= len(chosen):
        raise ValueError(f"{least} key points must be there in a frame, of {len(chosen)} that are chosen: {chosen}")
    points = key_points.points[:, [key_points.names.index(name) for name in chosen]].numpy()
    there = ~np.isnan(points).any(axis=-1)
    enough = there.sum(axis=1) >= least
    places = np.full((len(points), 3), np.nan)
    places[enough] = np.nanmedian(np.where(there[..., None], points, np.nan)[enough], axis=1)
    return torch.from_numpy(places)


def make_key_points(
    path: Path, names: Sequence[str], points: np.ndarray, frames: np.ndarray, notes: Sequence[str]
) -> KeyPoints:
    """Sort by frame, make points absent that lack a coordinate, and check.

    Raises:
        ValueError: names the file and what is wrong.
    """
    order = np.argsort(frames, kind="stable")
    rows = np.array(points[order], dtype=np.float64)
    rows[np.isnan(rows).any(axis=-1)] = np.nan
    if np.any(np.abs(rows) > COORDINATE_LIMIT):
        raise ValueError(f"{path}: coordinates above {COORDINATE_LIMIT:.0e} or infinite")
    if np.isnan(rows).all():
        raise ValueError(f"{path}: no point is there in any of {len(rows)} frames")
    numbers = torch.from_numpy(np.asarray(frames[order], dtype=np.int64))
    try:
        return KeyPoints(list(names), torch.from_numpy(rows), numbers, list(notes))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def array(value: object, where: str, *shapes: tuple[int | None, ...]) -> np.ndarray:
    """Require numbers of one of some shapes, in which None is any length; NaN is allowed."""
    expected = " or ".join("x".join("n" if side is None else str(side) for side in shape) for shape in shapes)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise ValueError(f"{where}: found {fields.describe(value)}, expected numbers of shape {expected}")
    for shape in shapes:
        if len(shape) == value.ndim and all(
            side in (None, found) for side, found in zip(shape, value.shape, strict=True)
        ):
            return value.astype(np.float64)
    raise ValueError(f"{where}: found shape {value.shape}, expected {expected}")


def whole_numbers(value: object, count: int, where: str) -> np.ndarray:
    """Require `count` whole numbers, in a row or a column."""
    found = array(value, where, (1, count), (count, 1), (count,)).ravel()
    if not bool((np.abs(found) < 2**53).all()) or bool((found != np.round(found)).any()):
        raise ValueError(f"{where}: found {found.tolist()[:6]} ..., expected whole numbers")
    return found.astype(np.int64)
