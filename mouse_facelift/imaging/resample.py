"""One resampling from a raw picture to a pinhole's: lens, turn, zoom and anti-aliasing at once."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from mouse_facelift.imaging.pictures import to_straight_alpha

# Standard deviation, in units of sqrt(reduction^2 - 1) raw px, of the blur before sampling: close to that of the box
# over which a pixel averages, sqrt(1/12) = 0.29. Against area-averaged truth of edges and noise, reductions of 2, 4, 8
# gave 46, 48, 45 dB; no blur 41, 31, 26; factors of 0.2 or 0.4 lost 4 to 11 dB.
BLUR = 0.3
FISHEYE = 4  # coefficients of OpenCV's fisheye lens; its ordinary ones have 5, 8, 12 or 14
CELL = 16  # px of the coarse grid on which a map's window is sought
NOWHERE = -1.0e6  # px; a ray that the lens does not see


Part = tuple[slice, slice]  # rows and columns of a picture


@dataclass(frozen=True)
class SamplingMap:
    """Where the pixel centers of a new picture lie in a raw one.

    Single precision carries 1e-4 px at 1000 px, and OpenCV's `remap` interpolates at such coordinates exactly;
    its fixed-point maps (1/32 px) are no faster.
    """

    x: Float32[np.ndarray, "rows columns"]
    """raw px, origin at the center of the first pixel, as OpenCV wants it"""
    y: Float32[np.ndarray, "rows columns"]
    reduction: tuple[float, float]
    """raw px that one new pixel spans, along the raw picture's x and y, at the new picture's center"""
    window: Part
    """rows and columns of the new picture that x and y are of; no other matters"""
    width: int
    """of the new picture, px"""
    height: int

    @property
    def magnification(self) -> float:
        """Raw px per new px at the center, over both directions."""
        return float(np.sqrt(self.reduction[0] * self.reduction[1]))

    def inside(self, raw_width: int, raw_height: int) -> Bool[np.ndarray, "height width"]:
        """Tell which new pixels of the window lie on a raw picture of this size."""
        inside = np.zeros((self.height, self.width), dtype=bool)
        across = (self.x >= -0.5) & (self.x <= raw_width - 0.5)
        inside[self.window] = across & (self.y >= -0.5) & (self.y <= raw_height - 0.5)
        return inside


def lens_map(
    intrinsics: Float[np.ndarray, "3 3"],
    distortion: Float[np.ndarray, "coefficient"],
    rotation: Float[np.ndarray, "3 3"],
    new_intrinsics: Float[np.ndarray, "3 3"],
    width: int,
    height: int,
    shown: Bool[np.ndarray, "raw_height raw_width"] | None = None,
) -> SamplingMap:
    """Build the map from a turned pinhole's picture to a distorted lens's, both at one center.

    Args:
        intrinsics: of the lens, px, OpenCV's origin (center of the first pixel).
        distortion: k1 k2 p1 p2 k3 and further ones as OpenCV orders them; four are k1 k2 k3 k4 of its fisheye lens.
        rotation: from the lens's axes to the pinhole's.
        new_intrinsics: of the pinhole, px from the picture's outer corner: half a pixel more than OpenCV's.
        width: of the pinhole's picture, px.
        height: likewise.
        shown: of the raw picture; the map's window holds all pixels that this mask reaches, blurred. None: all pixels.

    Rays that the lens cannot have seen (behind it, or beyond the angle at which its polynomial turns back and would
    show the picture a second time) map to nowhere.
    """
    inner = new_intrinsics.copy()
    inner[:2, 2] -= 0.5
    middle = np.array([width / 2, height / 2]) - 0.5
    around = middle + np.array([(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)])
    raw = _raw_pixels(_lens_rays(around, inner, rotation), intrinsics, distortion)
    reduction = _reduction(raw[1] - raw[0], raw[3] - raw[2])
    window = slice(0, height), slice(0, width)
    if shown is not None:
        window = _window(_around(shown, reduction), intrinsics, distortion, rotation, inner, width, height)
    x, y = _lens_pixels(intrinsics, distortion, rotation, inner, window)
    return SamplingMap(x, y, reduction, window, width, height)


def _lens_pixels(
    intrinsics: Float[np.ndarray, "3 3"],
    distortion: Float[np.ndarray, "coefficient"],
    rotation: Float[np.ndarray, "3 3"],
    inner: Float[np.ndarray, "3 3"],
    window: Part,
) -> tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]:
    """Where a part of a pinhole's pixels (OpenCV's origin) lies in a lens's picture, x and y."""
    rows, columns = window
    width, height = columns.stop - columns.start, rows.stop - rows.start
    if not width or not height:
        return np.zeros((height, width), dtype=np.float32), np.zeros((height, width), dtype=np.float32)
    inner = inner.copy()
    inner[:2, 2] -= columns.start, rows.start
    skew = intrinsics[0, 1] / intrinsics[1, 1]  # OpenCV's functions overlook it
    fisheye = len(distortion) == FISHEYE
    if fisheye:
        raw = _fisheye_pixels(_pixel_rays(width, height, inner, rotation), intrinsics, distortion)
        x, y = raw[..., 0].astype(np.float32), raw[..., 1].astype(np.float32)
    else:
        x, y = cv2.initUndistortRectifyMap(intrinsics, distortion, rotation, inner, (width, height), cv2.CV_32FC1)
        if skew:
            x += np.float32(skew) * (y - np.float32(intrinsics[1, 2]))
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)]) - 0.5
    # No ray is further out than a corner's, but for a fisheye lens that sees behind itself.
    if fisheye or not _lens_sees(_lens_rays(corners, inner, rotation), distortion).all():
        unseen = ~_lens_sees(_pixel_rays(width, height, inner, rotation), distortion)
        x[unseen] = y[unseen] = NOWHERE
    return x, y


