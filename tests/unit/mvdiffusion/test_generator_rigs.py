"""The generators' cameras stand where their networks learned, and what they cannot follow is refused by how much."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rig import rig_angles
from mouse_facelift.mvdiffusion.generators.rigs import (
    OrbitRig,
    facelift_rig,
    orbit_angles,
    require_rig,
    sv3d_rig,
    zero123plus_rig,
)
from mouse_facelift.mvdiffusion.generators.sv3d.frames import turn_through, whole_turn

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
ORIGIN = torch.zeros(3, dtype=torch.float64)
TURN = whole_turn(12.0)
RIGS = {
    "facelift": facelift_rig(512),
    "v1.1": zero123plus_rig("v1.1", 4.0),
    "v1.2": zero123plus_rig("v1.2", 4.0),
    "sv3d": sv3d_rig(TURN.azimuths, TURN.elevations),
}


def elsewhere(cameras: Cameras, **changes: torch.Tensor) -> Cameras:
    fields = {"camera_to_world": cameras.camera_to_world.clone(), "intrinsics": cameras.intrinsics.clone()}
    return Cameras(**fields | changes, width=cameras.width, height=cameras.height)


@pytest.mark.parametrize("name", RIGS)
def test_every_rig_is_upright_right_handed_and_looks_at_the_subject(name):
    rig = RIGS[name]
    cameras = rig.cameras
    rotation = cameras.camera_to_world[:, :3, :3]
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(len(cameras), dtype=torch.float64))
    # z up: every camera's down points down, its right is level.
    assert (rotation[:, 2, 1] < 0).all()
    assert rotation[:, 2, 0].abs().max() < 1e-12
    torch.testing.assert_close(
        cameras.project(ORIGIN[None])[:, 0], torch.full((len(cameras), 2), rig.size / 2).double()
    )
    found = rig_angles(cameras.centers, ORIGIN, UP)
    torch.testing.assert_close(found.elevation, torch.tensor(rig.elevations).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(found.distance, torch.full((len(cameras),), rig.distance).double())


def test_facelift_stands_as_published():
    """Positions of the published file, in units of the distance."""
    half = math.sqrt(0.5)
    expected = [(0, -1, 0), (-half, -half, 0), (-1, 0, 0), (0, 1, 0), (1, 0, 0), (half, -half, 0)]
    cameras = RIGS["facelift"].cameras
    torch.testing.assert_close(cameras.centers / 2.7, torch.tensor(expected, dtype=torch.float64))
    assert cameras.fxfycxcy[0].tolist() == pytest.approx([548.99377, 548.99377, 256, 256], rel=1e-6)


@pytest.mark.parametrize(
    ("version", "elevations", "focal"),
    [("v1.1", (30, -20, 30, -20, 30, -20), 350.035), ("v1.2", (20, -10, 20, -10, 20, -10), 597.13)],
)
def test_zero123plus_stands_as_published(version, elevations, focal):
    """Azimuths 30 to 330 from the reference, toward its right first; elevations alternate; 49.13 and 30 degrees."""
    rig = zero123plus_rig(version, 4.0)
    assert rig.azimuths == (30, 90, 150, 210, 270, 330)
    assert rig.elevations == elevations
    cameras = rig.cameras
    assert (cameras.width, cameras.height) == (320, 320)
    assert float(cameras.intrinsics[0, 0, 0]) == pytest.approx(focal, abs=0.02)
    up, level = math.sin(math.radians(elevations[0])), math.cos(math.radians(elevations[0]))
    # The reference stands at (0, -1, 0) and has +x on its right: 30 degrees to the right are (sin 30, -cos 30).
    assert (cameras.centers[0] / 4).tolist() == pytest.approx([0.5 * level, -math.sqrt(0.75) * level, up])
    assert float(cameras.centers[1, 0]) > 3.7


def test_sv3d_stands_as_published():
    rig = RIGS["sv3d"]
    assert len(rig.azimuths) == 21
    assert rig.azimuths[-1] == 0
    assert list(rig.azimuths[:-1]) == sorted(rig.azimuths[:-1])
    assert rig.azimuths[0] == pytest.approx(360 / 21)
    assert set(rig.elevations) == {12.0}
    assert (rig.distance, rig.field_of_view, rig.size) == (2.0, 33.8, 576)
    assert rig.focal == pytest.approx(288 / math.tan(math.radians(16.9)))
    last = math.radians(12)
    assert rig.cameras.centers[-1].tolist() == pytest.approx([0, -2 * math.cos(last), 2 * math.sin(last)])


@given(
    st.lists(st.tuples(st.floats(0, 360), st.floats(-80, 80)), min_size=0, max_size=20),
    st.floats(-60, 60),
)
def test_wanted_views_are_among_the_sorted_frames(wanted, reference_elevation):
    plan = turn_through([azimuth for azimuth, _ in wanted], [elevation for _, elevation in wanted], reference_elevation)
    assert len(plan.azimuths) == len(plan.elevations) == 21
    assert list(plan.azimuths[:-1]) == sorted(plan.azimuths[:-1])
    assert (plan.azimuths[-1], plan.elevations[-1]) == (0.0, reference_elevation)
    for (azimuth, elevation), row in zip(wanted, plan.rows, strict=False):
        assert (plan.azimuths[row], plan.elevations[row]) == (azimuth, elevation)
    assert len(plan.rows) == len(wanted) + 1
    assert plan.rows[-1] == 20
    assert len(set(plan.rows)) == len(plan.rows)


def test_frames_that_are_left_fill_the_widest_gaps():
    plan = turn_through([90.0], [30.0], 10.0)
    gaps = torch.diff(torch.tensor([0, *plan.azimuths[:-1], 360]))
    assert float(gaps.max() / gaps.min()) < 4.1
    assert plan.elevations[plan.azimuths.index(45.0)] == 20.0


def test_more_cameras_than_frames_are_refused():
    with pytest.raises(ValueError, match="20 views beside the reference, 21"):
        turn_through([0.0] * 21, [0.0] * 21, 0.0)


@pytest.mark.parametrize("name", RIGS)
def test_a_rig_follows_its_own_cameras(name):
    require_rig(RIGS[name].cameras, RIGS[name], name)
    azimuths, elevations = orbit_angles(RIGS[name].cameras, RIGS[name], name)
    turned = (torch.tensor(azimuths) - torch.tensor(RIGS[name].azimuths) + 180) % 360 - 180
    assert float(turned.abs().max()) < 1e-4
    assert elevations == pytest.approx(RIGS[name].elevations, abs=1e-9)


def test_what_is_off_a_rig_is_refused_by_how_much():
    rig = RIGS["v1.2"]
    own = rig.cameras
    further = own.camera_to_world.clone()
    further[2, :3, 3] *= 1.1
    with pytest.raises(ValueError, match=r"camera 2: it stands off the orbit by \+0\.4 units"):
        require_rig(elsewhere(own, camera_to_world=further), rig, "it")
    aside = own.camera_to_world.clone()
    aside[1, :3, :3] = aside[0, :3, :3]
    with pytest.raises(ValueError, match=r"camera 1: it looks past the subject by"):
        require_rig(elsewhere(own, camera_to_world=aside), rig, "it")
    rolled = own.camera_to_world.clone()
    rolled[3, :3, :2] = torch.stack([rolled[3, :3, 1], -rolled[3, :3, 0]], dim=-1)
    with pytest.raises(ValueError, match=r"camera 3: it is rolled by [+-]90"):
        require_rig(elsewhere(own, camera_to_world=rolled), rig, "it")
    wider = own.intrinsics.clone()
    wider[4, 0, 0] -= 50
    with pytest.raises(ValueError, match=r"camera 4: it has another focal length.* by \+50 px"):
        require_rig(elsewhere(own, intrinsics=wider), rig, "it")
    with pytest.raises(ValueError, match="6 fixed views, 2 cameras"):
        require_rig(own[[0, 1]], rig, "it")
    with pytest.raises(ValueError, match=r"camera 0 .* azimuth 90.00 .* elevation -10.00: \+60.00 and -30.00 deg"):
        require_rig(own[[1, 0, 2, 3, 4, 5]], rig, "it")
    small = OrbitRig(rig.azimuths, rig.elevations, rig.distance, rig.field_of_view, 64)
    with pytest.raises(ValueError, match="64 px squares, 320 x 320 px"):
        require_rig(own, small, "it")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"elevations": (0.0,)}, "2 azimuths for 1"),
        ({"elevations": (0.0, 95.0)}, "95"),
        ({"azimuths": (0.0, math.nan)}, "nan"),
        ({"distance": 0.0}, "distance 0"),
        ({"field_of_view": 180.0}, "field of view 180"),
    ],
)
def test_a_rig_that_cannot_be_is_refused(changes, told):
    fields = {"azimuths": (0.0, 1.0), "elevations": (0.0, 0.0), "distance": 1.0, "field_of_view": 50.0, "size": 8}
    with pytest.raises(ValueError, match=told):
        OrbitRig(**fields | changes)


def test_another_version_is_refused():
    with pytest.raises((ValueError, TypeError), match=r"v1\.3|version"):
        zero123plus_rig("v1.3", 4.0)
