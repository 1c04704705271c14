"""Where the animal is in a frame and how far it reaches, from its silhouettes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.formats.manifest import tensor
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.hull import Hull, carve_closely
from mouse_facelift.imaging.resample import resample_mask
from mouse_facelift.normalization.viewpoints import Session, sampling_maps, turned_cameras

SEARCH = 1.5  # of the radius allowed for a subject: how far from the masks' common center its hull is sought
PIXELS_PER_VOXEL = 4  # of the whole search cube; the close cube has less than half its edge, so two pixels a voxel


@dataclass(frozen=True)
class Body:
    """The animal's visual hull, in the file's world, mm."""

    center: Float[Tensor, "3"]
    """middle of its bounding box, whose third axis is upright"""
    radius: float
    """no part lies further from the center"""
    surface: Float[Tensor, "surface 3"]
    spacing: float
    """of the surface's points"""


def find_body(
    session: Session,
    masks: Sequence[Bool[np.ndarray, "height width"]],
    near: Float[Tensor, "3"],
    subject_radius: float,
    resolution: int,
) -> Body:
    """Carve the animal from its raw masks, through undistorted pictures of them that are turned to where it is.

    Args:
        session: lenses, up, scale.
        masks: raw, one per camera.
        near: where the rays through the masks' centers meet, mm in the file's world.
        subject_radius: world units that a subject may reach from its center.
        resolution: voxels along an edge of the cube that holds the animal.

    Raises:
        ValueError: no point lies in all silhouettes.
    """
    similarity = session.centered(near)
    reach = SEARCH * subject_radius
    cameras = _searching_cameras(session, near, reach, PIXELS_PER_VOXEL * resolution)
    maps = sampling_maps(session.calibration, similarity, cameras)
    alphas = np.stack([resample_mask(mask, sampling) for mask, sampling in zip(masks, maps, strict=True)])
    known = np.stack(
        [sampling.inside(mask.shape[1], mask.shape[0]) for mask, sampling in zip(masks, maps, strict=True)]
    )
    origin = torch.zeros(3, dtype=torch.float64)
    hull = carve_closely(torch.from_numpy(alphas), cameras, origin, reach, resolution, torch.from_numpy(known))
    if not len(hull):
        areas = [int(mask.sum()) for mask in masks]
        raise ValueError(
            "no point lies in the silhouettes of all cameras that see it, within"
            f" {reach / session.scale:.0f} mm of where the masks' centers meet,"
            f" {[round(x, 1) for x in near.tolist()]} mm; mask areas {areas} px"
        )
    return _in_millimeters(hull, session, near)


def _searching_cameras(session: Session, near: Float[Tensor, "3"], reach: float, image_size: int) -> Cameras:
    """Pinholes whose pictures just span the search cube's width at its middle."""
    similarity = session.centered(near)
    distances = torch.linalg.vector_norm(similarity.points(session.calibration.centers), dim=-1)
    intrinsics = tensor([[0, 0, image_size / 2], [0, 0, image_size / 2], [0, 0, 1]]).repeat(len(distances), 1, 1)
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = image_size / 2 * distances / reach
    return turned_cameras(session.calibration, similarity, intrinsics, image_size)


def _in_millimeters(hull: Hull, session: Session, near: Float[Tensor, "3"]) -> Body:
    similarity = session.centered(near)
    middle = hull.middle
    return Body(
        center=similarity.inverse_points(middle),
        radius=hull.radius(middle) / session.scale,
        surface=similarity.inverse_points(hull.surface()),
        spacing=hull.voxel_size / session.scale,
    )
