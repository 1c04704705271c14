"""Compositing of projected Gaussians, tile by tile and front to back, and its gradient.

Source of the conventions: gsplat 1.5.3, `rasterize_mode="classic"` (arXiv:2409.06765). The gradient walks back to
front and recovers each transmittance from the one behind it, as 3D Gaussian splatting does (arXiv:2308.04079).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numba import prange, types
from numba.extending import overload

from mouse_facelift.rendering.rasterizer.compilation import fast_parallel_kernel, parallel_kernel, plain

TILE = 8  # px, one row of float32 is one AVX register
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4  # a pixel is finished before it would let through less
SATURATED_SIGMA = 60.0  # far below the least alpha, and within the range of the exponential

# The state of a tile is one flat array, row after row, and in a row one plane after the other. Unsigned offsets
# tell the compiler that nothing wraps around; both let it use vector instructions.
_PLACE = np.uint64
ROW = _PLACE(TILE)
# Forward planes: transmittance (negative once finished), red, green, blue, depth, place of the last Gaussian + 1.
RED, GREEN, BLUE, DEPTH, LAST, FORWARD_PLANES = (_PLACE(i * TILE) for i in range(1, 7))
# Backward planes: transmittance, what lies behind, gradients by red, green, blue, depth, and the last place again.
BEHIND, BY_RED, BY_GREEN, BY_BLUE, BY_DEPTH, BACK_LAST, BACKWARD_PLANES = (_PLACE(i * TILE) for i in range(1, 8))


@fast_parallel_kernel
def composite(
    splats: Float[np.ndarray, "camera gaussian 10"],
    boxes: Int[np.ndarray, "camera gaussian 4"],
    starts: Int[np.ndarray, " list"],
    members: Int[np.ndarray, " member"],
    least_alpha: float,
    backgrounds: Float[np.ndarray, "camera 3"],
    rgb: Float[np.ndarray, "camera height width 3"],
    alpha: Float[np.ndarray, "camera height width 1"],
    depth: Float[np.ndarray, "camera height width 1"],
    transmittance: Float[np.ndarray, "camera height width"],
    last: Int[np.ndarray, "camera height width"],
) -> None:
    """Draw every tile's list; the arrays from `rgb` on are written.

    last: how many of its tile's list a pixel went through, up to the last Gaussian that it drew.
    """
    number = splats.dtype.type
    zero, half, one = number(0), number(0.5), number(1)
    max_alpha, min_transmittance = number(MAX_ALPHA), number(MIN_TRANSMITTANCE)
    least_depth_weight, saturated = number(1e-10), number(SATURATED_SIGMA)
    cameras, height, width = last.shape
    tiles_high, tiles_wide = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    tiles = tiles_high * tiles_wide
    for task in prange(cameras * tiles):
        c, in_camera = task // tiles, task % tiles
        top, left = in_camera // tiles_wide * TILE, in_camera % tiles_wide * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        state = np.zeros(TILE * FORWARD_PLANES, splats.dtype)
        for row in range(TILE):
            for column in range(TILE):
                inside = row < rows and column < columns
                state[row * FORWARD_PLANES + column] = one if inside else -one

        for place in range(starts[task], starts[task + 1]):
            n = members[place]
            splat, box = splats[c, n], boxes[c, n]
            x, y = splat[0] - (number(left) + half), splat[1] - (number(top) + half)
            half_xx, xy, half_yy = half * splat[2], splat[3], half * splat[4]
            opacity, red, green, blue, z = splat[5], splat[6], splat[7], splat[8], splat[9]
            count = number(place - starts[task] + 1)
            for row in range(max(box[2] - top, 0), min(box[3] - top, TILE)):
                dy = y - number(row)
                xy_dy, half_yy_dy2 = xy * dy, half_yy * dy * dy
                first = _PLACE(row) * FORWARD_PLANES
                for column in range(ROW):
                    i = first + column
                    dx = x - number(column)
                    sigma = (half_xx * dx + xy_dy) * dx + half_yy_dy2
                    a = min(max_alpha, opacity * exp_minus(min(max(sigma, zero), saturated)))
                    before = state[i]
                    after = before * (one - a)
                    reached = (sigma >= zero) & (a >= least_alpha) & (before > zero)
                    drawn = reached & (after > min_transmittance)
                    weight = a * before if drawn else zero
                    state[i] = after if drawn else (-before if reached else before)
                    state[i + RED] += weight * red
                    state[i + GREEN] += weight * green
                    state[i + BLUE] += weight * blue
                    state[i + DEPTH] += weight * z
                    state[i + LAST] = count if drawn else state[i + LAST]
            if (place - starts[task]) % 16 == 15:
                most = -one
                for row in range(TILE):
                    for column in range(ROW):
                        most = max(most, state[_PLACE(row) * FORWARD_PLANES + column])
                if most <= zero:
                    break

        for row in range(rows):
            for column in range(columns):
                i = _PLACE(row) * FORWARD_PLANES + _PLACE(column)
                through = abs(state[i])
                pixel_y, pixel_x = top + row, left + column
                rgb[c, pixel_y, pixel_x, 0] = state[i + RED] + through * backgrounds[c, 0]
                rgb[c, pixel_y, pixel_x, 1] = state[i + GREEN] + through * backgrounds[c, 1]
                rgb[c, pixel_y, pixel_x, 2] = state[i + BLUE] + through * backgrounds[c, 2]
                alpha[c, pixel_y, pixel_x, 0] = one - through
                depth[c, pixel_y, pixel_x, 0] = state[i + DEPTH] / max(one - through, least_depth_weight)
                transmittance[c, pixel_y, pixel_x] = through
                last[c, pixel_y, pixel_x] = np.int32(state[i + LAST])


@fast_parallel_kernel
def composite_backward(
    splats: Float[np.ndarray, "camera gaussian 10"],
    boxes: Int[np.ndarray, "camera gaussian 4"],
    starts: Int[np.ndarray, " list"],
    members: Int[np.ndarray, " member"],
    least_alpha: float,
    backgrounds: Float[np.ndarray, "camera 3"],
    depth: Float[np.ndarray, "camera height width 1"],
    transmittance: Float[np.ndarray, "camera height width"],
    last: Int[np.ndarray, "camera height width"],
    by_rgb: Float[np.ndarray, "camera height width 3"],
    by_alpha: Float[np.ndarray, "camera height width 1"],
    by_depth: Float[np.ndarray, "camera height width 1"],
    by_members: Float[np.ndarray, "member 10"],
    by_backgrounds: Float[np.ndarray, "camera tile 3"],
) -> None:
    """Gradients by the splats, one part for each place in the tiles' lists, and by the backgrounds, one for each tile.

    The two last arrays are written.
    """
    number = splats.dtype.type
    zero, half, one = number(0), number(0.5), number(1)
    max_alpha, least_depth_weight, saturated = number(MAX_ALPHA), number(1e-10), number(SATURATED_SIGMA)
    cameras, height, width = last.shape
    tiles_high, tiles_wide = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    tiles = tiles_high * tiles_wide
    for task in prange(cameras * tiles):
        c, in_camera = task // tiles, task % tiles
        top, left = in_camera // tiles_wide * TILE, in_camera % tiles_wide * TILE
        state = np.zeros(TILE * BACKWARD_PLANES, splats.dtype)
        for row in range(TILE):
            for column in range(TILE):
                state[_PLACE(row) * BACKWARD_PLANES + _PLACE(column)] = one
        longest = 0
        by_background_red = by_background_green = by_background_blue = zero
        for row in range(min(TILE, height - top)):
            for column in range(min(TILE, width - left)):
                i = _PLACE(row) * BACKWARD_PLANES + _PLACE(column)
                pixel_y, pixel_x = top + row, left + column
                through = transmittance[c, pixel_y, pixel_x]
                opaque = one - through
                by_red, by_green, by_blue = (
                    by_rgb[c, pixel_y, pixel_x, 0],
                    by_rgb[c, pixel_y, pixel_x, 1],
                    by_rgb[c, pixel_y, pixel_x, 2],
                )
                by_weighted_depth = by_depth[c, pixel_y, pixel_x, 0] / max(opaque, least_depth_weight)
                by_through = (
                    by_red * backgrounds[c, 0]
                    + by_green * backgrounds[c, 1]
                    + by_blue * backgrounds[c, 2]
                    - by_alpha[c, pixel_y, pixel_x, 0]
                )
                if opaque > least_depth_weight:
                    by_through += by_weighted_depth * depth[c, pixel_y, pixel_x, 0]
                state[i] = through
                state[i + BEHIND] = through * by_through
                state[i + BY_RED] = by_red
                state[i + BY_GREEN] = by_green
                state[i + BY_BLUE] = by_blue
                state[i + BY_DEPTH] = by_weighted_depth
                state[i + BACK_LAST] = number(last[c, pixel_y, pixel_x])
                longest = max(longest, last[c, pixel_y, pixel_x])
                by_background_red += through * by_red
                by_background_green += through * by_green
                by_background_blue += through * by_blue
        by_backgrounds[c, in_camera, 0] = by_background_red
        by_backgrounds[c, in_camera, 1] = by_background_green
        by_backgrounds[c, in_camera, 2] = by_background_blue

        for place in range(starts[task] + longest, starts[task + 1]):
            by_members[place, :] = zero
        for place in range(starts[task] + longest - 1, starts[task] - 1, -1):
            n = members[place]
            splat, box = splats[c, n], boxes[c, n]
            x, y = splat[0] - (number(left) + half), splat[1] - (number(top) + half)
            half_xx, xy, half_yy = half * splat[2], splat[3], half * splat[4]
            opacity, red, green, blue, z = splat[5], splat[6], splat[7], splat[8], splat[9]
            count = number(place - starts[task] + 1)
            sum_dx = sum_dy = sum_dx2 = sum_dxdy = sum_dy2 = sum_sigma = zero
            sum_red = sum_green = sum_blue = sum_depth = zero
            for row in range(max(box[2] - top, 0), min(box[3] - top, TILE)):
                dy = y - number(row)
                xy_dy, half_yy_dy2 = xy * dy, half_yy * dy * dy
                first = _PLACE(row) * BACKWARD_PLANES
                row_sigma = row_dx = row_dx2 = zero
                for column in range(ROW):
                    i = first + column
                    dx = x - number(column)
                    sigma = (half_xx * dx + xy_dy) * dx + half_yy_dy2
                    uncapped = opacity * exp_minus(min(max(sigma, zero), saturated))
                    a = min(max_alpha, uncapped)
                    drawn = (sigma >= zero) & (a >= least_alpha) & (count <= state[i + BACK_LAST])
                    a = a if drawn else zero
                    passed = one / (one - a)
                    before = state[i] * passed
                    weight = a * before
                    behind = state[i + BEHIND]
                    value = (
                        red * state[i + BY_RED]
                        + green * state[i + BY_GREEN]
                        + blue * state[i + BY_BLUE]
                        + z * state[i + BY_DEPTH]
                    )
                    by_a = value * before - behind * passed
                    state[i] = before
                    state[i + BEHIND] = behind + weight * value
                    by_sigma = -uncapped * by_a if drawn & (uncapped <= max_alpha) else zero
                    row_sigma += by_sigma
                    row_dx += by_sigma * dx
                    row_dx2 += by_sigma * dx * dx
                    sum_red += weight * state[i + BY_RED]
                    sum_green += weight * state[i + BY_GREEN]
                    sum_blue += weight * state[i + BY_BLUE]
                    sum_depth += weight * state[i + BY_DEPTH]
                sum_dx += row_dx
                sum_dy += dy * row_sigma
                sum_dx2 += row_dx2
                sum_dxdy += dy * row_dx
                sum_dy2 += dy * dy * row_sigma
                sum_sigma += row_sigma
            grad = by_members[place]
            grad[0] = splat[2] * sum_dx + xy * sum_dy
            grad[1] = xy * sum_dx + splat[4] * sum_dy
            grad[2], grad[3], grad[4] = half * sum_dx2, sum_dxdy, half * sum_dy2
            grad[5] = -sum_sigma / opacity
            grad[6], grad[7], grad[8], grad[9] = sum_red, sum_green, sum_blue, sum_depth


@parallel_kernel
def sum_by_gaussian(
    starts: Int[np.ndarray, " list"],
    members: Int[np.ndarray, " member"],
    by_members: Float[np.ndarray, "member 10"],
    by_splats: Float[np.ndarray, "camera gaussian 10"],
) -> None:
    """Add up the gradients of the tiles, always in the order of the tiles."""
    cameras = by_splats.shape[0]
    tiles = (starts.size - 1) // cameras
    for c in prange(cameras):
        for place in range(starts[c * tiles], starts[(c + 1) * tiles]):
            for i in range(10):
                by_splats[c, members[place], i] += by_members[place, i]


def exp_minus(x: Any) -> Any:
    """exp(-x) for 0 <= x <= 60, in the precision of x."""
    return math.exp(-x)


@plain
def _exp_minus_double(x: Any) -> Any:
    return math.exp(-x)


@plain
def _exp_minus_single(x: Any) -> Any:
    """2 to the nearest integer by exponent bits, the rest by the Taylor series; relative error below 3e-7."""
    halvings = x * np.float32(1 / math.log(2))
    whole = np.int32(halvings + np.float32(0.5))
    rest = halvings - np.float32(whole)
    series = np.float32(1.0) + rest * (
        np.float32(-0.6931471805599453)
        + rest
        * (
            np.float32(0.2402265069591007)
            + rest
            * (
                np.float32(-0.05550410866482158)
                + rest
                * (
                    np.float32(0.009618129107628477)
                    + rest * (np.float32(-0.0013333558146428443) + rest * np.float32(0.00015403530393381608))
                )
            )
        )
    )
    power = np.int32((np.int32(127) - whole) << np.int32(23)).view(np.float32)
    return series * power


@overload(exp_minus, inline="always")
@plain
def _exp_minus_for(x: Any) -> Callable[..., Any]:
    return _exp_minus_single if x == types.float32 else _exp_minus_double
