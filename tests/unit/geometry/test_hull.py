"""Visual hulls: coarse-to-fine carving finds what testing every voxel finds, and bodies are not cut."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.hull import Hull, carve, carve_closely, visible
from mouse_facelift.geometry.rotations import look_at

SIZE = 96
ORIGIN = torch.zeros(3, dtype=torch.float64)


def ring(views: int, distance: float = 2.7, focal: float = 100.0, aim: Tensor = ORIGIN) -> Cameras:
    """Cameras all around, in uneven steps and heights."""
    azimuth = torch.arange(views, dtype=torch.float64) * 2 * torch.pi / views + 0.1 * torch.arange(views) ** 2
    elevation = torch.linspace(0.1, 0.7, views, dtype=torch.float64)
    around = [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()]
    centers = aim + distance * torch.stack(around, -1)
    K = torch.tensor([[focal, 0, SIZE / 2], [0, focal, SIZE / 2], [0, 0, 1]], dtype=torch.float64)
    poses = look_at(centers, aim, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    return Cameras(poses, K.repeat(views, 1, 1), SIZE, SIZE)


def ball_silhouettes(cameras: Cameras, center: Tensor, radius: float) -> Tensor:
    """Exact silhouettes of a ball at pixel centers: rays that pass within its radius."""
    grid = torch.arange(SIZE, dtype=torch.float64) + 0.5
    pixels = torch.stack([*torch.meshgrid(grid, grid, indexing="xy"), torch.ones(SIZE, SIZE)], -1)
    rays = torch.einsum("vij,vjk,hwk->vhwi", cameras.camera_to_world[:, :3, :3], cameras.intrinsics.inverse(), pixels)
    rays = rays / torch.linalg.vector_norm(rays, dim=-1, keepdim=True)
    to_center = (center - cameras.centers)[:, None, None].expand_as(rays)
    return torch.linalg.vector_norm(torch.linalg.cross(rays, to_center), dim=-1) <= radius


def every_voxel(center: Tensor, radius: float, resolution: int) -> Tensor:
    edge = (torch.arange(resolution, dtype=torch.float64) + 0.5) * (2 * radius / resolution) - radius
    return torch.cartesian_prod(edge, edge, edge) + center


def carve_plainly(masks: Tensor, known: Tensor, cameras: Cameras, points: Tensor) -> tuple[Tensor, Tensor]:
    """Test every voxel in every view; also tell which lie so near a pixel's edge that rounding decides."""
    stays, judges = torch.ones(len(points), dtype=torch.bool), torch.zeros(len(points), dtype=torch.long)
    near_edge = torch.zeros(len(points), dtype=torch.bool)
    for view, pixels in enumerate(cameras.project(points)):
        pose = cameras.world_to_camera[view]
        ahead = points @ pose[2, :3] + pose[2, 3] > 0
        cell = pixels.floor().nan_to_num(-1).clamp(-1, SIZE).long()
        inside = ahead & ((cell >= 0) & (cell < SIZE)).all(-1)
        cell = cell.clamp(0, SIZE - 1)
        sees = inside & known[view, cell[:, 1], cell[:, 0]]
        hit = sees & masks[view, cell[:, 1], cell[:, 0]]
        unknown = np.pad(~known[view].numpy(), 2, constant_values=True)
        reached = np.stack([np.roll(unknown, (dy, dx), (0, 1)) for dy in range(-2, 3) for dx in range(-2, 3)]).any(0)
        whole = bool(masks[view].any()) and not (masks[view].numpy() & reached[2:-2, 2:-2]).any()
        judges += sees | whole
        stays &= hit if whole else ~sees | hit
        near_edge |= ((pixels - pixels.round()).abs() < 1e-2).any(-1)
    return stays & (judges >= min(2, len(cameras))), near_edge


def as_set(points: Tensor) -> set[tuple[float, ...]]:
    return {tuple(round(x, 6) for x in point) for point in points.tolist()}


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(5, 26), st.floats(0.3, 3.5), st.booleans())
def test_coarse_to_fine_equals_testing_every_voxel(
    seed: int, views: int, resolution: int, radius: float, partly_known: bool
) -> None:
    random = np.random.default_rng(seed)
    masks, known = torch.zeros(views, SIZE, SIZE, dtype=torch.bool), torch.ones(views, SIZE, SIZE, dtype=torch.bool)
    for view in range(views):
        for _ in range(random.integers(0, 5)):
            left, top = random.integers(0, SIZE, 2)
            masks[view, top : top + random.integers(1, 50), left : left + random.integers(1, 50)] = True
        if partly_known:
            known[view, :, : random.integers(0, 30)] = False
            masks[view] &= known[view]
    cameras = ring(views, distance=1.5 + 2 * random.random())
    center = torch.from_numpy(random.uniform(-0.4, 0.4, 3))
    points = every_voxel(center, radius, resolution)
    stays, near_edge = carve_plainly(masks, known, cameras, points)
    found = as_set(carve(masks, cameras, center, radius, resolution, known).points)
    assert as_set(points[stays & ~near_edge]) <= found
    assert found <= as_set(points[stays | near_edge])


