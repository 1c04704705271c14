"""Compiled loops of the ray caster. Every picture row is computed by one thread, so results never depend on threads."""

import math
from typing import no_type_check

import numpy as np
from numba import njit, prange

from mouse_facelift.simulation.ellipsoids import (
    BASE_COLOR,
    BELLY,
    BELLY_COLOR,
    FUR,
    FUR_WAVES,
    MARK,
    MARK_COLOR,
    MARK_WAVES,
    MOTTLE,
    MOTTLE_COLOR,
    MOTTLE_WAVES,
    NO_MARK,
    PATCH,
    SPOTS,
    STRIPES,
)


@njit(cache=True, error_model="numpy")
@no_type_check
def distort(x, y, lens):
    """OpenCV's k1 k2 p1 p2 k3 lens on the plane z = 1.

    Source: OpenCV, calib3d module, "Detailed description" of the pinhole camera model.
    """
    k1, k2, p1, p2, k3 = lens[0], lens[1], lens[2], lens[3], lens[4]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def trace_lens(rays, fx, fy, cx, cy, lens, samples):
    """Fill `rays` [row, column, 2] with the plane-z=1 point that each sample of a picture sees through its lens.

    Returns the largest number of steps a sample took; 200 means that it did not settle.
    """
    steps = np.zeros(rays.shape[0], np.int64)
    for row in prange(rays.shape[0]):
        yd = ((row + 0.5) / samples - cy) / fy
        for column in range(rays.shape[1]):
            xd = ((column + 0.5) / samples - cx) / fx
            x, y = xd, yd
            step = 0
            while step < 200:
                u, v = distort(x, y, lens)
                x += xd - u
                y += yd - v
                step += 1
                if abs(xd - u) + abs(yd - v) < 1e-12:
                    break
            steps[row] = max(steps[row], step)
            rays[row, column, 0] = x
            rays[row, column, 1] = y
    return steps.max()


@njit(cache=True, error_model="numpy")
@no_type_check
def _smooth(edge, softness, value):
    t = min(max((value - edge) / softness * 0.5 + 0.5, 0.0), 1.0)
    return t * t * (3 - 2 * t)


@njit(cache=True, error_model="numpy")
@no_type_check
def _noise(waves, x, y, z):
    total = 0.0
    for i in range(waves.shape[0]):
        total += math.sin(waves[i, 0] * x + waves[i, 1] * y + waves[i, 2] * z + waves[i, 3])
    return 0.35 * total  # six waves: mostly within -1..1


@njit(cache=True, error_model="numpy")
@no_type_check
def _mark_value(coat, mottle, x, y, z):
    waves = coat.waves[MARK_WAVES]
    kind = coat.mark[0]
    if kind == STRIPES:
        return math.sin(waves[0, 0] * x + waves[0, 1] * y + waves[0, 2] * z + waves[0, 3] + 1.3 * mottle)
    if kind == SPOTS:
        value = 1.0
        for i in range(3):
            value *= math.sin(waves[i, 0] * x + waves[i, 1] * y + waves[i, 2] * z + waves[i, 3] + 0.7 * mottle)
        return 1.6 * abs(value) ** 0.5 - 1.0
    return _noise(waves, x, y, z)


@njit(cache=True, error_model="numpy")
@no_type_check
def coat_color(coat, part, q0, q1, q2):
    """Color of a part where its unit sphere has the point q."""
    r, c = coat.rest_rotations[part], coat.rest_centers[part]
    s0, s1, s2 = q0 * coat.rest_radii[part, 0], q1 * coat.rest_radii[part, 1], q2 * coat.rest_radii[part, 2]
    x = r[0, 0] * s0 + r[0, 1] * s1 + r[0, 2] * s2 + c[0]
    y = r[1, 0] * s0 + r[1, 1] * s1 + r[1, 2] * s2 + c[1]
    z = r[2, 0] * s0 + r[2, 1] * s1 + r[2, 2] * s2 + c[2]
    amounts, colors = coat.amounts[part], coat.colors[part]
    mottle = _noise(coat.waves[MOTTLE_WAVES], x, y, z)
    mottled = amounts[MOTTLE] * _smooth(0.0, 0.8, mottle)
    rise = (z - coat.belly[0]) / (coat.belly[1] - coat.belly[0])
    below = amounts[BELLY] * (1 - _smooth(0.5, 0.5, rise + 0.15 * mottle))
    marked = 0.0
    if amounts[MARK] > 0 and coat.mark[0] != NO_MARK:
        marked = amounts[MARK] * _smooth(coat.mark[1], coat.mark[2], _mark_value(coat, mottle, x, y, z))
    red = green = blue = 0.0
    for channel in range(3):
        value = colors[BASE_COLOR, channel]
        value += mottled * (colors[MOTTLE_COLOR, channel] - value)
        value += marked * (colors[MARK_COLOR, channel] - value)
        value += below * (colors[BELLY_COLOR, channel] - value)
        if channel == 0:
            red = value
        elif channel == 1:
            green = value
        else:
            blue = value
    if amounts[PATCH] > 0:
        for i in range(coat.patch_centers.shape[0]):
            dx = (x - coat.patch_centers[i, 0]) / coat.patch_radii[i, 0]
            dy = (y - coat.patch_centers[i, 1]) / coat.patch_radii[i, 1]
            dz = (z - coat.patch_centers[i, 2]) / coat.patch_radii[i, 2]
            inside = math.sqrt(dx * dx + dy * dy + dz * dz) + 0.12 * mottle
            weight = amounts[PATCH] * (1 - _smooth(1.0, 0.12, inside))
            red += weight * (coat.patch_colors[i, 0] - red)
            green += weight * (coat.patch_colors[i, 1] - green)
            blue += weight * (coat.patch_colors[i, 2] - blue)
    gain = 1.0
    if amounts[FUR] > 0:
        gain += amounts[FUR] * _noise(coat.waves[FUR_WAVES], x, y, z)
    return red * gain, green * gain, blue * gain


