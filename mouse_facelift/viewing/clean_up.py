"""Floaters: Gaussians that hardly show, or lie where some view that went in shows no animal.

FaceLift's own rules (`gslrm.filters`) are made for a bust before its background; these know a whole animal by its
silhouettes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.settings import CleanUp

SILHOUETTE = 0.5  # alpha above it is the animal, as for hulls


@dataclass(frozen=True)
class CleanedUp:
    """The Gaussians that are left, and how many went for what."""

    gaussians: Gaussians
    faint: int
    outside: int
    """of those that are not faint"""


def clean_up(
    gaussians: Gaussians, cameras: Cameras, alphas: Float[Tensor, "view height width"], settings: CleanUp
) -> CleanedUp:
    """Leave out Gaussians of one scene that are no part of the animal; the order of the others stays.

    Args:
        gaussians: one scene.
        cameras: of the views that went in; none is needed where `hull_margin` is null.
        alphas: of those views, 0..1.
        settings: what is left out.
    """
    shows = torch.ones(len(gaussians), dtype=torch.bool)
    if settings.opacity is not None:
        shows = gaussians.opacities.detach().cpu() > settings.opacity
    inside = torch.ones_like(shows)
    if settings.hull_margin is not None:
        inside = near_hull(gaussians.means.detach().cpu(), cameras, alphas, settings.hull_margin)
    kept = shows & inside
    return CleanedUp(
        gaussians.select(kept.to(gaussians.means.device)), int((~shows).sum()), int((shows & ~inside).sum())
    )


def near_hull(
    points: Float[Tensor, "point 3"], cameras: Cameras, alphas: Float[Tensor, "view height width"], margin: float
) -> Bool[Tensor, " point"]:
    """Tell which points lie in the silhouettes of all views, or beside one by no more than a margin.

    The margin is in world units, at the point's depth; distances in a picture are told to about a pixel, in the
    point's favor. A view that shows no animal says nothing, nor does one of what is behind it, or outside a picture
    whose edge the silhouette reaches.
    """
    near = torch.ones(len(points), dtype=torch.bool)
    if not len(points):
        return near
    world_to_camera = cameras.world_to_camera.double()
    for view, pixels in enumerate(cameras.to(torch.float64).project(points.double())):
        mask = (alphas[view] > SILHOUETTE).cpu().numpy()
        if not mask.any():
            continue
        pose = world_to_camera[view]
        depth = points.double() @ pose[2, :3] + pose[2, 3]
        allowed = margin * cameras.intrinsics[view, :2, :2].diagonal().max().double() / depth.clamp(min=1e-9)
        beside = _beside(mask, pixels.numpy())
        near &= (depth <= 0) | (torch.from_numpy(beside) <= allowed)
    return near


def _beside(mask: Bool[np.ndarray, "height width"], pixels: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point"]:
    """Distance in px from each point to the silhouette, less a pixel; 0 outside a picture whose edge it reaches."""
    height, width = mask.shape
    to_mask = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    finite = np.nan_to_num(pixels, nan=0.0, posinf=1e9, neginf=-1e9).clip(-1e9, 1e9)
    within = finite.clip(0, [width - 1e-6, height - 1e-6])
    columns, rows = within.astype(int).T
    outside = np.linalg.norm(finite - within, axis=1)
    cut = mask[[0, -1]].any() or mask[:, [0, -1]].any()
    # Never more than the true distance: a point's nearest one of the silhouette is beyond the picture's edge.
    beside = np.maximum(to_mask[rows, columns] - 1, outside)
    return np.where((outside > 0) & cut, 0.0, beside)
