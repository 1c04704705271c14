"""Outlines of masks as the planes see them that pass through two cameras."""

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.capture.silhouettes import Silhouettes
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import undistort
from mouse_facelift.geometry.tangency import Outlines


def bring_outlines(silhouettes: Silhouettes, calibration: Calibration) -> Outlines:
    """Undo the lenses. An outline that reaches where its lens cannot be inverted counts as cut by the picture's edge.

    Outlines are convex in raw pixels; a straight edge of 100 px bows by well below a pixel in lenses of this kind.
    """
    views, frames = silhouettes.whole.shape
    longest = max(len(outline) for row in silhouettes.outlines for outline in row)
    rays = torch.ones(views, frames, longest, 3, dtype=torch.float64)
    whole = silhouettes.whole.clone()
    for view, row in enumerate(silhouettes.outlines):
        lens = calibration.intrinsics[view], calibration.distortion[view]
        for frame, outline in enumerate(row):
            vertices = torch.from_numpy(outline)
            try:
                flat = undistort(vertices, *lens)
            except ValueError:
                whole[view, frame] = False
                flat = torch.zeros_like(vertices)
            rays[view, frame, : len(flat), :2] = flat
            rays[view, frame, len(flat) :, :2] = flat[:1]
    return Outlines(rays, whole)


def mean_focals(calibration: Calibration) -> Float[Tensor, "view"]:
    """Mean of fx and fy, px."""
    return calibration.intrinsics[:, :2, :2].diagonal(dim1=-2, dim2=-1).mean(dim=-1)
