"""Masks of one chunk of frames: single bits inside the animal's box, so that hours of them stay small and exact."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from mouse_facelift.formats.arrays import Layout, read_arrays, write_arrays

SIDE_LIMIT = 65535  # px of a picture's side
_LAYOUT: Layout = {
    "frames": ("int64", ("frame",)),
    "sizes": ("int64", ("view", 2)),
    "boxes": ("int64", ("view", "frame", 4)),
    "bits": ("uint8", ("byte",)),
}


class MaskPack:
    """All masks of a chunk, packed; each is unpacked when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            FileNotFoundError, ValueError: as `formats.arrays.read_arrays`; boxes that leave the picture or its bits.
        """
        found = read_arrays(path, _LAYOUT)
        self.frames: list[int] = found["frames"].tolist()
        self._sizes, self._boxes, self._bits = found["sizes"], found["boxes"], found["bits"]
        if not len(self._sizes) or not 1 <= self._sizes.min() <= self._sizes.max() <= SIDE_LIMIT:
            raise ValueError(f"{path}: sizes: found {self._sizes.tolist()}, expected 1 to {SIDE_LIMIT} px")
        x, y, width, height = np.moveaxis(self._boxes.clip(-1, SIDE_LIMIT + 1), -1, 0)
        fits = (self._boxes >= 0).all() and (x + width <= self._sizes[:, :1]).all()
        if not fits or not (y + height <= self._sizes[:, 1:]).all():
            raise ValueError(f"{path}: boxes: found some outside of the pictures of {self._sizes.tolist()} px")
        lengths = -(-width * height // 8)
        if int(lengths.sum()) != len(self._bits):
            raise ValueError(f"{path}: bits: found {len(self._bits)} bytes, expected {int(lengths.sum())}")
        ends = lengths.ravel().cumsum().reshape(lengths.shape)
        self._starts = ends - lengths

    def masks(self, frame: int) -> list[Bool[np.ndarray, "_ _"]]:
        """The masks of all views in one frame; empty ones where nothing is seen.

        Raises:
            ValueError: the frame is not in the chunk.
        """
        column = self.frames.index(frame)
        masks = []
        for (across, down), boxes, starts in zip(self._sizes, self._boxes, self._starts, strict=True):
            x, y, width, height = boxes[column].tolist()
            mask = np.zeros((down, across), dtype=bool)
            start = starts[column]
            bits = np.unpackbits(self._bits[start : start + -(-width * height // 8)], count=width * height)
            mask[y : y + height, x : x + width] = bits.reshape(height, width)
            masks.append(mask)
        return masks


class PackedMask(NamedTuple):
    """One mask: a thousandth of its pixels, where the animal is small."""

    box: tuple[int, int, int, int]
    """left, top, width and height, px; all 0 where nothing is seen"""
    bits: UInt8[np.ndarray, " byte"]
    """of the pixels inside, row by row"""


def pack_mask(mask: Bool[np.ndarray, "_ _"]) -> PackedMask:
    """Keep the pixels inside the box of what is seen."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return PackedMask((x, y, width, height), np.packbits(mask[y : y + height, x : x + width]))


def write_masks(
    path: Path,
    frames: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    masks: Sequence[Sequence[Bool[np.ndarray, "_ _"]]],
) -> None:
    """Write masks, whole or not at all.

    Args:
        path: to write, .npz.
        frames: numbers in the recording.
        sizes: width and height of each view's pictures, px.
        masks: per frame, one per view.
    """
    write_packed_masks(path, frames, sizes, [[pack_mask(mask) for mask in views] for views in masks])


def write_packed_masks(
    path: Path, frames: Sequence[int], sizes: Sequence[tuple[int, int]], masks: Sequence[Sequence[PackedMask]]
) -> None:
    """Write masks that were packed one by one, so that a chunk of any length fits into memory; as `write_masks`."""
    boxes = np.zeros((len(sizes), len(frames), 4), np.int64)
    bits: list[list[np.ndarray]] = [[] for _ in sizes]
    for column, views in enumerate(masks):
        for view, mask in enumerate(views):
            boxes[view, column] = mask.box
            bits[view].append(mask.bits)
    write_arrays(
        path,
        {
            "frames": np.array(frames, np.int64),
            "sizes": np.array(sizes, np.int64).reshape(-1, 2),
            "boxes": boxes,
            "bits": np.concatenate([np.zeros(0, np.uint8), *(part for row in bits for part in row)]),
        },
        _LAYOUT,
    )