def _window(
    part: Part | None,
    intrinsics: Float[np.ndarray, "3 3"],
    distortion: Float[np.ndarray, "coefficient"],
    rotation: Float[np.ndarray, "3 3"],
    inner: Float[np.ndarray, "3 3"],
    width: int,
    height: int,
) -> Part:
    """Find a box of new pixels that holds all that lie in a part of the raw picture, from a coarse grid of them.

    A cell of the grid lies in the box of its corners' raw pixels, widened by half of it for the map's bend, and by the
    pixels between which is interpolated. Where corners lie behind the lens nothing is known: such cells count.
    """
    if part is None:
        return slice(0, 0), slice(0, 0)
    columns, rows = (np.unique(np.append(np.arange(0, size, CELL), size)) for size in (width, height))
    grid = np.stack(np.meshgrid(columns, rows), axis=-1) - 0.5
    rays = _lens_rays(grid, inner, rotation)
    raw = _raw_pixels(rays.reshape(-1, 3), intrinsics, distortion).reshape(grid.shape)
    known = np.isfinite(raw).all(axis=-1)
    if len(distortion) != FISHEYE:
        known &= rays[..., 2] > 0
    holds = np.ones((len(rows) - 1, len(columns) - 1), dtype=bool)
    for axis, span in ((0, part[1]), (1, part[0])):
        corners = np.stack([raw[:-1, :-1, axis], raw[:-1, 1:, axis], raw[1:, :-1, axis], raw[1:, 1:, axis]])
        low, high = corners.min(axis=0), corners.max(axis=0)
        slack = (high - low) / 2 + 2
        holds &= (low - slack < span.stop) & (high + slack > span.start)
    corners_known = np.stack([known[:-1, :-1], known[:-1, 1:], known[1:, :-1], known[1:, 1:]])
    holds |= corners_known.any(axis=0) & ~corners_known.all(axis=0)
    box = _box(holds)
    if box is None:
        return slice(0, 0), slice(0, 0)
    spans = ((edges, span) for edges, span in zip((rows, columns), box, strict=True))
    down, across = (slice(int(edges[span.start]), int(edges[span.stop])) for edges, span in spans)
    return down, across


