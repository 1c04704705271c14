"""One camera that is off is found among six, and what is wrong with it."""

import math

import pytest
import torch

from mouse_facelift.capture.diagnosis import Cause, Diagnosis, Recorded, diagnose
from mouse_facelift.geometry.tangency import Outlines, Rig
from tests.unit.capture.walking import SUBJECT, late, turned, walking_mouse, zoomed

WORTH_NAMING = {Cause.rotation: math.radians(0.3), Cause.time: 0.5, Cause.focal: 0.01}


def diagnosed(outlines: Outlines, rig: Rig) -> Diagnosis:
    recorded = Recorded(outlines, rig, SUBJECT, range(outlines.rays.shape[1]), longest_step=2, largest_offset=4)
    return diagnose(recorded, WORTH_NAMING, least_explained=0.05)


def test_planes_touch_both_silhouettes_of_a_rig_that_is_right() -> None:
    outlines, rig = walking_mouse()
    found = Recorded(outlines, rig, SUBJECT, range(24), 2, 4).residuals
    assert bool(found.isfinite().all())
    assert float(found.square().mean().sqrt()) < 0.6  # px; outlines err by 0.3
    assert diagnosed(outlines, rig).findings == []


@pytest.mark.parametrize(("view", "axis"), [(2, 0), (4, 1), (1, 2)])
def test_a_camera_turned_by_a_degree_is_named(view: int, axis: int) -> None:
    outlines, rig = walking_mouse()
    (finding,) = diagnosed(outlines, turned(rig, view, 1.0, axis)).findings
    assert (finding.fit.view, finding.fit.cause) == (view, Cause.rotation)
    assert math.degrees(finding.fit.values[axis]) == pytest.approx(-1, abs=0.2)
    assert finding.explained > 0.4


def test_a_video_two_frames_late_is_named() -> None:
    outlines, rig = walking_mouse()
    (finding,) = diagnosed(late(outlines, 3, 2), rig).findings
    assert (finding.fit.view, finding.fit.cause) == (3, Cause.time)
    assert finding.fit.values[0] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(("view", "factor"), [(4, 1 / 1.03), (0, 1.03)])
def test_a_focal_length_three_percent_off_is_named(view: int, factor: float) -> None:
    outlines, rig = walking_mouse()
    (finding,) = diagnosed(zoomed(outlines, view, factor), rig).findings
    assert (finding.fit.view, finding.fit.cause) == (view, Cause.focal)
    assert math.exp(finding.fit.values[0]) == pytest.approx(factor, abs=0.004)


def test_two_cameras_that_are_off_are_both_named() -> None:
    outlines, rig = walking_mouse()
    named = {
        (found.fit.view, found.fit.cause) for found in diagnosed(late(outlines, 3, 2), turned(rig, 5, 1.0, 1)).findings
    }
    assert named == {(3, Cause.time), (5, Cause.rotation)}


@pytest.mark.parametrize("lacking", [[(2, 1)], [(2, 1), (3, 0)]], ids=["feet", "feet, and a snout elsewhere"])
def test_masks_that_always_lack_a_part_of_an_animal_that_sits_still_accuse_no_camera(
    lacking: list[tuple[int, int]],
) -> None:
    """What lasts through all frames does not average out, however many there are."""
    outlines, rig = walking_mouse()
    rays = outlines.rays[:, 5:6].repeat(1, 24, 1, 1)
    noise = torch.randn((*rays.shape[:-1], 2), generator=torch.Generator().manual_seed(0)).double()
    rays[..., :2] += 0.05 * noise / rig.focals[:, None, None, None]
    for view, axis in lacking:
        lowest, highest = rays[view, ..., axis].aminmax()
        rays[view, ..., axis].clamp_(max=float(highest - 0.15 * (highest - lowest)))
    four = [0, 2, 3, 5]
    still = Outlines(rays[four], outlines.whole[four, 5:6].repeat(1, 24))
    cameras = Rig(rig.rotations[four], rig.centers[four], rig.focals[four])
    assert Recorded(still, cameras, SUBJECT, range(24), 2, 4).parts == 1
    assert diagnosed(still, cameras).findings == []


def test_frames_far_apart_say_nothing_of_time() -> None:
    outlines, rig = walking_mouse()
    recorded = Recorded(outlines, rig, SUBJECT, range(0, 1200, 50), longest_step=2, largest_offset=4)
    assert not recorded.tells_time
    assert {fit.cause for fit in diagnose(recorded, WORTH_NAMING, 0.05).fits} == {Cause.rotation, Cause.focal}


def test_a_silhouette_at_the_picture_s_edge_is_left_out() -> None:
    outlines, rig = walking_mouse()
    outlines = Outlines(outlines.rays, outlines.whole.clone())
    outlines.whole[2, :5] = False
    recorded = Recorded(outlines, rig, SUBJECT, range(24), 2, 4)
    assert not bool(recorded.residuals[2, :, :5].isfinite().any())  # beside any other view
    assert bool(recorded.residuals[:, :, 5:].isfinite().all())
