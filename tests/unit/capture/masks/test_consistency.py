"""Raw masks of one frame, spoiled in the ways in which masks are."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.capture.calibration.readers import read_calibration
from mouse_facelift.capture.masks.consistency import Cleaned, clean_views
from mouse_facelift.capture.masks.shapes import overlap
from mouse_facelift.formats.animal import ViewState
from tests.unit.capture.masks.mouse_views import (
    FRAMES,
    RULE,
    barred,
    calibration,
    halved,
    mirrored,
    see,
    shifted,
    swollen,
    truth,
    views,
)

FRAME_AND_VIEW = [(0, 0), (5, 1), (9, 2), (13, 3), (18, 4), (23, 5)]
ARGS = "frame, view"


def require_seen(found: Cleaned, masks: list[np.ndarray], besides: tuple[int, ...] = (), least: float = 0.98) -> None:
    """All views are seen, their masks those given, but for some."""
    for view, mask in enumerate(masks):
        if view not in besides:
            assert (found.state[view], found.why[view]) == (ViewState.seen, None)
            assert overlap(found.masks[view], mask) > least
            assert found.confidence[view] > 0.9


def require_doubtful(found: Cleaned, view: int, reason: str) -> None:
    assert found.state[view] == ViewState.doubtful
    assert reason in str(found.why[view])


@given(frame=st.integers(0, FRAMES - 1), sequence=st.sampled_from(["walk", "rear"]))
@settings(max_examples=12)
def test_right_masks_stay_as_they_are_and_are_trusted(frame: int, sequence: str) -> None:
    found = clean_views(views(frame, sequence), calibration(), RULE)
    require_seen(found, views(frame, sequence))
    assert found.confidence.min() > 0.98
    assert found.point is not None
    assert np.linalg.norm(found.point.numpy() - truth(sequence).centroids[frame]) < 8  # mm


@pytest.mark.parametrize(ARGS, FRAME_AND_VIEW)
def test_a_mask_that_lies_beside_the_animal_is_the_one_in_doubt(frame: int, view: int) -> None:
    for by, reason in ((40, "of the mask lies outside the hull"), (-20, "the mask")):
        masks = views(frame)
        masks[view] = shifted(masks[view], by, 0)
        found = clean_views(masks, calibration(), RULE)
        require_doubtful(found, view, reason)
        require_seen(found, views(frame), besides=(view,))
        assert found.confidence[view] < 0.85


@pytest.mark.parametrize(ARGS, FRAME_AND_VIEW)
def test_a_mask_that_is_too_large_is_the_one_in_doubt(frame: int, view: int) -> None:
    masks = views(frame)
    masks[view] = swollen(masks[view], 12)
    found = clean_views(masks, calibration(), RULE)
    require_doubtful(found, view, "of the mask lies outside the hull")
    require_seen(found, views(frame), besides=(view,))


@pytest.mark.parametrize(ARGS, FRAME_AND_VIEW)
def test_a_mask_that_lacks_half_is_the_one_in_doubt(frame: int, view: int) -> None:
    masks = views(frame)
    masks[view] = halved(masks[view])
    found = clean_views(masks, calibration(), RULE)
    require_doubtful(found, view, "too small")
    require_seen(found, views(frame), besides=(view,))


@pytest.mark.parametrize("spoil", [lambda m: shifted(m, 40, 0), lambda m: swollen(m, 12), halved])
def test_two_wrong_masks_of_six_are_both_in_doubt(spoil: Callable[[np.ndarray], np.ndarray]) -> None:
    masks = views(6)
    masks[1], masks[4] = spoil(masks[1]), spoil(masks[4])
    found = clean_views(masks, calibration(), RULE)
    require_seen(found, views(6), besides=(1, 4))
    assert found.state[1] == found.state[4] == ViewState.doubtful


@pytest.mark.parametrize(ARGS, FRAME_AND_VIEW)
def test_a_view_without_a_mask_is_missing_and_takes_nothing_from_the_others(frame: int, view: int) -> None:
    masks = views(frame)
    masks[view][:] = False
    found = clean_views(masks, calibration(), RULE)
    assert (found.state[view], found.why[view]) == (ViewState.missing, "the mask is empty")
    assert found.confidence[view] == 0 and not found.masks[view].any()
    require_seen(found, views(frame), besides=(view,))


@pytest.mark.parametrize(ARGS, FRAME_AND_VIEW)
def test_a_bar_cuts_no_animal_in_two(frame: int, view: int) -> None:
    masks = views(frame)
    for behind in (view, (view + 1) % 6):  # in two views at once
        masks[behind] = barred(masks[behind], int(np.median(np.nonzero(masks[behind])[1])), 5)
    require_seen(clean_views(masks, calibration(), RULE), masks)


def test_a_tail_that_a_bar_cuts_off_is_kept_and_specks_are_not() -> None:
    masks = views(5)
    columns = np.nonzero(masks[2])[1]
    at = int(columns.max()) - 12 if (columns > columns.mean()).mean() < 0.5 else int(columns.min()) + 9
    masks[2] = barred(masks[2], at, 3)
    spoiled = [mask.copy() for mask in masks]
    noise = np.random.default_rng(3)
    for mask in spoiled:
        for x, y in noise.integers(4, 250, (12, 2)):
            mask[y : y + 2, x : x + 2] = True
    found = clean_views(spoiled, calibration(), RULE)
    require_seen(found, masks, least=0.95)
    assert found.masks[2][:, [at - 2, at + 4]].any(axis=0).all()


def test_small_holes_are_closed_and_large_ones_stay() -> None:
    masks, right = views(5), views(5)
    y, x = (int(np.median(axis)) for axis in np.nonzero(masks[0]))
    masks[0][y : y + 3, x : x + 3] = False
    assert np.array_equal(clean_views(masks, calibration(), RULE).masks[0], right[0])
    masks[0][y : y + 9, x : x + 9] = False
    assert not clean_views(masks, calibration(), RULE).masks[0][y + 4, x + 4]


@pytest.mark.parametrize(("azimuth", "distance"), [(0, 75), (210, 60), (330, 70), (280, 70)])
def test_mirror_images_in_a_wall_are_left_out(azimuth: float, distance: float) -> None:
    """Where an image merges with the animal, its view is in doubt; it is never taken for the animal."""
    virtual, where = mirrored(truth("rear").animal(18), azimuth, distance)
    images, right = see(virtual), views(18, "rear")
    masks = [mask | images[view] if view in where else mask for view, mask in enumerate(right)]
    found = clean_views(masks, calibration(), RULE)
    for view, state in enumerate(found.state):
        assert state == ViewState.doubtful or (
            state == ViewState.seen and overlap(found.masks[view], right[view]) > 0.9
        )
    assert found.state.count(ViewState.seen) >= 4
    assert found.point is not None
    assert np.linalg.norm(found.point.numpy() - truth("rear").centroids[18]) < 10  # mm


def test_a_view_that_shows_nothing_but_a_mirror_image_is_in_doubt() -> None:
    virtual, where = mirrored(truth("rear").animal(18), 210, 60)
    masks, images = views(18, "rear"), see(virtual)
    view = next(view for view in where if not (images[view] & masks[view]).any())
    masks[view] = images[view]
    found = clean_views(masks, calibration(), RULE)
    require_doubtful(found, view, "the mask misses the animal")
    require_seen(found, views(18, "rear"), besides=(view,))


def test_where_masks_alone_cannot_tell_the_animal_from_its_image_the_last_place_does() -> None:
    """Two cameras that both see both."""
    virtual, _ = mirrored(truth("rear").animal(12), 280, 65)
    pair = (1, 4)
    cameras = calibration().select([calibration().names[view] for view in pair])
    masks = [views(12, "rear")[view] | see(virtual)[view] for view in pair]
    places = [torch.from_numpy(truth("rear").centroids[12]), torch.from_numpy(virtual.pose.centers.mean(axis=0))]
    for place in places:
        found = clean_views(masks, cameras, RULE, near=place)
        assert found.point is not None
        assert float(torch.linalg.vector_norm(found.point - place)) < 15  # mm


def test_an_animal_at_the_picture_s_edge_is_cut_not_doubtful() -> None:
    """One camera's picture ends within the animal."""
    masks = views(5)
    columns = np.nonzero(masks[3])[1]
    end = int(np.quantile(columns, 0.7))
    masks[3] = masks[3][:, :end].copy()
    found = clean_views(masks, calibration(), RULE)
    assert (found.state[3], found.why[3]) == (ViewState.cut, None)
    assert found.masks[3].shape == masks[3].shape
    require_seen(found, views(5), besides=(3,))


