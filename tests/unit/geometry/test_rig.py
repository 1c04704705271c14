"""Angles of a rig: z is up, gaps follow azimuth."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.capture import read_calibration
from mouse_facelift.geometry.rig import aim_angles, rig_angles, roll_angles
from mouse_facelift.geometry.rotations import look_at

Z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
ORIGIN = torch.zeros(3, dtype=torch.float64)


def standing_at(azimuths: list[float], elevations: list[float], distances: list[float]) -> torch.Tensor:
    turn, climb = (torch.deg2rad(torch.tensor(angles, dtype=torch.float64)) for angles in (azimuths, elevations))
    directions = torch.stack([turn.cos() * climb.cos(), turn.sin() * climb.cos(), climb.sin()], dim=-1)
    return directions * torch.tensor(distances, dtype=torch.float64)[:, None]


def test_a_known_rig() -> None:
    angles = rig_angles(standing_at([170, -90, 0, 45], [10, -20, 0, 60], [1, 2, 3, 4]), ORIGIN, Z)
    torch.testing.assert_close(angles.azimuth, torch.tensor([170.0, -90.0, 0.0, 45.0], dtype=torch.float64))
    torch.testing.assert_close(angles.elevation, torch.tensor([10.0, -20.0, 0.0, 60.0], dtype=torch.float64))
    torch.testing.assert_close(angles.distance, torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    assert angles.order == [1, 2, 3, 0]
    torch.testing.assert_close(angles.gaps, torch.tensor([90.0, 45.0, 125.0, 100.0], dtype=torch.float64))


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_gaps_close_the_circle(seed: int, views: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    centers = 300 * torch.randn(views, 3, generator=generator, dtype=torch.float64)
    angles = rig_angles(centers, ORIGIN, Z)
    assert float(angles.gaps.sum()) == pytest.approx(360)
    assert bool((angles.gaps >= 0).all()) and sorted(angles.order) == list(range(views))


@given(st.integers(0, 10_000))
def test_turning_the_world_with_its_up_changes_no_gap(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    centers, subject = 300 * torch.randn(5, 3, generator=generator, dtype=torch.float64), 20 * torch.ones(3).double()
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
    rotation = rotation * torch.linalg.det(rotation)
    still = rig_angles(centers, subject, Z)
    turned = rig_angles(centers @ rotation.T, rotation @ subject, 3 * rotation @ Z)
    torch.testing.assert_close(turned.elevation, still.elevation)
    torch.testing.assert_close(turned.distance, still.distance)
    start = turned.order.index(still.order[0])
    assert turned.order[start:] + turned.order[:start] == still.order
    torch.testing.assert_close(turned.gaps.roll(-start), still.gaps)


@given(st.floats(-170, 170), st.floats(-75, 75))
def test_roll_is_what_the_camera_was_turned_by(roll: float, elevation: float) -> None:
    pose = look_at(standing_at([20], [elevation], [3]), ORIGIN, Z)
    turn = torch.deg2rad(torch.tensor(roll, dtype=torch.float64))
    about_axis = torch.eye(4, dtype=torch.float64)
    about_axis[0, 0] = about_axis[1, 1] = turn.cos()
    about_axis[0, 1], about_axis[1, 0] = turn.sin(), -turn.sin()
    found = roll_angles(torch.linalg.inv(pose @ about_axis), Z)
    assert float(found) == pytest.approx(roll, abs=1e-6)
    assert float(aim_angles(torch.linalg.inv(pose), ORIGIN)) == pytest.approx(0, abs=1e-6)


def test_a_camera_that_looks_away_aims_by_180_degrees() -> None:
    pose = look_at(standing_at([20], [10], [3]), ORIGIN, Z)
    behind = 2 * pose[0, :3, 3]
    assert float(aim_angles(torch.linalg.inv(pose), behind)) == pytest.approx(180)


def test_a_camera_at_the_subject_is_refused() -> None:
    with pytest.raises(ValueError, match="stands at the subject"):
        rig_angles(torch.zeros(2, 3, dtype=torch.float64), ORIGIN, Z)


@pytest.mark.shared
def test_the_reference_rig(shared: Path) -> None:
    """Nearly uniform about the animal; camera order does not follow azimuth."""
    rig = read_calibration(shared / "calibration_examples/dannce_label3d/label3d_dannce.mat")
    about_origin = rig_angles(rig.centers, ORIGIN, Z)
    expected = torch.tensor([-147.0, 34.0, 86.1, -11.3, 144.0, -64.1], dtype=torch.float64)
    torch.testing.assert_close(about_origin.azimuth, expected, rtol=0, atol=0.06)
    assert about_origin.order == [0, 5, 3, 1, 2, 4]
    assert 45 < float(about_origin.gaps.min()) < 46 and 82 < float(about_origin.gaps.max()) < 83
    about_animal = rig_angles(rig.centers, torch.tensor([57.0, 68.0, 16.0], dtype=torch.float64), Z)
    assert float(about_animal.gaps.min()) >= 53 and float(about_animal.gaps.max()) <= 67.5
    as_if_y_were_up = rig_angles(rig.centers, ORIGIN, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    assert sorted(as_if_y_were_up.gaps.tolist())[-1] == pytest.approx(208.6, abs=0.1)
    assert sorted(as_if_y_were_up.gaps.tolist())[0] == pytest.approx(13.5, abs=0.1)
