"""How far renderings are from photographs, and predicted positions from where they should be.

Formulas and released weights: weijielyu/FaceLift, gslrm/model. Renderings are compared as they come, not clamped.

A mask tells the foreground. `l2` and `ssim` are then means over the foreground alone, so that what is lost does not
depend on how large the picture around the animal is. Networks' distances see both pictures with one color laid over
all the rest, the background's: no edge appears that the target does not have, and what is rendered there costs nothing.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.rays import NearestPointRays
from mouse_facelift.gslrm.perceptual import PerceptualDistance, load_perceptual_distance
from mouse_facelift.rendering.lpips import Lpips, load_lpips
from mouse_facelift.settings import Losses

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
    lpips: float
    alpha: float

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if any(not 0 <= value < float("inf") for value in values.values()) or not any(values.values()):
            raise ValueError(f"loss weights must be finite, 0 or above, and one of them above 0: {values}")


RELEASED_WEIGHTS = LossWeights(l2=1.0, perceptual=0.5, ssim=0.0, pixelalign=0.0, pointsdist=0.0, lpips=0.0, alpha=0.0)


@dataclass(frozen=True)
class PixelPositions:
    """Where each pixel's Gaussian was placed, and along which ray it should lie."""

    positions: Float[Tensor, "image 3 height width"]
    rays: NearestPointRays
    mask: Float[Tensor, "image 1 height width"] | None
    """0..1; weighs the distance from the ray"""


@dataclass(frozen=True)
class Alphas:
    """Opacity of renderings and of the pictures that they are compared with, 0..1."""

    rendered: Float[Tensor, "image height width"]
    true: Float[Tensor, "image height width"]


@dataclass(frozen=True)
class LossNetworks:
    """Frozen networks in whose features pictures are compared; None where that counts for nothing."""

    perceptual: PerceptualDistance | None = None
    lpips: Lpips | None = None


@dataclass(frozen=True)
class Foreground:
    """What a masked loss sees."""

    mask: Bool[Tensor, "image height width"]
    background: Float[Tensor, "3"]
    """color behind the targets, 0..1"""


def load_loss_networks(losses: Losses, device: torch.device | str) -> LossNetworks:
    """Load the networks of those terms that count at some step.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file does not hold the network's tensors, and no others.
    """
    perceptual = lpips = None
    if losses.perceptual_weights in losses.files:
        perceptual = load_perceptual_distance(losses.perceptual_weights).to(device)
    if losses.lpips_weights in losses.files:
        lpips = load_lpips(losses.lpips_weights).to(device)
    return LossNetworks(perceptual, lpips)


def compared_in(losses: Losses) -> tuple[LicensedWeights, ...]:
    """The files of these networks, with their licenses. Raises FileNotFoundError if one is absent."""
    files = losses.licenses.items()
    return tuple(LicensedWeights(file=file, sha256=sha256(Path(file)), license=license) for file, license in files)


def gslrm_loss(
    rendering: Float[Tensor, "image 3 height width"],
    target: Float[Tensor, "image 3 height width"],
    weights: LossWeights,
    networks: LossNetworks,
    placed: PixelPositions | None = None,
    alphas: Alphas | None = None,
    foreground: Foreground | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Weigh the terms of the loss: `total`, and each term that counts, before its weight. Colors are 0..1.

    Raises:
        ValueError: a term counts, but the network, positions or alphas that it needs were not given; or a mask has no
            foreground in any picture.
    """
    terms: dict[str, Tensor] = {}
    mask = None
    covered, target_covered = rendering, target
    if foreground is not None:
        mask = foreground.mask
        if not bool(mask.any()):
            raise ValueError("masked losses compare the foreground, but no picture of a sample has any: look at alpha")
        covered, target_covered = (cover(pictures, foreground) for pictures in (rendering, target))
    if weights.l2 > 0:
        terms["l2"] = l2(rendering, target, mask)
    if weights.ssim > 0:
        terms["ssim"] = 1 - ssim(covered, target_covered, mask)
    if weights.perceptual > 0:
        terms["perceptual"] = _given(networks.perceptual, "perceptual", weights)(covered, target_covered)
    if weights.lpips > 0:
        terms["lpips"] = _given(networks.lpips, "lpips", weights)(covered, target_covered)
    if weights.pixelalign > 0 or weights.pointsdist > 0:
        if placed is None:
            raise ValueError("losses on positions have a weight above 0, but no positions were given")
        if weights.pixelalign > 0:
            terms["pixelalign"] = distance_from_rays(placed.positions, placed.rays, placed.mask)
        if weights.pointsdist > 0:
            terms["pointsdist"] = spread_of_distances(placed.positions, placed.rays)
    if weights.alpha > 0:
        if alphas is None:
            raise ValueError(f"the alpha loss has weight {weights.alpha}, but no alphas were given")
        terms["alpha"] = functional.mse_loss(alphas.rendered, alphas.true)
    total = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
    return {"total": total, **terms}


Network = TypeVar("Network", bound=nn.Module)


def _given(network: Network | None, term: str, weights: LossWeights) -> Network:
    if network is None:
        raise ValueError(f"the {term} loss has weight {getattr(weights, term)}, but its network was not given")
    return network


def cover(
    pictures: Float[Tensor, "image 3 height width"], foreground: Foreground
) -> Float[Tensor, "image 3 height width"]:
    """Lay the background's color over all that is not foreground."""
    return torch.where(foreground.mask[:, None], pictures, foreground.background[:, None, None])


def l2(
    rendering: Float[Tensor, "image 3 height width"],
    target: Float[Tensor, "image 3 height width"],
    mask: Bool[Tensor, "image height width"] | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error over all pixels, background included; with a mask, over its pixels in all pictures."""
    if mask is None:
        return functional.mse_loss(rendering, target)
    inside = mask[:, None].expand_as(rendering)
    return functional.mse_loss(rendering[inside], target[inside])


def psnr(mean_squared_error: Float[Tensor, "*image"]) -> Float[Tensor, "*image"]:
    """Peak signal-to-noise ratio in dB, for colors in 0..1."""
    return -10 * mean_squared_error.log10()


def ssim(
    rendering: Float[Tensor, "image 3 height width"],
    target: Float[Tensor, "image 3 height width"],
    mask: Bool[Tensor, "image height width"] | None = None,
) -> Float[Tensor, ""]:
    """Mean structural similarity for colors in 0..1, over windows that lie within the picture.

    With a mask, over those of them with a center in it, or 1 if there are none.

    Source: Wang et al., Image quality assessment (2004): 11 taps, sigma 1.5 px, K1 0.01, K2 0.03. torchmetrics' mean
    takes in windows that reach over the border.

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
    similarity = luminance * structure
    if mask is None:
        return similarity.mean()
    edge = _SSIM_TAPS // 2
    centers = mask[:, None, edge:-edge, edge:-edge].expand_as(similarity)
    return 1 - torch.sum((1 - similarity) * centers) / centers.sum().clamp(min=1)


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
