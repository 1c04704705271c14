"""Where the animal is in a frame and how far it reaches, from its silhouettes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.carving.pinholes import SeenMasks
from mouse_facelift.geometry.hull import Hull, carve_closely


@dataclass(frozen=True)
class Body:
    """The animal's visual hull, in the rig's world and unit."""

    center: Float[Tensor, "3"]
    """middle of its bounding box, whose third axis is upright"""
    centroid: Float[Tensor, "3"]
    """of its volume"""
    extent: Float[Tensor, "3"]
    """edges of that box"""
    radius: float
    """no part lies further from the center"""
    surface: Float[Tensor, "surface 3"]
    spacing: float
    """of the surface's points"""


def find_body(seen: SeenMasks, resolution: int) -> Body:
    """Carve the animal from its silhouettes.

    Args:
        seen: masks without their lenses.
        resolution: voxels along an edge of the cube that holds the animal.

    Raises:
        ValueError: no point lies in all silhouettes.
    """
    hull = carve_seen(seen, resolution)
    if not len(hull):
        near = [round(x, 1) for x in seen.similarity.center.tolist()]
        raise ValueError(
            "no point lies in the silhouettes of all cameras that see it, within"
            f" {seen.reach:.0f} mm of where the masks' centers meet, {near} mm"
        )
    low, high = hull.points.amin(0) - hull.voxel_size / 2, hull.points.amax(0) + hull.voxel_size / 2
    to_rig = seen.similarity.inverse_points
    return Body(
        center=to_rig(hull.middle),
        centroid=to_rig(hull.points.mean(dim=0)),
        extent=high - low,
        radius=hull.radius(hull.middle),
        surface=to_rig(hull.surface()),
        spacing=hull.voxel_size,
    )


def carve_seen(seen: SeenMasks, resolution: int) -> Hull:
    """Carve in the world of the pinholes; the hull may be empty."""
    origin = torch.zeros(3, dtype=torch.float64)
    return carve_closely(seen.alphas, seen.cameras, origin, seen.reach, resolution, seen.known)
