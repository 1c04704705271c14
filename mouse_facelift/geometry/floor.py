"""Up and the floor, from what a recording shows of its animal, from its cameras, or from points on the floor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.camera_ups import CameraUps, ups_of_cameras
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.robust_plane import Plane, fit_plane
from mouse_facelift.geometry.rotations import rotation_to_z

LOW = 0.25  # of the frames' lowest points; a tenth of bad frames that reach below the floor leaves it on the floor
PARTS = 8  # contiguous parts of a recording that are left out in turn
TILT = 0.12  # radians; lowest points are sought along ups that lean by it as well: each foot that stands is one
LEANINGS = 6  # sides to which they lean
LEAST_NOISE = 0.01  # of the animal's radius; hulls are made of voxels
ALONE = 0.9  # share of what is known of up from which one source is named alone
THIN = 0.02  # floor points that spread less across than this share of their length lie on a line
SELDOM = 0.02  # of the frames; where the animal is said to be in no more of them, it may never have been
TAIL = 3  # degrees of freedom of Student's distribution, by which cameras err: some are grossly rolled
SOME = 60  # frames from which the start is chosen
FURTHEST = 0.7  # radians
_ROUNDS = 12
_SETTLED = 1e-4  # radians

UpSource = Literal["floor_points", "hull_bottoms", "camera_ups", "hull_bottoms_and_camera_ups"]


@dataclass(frozen=True)
class UpEstimate:
    """Up, and the floor: the plane of all x with `up @ x == height`.

    Uncertainties are standard deviations; None where nothing tells them.
    """

    up: Float[Tensor, "3"]
    """unit length, world axes"""
    height: float
    """in the unit of the points, from the world's origin along `up`"""
    degrees: float | None
    """of the angle between `up` and what is really up"""
    millimeters: float | None
    """of the floor's height beneath the animal (or the given points), in the unit of the points"""
    source: UpSource


@dataclass(frozen=True)
class FloorHeight:
    """Where the floor is along a known up, in the unit of the points."""

    height: float
    spread: float
    """standard deviation of a frame's lowest point about it, by the median of their distances"""


def floor_height(up: Float[Tensor, "3"], surfaces: Sequence[Float[Tensor, "_ 3"]]) -> FloorHeight:
    """Find the height of the floor from the animal's surface in many frames, by the lowest point of each.

    Frames without points are passed over. A low quantile of the frames, not the lowest of all, so that bad frames do
    not decide; leaps and frames whose feet were lost count as those above it.

    Raises:
        ValueError: no frame has a point.
    """
    up = up.double() / torch.linalg.vector_norm(up.double())
    lowest = torch.stack([(points.double() @ up).min() for points in _seen(surfaces)])
    return _height(lowest)


def up_of_floor_points(points: Float[Tensor, "point 3"], world_to_camera: Float[Tensor, "view 4 4"]) -> UpEstimate:
    """Fit the floor to points given on it, by least squares; up is the side on which the cameras are.

    Uncertainties follow from the residuals; three points leave none, so that they are None.

    Raises:
        ValueError: fewer than three points, points that are not finite or lie on a line, or cameras on both sides
            alike.
    """
    points = points.double()
    if len(points) < 3 or not bool(torch.isfinite(points).all()):
        raise ValueError(f"floor points: found {points.tolist()}, expected three or more points, all finite")
    middle = points.mean(0)
    _, sizes, axes = torch.linalg.svd(points - middle, full_matrices=False)
    if float(sizes[1]) <= THIN * float(sizes[0]):
        length, across = ((points - middle) @ axes[:2].T).aminmax(dim=0)
        extent = (across - length).tolist()
        raise ValueError(
            f"floor points: {len(points)} points lie on a line: found {extent[0]:.3g} along and {extent[1]:.3g} across,"
            f" expected more than {THIN:.0%} of it across: {points.tolist()}"
        )
    normal = axes[2]
    sides = (invert_poses(world_to_camera.double())[:, :3, 3] - middle) @ normal
    if float(sides.mean().abs()) <= 1e-3 * float(sides.abs().max()):
        raise ValueError(f"floor points: cameras stand on both sides of the floor alike, at {sides.tolist()}")
    up = normal if float(sides.mean()) > 0 else -normal
    degrees = millimeters = None
    if len(points) > 3:
        variance = float(sizes[2]) ** 2 / (len(points) - 3)
        degrees = float(torch.rad2deg((variance / sizes[:2].square()).sum().sqrt()))
        millimeters = (variance / len(points)) ** 0.5
    return UpEstimate(up, float(middle @ up), degrees, millimeters, "floor_points")


