"""Lenses with distortion: from points to raw pixels and back. Pixel origin and coefficients are OpenCV's."""

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ROUND_TRIP_LIMIT = 1e-6  # px; Newton's steps end far below it wherever the lens can be inverted
_STEPS = 50


def distort(
    rays: Float[Tensor, "point 2"], intrinsics: Float[Tensor, "3 3"], distortion: Float[Tensor, "coefficient"]
) -> Float[Tensor, "point 2"]:
    """Bring points of the plane z = 1 (x / z, y / z in camera axes) to raw pixels, skew included.

    Source: OpenCV, calib3d, `projectPoints`.
    """
    distorted = torch.from_numpy(_apply_coefficients(rays.numpy(), distortion.numpy())[0])
    return distorted @ intrinsics[:2, :2].T + intrinsics[:2, 2]


def undistort(
    pixels: Float[Tensor, "point 2"], intrinsics: Float[Tensor, "3 3"], distortion: Float[Tensor, "coefficient"]
) -> Float[Tensor, "point 2"]:
    """Bring raw pixels to points of the plane z = 1, by Newton's method on `distort`.

    `cv2.undistortPoints` takes five steps of a slower method (14 px off in the corner of a lens with k1 = -0.36) and
    no skew.

    Raises:
        ValueError: the lens model reaches no such pixel, or folds back before it.
    """
    wanted = ((pixels - intrinsics[:2, 2]) @ torch.linalg.inv(intrinsics[:2, :2]).T).numpy()
    rays = wanted.copy()
    coefficients = distortion.numpy()
    for _ in range(_STEPS):
        found, slopes = _apply_coefficients(rays, coefficients)
        misses = found - wanted
        folded = np.linalg.det(slopes) <= 0
        if folded.any() or not np.isfinite(rays).all() or np.abs(misses).max(initial=0) < 1e-15:
            break
        rays = rays - np.linalg.solve(slopes, misses[..., None])[..., 0]
    undistorted = torch.from_numpy(rays)
    found, slopes = _apply_coefficients(rays, coefficients)
    apart = torch.linalg.vector_norm(torch.from_numpy(found - wanted) @ intrinsics[:2, :2].T, dim=-1)
    bad = ~(apart < ROUND_TRIP_LIMIT) | torch.from_numpy(np.linalg.det(slopes) <= 0)
    if bool(bad.any()):
        pixel = [round(x, 1) for x in pixels[bad][0].tolist()]
        raise ValueError(f"pixel {pixel} lies where the lens cannot be inverted; distortion {distortion.tolist()}")
    return undistorted


def project(
    points: Float[Tensor, "point 3"],
    intrinsics: Float[Tensor, "3 3"],
    distortion: Float[Tensor, "coefficient"],
    world_to_camera: Float[Tensor, "4 4"],
) -> Float[Tensor, "point 2"]:
    """Project world points to raw pixels. Points behind the camera come out mirrored and are the caller's affair."""
    local = points @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    return distort(local[:, :2] / local[:, 2:], intrinsics, distortion)


def _apply_coefficients(rays: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distort points of the plane z = 1 within it, and give the 2 x 2 slope at each of them."""
    if not len(rays):
        return np.zeros((0, 2)), np.zeros((0, 2, 2))
    points = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    still = np.zeros(3)
    distorted, slopes = cv2.projectPoints(points, still, still, np.eye(3), coefficients)
    by_translation = slopes.reshape(len(rays), 2, -1)[:, :, 3:5]
    return distorted.reshape(-1, 2), by_translation
