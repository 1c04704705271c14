"""Where every latent pixel looks: Plücker coordinates of its ray, and waves of them."""

import math

import torch
from einops import rearrange
from jaxtyping import Float32, Float64
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import FOCAL_TOLERANCE
from mouse_facelift.geometry.rays import nearest_point_rays

FREQUENCIES = 4
RAY_CHANNELS = 6 * (1 + 2 * FREQUENCIES)


def ray_channels(cameras: Cameras, distance: float, height: int, width: int) -> Float32[Tensor, "view 54 height width"]:
    """Tell the rays of `plucker_rays`, then the sines and cosines of pi 2^k times them, k = 0 to 3.

    Channels: 6 coordinates; 6 sines and 6 cosines of each k, k rising. Computed in float64.
    """
    rays = plucker_rays(cameras, distance, height, width)
    frequencies = math.pi * 2.0 ** torch.arange(FREQUENCIES, dtype=torch.float64)
    angles = frequencies[:, None, None, None] * rays[:, None]
    waves = torch.stack([angles.sin(), angles.cos()], dim=2)
    channels = rearrange(waves, "view frequency wave ray height width -> view (frequency wave ray) height width")
    return torch.cat([rays, channels], dim=1).float()


def plucker_rays(cameras: Cameras, distance: float, height: int, width: int) -> Float64[Tensor, "view 6 height width"]:
    """Cast a ray through the center of every pixel of a grid laid over each whole picture.

    The first three channels are the direction (unit length, away from the camera), the others the moment
    `origin x direction` in units of `distance`; both in world axes. The cameras' intrinsics are those of their
    pictures and are scaled here to the grid, whose pixel centers lie at +0.5.

    Raises ValueError for cameras with skew, which no camera on the contract has.

    Source: Plücker ray maps at latent size, as in CAT3D (arXiv:2405.10314) and SEVA (arXiv:2503.14489).
    """
    K = cameras.intrinsics
    if bool((K[:, 0, 1].abs() > FOCAL_TOLERANCE * K[:, 0, 0]).any()):
        raise ValueError(f"cameras with skew {K[:, 0, 1].tolist()} px, expected 0")
    to_grid = torch.tensor([width / cameras.width, height / cameras.height] * 2, dtype=torch.float64)
    poses = cameras.camera_to_world.double()
    rays = nearest_point_rays(poses, cameras.fxfycxcy.double() * to_grid.to(K.device), height, width)
    moments = torch.linalg.cross(rays.origins.expand_as(rays.directions), rays.directions, dim=1)
    return torch.cat([rays.directions, moments / distance], dim=1)
