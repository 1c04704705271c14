"""Moved pixels lie where the told camera has the surface, as far as both cameras see it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rectification import Rectification
from mouse_facelift.geometry.rotations import look_at

SIZE, RADIUS = 128, 0.6


def cameras_at(distances: list[float], focal: float) -> Cameras:
    directions = torch.nn.functional.normalize(
        torch.tensor([[1.0, 0.2, 0.3], [-0.5, 1.0, 0.1], [0.2, -1.0, 0.6]], dtype=torch.float64), dim=-1
    )
    centers = directions * torch.tensor(distances, dtype=torch.float64)[:, None]
    poses = look_at(centers, torch.zeros(3, dtype=torch.float64), torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    K = torch.tensor([[focal, 0, SIZE / 2], [0, focal, SIZE / 2], [0, 0, 1]], dtype=torch.float64).repeat(3, 1, 1)
    K[:, :2, :2] *= (torch.tensor(distances, dtype=torch.float64) / 2.7)[:, None, None]
    return Cameras(poses, K, SIZE, SIZE)


def sphere_depths(cameras: Cameras) -> Tensor:
    """Depth along the axis to the sphere; beside it, to the ring where rays touch it."""
    depths = torch.zeros(3, SIZE, SIZE, dtype=torch.float64)
    grid = torch.arange(SIZE, dtype=torch.float64) + 0.5
    pixels = torch.stack([*torch.meshgrid(grid, grid, indexing="xy"), torch.ones(SIZE, SIZE)], -1)
    for view, K in enumerate(cameras.intrinsics):
        rays = pixels.double() @ torch.linalg.inv(K).T
        distance = float(torch.linalg.vector_norm(cameras.centers[view]))
        a, b, c = (rays**2).sum(-1), distance, distance**2 - RADIUS**2
        hit = (b - (b**2 - a * c).clamp(min=0).sqrt()) / a
        depths[view] = torch.where(b**2 > a * c, hit, c / distance)
    return depths


def sphere_points(seed: int) -> Tensor:
    normals = torch.from_numpy(np.random.default_rng(seed).normal(size=(400, 3)))
    return RADIUS * torch.nn.functional.normalize(normals, dim=-1)


@pytest.mark.parametrize("distances", [[2.0, 2.4, 3.4], [3.0, 1.9, 2.7]])
def test_a_rectified_picture_is_the_told_camera_s(distances: list[float]) -> None:
    """Unrectified, the sphere's front is off by pixels; rectified, by what depths between pixels' centers cost."""
    taken, told = cameras_at(distances, 140.0), cameras_at([2.7] * 3, 140.0)
    rectification = Rectification(taken, told, sphere_depths(told))
    points = sphere_points(0)
    shown, wanted, before = rectification.shown(points), told.project(points), taken.project(points)
    for view, eyes in enumerate(zip(taken.centers, told.centers, strict=True)):
        toward = [torch.nn.functional.normalize(eye - points, dim=-1) for eye in eyes]
        facing = torch.stack([(direction * points).sum(-1) / RADIUS for direction in toward]).amin(0) > 0.3
        off = torch.linalg.vector_norm(shown[view] - wanted[view], dim=-1)[facing]
        assert float(off.max()) < 0.1
        if distances[view] != 2.7:
            assert float(torch.linalg.vector_norm(before[view] - wanted[view], dim=-1)[facing].max()) > 0.4


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_without_a_move_depth_does_not_matter(seed: int) -> None:
    told = cameras_at([2.0, 2.4, 3.4], 140.0)
    depths = torch.from_numpy(np.random.default_rng(seed).uniform(1.5, 3.5, (3, SIZE, SIZE)))
    points = sphere_points(seed)
    torch.testing.assert_close(Rectification(told, told, depths).shown(points), told.project(points))


def test_points_lie_behind_their_pixels() -> None:
    told = cameras_at([2.7] * 3, 140.0)
    points = Rectification(told, told, sphere_depths(told)).points()
    for view in range(3):
        found = told.project(points[view].reshape(-1, 3))[view].reshape(SIZE, SIZE, 2)
        assert found[5, 20].tolist() == pytest.approx([20.5, 5.5])
        assert found[90, 64].tolist() == pytest.approx([64.5, 90.5])
    radii = torch.linalg.vector_norm(points, dim=-1)
    assert float(radii.amin()) == pytest.approx(RADIUS, abs=1e-9)
