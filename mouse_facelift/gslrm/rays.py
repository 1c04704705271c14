"""What a GS-LRM network sees of a posed picture."""

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.rays import NearestPointRays


def posed_images(
    images: Float[Tensor, "*view 3 height width"], rays: NearestPointRays
) -> Float[Tensor, "*view 9 height width"]:
    """Join color (0..1, brought to -1..1), ray direction and the ray's point nearest to the world's origin."""
    return torch.cat([2 * images - 1, rays.directions, rays.nearest_points], dim=-3)
