"""For every tile of the picture, the Gaussians that reach it, nearest first."""

import numpy as np
from jaxtyping import Int, UInt
from numba import prange

from mouse_facelift.rendering.rasterizer.compilation import device_function, parallel_kernel

RADIX_BITS = 11


@parallel_kernel
def count_by_tile(
    depth_bits: UInt[np.ndarray, "camera gaussian"],
    boxes: Int[np.ndarray, "camera gaussian 4"],
    tile: int,
    order: Int[np.ndarray, "camera gaussian"],
    visible: Int[np.ndarray, " camera"],
    counts: Int[np.ndarray, "camera tile_y tile_x"],
) -> None:
    """Sort each camera's visible Gaussians by depth, and count how many reach each tile.

    depth_bits: the bits of the (positive) depths, which order as the depths do.
    order, written: indices of the `visible` Gaussians, nearest first; equal depths keep their order.
    """
    cameras, gaussians = order.shape
    for c in prange(cameras):
        keys = np.empty(gaussians, depth_bits.dtype)
        found = 0
        for n in range(gaussians):
            x0, x1, y0, y1 = boxes[c, n, 0], boxes[c, n, 1], boxes[c, n, 2], boxes[c, n, 3]
            if x1 > x0:
                keys[found] = depth_bits[c, n]
                order[c, found] = n
                found += 1
                for row in range(y0 // tile, (y1 - 1) // tile + 1):
                    for column in range(x0 // tile, (x1 - 1) // tile + 1):
                        counts[c, row, column] += 1
        visible[c] = found
        _sort_by_keys(keys[:found], order[c, :found])


@parallel_kernel
def list_by_tile(
    boxes: Int[np.ndarray, "camera gaussian 4"],
    tile: int,
    order: Int[np.ndarray, "camera gaussian"],
    visible: Int[np.ndarray, " camera"],
    starts: Int[np.ndarray, " list"],
    tiles_high: int,
    tiles_wide: int,
    members: Int[np.ndarray, " member"],
) -> None:
    """Write the list of every tile.

    starts: for each list, in the order camera, row, column, its first place in `members`; one more than lists.
    members, written: indices of Gaussians, nearest first.
    """
    tiles = tiles_high * tiles_wide
    for c in prange(order.shape[0]):
        next_places = starts[c * tiles : (c + 1) * tiles].copy()
        for place in range(visible[c]):
            n = order[c, place]
            x0, x1, y0, y1 = boxes[c, n, 0], boxes[c, n, 1], boxes[c, n, 2], boxes[c, n, 3]
            for row in range(y0 // tile, (y1 - 1) // tile + 1):
                for column in range(x0 // tile, (x1 - 1) // tile + 1):
                    here = row * tiles_wide + column
                    members[next_places[here]] = n
                    next_places[here] += 1


@device_function
def _sort_by_keys(keys: UInt[np.ndarray, " item"], items: Int[np.ndarray, " item"]) -> None:
    """Sort `items` in place by their keys, stably: radix sort over the bits in which the keys differ."""
    if keys.size == 0:
        return
    common, every = keys[0], keys[0]
    for key in keys:
        common &= key
        every |= key
    differing = common ^ every
    buckets = 1 << RADIX_BITS
    mask = np.uint64(buckets - 1)
    other_keys, other_items = np.empty_like(keys), np.empty_like(items)
    places = np.empty(buckets, np.int64)
    for bit in range(0, 8 * keys.itemsize, RADIX_BITS):
        shift = np.uint64(bit)
        if (differing >> shift) & mask == 0:
            continue
        places[:] = 0
        for key in keys:
            places[np.int64((key >> shift) & mask)] += 1
        total = 0
        for bucket in range(buckets):
            count = places[bucket]
            places[bucket] = total
            total += count
        for i in range(keys.size):
            place = places[np.int64((keys[i] >> shift) & mask)]
            places[np.int64((keys[i] >> shift) & mask)] += 1
            other_keys[place], other_items[place] = keys[i], items[i]
        keys[:], items[:] = other_keys, other_items
