"""How near a rendering is to its target, in four numbers a view."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.distance import jaccard
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

PSNR_CAP = 100.0  # dB: a mean squared error of 1e-10; equal pictures would have infinity, which no mean survives
RENDERED_FOREGROUND = 0.5  # a rendering's alpha above it is foreground
SSIM_SIGMA = 1.5  # px: skimage's Gaussian window then has 11 x 11 px, as in Wang et al. 2004
SSIM_WINDOW = 11


@dataclass(frozen=True)
class ViewScores:
    """Scores of one view. NaN where the target shows no animal and the score is about the animal."""

    psnr: float
    """dB, whole picture over white, at most PSNR_CAP"""
    psnr_foreground: float
    """dB, pixels of the animal only, at most PSNR_CAP"""
    ssim: float
    """at most 1, whole picture over white"""
    iou: float
    """0 to 1, rendered against target silhouette"""


def score_view(
    rgb: Float[Tensor, "3 height width"],
    alpha: Float[Tensor, "height width"],
    target_rgb: Float[Tensor, "3 height width"],
    target_alpha: Float[Tensor, "height width"],
    mask_threshold: float,
) -> ViewScores:
    """Compare a rendering over white with its target over white.

    rgb is clamped to [0, 1]; the target is in [0, 1]. Target pixels whose alpha is above `mask_threshold` are the
    animal; without any, psnr_foreground and iou are NaN.

    Raises:
        ValueError: the rendering holds NaN, or the picture is smaller than SSIM's window of 11 px.
    """
    if undefined := int(rgb.isnan().any(dim=0).logical_or(alpha.isnan()).sum()):
        raise ValueError(f"{undefined} of {alpha.numel()} rendered pixels are NaN")
    if min(alpha.shape) < SSIM_WINDOW:
        raise ValueError(f"a picture of {tuple(alpha.shape)} px is smaller than SSIM's window of {SSIM_WINDOW} px")
    rgb = rgb.clamp(0, 1)
    foreground = target_alpha > mask_threshold
    return ViewScores(
        psnr=psnr(rgb, target_rgb),
        psnr_foreground=psnr(rgb[:, foreground], target_rgb[:, foreground]),
        ssim=ssim(rgb, target_rgb),
        iou=iou(alpha > RENDERED_FOREGROUND, foreground),
    )


def psnr(colors: Float[Tensor, "3 *pixel"], target: Float[Tensor, "3 *pixel"]) -> float:
    """Peak signal to noise ratio in dB, for colors in [0, 1]; at most PSNR_CAP; NaN of no pixels."""
    if colors.numel() == 0:
        return math.nan
    with np.errstate(divide="ignore"):  # of equal colors it is infinite
        ratio = peak_signal_noise_ratio(target.double().numpy(), colors.double().numpy(), data_range=1.0)
    return min(float(ratio), PSNR_CAP)


def ssim(picture: Float[Tensor, "3 height width"], target: Float[Tensor, "3 height width"]) -> float:
    """Structural similarity of colors in [0, 1], mean over channels and over windows inside the picture.

    Source: Wang et al., Image Quality Assessment, IEEE TIP 13(4), 2004: Gaussian window of 11 px, sigma 1.5.
    """
    return float(
        structural_similarity(
            target.double().numpy(),
            picture.double().numpy(),
            data_range=1.0,
            channel_axis=0,
            gaussian_weights=True,
            sigma=SSIM_SIGMA,
            use_sample_covariance=False,
        )
    )


def iou(silhouette: Bool[Tensor, "height width"], target: Bool[Tensor, "height width"]) -> float:
    """Intersection over union; NaN where the target is empty."""
    if not bool(target.any()):
        return math.nan
    return 1.0 - float(jaccard(silhouette.flatten().numpy(), target.flatten().numpy()))