def estimate_up(world_to_camera: Float[Tensor, "view 4 4"], surfaces: Sequence[Float[Tensor, "_ 3"]]) -> UpEstimate:
    """Estimate up and the floor of a recording that says neither.

    The cameras' own ups come first (`camera_ups`). Then the lowest points of the animal in all frames, along up and
    along ups that lean a little, lie on the floor where feet stand on it: a plane is fitted to them robustly, so that
    raised feet, leaps and bad frames are outvoted, and up is turned to its normal, until it stays. Both are weighted by
    what is known: the further the animal walked, the more its feet tell of the floor, and one that sits leaves up to
    the cameras. The uncertainty joins that of the weighted sources with what leaving out contiguous parts of the
    recording in turn changes (jackknife).

    Args:
        world_to_camera: OpenCV axes.
        surfaces: points of the animal's surface per frame in time's order, in the unit of the poses (mm); none where
            it was not found.

    Raises:
        ValueError: no frame has a point.
    """
    seen = _seen(surfaces)
    middles = torch.stack([points.mean(0) for points in seen])
    radius = float(torch.stack([torch.linalg.vector_norm(p - p.mean(0), dim=-1).max() for p in seen]).median())
    prior = ups_of_cameras(world_to_camera, middles.median(0).values)
    start = _best_start(seen, prior, middles, radius)
    whole, lowest = _settle(seen, start, prior, middles, radius)
    up = whole.up
    count = min(PARTS, len(seen))
    parts = torch.arange(len(seen)) * count // len(seen)
    turns, heights = [], []
    for part in range(count) if count > 1 else []:
        kept = parts != part
        without = _fit(lowest[kept], prior, up, middles[kept], radius)
        turns.append(rotation_to_z(up)[:2] @ without.up)
        heights.append(_height((lowest[kept] @ up).amin(1)).height)
    covariance = whole.covariance + _jackknife(torch.stack(turns)) if turns else whole.covariance
    floor = _height((lowest @ up).amin(1))
    variance = max(floor.spread, LEAST_NOISE * radius) ** 2
    if heights:
        variance += float(_jackknife(torch.tensor(heights, dtype=torch.float64)[:, None]))
    degrees = float(torch.rad2deg(covariance.trace().sqrt()))
    return UpEstimate(up, floor.height, min(degrees, 180.0), variance**0.5, whole.source)


@dataclass(frozen=True)
class _Weighted:
    """Up by both sources."""

    up: Float[Tensor, "3"]
    covariance: Float[Tensor, "2 2"]
    source: UpSource
    cost: float
    """less where the plane fits better and contradicts the cameras less: minus the logarithm of the likelihood"""


def _best_start(
    seen: list[Float[Tensor, "_ 3"]], prior: CameraUps, middles: Float[Tensor, "frame 3"], radius: float
) -> Float[Tensor, "3"]:
    """Settle from the cameras' up and from ups as far from it as its uncertainty, in some frames; take the likeliest.

    Far from the floor's normal the lowest points are other points of the body, and may fit another plane well.
    """
    some = torch.linspace(0, len(seen) - 1, min(SOME, len(seen)), dtype=torch.float64).round().long()
    few, where = [seen[number] for number in some.tolist()], middles[some]
    values, vectors = torch.linalg.eigh(prior.covariance)
    level = rotation_to_z(prior.up)[:2]
    angles = torch.arange(LEANINGS, dtype=torch.float64) * (2 * torch.pi / LEANINGS)
    circle = torch.stack([angles.cos(), angles.sin()], dim=-1)
    starts = [prior.up]
    if float(values.max().sqrt()) > TILT / 2:
        leans = [circle * (step * values.sqrt()).clamp_max(FURTHEST) @ vectors.T @ level for step in (1.0, 2.0, 3.0)]
        starts += [_unit(prior.up + lean) for lean in torch.cat(leans)]
    return min((_settle(few, start, prior, where, radius)[0] for start in starts), key=lambda found: found.cost).up