def ray_map(
    intrinsics: Float[np.ndarray, "3 3"],
    distortion: Float[np.ndarray, "coefficient"],
    rays: Float[np.ndarray, "height width 3"],
) -> SamplingMap:
    """Build the map from a picture of any rays through one lens's center to the lens's own.

    Args:
        intrinsics, distortion: as of `lens_map`.
        rays: through the centers of the new picture's pixels, in the lens's axes, of any length; they change smoothly.

    Rays that the lens cannot have seen map to nowhere.
    """
    raw = _raw_pixels(rays.reshape(-1, 3), intrinsics, distortion).reshape(*rays.shape[:2], 2)
    row, column = rays.shape[0] // 2, rays.shape[1] // 2
    middle = raw[row - 1 : row + 1, column - 1 : column + 1]
    reduction = _reduction(np.diff(middle, axis=1).mean((0, 1)), np.diff(middle, axis=0).mean((0, 1)))
    raw[~_lens_sees(rays, distortion)] = NOWHERE
    x, y = (np.ascontiguousarray(raw[..., axis], dtype=np.float32) for axis in range(2))
    height, width = x.shape
    return SamplingMap(x, y, reduction, (slice(0, height), slice(0, width)), width, height)


def resample(
    picture: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"], sampling: SamplingMap
) -> UInt8[np.ndarray, "new_height new_width 4"]:
    """Sample a raw picture and its mask into RGBA with straight alpha and soft edges.

    Colors are weighted by the mask before they are filtered, so no background bleeds into the animal's edge. What
    the raw picture does not show is transparent.
    """
    pixels = np.zeros((sampling.height, sampling.width, 4), dtype=np.uint8)
    part = _around(mask, sampling.reduction)
    if part is None or not sampling.x.size:
        return pixels
    alpha = mask[part].astype(np.float32)[..., None]
    premultiplied = np.concatenate([picture[part].astype(np.float32) * (alpha / 255), alpha], axis=-1)
    sampled = _filter(premultiplied, part, sampling)
    filled = _box(sampled[..., 3] > 0)
    if filled is not None:
        pixels[sampling.window][filled] = to_straight_alpha(sampled[filled])
    return pixels


def resample_mask(
    mask: Bool[np.ndarray, "height width"], sampling: SamplingMap
) -> Float32[np.ndarray, "new_height new_width"]:
    """Sample a raw mask: alpha in [0, 1], as `resample` would give it."""
    alpha = np.zeros((sampling.height, sampling.width), dtype=np.float32)
    part = _around(mask, sampling.reduction)
    if part is not None and sampling.x.size:
        alpha[sampling.window] = _filter(mask[part].astype(np.float32), part, sampling)
    return alpha


def _lens_rays(
    pixels: Float[np.ndarray, "*grid 2"], inner: Float[np.ndarray, "3 3"], rotation: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "*grid 3"]:
    """Rays through a pinhole's pixels (OpenCV's origin), in the lens's axes."""
    homogeneous = np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], axis=-1)
    return np.asarray(homogeneous @ (np.linalg.inv(inner).T @ rotation))


def _pixel_rays(
    width: int, height: int, inner: Float[np.ndarray, "3 3"], rotation: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "height width 3"]:
    """Rays through the centers of a pinhole's pixels, in the lens's axes."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return _lens_rays(np.stack([columns, rows], axis=-1).astype(np.float64), inner, rotation)


def _raw_pixels(
    rays: Float[np.ndarray, "ray 3"], intrinsics: Float[np.ndarray, "3 3"], distortion: Float[np.ndarray, "coefficient"]
) -> Float[np.ndarray, "ray 2"]:
    """Project rays in the lens's axes by any model, skew included."""
    if len(distortion) == FISHEYE:
        return _fisheye_pixels(rays, intrinsics, distortion)
    raw = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), intrinsics, distortion)[0][:, 0]
    raw[:, 0] += intrinsics[0, 1] / intrinsics[1, 1] * (raw[:, 1] - intrinsics[1, 2])
    return np.asarray(raw)


def _reduction(right: Float[np.ndarray, "2"], down: Float[np.ndarray, "2"]) -> tuple[float, float]:
    """Raw px along the raw picture's x and y that steps of one new pixel to the right and down take."""
    along_x, along_y = np.linalg.norm(np.stack([right, down], axis=-1), axis=-1).tolist()
    return along_x, along_y


def _fisheye_pixels(
    rays: Float[np.ndarray, "*grid 3"], intrinsics: Float[np.ndarray, "3 3"], distortion: Float[np.ndarray, "4"]
) -> Float[np.ndarray, "*grid 2"]:
    """Project rays by OpenCV's fisheye model, skew included; at any angle off the axis.

    Source: OpenCV, calib3d, `fisheye`.
    """
    across = np.linalg.norm(rays[..., :2], axis=-1)
    theta = np.arctan2(across, rays[..., 2])
    bent = theta * ((theta[..., None] ** np.arange(0, 9, 2)) @ np.concatenate([[1.0], distortion]))
    outward = rays[..., :2] / np.maximum(across, 1e-300)[..., None]
    return np.asarray((bent[..., None] * outward) @ intrinsics[:2, :2].T + intrinsics[:2, 2])


