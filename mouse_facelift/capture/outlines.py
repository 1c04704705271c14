"""Outlines of masks as the planes see them that pass through two cameras."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import undistort
from mouse_facelift.geometry.tangency import Outlines


def bring_outlines(
    outlines: Float32[np.ndarray, "view frame vertex 2"], whole: Bool[Tensor, "view frame"], calibration: Calibration
) -> Outlines:
    """Undo the lenses. An outline that reaches where its lens cannot be inverted counts as cut by the picture's edge.

    Outlines are convex in raw pixels; a straight edge of 100 px bows by well below a pixel in lenses of this kind.
    """
    views, frames, vertices, _ = outlines.shape
    rays = torch.ones(views, frames, vertices, 3, dtype=torch.float64)
    whole = whole.clone()
    for view in range(views):
        lens = calibration.intrinsics[view], calibration.distortion[view]
        for frame in whole[view].nonzero()[:, 0].tolist():
            try:
                rays[view, frame, :, :2] = undistort(torch.from_numpy(outlines[view, frame]).double(), *lens)
            except ValueError:
                whole[view, frame] = False
    return Outlines(rays, whole)


def mean_focals(calibration: Calibration) -> Float[Tensor, "view"]:
    """Mean of fx and fy, px."""
    return calibration.intrinsics[:, :2, :2].diagonal(dim1=-2, dim2=-1).mean(dim=-1)
