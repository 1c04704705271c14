"""Raw masks as pinholes see them that stand at the lenses' centers and look at the animal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.lenses import project
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.imaging.resample import SamplingMap, lens_map, resample_mask

MARGIN = 1.3
"""of the silhouette's reach: a pinhole's picture shows so much around the animal"""


@dataclass(frozen=True)
class SeenMasks:
    """Masks without their lenses, in a world about the animal, z up, in the unit of the rig."""

    alphas: Float[Tensor, "view height width"]
    """0 to 1"""
    known: Bool[Tensor, "view height width"]
    """False where the raw picture shows nothing"""
    cameras: Cameras
    similarity: Similarity
    """from the rig's world to this one, of scale 1"""
    reach: float
    """nothing of the animal is further from the origin"""

    def of(self, views: list[int]) -> "SeenMasks":
        """Take some views; how far the animal reaches stays."""
        return SeenMasks(self.alphas[views], self.known[views], self.cameras[views], self.similarity, self.reach)


def see_masks(
    masks: Sequence[Bool[np.ndarray, "_ _"]],
    calibration: Calibration,
    point: Float[Tensor, "3"],
    upright: Float[Tensor, "3 3"],
    size: int,
) -> SeenMasks:
    """Undo the lenses of masks, one resampling each.

    Args:
        masks: raw, one per camera, none empty.
        calibration: the lenses.
        point: about where the animal is.
        upright: rotation that turns up to +z.
        size: px, side of the pinholes' pictures; each shows its own silhouette and a margin.
    """
    similarity = Similarity(1.0, upright, point)
    tangents = torch.stack([_tangent(mask, calibration, view, point) for view, mask in enumerate(masks)])
    distances = torch.linalg.vector_norm(calibration.centers - point, dim=-1)
    K = torch.eye(3, dtype=torch.float64).repeat(len(masks), 1, 1)
    K[:, 0, 0] = K[:, 1, 1] = size / 2 / tangents
    K[:, :2, 2] = size / 2
    cameras = turned_cameras(calibration, similarity, K, size)
    maps = sampling_maps(calibration, similarity, cameras)
    alphas = [resample_mask(mask, sampling) for mask, sampling in zip(masks, maps, strict=True)]
    known = [sampling.inside(mask.shape[1], mask.shape[0]) for mask, sampling in zip(masks, maps, strict=True)]
    reach = float((tangents * distances).max())
    return SeenMasks(torch.from_numpy(np.stack(alphas)), torch.from_numpy(np.stack(known)), cameras, similarity, reach)


def turned_cameras(
    calibration: Calibration,
    similarity: Similarity,
    intrinsics: Float[Tensor, "3 3"] | Float[Tensor, "view 3 3"],
    image_size: int,
) -> Cameras:
    """Set pinholes at the lenses' centers, turned to look at the origin of the similarity's world, z up."""
    centers = similarity.points(calibration.centers)
    origin, up = torch.zeros(3, dtype=torch.float64), torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    poses = look_at(centers, origin, up)
    return Cameras(poses, intrinsics.expand(len(poses), 3, 3).clone(), image_size, image_size)


def sampling_maps(
    calibration: Calibration,
    similarity: Similarity,
    taken: Cameras,
    masks: Sequence[Bool[np.ndarray, "_ _"]] | None = None,
) -> list[SamplingMap]:
    """Build each view's one map: from pixels of its pinhole, at the lens's center, to raw pixels.

    Args:
        calibration: the lenses.
        similarity: from their world to that of the pinholes.
        taken: the pinholes.
        masks: raw; maps are built only where these show the animal. None: everywhere.
    """
    raw_poses = similarity.poses(invert_poses(calibration.world_to_camera))
    turns = taken.camera_to_world[:, :3, :3].mT @ raw_poses[:, :3, :3]
    shown = [None] * len(taken) if masks is None else masks
    lenses = zip(calibration.intrinsics, calibration.distortion, turns, taken.intrinsics, shown, strict=True)
    return [
        lens_map(K.numpy(), distortion.numpy(), turn.numpy(), new_K.numpy(), taken.width, taken.height, mask)
        for K, distortion, turn, new_K, mask in lenses
    ]


def _tangent(mask: np.ndarray, calibration: Calibration, view: int, point: Float[Tensor, "3"]) -> Float[Tensor, ""]:
    """Tangent of the angle that a silhouette, with a margin, reaches from the direction of the point."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    corners = torch.tensor([[x, y] for x in columns[[0, -1]] for y in rows[[0, -1]]], dtype=torch.float64)
    lens = calibration.intrinsics[view], calibration.distortion[view], calibration.world_to_camera[view]
    furthest = torch.linalg.vector_norm(project(point[None], *lens) - corners, dim=-1).max()
    focal = calibration.intrinsics[view, :2, :2].diagonal().mean()
    tangent: Float[Tensor, ""] = MARGIN * (furthest + 1) / focal
    return tangent
