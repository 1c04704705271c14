"""How well each view agrees with what all the others say of the animal: its place, and its shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.carving.body import carve_seen
from mouse_facelift.carving.pinholes import SeenMasks, see_masks
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.lenses import project
from mouse_facelift.geometry.rotations import rotation_to_z
from mouse_facelift.geometry.triangulation import meet_rays


@dataclass(frozen=True)
class HullAgreement:
    """The hull of all other views against a view's own mask, as that view sees it."""

    iou: Float[Tensor, "view frame"]
    """intersection over union; the fewer the other views, the larger their hull, and the lower this is"""
    cover: Float[Tensor, "view frame"]
    """part of the mask that the hull covers: nearly 1 wherever cameras and masks are right, however few the views"""


def center_residuals(
    directions: Float[Tensor, "frame view 3"],
    pixels: Float[Tensor, "view frame 2"],
    present: Bool[Tensor, "frame view"],
    calibration: Calibration,
) -> Float[Tensor, "view frame"]:
    """Measure in px how far each mask's center lies from where the rays of all other views meet.

    Centers of silhouettes are no views of one point, so this is never 0; a camera that is off stands out. NaN where
    the view, or all others but one, show nothing.

    Args:
        directions: of the rays through the masks' centers, world axes.
        pixels: those centers, OpenCV pixel origin.
        present: which views show the animal.
        calibration: the cameras, in the order of the views.
    """
    residuals = torch.full((len(calibration), len(directions)), torch.nan, dtype=torch.float64)
    for view in range(len(calibration)):
        others = [other for other in range(len(calibration)) if other != view]
        frames = present[:, view] & (present[:, others].sum(dim=1) >= 2)
        if not bool(frames.any()):
            continue
        met = meet_rays(calibration.centers[others], directions[frames][:, others], present[frames][:, others]).points
        lens = calibration.intrinsics[view], calibration.distortion[view], calibration.world_to_camera[view]
        residuals[view, frames] = torch.linalg.vector_norm(project(met, *lens) - pixels[view, frames], dim=-1)
    return residuals


def hull_agreement(
    masks: Mapping[int, Sequence[Bool[np.ndarray, "_ _"]]],
    points: Mapping[int, Float[Tensor, "3"]],
    calibration: Calibration,
    up: Float[Tensor, "3"],
    picture: int,
    resolution: int,
) -> HullAgreement:
    """Carve the animal from all views but one, and compare its silhouette with that view's mask.

    Args:
        masks: of all views, by frame; empty ones are passed over and leave NaN.
        points: about where the animal is, mm, by frame.
        calibration: the cameras, in the order of the views.
        up: world axes.
        picture: side of the pinhole's pictures in which silhouettes are compared, px.
        resolution: voxels along an edge.
    """
    measured = torch.full((len(calibration), len(masks), 2), torch.nan, dtype=torch.float64)
    for column, frame in enumerate(masks):
        views = [view for view, mask in enumerate(masks[frame]) if mask.any()]
        some = calibration.select([calibration.names[view] for view in views])
        seen = see_masks([masks[frame][view] for view in views], some, points[frame], rotation_to_z(up), picture)
        measured[views, column] = torch.tensor(_of_frame(seen, resolution), dtype=torch.float64)
    iou, cover = measured.unbind(-1)
    return HullAgreement(iou.contiguous(), cover.contiguous())


def _of_frame(seen: SeenMasks, resolution: int) -> list[tuple[float, float]]:
    found = []
    for view in range(len(seen.cameras)):
        hull = carve_seen(seen.of([other for other in range(len(seen.cameras)) if other != view]), resolution)
        shown = _silhouette(hull.points, hull.voxel_size, seen.cameras[[view]])
        own = seen.alphas[view] > 0.5
        both = float((shown & own).sum())
        found.append((both / max(float((shown | own).sum()), 1), both / max(float(own.sum()), 1)))
    return found


def _silhouette(points: Float[Tensor, "voxel 3"], voxel_size: float, camera: Cameras) -> Bool[Tensor, "height width"]:
    """Fill the pixels that voxels cover in one view, each as the square of its own size there."""
    seen = torch.zeros(camera.height, camera.width, dtype=torch.bool)
    if not len(points):
        return seen
    depth = float(torch.linalg.vector_norm(points - camera.centers[0], dim=-1).median())
    half = voxel_size * float(camera.intrinsics[0, 0, 0]) / depth / 2
    pixels = camera.project(points)[0]
    steps = torch.arange(-half, half + 1e-9, min(half, 0.5) or 0.5, dtype=torch.float64)
    for dy in steps:
        for dx in steps:
            x, y = (pixels + torch.stack([dx, dy])).floor().long().unbind(-1)
            inside = (x >= 0) & (y >= 0) & (x < camera.width) & (y < camera.height)
            seen[y[inside], x[inside]] = True
    return seen
