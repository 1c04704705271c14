"""A thinned surface reaches as far as the whole one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.geometry.floor import floor_height
from mouse_facelift.geometry.thinning import thin_surface
from tests.unit.geometry.walking_mouse import UP, mouse_surfaces


@given(seed=st.integers(0, 999), frame=st.integers(0, 9))
def test_little_of_the_extent_is_lost_to_any_side(seed: int, frame: int) -> None:
    surface = mouse_surfaces("walk", 10, 1, 100_000)[frame]
    kept = thin_surface(surface, 512)
    assert len(kept) == 512 and bool((torch.diff(kept) > 0).all())
    away = torch.randn(40, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    away = torch.nn.functional.normalize(away, dim=1)
    lost = (surface @ away.T).amax(0) - (surface[kept] @ away.T).amax(0)
    assert float(lost.max()) < 1.0  # mm
    assert float((surface[kept].mean(0) - surface.mean(0)).norm()) < 15.0


def test_the_floor_stays() -> None:
    surfaces = mouse_surfaces("walk", 10, 1, 100_000)
    thinned = [surface[thin_surface(surface, 512)] for surface in surfaces]
    assert abs(floor_height(UP, thinned).height - floor_height(UP, surfaces).height) < 0.3


def test_few_points_all_stay() -> None:
    points = torch.rand(20, 3, dtype=torch.float64)
    assert thin_surface(points, 20).tolist() == list(range(20))
    assert len(thin_surface(points, 6)) == 6
    assert thin_surface(points[:0], 6).tolist() == []
    with pytest.raises(ValueError, match="count: 1, expected 2 or more"):
        thin_surface(points, 1)
