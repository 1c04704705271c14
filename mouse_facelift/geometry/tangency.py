"""Epipolar tangency: a plane through two cameras' centers that touches one silhouette touches the other as well.

It holds exactly for every body, however different its two silhouettes look, so it judges cameras by masks alone.

Source: K.-Y. K. Wong and R. Cipolla, Reconstruction of sculpture from its profiles with unknown camera positions,
IEEE TIP 2004; S. N. Sinha and M. Pollefeys, Camera network calibration and synchronization from silhouettes, IJCV 2010.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

WIDEST = 2.0
"""radians; from the other camera's direction, a silhouette that spans more (or all) has no two tangents worth having"""
LEAST_SINE = 0.05
"""of the angle between a tangent and the line through both centers; below it the tangent nearly is that line"""


@dataclass(frozen=True)
class Outlines:
    """Convex outlines of silhouettes: nothing else of them can touch such a plane."""

    rays: Float[Tensor, "view frame vertex 3"]
    """through the vertices, in camera axes with z = 1; short outlines repeat a vertex"""
    whole: Bool[Tensor, "view frame"]
    """False where the silhouette reaches the picture's edge, so that it may go on outside"""


@dataclass(frozen=True)
class Rig:
    """What tangency asks of the cameras."""

    rotations: Float[Tensor, "view 3 3"]
    """world to camera"""
    centers: Float[Tensor, "view 3"]
    focals: Float[Tensor, "view"]
    """px, to say angles in pixels"""


def span(
    rays: Float[Tensor, "frame vertex 3"],
    rotation: Float[Tensor, "3 3"],
    axes: Float[Tensor, "axis 3"],
    middles: Float[Tensor, "axis 3"],
) -> tuple[Float[Tensor, "axis frame 2"], Float[Tensor, "axis frame 2"]]:
    """Measure between which planes through each axis outlines lie.

    Args:
        rays: in camera axes.
        rotation: world to camera.
        axes: unit vectors from one camera's center to another's.
        middles: directions across each axis from which angles count: about where the bodies are.

    Returns:
        Least and largest angle in radians, and the sine of the angle between the axis and the rays that touch there.
    """
    directions = rays @ rotation
    directions = directions / torch.linalg.vector_norm(directions, dim=-1, keepdim=True)
    across = middles - (middles * axes).sum(-1, keepdim=True) * axes
    across = across / torch.linalg.vector_norm(across, dim=-1, keepdim=True)
    sides = torch.linalg.cross(axes, across)
    x, y = (torch.einsum("fvi,ai->afv", directions, axis) for axis in (across, sides))
    angles = torch.atan2(y, x)
    ends = torch.stack([angles.argmin(dim=-1), angles.argmax(dim=-1)], dim=-1)
    return angles.gather(-1, ends), torch.hypot(x, y).gather(-1, ends)


def sound_tangents(
    angles: Float[Tensor, "axis frame 2"], sines: Float[Tensor, "axis frame 2"]
) -> Bool[Tensor, "axis frame"]:
    """Tell where the results of `span` are two tangents, and not what surrounds the other camera's direction."""
    return (angles[..., 1] - angles[..., 0] < WIDEST) & (sines > LEAST_SINE).all(dim=-1)
