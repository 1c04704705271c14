"""Rays through the centers of pixels, and where each comes nearest to the world's origin."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.geometry.cameras import check_pose
from mouse_facelift.geometry.rotations import ROTATION_TOLERANCE


@dataclass(frozen=True)
class NearestPointRays:
    """One ray a pixel, in world axes and units, measured from its point nearest to the world's origin."""

    origins: Float[Tensor, "*view 3 1 1"]
    """Camera centers, shaped to add to the other fields."""
    directions: Float[Tensor, "*view 3 height width"]
    """Unit length, away from the camera."""
    nearest_distances: Float[Tensor, "*view 1 height width"]
    """Along the ray from the camera to the point nearest to the world's origin; negative behind the camera."""

    @property
    def nearest_points(self) -> Float[Tensor, "*view 3 height width"]:
        """The point of each ray nearest to the world's origin."""
        return self.origins + self.nearest_distances * self.directions


def nearest_point_rays(
    camera_to_world: Float[Tensor, "*view 4 4"], fxfycxcy: Float[Tensor, "*view 4"], height: int, width: int
) -> NearestPointRays:
    """Cast one ray through the center of every pixel.

    Cameras have OpenCV axes (x right, y down, z forward). Focal lengths and principal point are in pixels of a picture
    that spans [0, width] x [0, height]: pixel centers lie at + 0.5.

    Raises ValueError for a camera that is mirrored, scaled or sheared, or has a focal length that is not above zero.

    Source: the ray input of FaceLift's variant of GS-LRM (arXiv:2412.17812), which in place of the moment of Plücker
    coordinates gives the ray's nearest point.
    """
    _check_cameras(camera_to_world, fxfycxcy)
    rotation = camera_to_world[..., :3, :3, None, None]
    origins = camera_to_world[..., :3, 3, None, None]
    fx, fy, cx, cy = (fxfycxcy[..., i, None, None, None] for i in range(4))
    pixel_x = torch.arange(width, device=fxfycxcy.device, dtype=fxfycxcy.dtype) + 0.5
    pixel_y = torch.arange(height, device=fxfycxcy.device, dtype=fxfycxcy.dtype)[:, None] + 0.5

    # Sums of products, not a matrix product: autocast and TF32 would round that to 2e-3 of a unit.
    x = (pixel_x - cx) / fx
    y = (pixel_y - cy) / fy
    directions = x * rotation[..., :, 0, :, :] + y * rotation[..., :, 1, :, :] + rotation[..., :, 2, :, :]
    directions = directions / directions.square().sum(dim=-3, keepdim=True).sqrt()
    return NearestPointRays(
        origins=origins,
        directions=directions,
        nearest_distances=-(origins * directions).sum(dim=-3, keepdim=True),
    )


def _check_cameras(camera_to_world: Float[Tensor, "*view 4 4"], fxfycxcy: Float[Tensor, "*view 4"]) -> None:
    poses = camera_to_world.detach().reshape(-1, 4, 4).cpu()
    for view in _doubtful(poses.double()).nonzero().flatten().tolist():
        check_pose(poses[view], f"view {view}: camera_to_world")
    for view, (fx, fy, cx, cy) in enumerate(fxfycxcy.detach().reshape(-1, 4).tolist()):
        if not all(map(math.isfinite, (fx, fy, cx, cy))) or min(fx, fy) <= 0:
            raise ValueError(f"view {view}: fxfycxcy {[fx, fy, cx, cy]} must be finite, focal lengths positive")


def _doubtful(poses: Float[Tensor, "view 4 4"]) -> Bool[Tensor, " view"]:
    """Poses to look at closely. All at once: one by one takes longer than all the rays of small pictures."""
    rotation = poses[:, :3, :3]
    identity = torch.eye(4, dtype=poses.dtype)
    skew = (rotation @ rotation.mT - identity[:3, :3]).abs().amax(dim=(1, 2))
    proper = (skew <= ROTATION_TOLERANCE) & (torch.linalg.det(rotation) > 0)
    whole = poses.isfinite().all(dim=(1, 2)) & (poses[:, 3] == identity[3]).all(dim=1)
    return torch.logical_not(proper & whole)