@njit(cache=True, error_model="numpy")
@no_type_check
def _bounds(center, axes, view, samples, rows, columns):
    """Sample rows and columns (first, end) that an ellipsoid in camera axes can touch.

    The tangent planes of the dual quadric center center^T - axes axes^T bound it on the plane z = 1; the border of
    that box goes through the lens, cut to the field of view first, since a lens polynomial may fold outside of it.
    """
    fx, fy, cx, cy, lens = view[0], view[1], view[2], view[3], view[4:9]
    d00, d11, d22, d02, d12 = center[0] ** 2, center[1] ** 2, center[2] ** 2, 0.0, 0.0
    d02, d12 = center[0] * center[2], center[1] * center[2]
    for k in range(3):
        d00 -= axes[0, k] ** 2
        d11 -= axes[1, k] ** 2
        d22 -= axes[2, k] ** 2
        d02 -= axes[0, k] * axes[2, k]
        d12 -= axes[1, k] * axes[2, k]
    if center[2] <= 0 and d22 > 0:
        return 0, 0, 0, 0
    if d22 <= 0:
        return 0, rows, 0, columns
    wide, high = math.sqrt(max(d02 * d02 - d00 * d22, 0.0)) / d22, math.sqrt(max(d12 * d12 - d11 * d22, 0.0)) / d22
    x0, x1, y0, y1 = d02 / d22 - wide, d02 / d22 + wide, d12 / d22 - high, d12 / d22 + high
    x0, x1, y0, y1 = max(x0, view[9]), min(x1, view[10]), max(y0, view[11]), min(y1, view[12])
    if x0 >= x1 or y0 >= y1:
        return 0, 0, 0, 0
    u0, u1, v0, v1 = math.inf, -math.inf, math.inf, -math.inf
    for i in range(9):
        for side in range(4):
            along, across = i / 8, float(side % 2)
            x = x0 + (x1 - x0) * (along if side < 2 else across)
            y = y0 + (y1 - y0) * (across if side < 2 else along)
            xd, yd = distort(x, y, lens)
            u0, u1 = min(u0, fx * xd + cx), max(u1, fx * xd + cx)
            v0, v1 = min(v0, fy * yd + cy), max(v1, fy * yd + cy)
    limit = 1e9
    first_row = int(min(max(math.floor(max(v0, -limit) * samples - 2), 0), rows))
    end_row = int(min(max(math.ceil(min(v1, limit) * samples + 2), 0), rows))
    first_column = int(min(max(math.floor(max(u0, -limit) * samples - 2), 0), columns))
    end_column = int(min(max(math.ceil(min(u1, limit) * samples + 2), 0), columns))
    return first_row, end_row, first_column, end_column


