"""Gaussians through posed cameras, over one color, by whichever back end the machine has."""

from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.rendering import rasterize

Backend = Literal["auto", "cpu", "gsplat"]
WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Rendered:
    """What cameras see of Gaussians."""

    rgb: Float[Tensor, "view 3 height width"]
    """over the background, not clamped"""
    alpha: Float[Tensor, "view height width"]
    depth: Float[Tensor, "view height width"]
    """expected depth along the camera's axis, world units; 0 where nothing is"""


def render(
    gaussians: Gaussians, cameras: Cameras, backend: Backend, background: tuple[float, float, float] = WHITE
) -> Rendered:
    """Render one scene over a color in 0..1; white is what FaceLift's networks were trained to see.

    Differentiable in the Gaussians. Raises ValueError for a back end that this machine lacks.
    """
    dtype, device = gaussians.means.dtype, gaussians.means.device
    rgb, alpha, depth = rasterize(
        gaussians.means,
        gaussians.quats,
        gaussians.scales,
        gaussians.opacities,
        gaussians.colors,
        cameras.world_to_camera.to(device, dtype),
        cameras.intrinsics.to(device, dtype),
        cameras.width,
        cameras.height,
        backgrounds=torch.tensor(background, device=device, dtype=dtype).expand(len(cameras), 3).contiguous(),
        backend=backend,
    )
    return Rendered(rearrange(rgb, "view h w color -> view color h w"), alpha[..., 0], depth[..., 0])
