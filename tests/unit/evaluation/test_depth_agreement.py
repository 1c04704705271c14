"""Rendered depth beside the visual hull's: where a ball's surface can be, and where it cannot."""

import math

import pytest
import torch
from ball_scene import RADIUS, SIZE, VIEWS, ball, ball_depths, ring

from mouse_facelift.evaluation.depth_agreement import see_hull
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow

CAMERAS = ring(VIEWS, SIZE)


def row(witnesses: int = 0) -> SampleRow:
    return SampleRow(
        name="walk_000",
        folder="walk_000",
        views=tuple(range(VIEWS)),
        view_names=tuple(map(str, range(VIEWS))),
        witnesses=witnesses,
        split="test",
        capture="walk",
        frame=0,
        millimeters_per_unit=100.0,
        subject_center=(0.0, 0.0, 0.0),
        subject_radius=RADIUS,
        checksums={},
    )


@pytest.fixture(scope="module")
def sample() -> Sample:
    return ball("walk_000", CAMERAS)


def test_a_ball_lies_behind_its_hull_and_never_before_it(sample: Sample) -> None:
    hull = see_hull(row(), sample, 64)
    depths = ball_depths(CAMERAS)
    for view in range(VIEWS):
        scores = hull.score(view, depths[view], sample.alpha[view])
        assert 0 < scores.depth_p50_mm < 12  # mm; the ball has 60, a pixel 5
        assert scores.depth_p50_mm < scores.depth_p90_mm < 30
        assert scores.depth_in_front < 0.01


@pytest.mark.parametrize(("shift", "in_front"), [(-0.3, 1.0), (0.3, 0.0)])
def test_a_surface_moved_along_the_axis_is_told_in_millimeters_with_its_sign(
    sample: Sample, shift: float, in_front: float
) -> None:
    hull = see_hull(row(), sample, 64)
    true, moved = (hull.score(0, ball_depths(CAMERAS)[0] + by, sample.alpha[0]) for by in (0.0, shift))
    assert moved.depth_p50_mm - true.depth_p50_mm == pytest.approx(100 * shift)
    assert moved.depth_p90_mm - true.depth_p90_mm == pytest.approx(100 * shift)
    assert moved.depth_in_front == pytest.approx(in_front, abs=0.1)


def test_where_nothing_is_solid_nothing_is_told(sample: Sample) -> None:
    hull = see_hull(row(), sample, 32)
    scores = hull.score(0, ball_depths(CAMERAS)[0], torch.full_like(sample.alpha[0], 0.5))
    assert all(math.isnan(value) for value in (scores.depth_p50_mm, scores.depth_p90_mm, scores.depth_in_front))


def test_views_that_contradict_each_other_have_no_hull(sample: Sample) -> None:
    images = sample.images.clone()
    images[1] = 0
    hull = see_hull(row(), Sample("walk_000", CAMERAS, images), 32)
    assert math.isnan(hull.score(0, ball_depths(CAMERAS)[0], sample.alpha[0]).depth_p50_mm)


def test_drawn_views_have_no_say_in_the_hull(sample: Sample) -> None:
    images = sample.images.clone()
    images[0] = 0
    hull = see_hull(row(witnesses=5), Sample("walk_000", CAMERAS, images), 32)
    assert hull.score(0, ball_depths(CAMERAS)[0], sample.alpha[0]).depth_in_front < 0.05