@njit(cache=True, error_model="numpy")
@no_type_check
def _draw_rows(pose, coat, lights, camera, view, rays, samples, first, end, rgba, depth):
    columns = rays.shape[1]
    base = first * samples
    nearest = np.full(((end - first) * samples, columns), np.inf)
    winner = np.full(((end - first) * samples, columns), -1, np.int32)
    turn, eye = camera[:3, :3], camera[:3, 3]
    parts = pose.centers.shape[0]
    origins = np.empty((parts, 3))
    matrices = np.empty((parts, 3, 3))
    center, axes = np.empty(3), np.empty((3, 3))
    top, bottom, left, right = rays.shape[0], 0, columns, 0
    for part in range(parts):
        rotation, radii = pose.rotations[part], pose.radii[part]
        for i in range(3):
            center[i] = 0.0
            origins[part, i] = 0.0
            for j in range(3):
                center[i] += turn[j, i] * (pose.centers[part, j] - eye[j])
                origins[part, i] += rotation[j, i] * (eye[j] - pose.centers[part, j]) / radii[i]
                dot = 0.0
                for k in range(3):
                    dot += rotation[k, i] * turn[k, j]
                matrices[part, i, j] = dot / radii[i]
                axes[j, i] = dot * radii[i]
        row0, row1, column0, column1 = _bounds(center, axes, view, samples, rays.shape[0], columns)
        row0, row1 = max(row0, base), min(row1, end * samples)
        if row0 >= row1 or column0 >= column1:
            continue
        top, bottom, left, right = min(top, row0), max(bottom, row1), min(left, column0), max(right, column1)
        m, o = matrices[part], origins[part]
        outside = o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1
        for row in range(row0, row1):
            for column in range(column0, column1):
                x, y = rays[row, column, 0], rays[row, column, 1]
                d0 = m[0, 0] * x + m[0, 1] * y + m[0, 2]
                d1 = m[1, 0] * x + m[1, 1] * y + m[1, 2]
                d2 = m[2, 0] * x + m[2, 1] * y + m[2, 2]
                a = d0 * d0 + d1 * d1 + d2 * d2
                b = o[0] * d0 + o[1] * d1 + o[2] * d2
                under = b * b - a * outside
                if under < 0:
                    continue
                z = (-b - math.sqrt(under)) / a
                if 0 < z < nearest[row - base, column]:
                    nearest[row - base, column] = z
                    winner[row - base, column] = part
    share = 1.0 / (samples * samples)
    for row in range(top, bottom):
        for column in range(left, right):
            part = winner[row - base, column]
            if part < 0:
                continue
            z = nearest[row - base, column]
            x, y = rays[row, column, 0], rays[row, column, 1]
            m, o = matrices[part], origins[part]
            q0 = o[0] + z * (m[0, 0] * x + m[0, 1] * y + m[0, 2])
            q1 = o[1] + z * (m[1, 0] * x + m[1, 1] * y + m[1, 2])
            q2 = o[2] + z * (m[2, 0] * x + m[2, 1] * y + m[2, 2])
            red, green, blue = coat_color(coat, part, q0, q1, q2)
            rotation, radii = pose.rotations[part], pose.radii[part]
            g0, g1, g2 = q0 / radii[0], q1 / radii[1], q2 / radii[2]
            n0 = rotation[0, 0] * g0 + rotation[0, 1] * g1 + rotation[0, 2] * g2
            n1 = rotation[1, 0] * g0 + rotation[1, 1] * g1 + rotation[1, 2] * g2
            n2 = rotation[2, 0] * g0 + rotation[2, 1] * g1 + rotation[2, 2] * g2
            length = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
            light = lights.ambient
            for i in range(lights.strengths.shape[0]):
                towards = lights.directions[i]
                facing = (n0 * towards[0] + n1 * towards[1] + n2 * towards[2]) / length
                light += lights.strengths[i] * max(facing, 0.0)
            pixel = rgba[row // samples, column // samples]
            pixel[0] += share * min(max(red * light, 0.0), 1.0)
            pixel[1] += share * min(max(green * light, 0.0), 1.0)
            pixel[2] += share * min(max(blue * light, 0.0), 1.0)
            pixel[3] += share
            depth[row // samples, column // samples] += share * z
    for row in range(top // samples, -(-bottom // samples)):
        for column in range(left // samples, -(-right // samples)):
            if rgba[row, column, 3] > 0:
                depth[row, column] /= rgba[row, column, 3]


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def draw_views(pose, coat, lights, cameras, views, ray_sets, rays, samples, bands, rgba, depth):
    """Add one animal to zeroed pictures rgba [view, row, column, 4] and depth [view, row, column].

    `cameras` [view, 4, 4] are camera to world; `views` [view, 13]: see Lenses.numbers;
    `rays` [set, sample row, sample column, 2] is read at ray_sets[view]. Rows are worked on in `bands` groups.
    """
    rows = rgba.shape[1]
    for task in prange(cameras.shape[0] * bands):
        view, band = task // bands, task % bands
        first, end = rows * band // bands, rows * (band + 1) // bands
        seen = rays[ray_sets[view]]
        _draw_rows(pose, coat, lights, cameras[view], views[view], seen, samples, first, end, rgba[view], depth[view])


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def shade_floor(floor, centers, reaches, strength, light):
    """Fill `light` [view, row, column] with the share of light that reaches `floor` [view, row, column, 2] (NaN: none).

    Soft contact shadow: each part [part, 3], of horizontal reach `reaches`, dims the floor below it, less and wider the
    higher it is.
    """
    views, rows, columns = light.shape
    for task in prange(views * rows):
        view, row = task // rows, task % rows
        for column in range(columns):
            x, y = floor[view, row, column, 0], floor[view, row, column, 1]
            open_sky = 1.0
            if not math.isnan(x):
                for part in range(centers.shape[0]):
                    spread = reaches[part] + 0.4 * centers[part, 2]
                    dx, dy = x - centers[part, 0], y - centers[part, 1]
                    far = (dx * dx + dy * dy) / (spread * spread)
                    if far < 8:
                        share = reaches[part] / spread
                        open_sky *= 1 - strength * share * share * math.exp(-far)
            light[view, row, column] = open_sky