def _lens_sees(
    rays: Float[np.ndarray, "*grid 3"], distortion: Float[np.ndarray, "coefficient"]
) -> Bool[np.ndarray, "*grid"]:
    """Tell which rays lie before the lens, where its picture's radius still grows with the angle."""
    across = rays[..., 0] ** 2 + rays[..., 1] ** 2
    if len(distortion) == FISHEYE:
        return np.asarray(np.arctan2(np.sqrt(across), rays[..., 2]) < _turning_angle(*distortion.tolist()))
    limit = _turning_point(*distortion.tolist())
    return np.asarray((rays[..., 2] > 0) & (across < limit * rays[..., 2] ** 2))


@cache
def _turning_point(k1: float, k2: float, p1: float, p2: float, k3: float, *further: float) -> float:
    """Squared radius, on the plane z = 1, from which the lens's radius shrinks again; infinite if it never does.

    The radius is r A(r^2) / B(r^2); B is 1 without k4, k5, k6. What prisms and tilts add is overlooked.
    """
    above = np.polynomial.Polynomial([1, k1, k2, k3])
    below = np.polynomial.Polynomial([1, *further[:3]])
    square = np.polynomial.Polynomial([0, 1])
    slope = (above + 2 * square * above.deriv()) * below - 2 * square * above * below.deriv()
    return min(_first_root(slope), _first_root(below))


@cache
def _turning_angle(k1: float, k2: float, k3: float, k4: float) -> float:
    """Angle off a fisheye lens's axis, at most half a turn, from which its picture's radius shrinks again."""
    turn = _first_root(np.polynomial.Polynomial([1, 3 * k1, 5 * k2, 7 * k3, 9 * k4]))
    return min(math.sqrt(turn), math.pi)


def _first_root(polynomial: np.polynomial.Polynomial) -> float:
    """Smallest positive root of a polynomial that is 1 at 0; infinite without one."""
    coefficients = polynomial.coef
    inverses = np.roots(coefficients)  # the powers fall in `roots`: these are the roots' inverses
    return min((1 / float(t.real) for t in inverses if abs(t.imag) < 1e-9 and t.real > 0), default=math.inf)


def _blur(reductions: tuple[float, float]) -> list[tuple[int, float]]:
    """Taps and standard deviation of the blur along x and y, raw px; one tap where nothing is reduced."""
    blurs = []
    for reduction in reductions:
        sigma = BLUR * max(reduction**2 - 1, 0) ** 0.5
        blurs.append((2 * int(np.ceil(3 * sigma)) + 1, sigma))
    return blurs


def _around(mask: Bool[np.ndarray, "height width"], reduction: tuple[float, float]) -> Part | None:
    """Part of the raw picture that the animal, blurred, reaches; None without an animal."""
    box = _box(mask)
    if box is None:
        return None
    (taps_x, _), (taps_y, _) = _blur(reduction)
    rows, columns = (
        slice(max(span.start - taps // 2 - 1, 0), min(span.stop + taps // 2 + 1, size))
        for span, taps, size in zip(box, (taps_y, taps_x), mask.shape, strict=True)
    )
    return rows, columns


def _box(mask: Bool[np.ndarray, "height width"]) -> Part | None:
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return (slice(top, top + height), slice(left, left + width)) if width else None


def _filter(
    values: Float32[np.ndarray, "height width *channel"], part: Part, sampling: SamplingMap
) -> Float32[np.ndarray, "new_height new_width *channel"]:
    """Blur as the reduction demands, then sample; all is 0 outside of the part given."""
    (taps_x, sigma_x), (taps_y, sigma_y) = _blur(sampling.reduction)
    if max(taps_x, taps_y) > 1:
        values = cv2.GaussianBlur(
            values, (taps_x, taps_y), sigmaX=sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_CONSTANT
        )
    rows, columns = part
    x, y = sampling.x - np.float32(columns.start), sampling.y - np.float32(rows.start)
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0))
