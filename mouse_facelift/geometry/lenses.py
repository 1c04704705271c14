"""Lenses with distortion: from points to raw pixels and back. Pixel origin and coefficients are OpenCV's.

How many coefficients there are tells the model: 4 are those of OpenCV's fisheye lens (k1 k2 k3 k4 of the angle), 5, 8,
12 or 14 those of its ordinary lens (k1 k2 p1 p2 k3, then k4 k5 k6, then s1 s2 s3 s4, then tx ty).
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

FISHEYE, ORDINARY = 4, (5, 8, 12, 14)
"""how many coefficients each model has"""
ROUND_TRIP_LIMIT = 1e-6  # px; Newton's steps end far below it wherever the lens can be inverted
_STEPS = 50


def distort(
    rays: Float[Tensor, "point 2"], intrinsics: Float[Tensor, "3 3"], distortion: Float[Tensor, "coefficient"]
) -> Float[Tensor, "point 2"]:
    """Bring points of the plane z = 1 (x / z, y / z in camera axes) to raw pixels, skew included.

    Source: OpenCV, calib3d, `projectPoints` and `fisheye::projectPoints`.
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
    """Project world points to raw pixels. Points behind the camera come out mirrored and are the caller's affair.

    What a fisheye lens sees beside or behind itself, 90 degrees and more off its axis, is not covered.
    """
    local = points @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    return distort(local[:, :2] / local[:, 2:], intrinsics, distortion)


def _apply_coefficients(rays: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distort points of the plane z = 1 within it, and give the 2 x 2 slope at each of them."""
    if not len(rays):
        return np.zeros((0, 2)), np.zeros((0, 2, 2))
    if len(coefficients) == FISHEYE:
        return _apply_fisheye(rays, coefficients)
    points = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    still = np.zeros(3)
    distorted, slopes = cv2.projectPoints(points, still, still, np.eye(3), coefficients)
    by_translation = slopes.reshape(len(rays), 2, -1)[:, :, 3:5]
    return distorted.reshape(-1, 2), by_translation


def _apply_fisheye(rays: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distort by the angle theta off the axis: its image lies at theta (1 + k1 theta^2 + ... + k4 theta^8)."""
    radius = np.linalg.norm(rays, axis=-1)
    theta = np.arctan(radius)
    powers = theta[:, None] ** np.arange(0, 9, 2)
    series = np.concatenate([[1.0], coefficients])
    bent = theta * (powers @ series)
    rate = (powers @ (series * np.arange(1, 10, 2))) / (1 + radius**2)  # d bent / d radius
    central = radius < 1e-9
    across = np.where(central, 1.0, bent / np.where(central, 1.0, radius))
    outward = np.where(central[:, None], 0.0, rays / np.where(central, 1.0, radius)[:, None])
    slopes = across[:, None, None] * np.eye(2) + (rate - across)[:, None, None] * outward[:, :, None] * outward[:, None]
    return rays * across[:, None], slopes