@given(st.floats(0.1, 0.7), st.tuples(*[st.floats(-0.25, 0.25)] * 3), st.integers(3, 8))
@settings(max_examples=8)
def test_hull_of_a_ball_holds_the_ball_and_little_more(
    radius: float, center: tuple[float, float, float], views: int
) -> None:
    cameras, middle = ring(views), torch.tensor(center, dtype=torch.float64)
    hull = carve_closely(ball_silhouettes(cameras, middle, radius), cameras, ORIGIN, 1.5, 24)
    # A pixel of 0.035 units at the farther side is in or out by its center.
    inner = every_voxel(middle, radius, 12)
    inner = inner[torch.linalg.vector_norm(inner - middle, dim=-1) < radius - 0.035]
    gaps = torch.cdist(inner, hull.points).amin(-1)
    assert not len(inner) or float(gaps.max()) <= hull.voxel_size * 3**0.5
    assert hull.radius(middle) < 2.2 * radius + 0.05
    # Half of a voxel cube's diagonal is as much as a voxel's center says less than its corner.
    assert float(torch.linalg.vector_norm(hull.points - middle, dim=-1).max()) < hull.radius(middle)


def test_middle_and_radius_are_those_of_the_body() -> None:
    cameras, center = ring(8), torch.tensor([0.2, -0.1, 0.15], dtype=torch.float64)
    hull = carve_closely(ball_silhouettes(cameras, center, 0.4), cameras, ORIGIN, 1.5, 64)
    assert float(torch.linalg.vector_norm(hull.middle - center)) < 0.05
    assert hull.radius(hull.middle) == pytest.approx(0.4, abs=0.12)  # eight views leave corners between them


def test_a_closer_cube_never_loses_a_thin_part() -> None:
    """A rod thinner than a cell of the first cubes keeps its length."""
    cameras = ring(6)
    along = torch.linspace(-0.8, 0.9, 4000, dtype=torch.float64)
    rod = torch.stack([along, 0.3 * along + 0.05, 0.1 + 0 * along], -1)
    masks = torch.zeros(6, SIZE, SIZE, dtype=torch.bool)
    for view, pixels in enumerate(cameras.project(rod).floor().long()):
        for shift in (0, 1):
            masks[view, pixels[:, 1] + shift, pixels[:, 0]] = True
    hull = carve_closely(masks, cameras, ORIGIN, 1.5, 64)
    low, high = hull.points.amin(0), hull.points.amax(0)
    assert float(low[0]) < -0.74 and float(high[0]) > 0.82


def test_a_view_that_shows_only_a_part_does_not_carve_the_rest() -> None:
    cameras, center = ring(6), torch.tensor([0.3, 0.0, 0.0], dtype=torch.float64)
    masks = ball_silhouettes(cameras, center, 0.5)
    whole = carve(masks, cameras, center, 0.8, 24)
    known = torch.ones_like(masks)
    known[0, :, : SIZE // 2] = False
    cut = carve(masks & known, cameras, center, 0.8, 24, known)
    assert as_set(whole.points) <= as_set(cut.points)
    outside_first = carve(masks & known, cameras, center, 0.8, 24)
    assert len(outside_first) < 0.7 * len(whole)  # the same mask, were it all that this view sees


def test_nothing_is_left_where_silhouettes_share_no_point() -> None:
    cameras = ring(4)
    masks = ball_silhouettes(cameras, ORIGIN, 0.2)
    masks[2] = ball_silhouettes(cameras, torch.tensor([0.0, 0.0, 0.6], dtype=torch.float64), 0.1)[2]
    for hull in (carve(masks, cameras, ORIGIN, 1.0, 20), carve_closely(masks, cameras, ORIGIN, 1.0, 20)):
        assert len(hull) == 0
        with pytest.raises(ValueError, match="visual hull is empty"):
            _ = hull.middle


def test_soft_alpha_counts_above_one_half() -> None:
    cameras = ring(4)
    masks = ball_silhouettes(cameras, ORIGIN, 0.3)
    soft = torch.where(masks, 0.51, 0.5)
    hard, softened = carve(masks, cameras, ORIGIN, 0.5, 16), carve(soft, cameras, ORIGIN, 0.5, 16)
    assert torch.equal(hard.points, softened.points)


def test_surface_is_what_has_an_empty_neighbor() -> None:
    cube = Hull(every_voxel(torch.tensor([5.0, -2.0, 0.3], dtype=torch.float64), 1.0, 6), 2 / 6)
    assert len(cube.surface()) == 6**3 - 4**3
    hollow = Hull(cube.points[torch.arange(len(cube)) != 2 * 36 + 2 * 6 + 2], cube.voxel_size)
    assert len(hollow.surface()) == 6**3 - 4**3 + 6


def test_views_see_the_near_side() -> None:
    cameras, center = ring(5), torch.tensor([0.1, 0.1, 0.0], dtype=torch.float64)
    spiral = torch.arange(4000, dtype=torch.float64) + 0.5
    polar, turn = torch.arccos(1 - 2 * spiral / 4000), torch.pi * (1 + 5**0.5) * spiral
    normals = torch.stack([turn.cos() * polar.sin(), turn.sin() * polar.sin(), polar.cos()], -1)
    points = center + 0.5 * normals
    seen = visible(points, cameras, spacing=0.03)
    toward = torch.nn.functional.normalize(cameras.centers[:, None] - points, dim=-1)
    facing = (toward * normals).sum(-1)
    assert bool(seen[facing > 0.5].all())
    assert not bool(seen[facing < -0.4].any())
