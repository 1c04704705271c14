"""The blur of the pictures that a network learned from, made part of its Gaussians.

A rasterizer widens each splat by a fraction of a pixel, so that none falls between pixels. A network that learned from
pictures of 64 px counts on that fraction of *their* pixels; finer pictures would show dots with gaps between them.

Source: the 3D smoothing filter of Mip-Splatting, arXiv:2311.16493, without its change of opacities, since the
rasterizers that networks learn by make none.
"""

from dataclasses import replace

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.viewing.orbit import orbit_of


def pixel_at_subject(cameras: Cameras) -> float:
    """World units that a pixel covers at the distance of what the cameras look at, on average."""
    return orbit_of(cameras).distance / float(cameras.fxfycxcy[:, :2].mean())


def blur(gaussians: Gaussians, pixel: float, variance: float) -> Gaussians:
    """Widen every Gaussian alike in all directions.

    Args:
        gaussians: scenes.
        pixel: world units that a pixel covers.
        variance: px², which the rasterizer adds (its `eps2d`; 0.3 in 3D Gaussian splatting).
    """
    widened = (gaussians.scales.square() + variance * pixel**2).log() / 2
    return replace(gaussians, log_scales=widened)
