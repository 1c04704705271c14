"""Pixels moved to where a told camera sees the animal's visual hull, so that a moved camera lies less."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from mouse_facelift.carving.body import find_body
from mouse_facelift.carving.pinholes import see_masks
from mouse_facelift.carving.viewpoints import Session, Viewpoints
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.rectification import Rectification
from mouse_facelift.imaging.resample import SamplingMap, ray_map

PIXELS_PER_VOXEL = 3
"""of the cube's edge, in pictures of the masks: a pixel is less than half a voxel"""
STEP = 2.0**-12
"""world units to which depths are rounded before use, so that those written are those used: 1e-3 px of 512 at most"""


def rectify(
    session: Session,
    views: Viewpoints,
    masks: Sequence[Bool[np.ndarray, "_height _width"]],
    near: Float[Tensor, "3"],
    resolution: int,
) -> Rectification:
    """Carve the animal, and see how far from the told cameras its hull is.

    Args:
        session: of the recording.
        views: of the frame; told cameras stand on the axes of the taken ones.
        masks: raw, one per camera, none empty.
        near: about where the animal is, mm in the file's world.
        resolution: voxels along an edge of the cube that holds it.

    Raises:
        ValueError: no point lies in all silhouettes.
    """
    seen = see_masks(masks, session.calibration, near, session.upright, PIXELS_PER_VOXEL * resolution)
    body = find_body(seen, resolution)
    surface = views.similarity.points(body.surface)
    depths = surface_depths(views.told, surface, body.spacing * views.similarity.scale)
    return Rectification(views.taken, views.told, (depths / STEP).round() * STEP)


def surface_depths(
    cameras: Cameras, surface: Float[Tensor, "surface 3"], spacing: float
) -> Float[Tensor, "view height width"]:
    """Depth along the axis of a surface given by points, at every pixel.

    Each point covers a square of about the spacing; the nearest counts. Pixels that no point covers take the depth of
    the nearest covered one, so that the animal's soft edge moves with its rim; then all is smoothed by a spacing. A
    view that shows no point has its plane through the origin throughout.

    Args:
        cameras: whose pixels.
        surface: points, world units.
        spacing: between them.
    """
    pose = cameras.world_to_camera
    depths = torch.empty(len(cameras), cameras.height, cameras.width, dtype=torch.float64)
    for view, pixels in enumerate(cameras.project(surface)):
        depth = surface @ pose[view, 2, :3] + pose[view, 2, 3]
        breadth = spacing * float(cameras.intrinsics[view, 0, 0] / depth.median())  # px
        nearest = _splat(pixels, depth, round(breadth / 2), cameras.width, cameras.height)
        covered = np.isfinite(nearest)
        if not covered.any():
            depths[view] = pose[view, 2, 3]
            continue
        rows, columns = distance_transform_edt(~covered, return_distances=False, return_indices=True)
        smooth = cv2.GaussianBlur(nearest[rows, columns], (0, 0), max(breadth, 0.5), borderType=cv2.BORDER_REPLICATE)
        depths[view] = torch.from_numpy(smooth)
    return depths


def rectified_maps(session: Session, views: Viewpoints, rectification: Rectification) -> list[SamplingMap]:
    """Build each view's one map: from pixels of the told camera, over the hull, to raw pixels."""
    raw_poses = views.similarity.poses(invert_poses(session.calibration.world_to_camera))
    lenses = zip(
        session.calibration.intrinsics, session.calibration.distortion, raw_poses, rectification.points(), strict=True
    )
    return [
        ray_map(K.numpy(), distortion.numpy(), ((points - pose[:3, 3]) @ pose[:3, :3]).numpy())
        for K, distortion, pose, points in lenses
    ]


def _splat(
    pixels: Float[Tensor, "point 2"], depth: Float[Tensor, "point"], half: int, width: int, height: int
) -> Float[np.ndarray, "height width"]:
    """Least depth in each pixel, infinite where there is none; points cover `half` pixels to either side."""
    nearest = torch.full((height * width,), torch.inf, dtype=torch.float64)
    limits = torch.tensor([width, height])
    for across in range(-half, half + 1):
        for down in range(-half, half + 1):
            cells = pixels.clamp(-(2**20), 2**20).floor().long() + torch.tensor([across, down])
            inside = (depth > 0) & (cells >= 0).all(-1) & (cells < limits).all(-1)
            index = cells[inside, 1] * width + cells[inside, 0]
            nearest.scatter_reduce_(0, index, depth[inside], "amin")
    return nearest.reshape(height, width).numpy()
