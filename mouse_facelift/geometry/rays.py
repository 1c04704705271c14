"""Rays through the centers of pixels, and where each comes nearest to the world's origin."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


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
    if camera_to_world.device.type == "meta":
        return
    poses = camera_to_world.detach().reshape(-1, 4, 4).to("cpu", torch.float64)
    intrinsics = fxfycxcy.detach().reshape(-1, 4).to("cpu", torch.float64)
    rotations = poses[:, :3, :3]
    proper = (
        (rotations.mT @ rotations - torch.eye(3, dtype=torch.float64)).abs().amax(dim=(1, 2)).lt(1e-3)
        & torch.linalg.det(rotations).gt(0)
        & (poses[:, 3] - torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)).abs().amax(dim=1).lt(1e-6)
        & poses.isfinite().all(dim=2).all(dim=1)
    )
    for view, pose in enumerate(poses):
        if not proper[view]:
            raise ValueError(
                f"camera_to_world of view {view} must be a rotation (determinant 1) and a translation above 0 0 0 1,"
                f" not {pose.tolist()} (determinant {torch.linalg.det(pose[:3, :3]).item():.4f})"
            )
        if not (intrinsics[view].isfinite().all() and intrinsics[view, :2].gt(0).all()):
            raise ValueError(
                f"fxfycxcy of view {view} must be finite with focal lengths above 0, not {intrinsics[view].tolist()}"
            )
