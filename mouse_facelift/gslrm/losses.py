"""How far renderings are from photographs, and predicted positions from where they should be.

Formulas and released weights: weijielyu/FaceLift, gslrm/model. Renderings are compared as they come, not clamped.
"""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mouse_facelift.geometry.rays import NearestPointRays
from mouse_facelift.gslrm.perceptual import PerceptualDistance

_SSIM_TAPS = 11
_SSIM_SIGMA = 1.5  # px


@dataclass(frozen=True)
class LossWeights:
    """What each term counts for. A term of weight 0 is not computed."""

    l2: float
    perceptual: float
    ssim: float
    pixelalign: float
    pointsdist: float

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if any(not 0 <= value < float("inf") for value in values.values()) or not any(values.values()):
            raise ValueError(f"loss weights must be finite, 0 or above, and one of them above 0: {values}")


RELEASED_WEIGHTS = LossWeights(l2=1.0, perceptual=0.5, ssim=0.0, pixelalign=0.0, pointsdist=0.0)


@dataclass(frozen=True)
class PixelPositions:
    """Where each pixel's Gaussian was placed, and along which ray it should lie."""

    positions: Float[Tensor, "image 3 height width"]
    rays: NearestPointRays
    mask: Float[Tensor, "image 1 height width"] | None
    """0..1; weighs the distance from the ray"""


def gslrm_loss(
    rendering: Float[Tensor, "image 3 height width"],
    target: Float[Tensor, "image 3 height width"],
    weights: LossWeights,
    perceptual: PerceptualDistance | None = None,
    placed: PixelPositions | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Weigh the terms of the loss: `total`, and each term that counts, before its weight. Colors are 0..1.

    Raises:
        ValueError: a term counts, but the network or the positions that it needs were not given.
    """
    terms: dict[str, Tensor] = {}
    if weights.l2 > 0:
        terms["l2"] = l2(rendering, target)
    if weights.ssim > 0:
        terms["ssim"] = 1 - ssim(rendering, target)
    if weights.perceptual > 0:
        if perceptual is None:
            raise ValueError(f"the perceptual loss has weight {weights.perceptual}, but its network was not given")
        terms["perceptual"] = perceptual(rendering, target)
    if weights.pixelalign > 0 or weights.pointsdist > 0:
        if placed is None:
            raise ValueError("losses on positions have a weight above 0, but no positions were given")
        if weights.pixelalign > 0:
            terms["pixelalign"] = distance_from_rays(placed.positions, placed.rays, placed.mask)
        if weights.pointsdist > 0:
            terms["pointsdist"] = spread_of_distances(placed.positions, placed.rays)
    total = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
    return {"total": total, **terms}


def l2(
    rendering: Float[Tensor, "image 3 height width"], target: Float[Tensor, "image 3 height width"]
) -> Float[Tensor, ""]:
    """Mean squared error over all pixels, background included."""
    return functional.mse_loss(rendering, target)


def psnr(mean_squared_error: Float[Tensor, "*image"]) -> Float[Tensor, "*image"]:
    """Peak signal-to-noise ratio in dB, for colors in 0..1."""
    return -10 * mean_squared_error.log10()


def ssim(
    rendering: Float[Tensor, "image 3 height width"], target: Float[Tensor, "image 3 height width"]
) -> Float[Tensor, ""]:
    """Mean structural similarity for colors in 0..1, over windows that lie within the picture.

    Source: Wang et al., Image quality assessment (2004): 11 taps, sigma 1.5 px, K1 0.01, K2 0.03.

    Raises:
        ValueError: a picture is smaller than one window.
    """
    height, width = rendering.shape[-2:]
    if min(height, width) < _SSIM_TAPS:
        raise ValueError(f"pictures of {width} x {height} px hold no window of {_SSIM_TAPS} px")
    both = torch.cat([rendering, target], dim=1)
    moments = _blur(torch.cat([both, both.square(), rendering * target], dim=1))
    mean_a, mean_b, square_a, square_b, product = torch.chunk(moments, 5, dim=1)
    covariance = product - mean_a * mean_b
    variances = square_a - mean_a.square() + square_b - mean_b.square()
    luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a.square() + mean_b.square() + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (variances + 0.03**2)
    return torch.mean(luminance * structure)


def _blur(pictures: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image channel _ _"]:
    taps = torch.arange(_SSIM_TAPS, device=pictures.device, dtype=pictures.dtype) - _SSIM_TAPS // 2
    kernel = (-taps.square() / (2 * _SSIM_SIGMA**2)).exp()
    kernel = kernel / kernel.sum()
    planes = pictures.flatten(0, 1)[:, None]
    planes = functional.conv2d(functional.conv2d(planes, kernel[None, None, :, None]), kernel[None, None, None, :])
    return planes.reshape(*pictures.shape[:2], *planes.shape[-2:])


def distance_from_rays(
    positions: Float[Tensor, "image 3 height width"],
    rays: NearestPointRays,
    mask: Float[Tensor, "image 1 height width"] | None = None,
) -> Float[Tensor, ""]:
    """Mean distance of each pixel's Gaussian from its ray, in world units; FaceLift calls it pixelalign.

    The foot on the ray is held fixed, so the gradient draws straight to it. A mask weighs pixels, but the mean is over
    all of them.
    """
    from_camera = positions - rays.origins
    along = (from_camera.detach() * rays.directions).sum(dim=1, keepdim=True)
    off_ray = from_camera - along * rays.directions
    if mask is not None:
        off_ray = off_ray * mask
    return torch.mean(torch.linalg.vector_norm(off_ray, dim=1))


def spread_of_distances(positions: Float[Tensor, "image 3 height width"], rays: NearestPointRays) -> Float[Tensor, ""]:
    """Mean squared difference of camera distances from a spread of 0.5 units about the origin's; pointsdist.

    It gives a network that starts from nothing a first depth: the distances as they are, standardized in each picture.
    """
    distances = torch.linalg.vector_norm(positions - rays.origins, dim=1)
    deviations, means = torch.std_mean(distances.detach(), dim=(1, 2), keepdim=True)
    standardized = (distances.detach() - means) / (deviations + 1e-8)
    wanted = 0.5 * standardized + torch.linalg.vector_norm(rays.origins, dim=1)
    return functional.mse_loss(distances, wanted)
