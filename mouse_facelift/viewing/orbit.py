"""A camera that circles what the views look at."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.settings import CameraContract

MARGIN = 1.15  # of the subject's radius: so much fits into a picture


@dataclass(frozen=True)
class Orbit:
    """A circle around a point, about the world's z."""

    center: Float[Tensor, "3"]
    distance: float
    """world units"""

    def cameras(self, frames: int, elevation: float, radius: float, image_size: int) -> Cameras:
        """Stand at `frames` places of one turn, counterclockwise seen from above, the first in direction +x.

        Args:
            frames: places.
            elevation: degrees above the horizon.
            radius: world units; a ball of this radius about the center fits into the picture.
            image_size: px, square.
        """
        azimuth = 2 * torch.pi * torch.arange(frames, dtype=torch.float64) / frames
        height = torch.deg2rad(torch.tensor(elevation, dtype=torch.float64))
        across = height.cos()
        directions = torch.stack([across * azimuth.cos(), across * azimuth.sin(), height.sin().expand(frames)], dim=-1)
        center = self.center.double()
        poses = look_at(center + self.distance * directions, center, torch.tensor([0.0, 0.0, 1.0]).double())
        focal = image_size / 2 * self.distance / (MARGIN * radius)
        middle = image_size / 2
        K = torch.tensor([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], dtype=torch.float64)
        return Cameras(poses, K.expand(frames, 3, 3).clone(), image_size, image_size)


def contract_orbit(contract: CameraContract) -> Orbit:
    """The circle on which the contract's cameras stand."""
    return Orbit(torch.zeros(3, dtype=torch.float64), contract.distance)


def orbit_of(cameras: Cameras) -> Orbit:
    """The circle of cameras that keep no contract: about the point nearest to their axes, at their mean distance.

    Raises:
        ValueError: all axes are parallel.
    """
    poses = cameras.camera_to_world.double()
    axes, centers = poses[:, :3, 2], poses[:, :3, 3]
    across = torch.eye(3, dtype=torch.float64) - axes[:, :, None] * axes[:, None, :]
    normal = across.sum(0)
    if float(torch.linalg.svdvals(normal)[-1]) < 1e-9 * len(cameras):
        raise ValueError("the cameras' axes are parallel: there is no point that all of them look at")
    center = torch.linalg.solve(normal, (across @ centers[:, :, None]).sum(0)[:, 0])
    return Orbit(center, float(torch.linalg.vector_norm(centers - center, dim=-1).mean()))