@pytest.mark.parametrize("names", [["Camera1", "Camera3", "Camera5"], ["Camera2", "Camera4", "Camera6"]])
def test_three_cameras_name_the_wrong_one_or_say_that_they_cannot(names: list[str]) -> None:
    cameras = calibration().select(names)
    which = [calibration().names.index(name) for name in names]
    for frame in (2, 12, 20):
        right = [views(frame)[view] for view in which]
        require_seen(clean_views(right, cameras, RULE), right)
        for view in range(3):
            masks = [mask.copy() for mask in right]
            masks[view] = shifted(masks[view], 40, 0)
            found = clean_views(masks, cameras, RULE)
            doubtful = [v for v, state in enumerate(found.state) if state == ViewState.doubtful]
            assert doubtful in ([view], [0, 1, 2])
            assert (found.point is None) == (len(doubtful) == 3)


def test_without_two_views_that_agree_there_is_no_point() -> None:
    masks = [mask if view == 2 else np.zeros_like(mask) for view, mask in enumerate(views(5))]
    alone = clean_views(masks, calibration(), RULE)
    assert alone.point is None
    require_doubtful(alone, 2, "no other view shows the animal")
    assert overlap(alone.masks[2], views(5)[2]) > 0.98
    nothing = clean_views([np.zeros_like(mask) for mask in masks], calibration(), RULE)
    assert nothing.point is None and set(nothing.state) == {ViewState.missing}
    assert not nothing.confidence.any()


@pytest.mark.shared
@pytest.mark.parametrize("frame", [0, 119])
def test_masks_of_a_real_mouse_before_four_cameras_agree(shared, frame: int) -> None:
    """Least confidence measured: 0.94, of the camera that looks through the cage's wall."""
    folder = shared / "real/mouse_4cam"
    names = ["back", "mid", "side", "top"]
    cameras = read_calibration(folder / "calibration_recomputed.toml").select(names)
    masks = [cv2.imread(str(folder / f"frame_{frame:03d}/{name}_mask.png"), 0) > 127 for name in names]
    found = clean_views(masks, cameras, RULE)
    require_seen(found, masks)
    masks[1] = shifted(masks[1], 60, 0)
    require_doubtful(clean_views(masks, cameras, RULE), 1, "of the mask lies outside the hull")
