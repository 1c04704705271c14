"""Which way is up for all that cameras tell: cameras stand upright as a rule, and seldom below the animal."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.rotations import rotation_to_z

MOUNTING = 0.03  # radians; tripods and frames are upright to within a degree or two
BELOW = -0.17  # sine of 10 degrees: cameras further below the animal than this are taken to be turned over
_STEPS = 50


@dataclass(frozen=True)
class CameraUps:
    """What the cameras' poses say about up."""

    up: Float[Tensor, "3"]
    """unit length"""
    covariance: Float[Tensor, "2 2"]
    """of its tilt along the first two axes of `rotation_to_z(up)`, in radians squared"""


def ups_of_cameras(world_to_camera: Float[Tensor, "view 4 4"], animal: Float[Tensor, "3"]) -> CameraUps:
    """Estimate up from cameras alone.

    The cameras' own ups (-y) are averaged, each as far as it is sideways to the camera's axis: one that looks straight
    down has none. Then the direction is sought to which the cameras' right sides are perpendicular, whatever their
    elevation; cameras that are rolled are outvoted (Cauchy's weights). Where the cameras would all stand below the
    animal, they hang upside down, and up is turned over. Cameras that all look one way may look down: then either of
    two directions could be up, and the covariance says that nothing is known.

    Source: least squares on the horizontal axes, as nerfstudio's `auto_orient_and_center_poses`, method `vertical`.
    """
    axes = world_to_camera[:, :3, :3].double()
    right, ahead = axes[:, 0], axes[:, 2]
    upright = -axes[:, 1]
    up = _unit(upright.mean(0), -ahead.mean(0))
    for _ in range(_STEPS):
        sideways = 1 - (ahead @ up).square()
        apart = 1 - upright @ up
        up = _unit((upright * (sideways / (0.05 + apart))[:, None]).sum(0), up)
    sideways = 1 - (ahead @ up).square()
    broad = float((sideways * torch.acos((upright @ up).clamp(-1, 1)).square()).sum() / sideways.sum().clamp_min(1e-9))
    broad = broad / len(axes) + MOUNTING**2
    up, covariance = _perpendicular(right, sideways, up, broad)
    if float(torch.linalg.vector_norm(ahead.mean(0))) > 0.95:
        covariance = torch.eye(2, dtype=torch.float64) * (torch.pi / 2) ** 2
    centers = invert_poses(world_to_camera.double())[:, :3, 3]
    towards = centers - animal
    elevation = (towards @ up / torch.linalg.vector_norm(towards, dim=-1).clamp_min(1e-12)).mean()
    if float(elevation) < BELOW:
        turned = rotation_to_z(-up)[:2] @ rotation_to_z(up)[:2].T
        up, covariance = -up, turned @ covariance @ turned.T
    return CameraUps(up, covariance)


def _perpendicular(
    right: Float[Tensor, "view 3"], sideways: Float[Tensor, "view"], up: Float[Tensor, "3"], broad: float
) -> tuple[Float[Tensor, "3"], Float[Tensor, "2 2"]]:
    """Tilt `up` (known to the variance `broad`) so that the cameras' right sides are level."""
    few = len(right) / max(len(right) - 2, 1)
    start, scale = up, max(broad**0.5, MOUNTING)
    counted = min(len(right), (len(right) + 3) // 2)  # half of those beyond the two that always can be level
    for _ in range(_STEPS):
        level = rotation_to_z(up)[:2]
        slopes, residuals = right @ level.T, right @ up
        scale = max(MOUNTING, min(scale, 1.4826 * float(residuals.abs().kthvalue(counted).values)))
        weights = 1 / (1 + (residuals / (2 * scale)).square())
        information = (slopes.T * weights) @ slopes / scale**2 + torch.eye(2, dtype=torch.float64) / broad
        pull = -(slopes.T * weights) @ residuals / scale**2 + level @ start / broad
        up = _unit(up + torch.linalg.solve(information, pull) @ level, up)
    freedom = max(float(weights.sum()) - 2, 0.5)  # two cameras can always be made level
    disagreement = float((weights * residuals.square()).sum()) / freedom / scale**2
    return up, torch.linalg.inv(information) * max(1.0, disagreement) * few


def _unit(vector: Float[Tensor, "3"], otherwise: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    """Scale to unit length; what has none is replaced, at last by z."""
    z_axis = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    usable = (each for each in (vector, otherwise, z_axis) if float(torch.linalg.vector_norm(each)) > 1e-9)
    return torch.nn.functional.normalize(next(usable), dim=0)
