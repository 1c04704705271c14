"""Points of the true animal, and what the true lenses see of them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.formats.manifest import tensor
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.lenses import project, undistort
from mouse_facelift.simulation.ellipsoids import Pose
from mouse_facelift.simulation.truth import Truth

SURFACE_POINTS = 1200
_CANDIDATES = 300  # of each ellipsoid
BURIED = 4.0
"""mm; key points are inside the body, so deep at most"""
_CLOSE = 0.3  # mm; a surface does not hide its own points


@dataclass(frozen=True)
class TruePoints:
    """Key points, then points of the surface, of one frame; mm in the truth's world."""

    points: Float[Tensor, "point 3"]
    key_points: int
    """the first ones"""
    directed: Float[Tensor, "view point 3"]
    """in each view, a point of the calibration's world on the ray that the calibration gives the true picture's pixel;
    where the calibration is the true one, the point itself"""
    seen: Bool[Tensor, "view point"]
    """nothing of the animal stands before it"""
    middle: Float[Tensor, "3"]
    """of the surface's upright bounding box"""

    def of_views(self, views: list[int]) -> "TruePoints":
        """Take some views."""
        return replace(self, directed=self.directed[views], seen=self.seen[views])


def true_points(truth: Truth, frame: int, calibration: Calibration) -> TruePoints:
    """Sample the true surface evenly by area, with the key points; see both through the true lenses.

    Args:
        truth: of a simulated capture.
        frame: number in the recording.
        calibration: what the line knows of the lenses, in mm; names are those of the truth's rig.

    Raises:
        ValueError: a camera that the truth does not know, or a pixel where a calibrated lens cannot be inverted.
    """
    if unknown := set(calibration.names) - set(truth.rig.names):
        raise ValueError(f"cameras {sorted(unknown)} are not of the simulated rig, which has {list(truth.rig.names)}")
    rows = [truth.rig.names.index(name) for name in calibration.names]
    pose = truth.animal(frame).pose
    surface = _surface(pose, np.random.default_rng((truth.seed, frame, 21)))
    points = np.concatenate([truth.key_points[frame], surface])
    keys = len(truth.key_points[frame])
    depth = np.where(np.arange(len(points)) < keys, BURIED, _CLOSE)
    centers = truth.rig.camera_to_world[rows, :3, 3]
    seen = np.stack([_sees(center, points, depth, pose) for center in centers])
    directed = [_directed(truth, row, view, tensor(points), calibration) for view, row in enumerate(rows)]
    middle = (surface.min(0) + surface.max(0)) / 2
    return TruePoints(tensor(points), keys, torch.stack(directed), torch.from_numpy(seen), tensor(middle))


def _surface(pose: Pose, random: np.random.Generator) -> Float[np.ndarray, "point 3"]:
    """Points of the union's surface, evenly by area."""
    sphere = random.normal(size=(len(pose.radii), _CANDIDATES, 3))
    sphere /= np.linalg.norm(sphere, axis=-1, keepdims=True)
    # An element of the sphere grows by det(radii) |q / radii|.
    areas = pose.radii.prod(-1)[:, None] * np.linalg.norm(sphere / pose.radii[:, None], axis=-1)
    points = np.einsum("pij,pkj->pki", pose.rotations, sphere * pose.radii[:, None]) + pose.centers[:, None]
    flat, weights = points.reshape(-1, 3), areas.reshape(-1)
    local = _unit_spheres(pose, flat)
    own = np.arange(len(pose.radii)).repeat(_CANDIDATES) == np.arange(len(pose.radii))[:, None]
    outer = ((local * local).sum(-1) >= 1) | own
    weights = weights * outer.all(axis=0)
    chosen = random.choice(len(flat), SURFACE_POINTS, replace=False, p=weights / weights.sum())
    return np.asarray(flat[chosen])


def even_points(pose: Pose, count: int, random: np.random.Generator) -> Float[np.ndarray, "point 3"]:
    """Draw any number of points of the union's surface, each place equally likely and each point by itself."""
    # An element of the sphere grows by det(radii) |q / radii|, which is `largest` at most.
    largest = pose.radii.prod(-1) / pose.radii.min(-1)
    found: list[Float[np.ndarray, "point 3"]] = []
    while sum(map(len, found)) < count:
        part = random.choice(len(largest), 4 * count, p=largest / largest.sum())
        sphere = random.normal(size=(len(part), 3))
        sphere /= np.linalg.norm(sphere, axis=-1, keepdims=True)
        growth = pose.radii.prod(-1)[part] * np.linalg.norm(sphere / pose.radii[part], axis=-1)
        kept = random.random(len(part)) * largest[part] < growth
        part, sphere = part[kept], sphere[kept]
        points = np.einsum("kij,kj->ki", pose.rotations[part], sphere * pose.radii[part]) + pose.centers[part]
        outside = (_unit_spheres(pose, points) ** 2).sum(-1) >= 1
        outside[part, np.arange(len(part))] = True  # of its own ellipsoid, whatever rounding says
        found.append(points[outside.all(axis=0)])
    return np.concatenate(found)[:count]


def _unit_spheres(pose: Pose, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "part point 3"]:
    """Bring points to where each ellipsoid is the unit sphere."""
    away = points[None] - pose.centers[:, None]
    return np.asarray(np.einsum("pij,pki->pkj", pose.rotations, away) / pose.radii[:, None])


def _sees(
    center: Float[np.ndarray, "3"], points: Float[np.ndarray, "point 3"], depth: Float[np.ndarray, "point"], pose: Pose
) -> Bool[np.ndarray, "point"]:
    """Tell which points are no deeper than `depth` (mm) behind where rays from a center first enter an ellipsoid."""
    ends, start = _unit_spheres(pose, points), _unit_spheres(pose, center[None])
    along = ends - start
    a, b, c = (along**2).sum(-1), (along * start).sum(-1), (start**2).sum(-1) - 1
    inside = b * b - a * c
    entered = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf).min(axis=0)
    return np.asarray((1 - entered) * np.linalg.norm(points - center, axis=-1) <= depth)


def _directed(
    truth: Truth, row: int, view: int, points: Float[Tensor, "point 3"], calibration: Calibration
) -> Float[Tensor, "point 3"]:
    """Where the calibration would have points, at their distance, that the true lens shows in these pixels."""
    rig = truth.rig
    intrinsics, distortion = tensor(rig.intrinsics[row]), tensor(rig.distortion[row])
    intrinsics[:2, 2] -= 0.5  # OpenCV's origin
    world_to_camera = invert_poses(tensor(rig.camera_to_world[row]))
    pixels = project(points, intrinsics, distortion, world_to_camera)
    plane = undistort(pixels, calibration.intrinsics[view], calibration.distortion[view])
    rays = torch.nn.functional.pad(plane, (0, 1), value=1.0)
    pose = invert_poses(calibration.world_to_camera[view])
    depth = points @ world_to_camera[2, :3] + world_to_camera[2, 3]
    return (rays * depth[:, None]) @ pose[:3, :3].T + pose[:3, 3]
