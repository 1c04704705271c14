"""What is left between pictures and cameras once the world may move, or the views make their own points."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.simulation.agreement import aligned_errors, mutual_errors, rays_to

seeds = st.integers(0, 2**32 - 1)


def ring() -> Cameras:
    angles = torch.arange(6, dtype=torch.float64) * torch.pi / 3
    centers = 2.7 * torch.stack([angles.cos(), angles.sin(), 0.2 + 0.1 * angles.sin()], -1)
    poses = look_at(centers, torch.zeros(3, dtype=torch.float64), torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    K = torch.tensor([[68.6, 0, 32], [0, 68.6, 32], [0, 0, 1]], dtype=torch.float64).repeat(6, 1, 1)
    return Cameras(poses, K, 64, 64)


def scattered(seed: int) -> tuple[np.random.Generator, Tensor, Tensor]:
    random = np.random.default_rng(seed)
    points = torch.from_numpy(random.normal(0, 0.2, (300, 3)))
    return random, points, torch.from_numpy(random.uniform(size=(6, 300)) < 0.7)


@given(seeds)
@settings(max_examples=8)
def test_a_moved_world_is_no_disagreement(seed: int) -> None:
    random, points, seen = scattered(seed)
    turn = torch.from_numpy(Rotation.from_rotvec(random.normal(0, 0.1, 3)).as_matrix())
    moved = random.uniform(0.8, 1.2) * points @ turn.T + torch.from_numpy(random.normal(0, 0.1, 3))
    shown = ring().project(moved)
    assert float(torch.linalg.vector_norm(ring().project(points) - shown, dim=-1).max()) > 1
    assert float(aligned_errors(ring(), points, shown, seen)[seen].max()) < 1e-4
    mutual, counted = mutual_errors(ring(), shown, seen)
    assert float(mutual[counted].max()) < 1e-6


@given(seeds)
@settings(max_examples=8)
def test_a_shift_of_one_view_cannot_be_moved_away(seed: int) -> None:
    _, points, seen = scattered(seed)
    shown = ring().project(points)
    shown[2] += torch.tensor([0.0, 5.0], dtype=torch.float64)
    assert float(aligned_errors(ring(), points, shown, seen)[seen].max()) > 1
    mutual, counted = mutual_errors(ring(), shown, seen)
    assert float(torch.quantile(mutual[2][counted[2]], 0.5)) > 1
    assert bool((counted.sum(0)[counted.any(0)] >= 3).all())


@given(seeds)
@settings(max_examples=8)
def test_rays_meet_their_points(seed: int) -> None:
    _, points, _ = scattered(seed)
    toward = torch.nn.functional.normalize(points - ring().centers[:, None], dim=-1)
    torch.testing.assert_close(rays_to(ring(), ring().project(points)), toward)
