"""Depth of a hull's surface, against spheres and against boxes met one by one."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.hull import Hull
from mouse_facelift.geometry.hull_depths import hull_depths
from mouse_facelift.geometry.rotations import look_at


def camera(center: tuple[float, float, float], size: int = 24, focal: float = 25.0) -> Cameras:
    pose = look_at(
        torch.tensor([center], dtype=torch.float64), torch.zeros(3).double(), torch.tensor([0.0, 0.0, 1.0]).double()
    )
    K = torch.tensor([[[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]]], dtype=torch.float64)
    return Cameras(pose, K, size, size)


def solid_ball(resolution: int, radius: float = 0.7) -> Hull:
    steps = (torch.arange(resolution, dtype=torch.float64) + 0.5) / resolution * 2 - 1
    points = torch.cartesian_prod(steps, steps, steps)
    return Hull(points[torch.linalg.vector_norm(points, dim=-1) <= radius], 2 / resolution)


def test_a_ball_is_as_far_as_its_surface() -> None:
    hull, seen = solid_ball(96), camera((2.0, -1.5, 0.9))
    depths = hull_depths(hull, seen)[0]
    assert depths.shape == (24, 24)
    middle = math.sqrt(2.0**2 + 1.5**2 + 0.9**2) - 0.7
    assert float(depths[11:13, 11:13].mean()) == pytest.approx(middle, abs=1.5 * hull.voxel_size)
    assert math.isinf(float(depths[0, 0]))
    share = float(depths.isfinite().double().mean())
    distance = middle + 0.7
    assert share == pytest.approx(math.pi * (25 * 0.7 / math.sqrt(distance**2 - 0.49)) ** 2 / 24**2, rel=0.08)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12, unique=True),
    st.floats(-2, 2),
    st.floats(-1, 1),
)
def test_every_ray_stops_where_the_first_box_begins(cells: list[tuple[int, int, int]], x: float, z: float) -> None:
    """Each voxel is met by itself, by the slabs of its box; the nearest counts."""
    size = 0.2
    points = (torch.tensor(cells, dtype=torch.float64) - 2) * size
    seen = camera((x, 2.0, z), size=8, focal=12.0)
    found = hull_depths(Hull(points, size), seen)[0].flatten()
    inverse = torch.linalg.inv(seen.intrinsics[0])
    pose = seen.camera_to_world[0]
    for pixel in range(64):
        ray = pose[:3, :3] @ inverse @ torch.tensor([pixel % 8 + 0.5, pixel // 8 + 0.5, 1.0], dtype=torch.float64)
        ends = torch.stack([(points + side * size / 2 - pose[:3, 3]) / ray for side in (-1, 1)])
        near, far = ends.amin(0).amax(-1), ends.amax(0).amin(-1)
        cut = (far - near) * torch.linalg.vector_norm(ray)
        surely, maybe = near[cut >= size / 2], near[cut > 0]
        if math.isfinite(found[pixel]):
            assert float((maybe - found[pixel]).abs().min()) < size / 16
            assert len(surely) == 0 or found[pixel] < surely.min() + size / 16
        else:
            assert len(surely) == 0


def test_nothing_has_no_surface() -> None:
    with pytest.raises(ValueError, match="empty hull"):
        hull_depths(Hull(torch.zeros(0, 3, dtype=torch.float64), 0.1), camera((2.0, 0.0, 0.0)))


def test_what_is_behind_the_camera_is_not_seen() -> None:
    assert not bool(
        hull_depths(Hull(torch.tensor([[4.0, 0.0, 0.0]]).double(), 0.5), camera((2.0, 0.0, 0.0))).isfinite().any()
    )
