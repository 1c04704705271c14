"""How well each view agrees with what all the others say of the animal: its place, and its shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.hull import carve_closely
from mouse_facelift.geometry.lenses import project
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.geometry.triangulation import meet_rays
from mouse_facelift.imaging.resample import lens_map, resample_mask

MARGIN = 1.3
"""of the silhouettes' reach: pictures in which hulls are compared show so much around the animal"""


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
    calibration: Calibration,
) -> Float[Tensor, "view frame"]:
    """Measure in px how far each mask's center lies from where the rays of all other views meet.

    Centers of silhouettes are no views of one point, so this is never 0; a camera that is off stands out.

    Args:
        directions: of the rays through the masks' centers, world axes.
        pixels: those centers, OpenCV pixel origin.
        calibration: the cameras, in the order of the views.
    """
    residuals = []
    for view in range(len(calibration)):
        others = [other for other in range(len(calibration)) if other != view]
        met = meet_rays(calibration.centers[others], directions[:, others]).points
        lens = calibration.intrinsics[view], calibration.distortion[view], calibration.world_to_camera[view]
        residuals.append(torch.linalg.vector_norm(project(met, *lens) - pixels[view], dim=-1))
    return torch.stack(residuals)


def hull_agreement(
    masks: Mapping[int, Sequence[Bool[np.ndarray, "_ _"]]],
    points: Mapping[int, Float[Tensor, "3"]],
    calibration: Calibration,
    picture: int,
    resolution: int,
) -> HullAgreement:
    """Carve the animal from all views but one, and compare its silhouette with that view's mask.

    Args:
        masks: of all views, by frame.
        points: about where the animal is, mm, by frame.
        calibration: the cameras, in the order of the views.
        picture: side of the pinhole's pictures in which silhouettes are compared, px.
        resolution: voxels along an edge.
    """
    measured = [_of_frame(masks[frame], points[frame], calibration, picture, resolution) for frame in masks]
    iou, cover = torch.tensor(measured, dtype=torch.float64).unbind(-1)
    return HullAgreement(iou.T.contiguous(), cover.T.contiguous())


def _of_frame(
    masks: Sequence[np.ndarray], point: Float[Tensor, "3"], calibration: Calibration, picture: int, resolution: int
) -> list[tuple[float, float]]:
    alphas, cameras, radius = _rectified(masks, point, calibration, picture)
    found = []
    for view in range(len(cameras)):
        others = [other for other in range(len(cameras)) if other != view]
        hull = carve_closely(alphas[others], cameras[others], point, radius, resolution)
        seen = _silhouette(hull.points, hull.voxel_size, cameras[[view]])
        own = alphas[view] > 0.5
        both = float((seen & own).sum())
        found.append((both / max(float((seen | own).sum()), 1), both / max(float(own.sum()), 1)))
    return found


def _rectified(
    masks: Sequence[np.ndarray], point: Float[Tensor, "3"], calibration: Calibration, picture: int
) -> tuple[Float[Tensor, "view height width"], Cameras, float]:
    """Show each mask as a pinhole at its lens's center sees it that looks at the animal; and how far it reaches, mm."""
    raw = invert_poses(calibration.world_to_camera)
    up = -raw[:, :3, 1].mean(dim=0)
    poses = look_at(calibration.centers, point, up)
    distances = torch.linalg.vector_norm(calibration.centers - point, dim=-1)
    reaches = []
    for view, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        across = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
        middle = torch.tensor([[float(np.mean(columns)), float(np.mean(rows))]], dtype=torch.float64)
        lens = calibration.intrinsics[view], calibration.distortion[view], calibration.world_to_camera[view]
        beside = float(torch.linalg.vector_norm(project(point[None], *lens) - middle))
        reaches.append((across / 2 + beside) / float(calibration.intrinsics[view, 0, 0]))
    tangents = MARGIN * torch.tensor(reaches, dtype=torch.float64)
    K = torch.eye(3, dtype=torch.float64).repeat(len(masks), 1, 1)
    K[:, 0, 0] = K[:, 1, 1] = picture / 2 / tangents
    K[:, :2, 2] = picture / 2
    cameras = Cameras(poses, K, picture, picture)
    alphas = []
    for view, mask in enumerate(masks):
        turn = poses[view, :3, :3].T @ raw[view, :3, :3]
        K_lens, coefficients = calibration.intrinsics[view].numpy(), calibration.distortion[view].numpy()
        sampling = lens_map(K_lens, coefficients, turn.numpy(), K[view].numpy(), picture, picture)
        alphas.append(torch.from_numpy(resample_mask(mask, sampling)))
    return torch.stack(alphas), cameras, float((tangents * distances).median())


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