def _settle(
    seen: list[Float[Tensor, "_ 3"]],
    up: Float[Tensor, "3"],
    prior: CameraUps,
    middles: Float[Tensor, "frame 3"],
    radius: float,
) -> tuple[_Weighted, Float[Tensor, "frame leaning 3"]]:
    for _ in range(_ROUNDS):
        lowest = _lowest(seen, up)
        found = _fit(lowest, prior, up, middles, radius)
        turned = float(torch.linalg.vector_norm(found.up - up))
        up = found.up
        if turned < _SETTLED:
            break
    return found, lowest


def _fit(
    lowest: Float[Tensor, "frame leaning 3"],
    prior: CameraUps,
    up: Float[Tensor, "3"],
    middles: Float[Tensor, "frame 3"],
    radius: float,
) -> _Weighted:
    """Fit a plane to lowest points, and weight it with what the cameras say."""
    turn = rotation_to_z(up)
    _, visits = torch.unique(torch.floor((middles @ turn[:2].T) / radius), dim=0, return_counts=True)
    places = max(1, int((visits > SELDOM * len(middles)).sum()))
    expected = -(turn[:2] @ prior.up) / (turn[2] @ prior.up)
    around = turn[:2] @ rotation_to_z(prior.up)[:2].T
    information = around @ torch.linalg.inv(prior.covariance) @ around.T
    distance = float(expected @ information @ expected)
    information = information * min(1.0, (TAIL + 2) / (TAIL + distance))
    plane: Plane = fit_plane((lowest.reshape(-1, 3) @ turn.T), places, LEAST_NOISE * radius, expected, information)
    slopes = plane.slopes
    cost = places * math.log(plane.spread) + (TAIL + 2) / 2 * math.log1p(distance / TAIL)
    shares = torch.linalg.eigvals(plane.covariance @ information).real
    source: UpSource = "hull_bottoms_and_camera_ups"
    if float(shares.max()) < 1 - ALONE:
        source = "hull_bottoms"
    elif float(shares.min()) > ALONE:
        source = "camera_ups"
    return _Weighted(_unit(turn[2] - slopes @ turn[:2]), plane.covariance, source, cost)


def _lowest(seen: list[Float[Tensor, "_ 3"]], up: Float[Tensor, "3"]) -> Float[Tensor, "frame leaning 3"]:
    """Lowest point of each frame along up, then along ups that lean to all sides."""
    angles = torch.arange(LEANINGS, dtype=torch.float64) * (2 * torch.pi / LEANINGS)
    lean = TILT * torch.stack([angles.cos(), angles.sin()], dim=-1) @ rotation_to_z(up)[:2]
    ups = torch.cat([up[None], up + lean])
    return torch.stack([points[(points @ ups.T).argmin(0)] for points in seen])


def _unit(vector: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    return torch.nn.functional.normalize(vector, dim=0)


def _height(lowest: Float[Tensor, "frame"]) -> FloorHeight:
    height = lowest.quantile(LOW)
    return FloorHeight(float(height), 1.4826 * float((lowest - height).abs().median()))


def _jackknife(estimates: Float[Tensor, "part value"]) -> Float[Tensor, "value value"]:
    """Covariance of an estimate from those that leave out one part each (Tukey 1958; Miller, Biometrika 1974)."""
    apart = estimates - estimates.mean(0)
    return (len(estimates) - 1) / len(estimates) * apart.T @ apart


def _seen(surfaces: Sequence[Float[Tensor, "_ 3"]]) -> list[Float[Tensor, "_ 3"]]:
    seen = [points.double() for points in surfaces if len(points)]
    if not seen:
        raise ValueError(f"no point of the animal in any of {len(surfaces)} frames: its floor cannot be told")
    return seen
