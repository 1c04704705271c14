"""The mouse: its size, its gait, its texture that sticks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.simulation.ellipsoids import Pose
from mouse_facelift.simulation.kernels import coat_color
from mouse_facelift.simulation.motion import motion
from mouse_facelift.simulation.mouse import KEY_POINTS, build_mouse, mouse_coat, volume_centroid
from mouse_facelift.simulation.reference_rig import ARENA_CENTER

SEQUENCES = ("walk", "rear")


def poses(sequence, frames, seed=0):
    return [build_mouse(step)[1] for step in motion(sequence, frames, seed, ARENA_CENTER[:2])]


@settings(deadline=None, max_examples=6)
@given(sequence=st.sampled_from(SEQUENCES), seed=st.integers(0, 1000))
def test_it_has_a_mouses_size_and_stands_on_the_floor(sequence, seed):
    for found in poses(sequence, 3, seed):
        points = found.pose.surface_points(around=4).reshape(-1, 3)
        ends = np.linalg.norm(points[:, None, :2] - points[None, :, :2], axis=-1).max()
        assert 60 < ends < 125
        assert 0 <= points[:, 2].min() < 1
        assert 30 < points[:, 2].max() < 85


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_motion_is_smooth_and_walks_about_the_arenas_center(sequence):
    found = poses(sequence, 80)
    key_points = np.stack([p.key_points for p in found])
    assert np.linalg.norm(np.diff(key_points, axis=0), axis=-1).max() < 12  # mm between neighbors of 80 frames
    pelvis = np.stack([p.pose.centers[0] for p in found])
    assert np.linalg.norm(np.diff(pelvis[:, :2], axis=0), axis=1).sum() > 65
    assert np.linalg.norm(key_points[:, :, :2].mean(axis=1) - ARENA_CENTER[:2], axis=-1).max() < 60


def test_rearing_lifts_the_nose_and_comes_down_again():
    nose = np.array([p.key_points[KEY_POINTS.index("nose"), 2] for p in poses("rear", 21)])
    assert nose[0] < 25 and nose[-1] < 25
    assert nose.max() > 45


def test_a_standing_paw_stays_where_it_is():
    paw = np.stack([p.key_points[KEY_POINTS.index("left_hind_paw")] for p in poses("walk", 120)])
    low = paw[:, 2] < 1.91
    together = low[1:] & low[:-1]
    assert together.mean() > 0.5
    moved = np.linalg.norm(np.diff(paw, axis=0), axis=1)
    assert np.median(moved[together]) < 0.25 * np.median(moved[~together])


def test_texture_belongs_to_the_body_not_to_the_place():
    coat = mouse_coat(3)
    at_rest = build_mouse(motion("walk", 2, 0, np.zeros(2))[0])[1].pose
    assert len(at_rest.centers) == len(coat.rest_centers)
    colors = {tuple(np.round(coat_color(coat, part, 0.0, 0.0, 1.0), 3)) for part in range(len(at_rest.centers))}
    assert len(colors) > 10


def test_left_and_right_look_different():
    coat = mouse_coat(0)
    left, right = (np.array(coat_color(coat, 1, 0.0, side, 0.0)) for side in (1.0, -1.0))
    assert np.abs(left - right).max() > 0.2


def test_centroid_of_a_single_ellipsoid_is_its_center():
    pose = Pose(np.array([[3.0, -4.0, 9.0]]), np.eye(3)[None], np.array([[10.0, 6.0, 4.0]]))
    np.testing.assert_allclose(volume_centroid(pose, 0.5), [3, -4, 9], atol=0.05)


def test_overlapping_parts_count_once():
    centers, radii = np.array([[0.0, 0, 0], [0.0, 0, 0], [20.0, 0, 0]]), np.full((3, 3), 6.0)
    pose = Pose(centers, np.repeat(np.eye(3)[None], 3, axis=0), radii)
    np.testing.assert_allclose(volume_centroid(pose, 0.5), [10, 0, 0], atol=0.1)


def test_a_sequence_of_one_frame_is_refused():
    with pytest.raises(ValueError, match="at least 2 frames"):
        motion("walk", 1, 0, np.zeros(2))
