"""Structural similarity that can be differentiated."""

import torch
from jaxtyping import Float
from torch import Tensor

TAPS, SIGMA = 11, 1.5  # px: the window of Wang et al. 2004
K1, K2 = 0.01, 0.03


def structural_similarity(
    pictures: Float[Tensor, "image channel height width"], targets: Float[Tensor, "image channel height width"]
) -> Float[Tensor, ""]:
    """Mean structural similarity for colors in 0..1, at most 1, over windows that lie within the picture.

    Windows are laid by two products with band matrices, which on small pictures on a CPU is many times faster than by
    convolutions of single channels.

    Source: Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE TIP 13(4), 2004.

    Raises:
        ValueError: a picture is smaller than a window of 11 px.
    """
    height, width = pictures.shape[-2:]
    if min(height, width) < TAPS:
        raise ValueError(f"a picture of {height} x {width} px is smaller than SSIM's window of {TAPS} px")
    down, across = _windows(height, pictures), _windows(width, pictures).T
    both = torch.cat([pictures, targets], dim=1)
    moments = down @ torch.cat([both, both.square(), pictures * targets], dim=1) @ across
    mean_a, mean_b, square_a, square_b, product = torch.chunk(moments, 5, dim=1)
    covariance = product - mean_a * mean_b
    variances = square_a - mean_a.square() + square_b - mean_b.square()
    luminance = (2 * mean_a * mean_b + K1**2) / (mean_a.square() + mean_b.square() + K1**2)
    structure = (2 * covariance + K2**2) / (variances + K2**2)
    return (luminance * structure).mean()


def _windows(size: int, like: Tensor) -> Float[Tensor, "window pixel"]:
    """Weights of each pixel of a row in each window that lies within it."""
    offsets = torch.arange(size)[None] - torch.arange(size - TAPS + 1)[:, None] - TAPS // 2
    weights = (-offsets.to(like).square() / (2 * SIGMA**2)).exp() * (offsets.abs() <= TAPS // 2).to(like)
    return weights / weights.sum(1, keepdim=True)
