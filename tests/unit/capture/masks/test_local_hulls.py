"""Hulls of some of the views."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.capture.masks.local_hulls import LocalHulls, open_window
from mouse_facelift.imaging.resample import resample_mask
from tests.unit.capture.masks.mouse_views import calibration, truth, views

SIDE, RADIUS = 96, 85.0


@pytest.fixture(scope="module")
def hulls() -> LocalHulls:
    cameras, masks, point = calibration(), views(7), truth().centroids[7]
    windows = [open_window(cameras, view, point, RADIUS, SIDE, mask.shape) for view, mask in enumerate(masks)]
    seen = [resample_mask(mask, window.sampling) for mask, window in zip(masks, windows, strict=True)]
    return LocalHulls(windows, seen, range(6), point, RADIUS, SIDE // 2)


def test_the_hull_of_right_masks_covers_all_of_them(hulls: LocalHulls) -> None:
    assert min(hulls.cover(range(6), of) for of in range(6)) > 0.99


@given(left_out=st.integers(0, 5), seen_by=st.integers(0, 5))
def test_without_a_view_a_hull_can_only_grow(hulls: LocalHulls, left_out: int, seen_by: int) -> None:
    some = [view for view in range(6) if view != left_out]
    inside, around = hulls.silhouette(range(6), seen_by), hulls.silhouette(some, seen_by)
    assert not (inside & ~around).any()
    spared = hulls.silhouette(range(6), seen_by, but=1)
    assert not (around & ~spared).any()


def test_a_window_shows_the_ball_in_its_middle() -> None:
    cameras, point = calibration(), truth().centroids[7]
    window = open_window(cameras, 2, point, RADIUS, SIDE, (256, 288))
    turns = np.linspace(0, 2 * np.pi, 50)
    towards = point - window.center
    distance = np.linalg.norm(towards)
    tangent = RADIUS * np.sqrt(distance**2 - RADIUS**2) / distance  # radius of the circle where rays touch the ball
    rim = window.rotation.T @ np.stack([np.cos(turns), np.sin(turns), 0 * turns]) * tangent
    ends = point - towards * (RADIUS / distance) ** 2 + rim.T
    pixels, depths = window.project(np.concatenate([point[None], ends]))
    rows, columns = np.divmod(pixels, SIDE)
    assert abs(rows[0] + 0.5 - SIDE / 2) < 1 and abs(columns[0] + 0.5 - SIDE / 2) < 1
    assert depths[0] == pytest.approx(distance)
    rows, columns = rows[1:], columns[1:]
    assert np.abs(np.hypot(rows + 0.5 - SIDE / 2, columns + 0.5 - SIDE / 2) - SIDE / 2).max() < 1.1
