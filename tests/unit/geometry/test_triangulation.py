"""Rays meet where they should, and one wrong ray does not move the meeting."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.geometry.triangulation import meet_rays

SEEDS = st.integers(0, 10_000)


def ring(views: int, seed: int) -> torch.Tensor:
    """Cameras about 300 mm around the origin, above it."""
    generator = torch.Generator().manual_seed(seed)
    turn = torch.arange(views, dtype=torch.float64) * (2 * torch.pi / views)
    turn = turn + 0.3 * torch.rand(views, generator=generator, dtype=torch.float64)
    height = 50 + 150 * torch.rand(views, generator=generator, dtype=torch.float64)
    return torch.stack([280 * turn.cos(), 280 * turn.sin(), height], dim=-1)


def points(frames: int, seed: int, spread: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + 1)
    return spread * torch.randn(frames, 3, generator=generator, dtype=torch.float64)


@given(SEEDS, st.integers(2, 8))
@settings(max_examples=10)
def test_exact_rays_meet_in_their_point(seed: int, views: int) -> None:
    origins, targets = ring(max(views, 3), seed)[:views], points(4, seed, spread=40)
    lengths = 1 + 3 * torch.rand(4, views, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    meetings = meet_rays(origins, (targets[:, None] - origins) * lengths)
    torch.testing.assert_close(meetings.points, targets, rtol=0, atol=1e-6)
    assert float(meetings.rms_misses.max()) < 1e-6
    torch.testing.assert_close(meetings.depths, (targets[:, None] - origins).norm(dim=-1))


@given(SEEDS, st.integers(5, 8), st.floats(60, 1000))
@settings(max_examples=10)
def test_one_gross_outlier_moves_the_point_little(seed: int, views: int, error: float) -> None:
    origins, targets = ring(views, seed), points(4, seed, spread=40)
    seen = targets[:, None] + points(4 * views, seed + 2, spread=1.5).reshape(4, views, 3)
    wrong = seed % views
    honest = [view for view in range(views) if view != wrong]
    push = torch.nn.functional.normalize(points(4, seed + 3, spread=1), dim=-1)
    toward = torch.nn.functional.normalize(targets - origins[wrong], dim=-1)
    aside = torch.linalg.cross(push, toward, dim=-1)
    seen[:, wrong] += error * torch.nn.functional.normalize(aside, dim=-1)
    without = meet_rays(origins[honest], seen[:, honest] - origins[honest]).points
    found = meet_rays(origins, seen - origins)
    assert float((found.points - without).norm(dim=-1).max()) < 2.5
    assert float(found.weights[:, wrong].max()) < 0.1
    assert bool((found.misses.argmax(dim=-1) == wrong).all())


@given(SEEDS)
@settings(max_examples=8)
def test_it_moves_with_the_world(seed: int) -> None:
    origins, targets = ring(5, seed), points(3, seed, spread=40)
    directions = targets[:, None] + points(15, seed, spread=3).reshape(3, 5, 3) - origins
    rotation = torch.linalg.qr(points(3, seed, spread=1))[0]
    moved = meet_rays(2 * origins @ rotation.T + 7, directions @ rotation.T)
    expected = 2 * meet_rays(origins, directions).points @ rotation.T + 7
    torch.testing.assert_close(moved.points, expected, rtol=0, atol=1e-4)


def test_honest_misses_count_nearly_alike() -> None:
    origins, targets = ring(6, 0), points(50, 0, spread=40)
    seen = targets[:, None] + points(300, 1, spread=2).reshape(50, 6, 3)
    assert float(meet_rays(origins, seen - origins).weights.mean()) > 0.8


def test_parallel_rays_are_refused() -> None:
    origins = ring(3, 0)
    directions = torch.tensor([[[0.0, 0.0, -1.0]]], dtype=torch.float64).expand(2, 3, 3)
    with pytest.raises(ValueError, match="parallel"):
        meet_rays(origins, directions)


def test_one_ray_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        meet_rays(ring(3, 0)[:1], torch.ones(1, 1, 3, dtype=torch.float64))
