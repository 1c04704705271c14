"""Lenses: there and back again, skew included."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import distort, project, undistort

K = torch.tensor([[760.0, -6.0, 648.0], [0.0, 763.0, 513.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
WIDE = torch.tensor([-0.357, 0.155, -0.00127, -0.00075, 0.0], dtype=torch.float64)  # a real home-cage lens
NONE = torch.zeros(5, dtype=torch.float64)


def grid(width: int, height: int) -> torch.Tensor:
    return torch.cartesian_prod(
        torch.linspace(0, width - 1, 23, dtype=torch.float64), torch.linspace(0, height - 1, 19, dtype=torch.float64)
    )


def test_undistorting_undoes_distorting_up_to_the_corners() -> None:
    pixels = grid(1280, 1024)
    torch.testing.assert_close(distort(undistort(pixels, K, WIDE), K, WIDE), pixels, rtol=0, atol=1e-9)


def test_without_skew_it_is_opencv() -> None:
    upright = K.clone()
    upright[0, 1] = 0
    rays = torch.tensor([[0.1, -0.3], [0.6, 0.4]], dtype=torch.float64)
    points = torch.cat([rays, torch.ones(2, 1, dtype=torch.float64)], dim=1).numpy()
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), upright.numpy(), WIDE.numpy())[0].reshape(-1, 2)
    np.testing.assert_allclose(distort(rays, upright, WIDE).numpy(), expected, atol=1e-9)


@given(
    st.floats(-0.3, 0.3), st.floats(-0.05, 0.2), st.floats(-0.005, 0.005), st.floats(-0.8, 0.8), st.floats(-0.6, 0.6)
)
def test_mild_lenses_can_be_inverted(k1: float, k2: float, p1: float, x: float, y: float) -> None:
    lens = torch.tensor([k1, k2, p1, -p1, 0.0], dtype=torch.float64)
    ray = torch.tensor([[x, y]], dtype=torch.float64)
    slope = 1 + 3 * k1 * (x * x + y * y) + 5 * k2 * (x * x + y * y) ** 2
    if slope < 0.2 or 1 + 3 * k1 < 0.2:
        return  # near the fold of the lens
    torch.testing.assert_close(undistort(distort(ray, K, lens), K, lens), ray, rtol=0, atol=1e-8)


def test_a_pixel_that_the_lens_cannot_reach_is_refused() -> None:
    folding = torch.tensor([-0.5, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)  # r (1 - r^2 / 2) never exceeds 0.55
    with pytest.raises(ValueError, match=r"pixel \[1279\.0, 513\.0\] lies where the lens cannot be inverted"):
        undistort(torch.tensor([[1279.0, 513.0]], dtype=torch.float64), K, folding)


def test_project_moves_points_into_the_camera() -> None:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor([1.0, 2.0, 10.0])
    found = project(torch.tensor([[-1.0, -2.0, 0.0]], dtype=torch.float64), K, NONE, pose)
    torch.testing.assert_close(found, K[None, :2, 2])


FISHEYE = torch.tensor([0.04, -0.01, 0.003, -0.0005], dtype=torch.float64)


def test_four_coefficients_are_a_fisheye_lens() -> None:
    upright = K.clone()
    upright[0, 1] = 0
    rays = torch.tensor([[0.0, 0.0], [0.1, -0.3], [1.6, 1.4], [-5.0, 0.2]], dtype=torch.float64)
    points = torch.cat([rays, torch.ones(4, 1, dtype=torch.float64)], dim=1).numpy()[:, None]
    expected = cv2.fisheye.projectPoints(points, np.zeros(3), np.zeros(3), upright.numpy(), FISHEYE.numpy())[0]
    np.testing.assert_allclose(distort(rays, upright, FISHEYE).numpy(), expected.reshape(-1, 2), atol=1e-9)


@given(st.floats(0.0, 84.0), st.floats(0.0, 360.0), st.floats(-0.05, 0.2))
def test_fisheye_lenses_can_be_inverted(off_axis: float, around: float, k1: float) -> None:
    lens = FISHEYE + torch.tensor([k1, 0, 0, 0], dtype=torch.float64)
    angle = torch.tensor(around, dtype=torch.float64).deg2rad()
    ray = torch.tensor(off_axis, dtype=torch.float64).deg2rad().tan() * torch.stack([angle.cos(), angle.sin()])[None]
    torch.testing.assert_close(undistort(distort(ray, K, lens), K, lens), ray, rtol=1e-8, atol=1e-9)


def test_no_lens_has_six_coefficients() -> None:
    pose, sizes = torch.eye(4, dtype=torch.float64)[None], torch.tensor([[1280, 1024]])
    for count in (4, 5, 8, 12, 14):
        Calibration(["a"], K[None], torch.zeros(1, count, dtype=torch.float64), pose, sizes)
    with pytest.raises(
        ValueError, match=r"6 coefficients of distortion a camera, expected 4 \(OpenCV's fisheye lens\)"
    ):
        Calibration(["a"], K[None], torch.zeros(1, 6, dtype=torch.float64), pose, sizes)
