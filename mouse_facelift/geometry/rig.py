"""Where the cameras of a rig stand around the subject: the one place where its angles are computed."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.rotations import rotation_to_z


@dataclass(frozen=True)
class RigAngles:
    """Angles in degrees, about the subject, with the rig's `up` turned to +z the shortest way."""

    distance: Float[Tensor, "view"]
    """camera center to subject, in the unit of the centers"""
    elevation: Float[Tensor, "view"]
    """-90 to 90, above the subject's horizon"""
    azimuth: Float[Tensor, "view"]
    """-180 to 180, counterclockwise seen from above, from +x; 0 for a camera straight above or below"""
    order: list[int]
    """views by rising azimuth"""
    gaps: Float[Tensor, "view"]
    """from each view of `order` to the next around the circle; their sum is 360"""


def rig_angles(centers: Float[Tensor, "view 3"], subject: Float[Tensor, "3"], up: Float[Tensor, "3"]) -> RigAngles:
    """Measure a rig about a point.

    Azimuth is atan2(y, x) and elevation asin(z / distance) once `up` is +z. Reading another axis as up gives other
    gaps: that is how nearly uniform rigs came to be called uneven.

    Raises:
        ValueError: `up` has no direction, or a camera stands at the subject.
    """
    offsets = (centers - subject) @ rotation_to_z(up).T
    distance = torch.linalg.vector_norm(offsets, dim=-1)
    if bool((distance <= 1e-12).any()):
        raise ValueError("a camera stands at the subject")
    elevation = torch.rad2deg(torch.asin((offsets[:, 2] / distance).clamp(-1, 1)))
    azimuth = torch.rad2deg(torch.atan2(offsets[:, 1], offsets[:, 0]))
    order = torch.argsort(azimuth, stable=True)
    ordered = azimuth[order]
    gaps = torch.diff(ordered, append=ordered[:1] + 360)
    return RigAngles(distance, elevation, azimuth, order.tolist(), gaps)


def roll_angles(world_to_camera: Float[Tensor, "view 4 4"], up: Float[Tensor, "3"]) -> Float[Tensor, "view"]:
    """Measure how far each camera is turned about its optical axis, in degrees.

    0 is upright; positive when the right side of the picture points up. It says little for a camera that looks nearly
    straight down, whose picture has no upright side.
    """
    right = world_to_camera[:, 0, :3] @ up
    down = world_to_camera[:, 1, :3] @ up
    return torch.rad2deg(torch.atan2(right, -down))


def aim_angles(world_to_camera: Float[Tensor, "view 4 4"], subject: Float[Tensor, "3"]) -> Float[Tensor, "view"]:
    """Measure the angle between each optical axis and the direction to the subject, 0 to 180 degrees."""
    local = world_to_camera[:, :3, :3] @ subject + world_to_camera[:, :3, 3]
    sideways = torch.linalg.vector_norm(local[:, :2], dim=-1)
    return torch.rad2deg(torch.atan2(sideways, local[:, 2]))
