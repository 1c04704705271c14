"""How well pictures of points agree with told cameras: as they stand, after the best similarity, among themselves."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras

LEAST_VIEWS = 3
"""two views nearly always agree on a point"""
_FITTED = 200  # points by which a similarity is found
_STEPS = 15
_DAMPING = 1e-6  # of the normal matrix's trace


def aligned_errors(
    told: Cameras,
    points: Float[Tensor, "point 3"],
    shown: Float[Tensor, "view point 2"],
    seen: Bool[Tensor, "view point"],
) -> Float[Tensor, "view point"]:
    """Measure px between pictures of points and told cameras, once the best similarity has moved the points.

    It minimizes the squared px over an even part of the points. Source: Levenberg-Marquardt of SciPy.

    Args:
        told: cameras.
        points: true ones, in the cameras' world.
        shown: where the pictures show them.
        seen: which pictures do.
    """
    every = max(1, len(points) // _FITTED)
    part, targets, use = points[::every], shown[:, ::every], seen[:, ::every]
    unit = torch.linalg.vector_norm(told.centers - points.mean(0), dim=-1).mean()

    def misses(change: np.ndarray) -> np.ndarray:
        off = told.project(_moved(part, change, unit)) - targets
        return np.asarray(off[use].reshape(-1).numpy())

    start = np.zeros(7)
    found = least_squares(misses, start, method="lm").x if np.abs(misses(start)).max() > 1e-6 else start
    errors: Tensor = torch.linalg.vector_norm(told.project(_moved(points, found, unit)) - shown, dim=-1)
    return errors


def mutual_errors(
    told: Cameras, shown: Float[Tensor, "view point 2"], seen: Bool[Tensor, "view point"]
) -> tuple[Float[Tensor, "view point"], Bool[Tensor, "view point"]]:
    """Measure px between pictures of points and the points that the told cameras make of them.

    Each point is where the squared px to its pictures are least: from the point nearest to its rays by damped
    Gauss-Newton steps.

    Returns:
        The errors, and where they count: in views that see a point which at least three see.
    """
    counted = seen & (seen.sum(0) >= LEAST_VIEWS)
    weights = counted.double()
    points = _nearest_to_rays(told, shown, weights)
    for _ in range(_STEPS):
        points = points - _step(told, points, shown, weights)
    return torch.linalg.vector_norm(told.project(points) - shown, dim=-1), counted


def rays_to(cameras: Cameras, pixels: Float[Tensor, "view point 2"]) -> Float[Tensor, "view point 3"]:
    """Unit directions, in world axes, through pixels."""
    local = torch.nn.functional.pad(pixels, (0, 1), value=1.0) @ torch.linalg.inv(cameras.intrinsics).mT
    return torch.nn.functional.normalize(local @ cameras.camera_to_world[:, :3, :3].mT, dim=-1)


def _moved(points: Float[Tensor, "point 3"], change: np.ndarray, unit: Float[Tensor, ""]) -> Float[Tensor, "point 3"]:
    """Turn by a rotation vector, scale by a logarithm, shift by parts of `unit`; all about the points' mean."""
    rotation = torch.from_numpy(Rotation.from_rotvec(change[:3]).as_matrix())
    middle = points.mean(0)
    return float(np.exp(change[3])) * (points - middle) @ rotation.T + middle + unit * torch.from_numpy(change[4:])


def _nearest_to_rays(
    cameras: Cameras, pixels: Float[Tensor, "view point 2"], weights: Float[Tensor, "view point"]
) -> Float[Tensor, "point 3"]:
    rays = rays_to(cameras, pixels)
    across = torch.eye(3, dtype=torch.float64) - rays[..., :, None] * rays[..., None, :]
    normal = (weights[..., None, None] * across).sum(0) + 1e-12 * torch.eye(3, dtype=torch.float64)
    aim = (weights[..., None, None] * across @ cameras.centers[:, None, :, None]).sum(0)
    points: Tensor = torch.linalg.solve(normal, aim)[..., 0]
    return points


def _step(
    cameras: Cameras,
    points: Float[Tensor, "point 3"],
    pixels: Float[Tensor, "view point 2"],
    weights: Float[Tensor, "view point"],
) -> Float[Tensor, "point 3"]:
    pose = cameras.world_to_camera
    local = points @ pose[:, :3, :3].mT + pose[:, None, :3, 3]
    homogeneous = local @ cameras.intrinsics.mT
    found = homogeneous[..., :2] / homogeneous[..., 2:]
    towards = cameras.intrinsics @ pose[:, :3, :3]
    slopes = (towards[:, None, :2] - found[..., None] * towards[:, None, 2:]) / homogeneous[..., 2:, None]
    normal = (weights[..., None, None] * slopes.mT @ slopes).sum(0)
    slope = (weights[..., None, None] * slopes.mT @ (found - pixels)[..., None]).sum(0)
    size = normal.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None] + 1e-12
    step: Tensor = torch.linalg.solve(normal + _DAMPING * size * torch.eye(3, dtype=torch.float64), slope)[..., 0]
    return step
