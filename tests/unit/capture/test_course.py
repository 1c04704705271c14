"""The animal's way through a recording: what is wrong in a frame is told, and left out where the rules say so."""

import numpy as np
import pytest
import torch

from mouse_facelift.capture.course import Course, follow
from mouse_facelift.formats.animal import AnimalChunk, ViewState
from mouse_facelift.settings import AnimalWork, read_settings
from tests.conftest import REPOSITORY

VIEWS, FRAMES = 4, 40
WORK = read_settings(REPOSITORY / "config.yaml").animal.model_copy(update={"smoothing": 0.0})


def walk() -> AnimalChunk:
    """A steady walk that all views show, sharp throughout."""
    centers = np.stack([np.linspace(0, 80, FRAMES), np.linspace(0, 40, FRAMES), np.full(FRAMES, 15.0)], axis=-1)
    return AnimalChunk(
        frames=np.arange(FRAMES),
        states=np.full((VIEWS, FRAMES), ViewState.seen, np.uint8),
        areas=np.full((VIEWS, FRAMES), 900),
        centers=np.zeros((VIEWS, FRAMES, 2)),
        shares=np.ones((VIEWS, FRAMES)),
        confidences=np.ones((VIEWS, FRAMES)),
        sharpness=np.full((VIEWS, FRAMES), 50.0),
        points=centers.copy(),
        body_centers=centers,
        centroids=centers.copy(),
        extents=np.full((FRAMES, 3), 40.0),
        radii=np.full(FRAMES, 45.0),
        remarks=(),
    )


def course_of(animals: AnimalChunk, work: AnimalWork = WORK) -> Course:
    return follow(animals, work, torch.from_numpy(animals.body_centers))


def test_a_steady_walk_loses_nothing() -> None:
    course = course_of(walk())
    assert not course.left_out.any()
    assert course.counts(walk().frames) == () and course.not_handed_on(walk().frames) == ()
    np.testing.assert_allclose(course.centers.numpy(), walk().body_centers)


def test_views_are_used_as_the_rules_say() -> None:
    animals = walk()
    animals.states[0, 5], animals.states[1, 5], animals.states[2, 6] = (
        ViewState.cut, ViewState.doubtful, ViewState.missing,
    )  # fmt: skip
    used = course_of(animals, WORK.model_copy(update={"cut_views": "use"})).used
    assert used[5].tolist() == [True, False, True, True]
    assert used[6].tolist() == [True, True, False, True]
    strict = course_of(animals, WORK.model_copy(update={"cut_views": "leave_out"}))
    assert strict.used[5].tolist() == [False, False, True, True]
    assert [(left.frame, left.faults) for left in strict.not_handed_on(animals.frames)] == [(5, ("few_views", "cut"))]


def test_a_frame_without_a_hull_is_left_out() -> None:
    animals = walk()
    animals.body_centers[7], animals.radii[7] = np.nan, np.nan
    course = course_of(animals)
    assert [(left.frame, left.faults) for left in course.not_handed_on(animals.frames)] == [(7, ("no_body",))]
    assert bool(course.centers[7].isnan().all())


@pytest.mark.parametrize("left_out", [True, False])
def test_a_jump_is_told_and_left_out_by_rule(left_out: bool) -> None:
    animals = walk()
    animals.body_centers[20] += [0.0, 0.0, 90.0]
    work = WORK.model_copy(update={"leave_out": ("jump",) if left_out else ()})
    course = course_of(animals, work)
    (count,) = course.counts(animals.frames)
    assert (count.fault, count.frames, count.first, count.left_out) == ("jump", 1, 20, left_out)
    assert course.left_out.sum() == left_out
    nothing = course_of(animals, work.model_copy(update={"largest_step": None}))
    assert nothing.counts(animals.frames) == ()


def test_a_frame_is_blurred_if_most_views_are() -> None:
    animals = walk()
    animals.sharpness[:3, 9] = 5.0
    animals.sharpness[0, 11] = 5.0  # one view alone, as when something passes it
    animals.sharpness[1] *= 40  # another lens: each view has its own measure
    course = course_of(animals, WORK.model_copy(update={"leave_out": ("blur",)}))
    assert np.flatnonzero(course.faults["blur"]).tolist() == [9]
    assert np.flatnonzero(course.left_out).tolist() == [9]


def test_a_frame_in_which_the_animal_is_cut_is_left_out_by_rule() -> None:
    animals = walk()
    animals.states[3, 30] = ViewState.cut
    assert course_of(animals).counts(animals.frames)[0].fault == "cut"
    assert not course_of(animals).left_out.any()
    course = course_of(animals, WORK.model_copy(update={"leave_out": ("cut",)}))
    assert np.flatnonzero(course.left_out).tolist() == [30]


def test_places_are_smoothed_over_the_frames_that_stay() -> None:
    animals = walk()
    noise = np.random.default_rng(0).normal(size=(FRAMES, 3))
    noisy = animals._replace(body_centers=animals.body_centers + noise)
    noisy.body_centers[20] += 90.0
    course = course_of(noisy, WORK.model_copy(update={"smoothing": 4.0, "leave_out": ("jump",)}))
    kept = ~course.left_out
    before = np.abs(noisy.body_centers - animals.body_centers)[kept].mean()
    assert np.abs(course.centers.numpy() - animals.body_centers)[kept].mean() < 0.7 * before
    assert bool(course.centers[20].isnan().all())
