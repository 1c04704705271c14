"""The frame in which poses are told: the reference camera stands where the released network's front camera does."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.settings import CameraContract

RELEASED_AZIMUTHS = (0.0, -45.0, -90.0, 180.0, 90.0, 45.0)
"""Azimuth of each released view (front, front_right, right, back, left, front_left) from the front's, in degrees,
counterclockwise seen from above. `right` is the subject's right side, and the subject looks at the front camera."""

_STEEP = 1e-6  # a camera whose center is off the vertical by less of its distance has no azimuth of its own


def canonical_cameras(cameras: Cameras, reference: int, distance: float) -> Cameras:
    """Turn the world about z and scale it, so that the reference camera stands at azimuth -90 degrees and `distance`.

    The world's z is up and its origin the animal; both stay, as do elevations, angles between cameras, intrinsics and
    the views' order. The result does not depend on the rig's yaw or unit. float64.

    Raises ValueError if the reference is none of the views, or for a camera that stands at the origin, or straight
    above or below it without looking at it.
    """
    poses = cameras.camera_to_world.double()
    x, y = _headings(poses)[_checked(reference, len(poses))].tolist()
    # The rotation that takes (x, y) to (0, -1).
    turn = torch.tensor([[-y, x, 0], [-x, -y, 0], [0, 0, 1]], dtype=torch.float64)
    scale = distance / float(torch.linalg.vector_norm(poses[reference, :3, 3]))
    moved = Similarity(scale, turn, torch.zeros(3, dtype=torch.float64)).poses(poses)
    return Cameras(moved, cameras.intrinsics.double(), cameras.width, cameras.height)


def relative_azimuths(cameras: Cameras, reference: int) -> Float[Tensor, " view"]:
    """Azimuth of every view from the reference's, -180 to 180 degrees, counterclockwise seen from above.

    0 for the reference. A camera straight above or below stands where it would if it tilted up or down to there.

    Raises ValueError as `canonical_cameras`.
    """
    headings = _headings(cameras.camera_to_world.double())
    front = headings[_checked(reference, len(headings))]
    ahead = headings @ front
    aside = front[0] * headings[:, 1] - front[1] * headings[:, 0]
    return torch.rad2deg(torch.atan2(aside, ahead))


def nearest_released_views(azimuths: Float[Tensor, "*view"]) -> Int[Tensor, "*view"]:
    """The number of the released view that is nearest to each azimuth from the reference's, in degrees.

    Elevation plays no part: all released views have the same. Halfway between two, the one that comes first; halves
    are told to a millionth of a degree, so that rounding in the rig's yaw does not decide.
    """
    nearest: Tensor = degrees_from_released(azimuths).round(decimals=6).argmin(dim=-1)
    return nearest


def degrees_from_released(azimuths: Float[Tensor, "*view"]) -> Float[Tensor, "*view released"]:
    """How far each azimuth from the reference's is from that of every released view, 0 to 180 degrees."""
    released = torch.tensor(RELEASED_AZIMUTHS, dtype=torch.float64, device=azimuths.device)
    apart: Tensor = torch.remainder(azimuths.double()[..., None] - released + 180, 360) - 180
    return apart.abs()


def released_cameras(contract: CameraContract) -> Cameras:
    """The released rig, in the order of its prompts: elevation 0, the contract's distance and intrinsics; float64."""
    azimuths = torch.deg2rad(torch.tensor(RELEASED_AZIMUTHS, dtype=torch.float64) - 90)
    centers = contract.distance * torch.stack([azimuths.cos(), azimuths.sin(), torch.zeros_like(azimuths)], dim=-1)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    poses = look_at(centers, torch.zeros_like(up), up)
    intrinsics = contract_intrinsics(contract).repeat(len(poses), 1, 1)
    return Cameras(poses, intrinsics, contract.image_size, contract.image_size)


def _headings(poses: Float[Tensor, "view 4 4"]) -> Float[Tensor, "view 2"]:
    """Where cameras stand around the vertical: horizontal unit vectors.

    Of a camera that looks straight down or up: where it came from, which the bottom or top of its picture shows.
    """
    centers, down, forward = poses[:, :3, 3], poses[:, :3, 1], poses[:, :3, 2]
    distances = torch.linalg.vector_norm(centers, dim=-1, keepdim=True)
    if bool((distances <= 1e-12).any()):
        raise ValueError(f"view {int(distances.argmin())} stands at the origin, where the animal should be")
    level = centers[:, :2]
    steep = torch.linalg.vector_norm(level, dim=-1, keepdim=True) < _STEEP * distances
    level = torch.where(steep, -torch.sign(forward[:, 2:]) * down[:, :2], level)
    lengths = torch.linalg.vector_norm(level, dim=-1, keepdim=True)
    if bool((lengths <= 1e-12).any()):
        raise ValueError(f"view {int(lengths.argmin())} stands straight above or below the animal and looks past it")
    headings: Tensor = level / lengths
    return headings


def _checked(reference: int, views: int) -> int:
    if not 0 <= reference < views:
        raise ValueError(f"reference view {reference}: expected one of {views} views, the first of them 0")
    return reference
