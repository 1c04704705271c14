"""The wrong way `relabel`: every view crops and scales by itself, and the contract's camera is written beside it.

Source: `preprocess_pixel_based` of kafkapple/FaceLift, which gives each view its own scale and shift from the area and
center of its mask and leaves the cameras as if nothing had happened.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.carving.viewpoints import Session, Viewpoints
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.geometry.lenses import undistort
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.normalization.viewpoints import UP
from mouse_facelift.settings import CameraContract, Relabel


def relabel_views(
    session: Session,
    center: Float[Tensor, "3"],
    masks: Sequence[Bool[np.ndarray, "_height _width"]],
    relabel: Relabel,
    contract: CameraContract,
) -> Viewpoints:
    """Crop a square around each silhouette from the undistorted picture, and tell of the contract's camera.

    The square's middle is that of the silhouette's box, and its larger side takes the same share of every picture. The
    told cameras stand in the true directions from the animal, at the contract's distance. As with `resize`, a lens's
    skew is not kept.

    Args:
        session: of the recording.
        center: the animal's, mm in the file's world.
        masks: raw, one per camera, none empty.
        relabel: how large the animal is to be.
        contract: the camera that is written.

    Raises:
        ValueError: a silhouette lies where the lens cannot be inverted.
    """
    similarity = session.centered(center)
    poses = similarity.poses(invert_poses(session.calibration.world_to_camera))
    size = contract.image_size
    crops = torch.stack([_crop(session.calibration, view, mask, relabel.fill, size) for view, mask in enumerate(masks)])
    directions = torch.nn.functional.normalize(poses[:, :3, 3], dim=-1)
    told = look_at(contract.distance * directions, torch.zeros(3, dtype=torch.float64), tensor(UP))
    K = contract_intrinsics(contract).repeat(len(told), 1, 1)
    return Viewpoints(similarity, taken=Cameras(poses, crops, size, size), told=Cameras(told, K, size, size))


def _crop(
    calibration: Calibration, view: int, mask: Bool[np.ndarray, "height width"], fill: float, size: int
) -> Float[Tensor, "3 3"]:
    """K of the square around a silhouette, scaled to `size` px."""
    K = calibration.intrinsics[view]
    focal = K.diagonal()[:2]
    plane = undistort(_outline(mask), K, calibration.distortion[view]) * focal
    low, high = plane.amin(0), plane.amax(0)
    scale = fill * size / (high - low).max()
    crop = torch.eye(3, dtype=torch.float64)
    crop[:2, :2] = torch.diag(scale * focal)
    crop[:2, 2] = size / 2 - scale * (low + high) / 2
    return crop


def _outline(mask: Bool[np.ndarray, "height width"]) -> Float[Tensor, "point 2"]:
    """Outer corners of the pixels at a silhouette's edge, OpenCV's origin."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    edge = torch.from_numpy(np.concatenate(found)[:, 0]).double()
    corners = tensor([(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)])
    return (edge[:, None] + corners).reshape(-1, 2)
