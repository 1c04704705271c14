"""Where 13.5 and 208.6 degrees came from."""

from pathlib import Path

import pytest
import torch

from mouse_facelift.capture import read_calibration
from mouse_facelift.geometry.axis_reading import read_axes

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


@pytest.mark.shared
def test_the_uneven_gaps_of_the_reference_rig_are_an_axis_error(shared: Path) -> None:
    rig = read_calibration(shared / "calibration_examples/dannce_label3d/label3d_dannce.mat")
    animal = torch.tensor([57.0, 68.0, 16.0], dtype=torch.float64)
    readings = {(found.axis, found.middle): found for found in read_axes(rig.centers, animal, UP)}
    told = readings["y", "origin"]
    assert told.is_an_axis_error
    assert sorted(told.gaps.tolist()) == pytest.approx([13.5, 14.0, 17.5, 29.4, 77.0, 208.6], abs=0.06)
    true = readings["z", "animal"]
    assert not true.is_an_axis_error
    assert (float(true.gaps.min()), float(true.gaps.max())) == pytest.approx((53.1, 67.2), abs=0.1)


def test_a_ring_about_z_is_even_about_z_alone() -> None:
    turn = torch.arange(6, dtype=torch.float64) * torch.pi / 3 + 0.1
    centers = torch.stack([2 * turn.cos(), 2 * turn.sin(), torch.ones_like(turn)], dim=-1)
    readings = {(found.axis, found.middle): found for found in read_axes(centers, torch.zeros(3).double(), UP)}
    torch.testing.assert_close(readings["z", "animal"].gaps, torch.full((6,), 60.0, dtype=torch.float64))
    for axis in ("x", "y"):
        assert readings[axis, "animal"].is_an_axis_error
        assert float(readings[axis, "animal"].gaps.max()) > 100


def test_a_camera_at_the_origin_leaves_that_middle_out() -> None:
    centers = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    animal = torch.tensor([0.4, 0.3, -2.0], dtype=torch.float64)
    assert {found.middle for found in read_axes(centers, animal, UP)} == {"animal"}
