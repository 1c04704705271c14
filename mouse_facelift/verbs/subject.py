"""Where the animal is in a sample that nothing but its pictures tells of, and how far it reaches."""

import math
from dataclasses import dataclass

import torch

from mouse_facelift.formats.manifest import Vector
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.hull import carve_closely

SILHOUETTE = 0.5  # alpha above it is the animal, as for hulls
MARGIN = 1.05  # of a silhouette's reach


@dataclass(frozen=True)
class SubjectInWorld:
    """A ball around the animal, world units of its sample."""

    center: Vector
    radius: float

    @property
    def reach(self) -> float:
        """World units from the world's origin to its farthest point."""
        return self.radius + math.hypot(*self.center)


def find_subject(sample: Sample, resolution: int) -> SubjectInWorld:
    """Carve the visual hull of a sample's silhouettes around the world's origin.

    Args:
        sample: two or more views that show the animal.
        resolution: voxels along an edge.

    Raises:
        ValueError: fewer than two views show something, or no point lies in all silhouettes.
    """
    masks = sample.alpha > SILHOUETTE
    shown = [view for view, mask in enumerate(masks) if bool(mask.any())]
    if len(shown) < 2:
        raise ValueError(f"{len(shown)} of {len(masks)} views show something; two or more bound a hull")
    cameras = sample.cameras[shown].to(torch.float64)
    reach = 0.0
    for view, mask in enumerate(masks[shown]):
        rows, columns = torch.nonzero(mask, as_tuple=True)
        fx, fy, cx, cy = cameras.fxfycxcy[view].tolist()
        tangent = torch.hypot((columns + 0.5 - cx) / fx, (rows + 0.5 - cy) / fy).max()
        reach = max(reach, MARGIN * float(tangent * torch.linalg.vector_norm(cameras.centers[view])))
    hull = carve_closely(masks[shown], cameras, torch.zeros(3, dtype=torch.float64), reach, resolution)
    if not len(hull):
        raise ValueError("no point lies in the silhouettes of all views")
    x, y, z = hull.middle.tolist()
    return SubjectInWorld((x, y, z), hull.radius(hull.middle))
