"""How 3D Gaussians are fitted to one scene's input views, as a peer of the networks."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Fraction, Section


class FittingRates(Section):
    """Adam's learning rates, a step."""

    means: PositiveFloat
    """of the scene's extent, 1.1 times the cameras' distance from their middle"""
    log_scales: PositiveFloat
    quats: PositiveFloat
    opacity_logits: PositiveFloat
    colors: PositiveFloat
    """of the spherical harmonics' coefficients"""


class SceneFitting(Section):
    """3D Gaussian Splatting (arXiv:2308.04079) of one scene, from its input views and their silhouettes alone."""

    hull_resolution: Annotated[int, Field(ge=16, le=256)]
    """voxels along an edge of the hull at whose surface the Gaussians begin"""
    scale: PositiveFloat
    """of a voxel's edge: the Gaussians' standard deviation at first"""
    opacity: Annotated[float, Field(gt=0, lt=1)]
    """at first"""
    fineness: Annotated[int, Field(ge=1, le=8)]
    """pictures are drawn so many times as fine, and averaged down"""
    rates: FittingRates
    dssim: Fraction
    """weight of 1 - SSIM; that of the mean absolute difference of colors is 1 less this"""
    alpha: NonNegativeFloat
    """weight of the mean absolute difference of alpha"""
    equal_steps: PositiveInt
    """of the answer `scene_equal_time`"""
    converged_steps: PositiveInt
    """at most, of the answer `scene_converged`"""
    window: PositiveInt
    """steps; once their mean loss is less than `least_gain` below that of so many before them, it has converged"""
    least_gain: Fraction
    """of that earlier mean"""
