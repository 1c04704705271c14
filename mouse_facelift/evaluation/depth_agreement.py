"""Whether rendered surfaces stand where an animal with these silhouettes can: their depth beside the visual hull's."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.evaluation.baselines import hull_of_inputs
from mouse_facelift.evaluation.metrics import RENDERED_FOREGROUND
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow
from mouse_facelift.geometry.hull_depths import hull_depths


@dataclass(frozen=True)
class DepthScores:
    """Rendered depth less the hull's, along the camera's axis, over pixels where both are solid; NaN if none is.

    Positive: behind the hull's surface, as the animal's own may be. The hull is carved from all pixels that show any of
    the animal, so it holds the animal, and nothing of that stands before the hull's surface by more than what carving
    rounds, about a voxel. Of the simulated captures' true animal 0.0 do at 64 px; 0.13 would before the hull of pixels
    whose alpha is above 0.5, which cuts half a pixel off all around.
    """

    depth_p50_mm: float
    depth_p90_mm: float
    depth_in_front: float
    """share of these pixels whose surface stands before the hull's by more than a voxel"""


ANY = 0.0  # alpha above it: a pixel that shows any of the animal
NOTHING_COMMON = DepthScores(torch.nan, torch.nan, torch.nan)


@dataclass(frozen=True)
class SeenHull:
    """The hull of all captured views of a sample, from pixels that show any of the animal, as every view sees it."""

    depths: Float[Tensor, "view height width"]
    """world units, infinite beside it; an empty hull is seen nowhere"""
    voxel_size: float
    """world units"""
    millimeters_per_unit: float

    def score(
        self, view: int, depth: Float[Tensor, "height width"], alpha: Float[Tensor, "height width"]
    ) -> DepthScores:
        """Compare a rendering's expected depth; it is solid where its alpha is above RENDERED_FOREGROUND."""
        common = self.depths[view].isfinite() & (alpha > RENDERED_FOREGROUND)
        if not bool(common.any()):
            return NOTHING_COMMON
        behind = depth[common].double() - self.depths[view][common]
        p50, p90 = torch.quantile(behind, torch.tensor([0.5, 0.9], dtype=torch.float64)).tolist()
        return DepthScores(
            p50 * self.millimeters_per_unit,
            p90 * self.millimeters_per_unit,
            float((behind < -self.voxel_size).double().mean()),
        )


def see_hull(row: SampleRow, sample: Sample, resolution: int) -> SeenHull:
    """Carve all captured views of a sample, those that were held out too: the closest bound that silhouettes give.

    Silhouettes are all pixels whose alpha is above 0. Where views were drawn, the captured ones are the sample's
    witnesses.
    """
    views = len(sample.cameras)
    captured = list(range(views - row.witnesses, views)) if row.witnesses else list(range(views))
    hull = hull_of_inputs(row, sample, captured, ANY, resolution)
    if hull is None:
        return SeenHull(torch.full_like(sample.alpha, torch.inf).double(), torch.nan, row.millimeters_per_unit)
    return SeenHull(hull_depths(hull, sample.cameras), hull.voxel_size, row.millimeters_per_unit)
