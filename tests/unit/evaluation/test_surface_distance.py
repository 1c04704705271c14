"""Both directions of the Chamfer distance, against every pair of points."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.evaluation.surface_distance import surface_distances


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 60))
def test_it_is_what_all_pairs_say(seed: int, found: int, true: int) -> None:
    random = np.random.default_rng(seed)
    points, surface = random.normal(size=(found, 3)), random.normal(size=(true, 3))
    weights = random.uniform(0.1, 1, found)
    apart = np.sqrt(((points[:, None] - surface[None]) ** 2).sum(-1))
    accuracy, completeness = surface_distances(*map(torch.from_numpy, (points, weights, surface)))
    assert accuracy == pytest.approx((apart.min(1) * weights).sum() / weights.sum())
    assert completeness == pytest.approx(apart.min(0).mean())


def test_a_faint_point_far_off_costs_little_and_what_is_missed_is_seen() -> None:
    surface = torch.tensor([[0.0, 0, 0], [1, 0, 0], [10, 0, 0]]).double()
    points = torch.tensor([[0.0, 0, 0], [1, 0, 3]]).double()
    accuracy, completeness = surface_distances(points, torch.tensor([0.9, 0.1]).double(), surface)
    assert accuracy == pytest.approx(0.3)
    assert completeness == pytest.approx((0 + 1 + 90**0.5) / 3)
