"""Points of the true surface: on it, hidden where it hides them, and seen through the true lenses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter, minimum_filter

from mouse_facelift.capture import read_calibration
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.simulation.laboratory import anipose_toml, true_motion
from mouse_facelift.simulation.reference_rig import reference_rig
from mouse_facelift.simulation.true_points import SURFACE_POINTS, true_points
from mouse_facelift.simulation.truth import Truth, render_truth

SIZE = 400


@pytest.fixture(scope="module")
def truth() -> Truth:
    return true_motion("walk", 3, seed=2, frames_per_second=50, rig=reference_rig(0.25), extra_every=3)


@pytest.fixture(scope="module")
def calibration(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    path = tmp_path_factory.mktemp("rig") / "calibration.toml"
    path.write_text(anipose_toml(truth.rig))
    return read_calibration(path)


def test_points_are_where_the_renderer_draws_the_animal(truth: Truth, calibration: Calibration) -> None:
    found = true_points(truth, 1, calibration)
    assert len(found.points) == SURFACE_POINTS + found.key_points
    assert found.key_points == len(truth.key_point_names)
    K = np.array([[1000.0, 0, SIZE / 2], [0, 1000.0, SIZE / 2], [0, 0, 1]])
    poses = truth.rig.camera_to_world.copy()
    forward = found.middle.numpy() - poses[:, :3, 3]
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    poses[:, :3, :3] = np.stack([right, np.cross(forward, right), forward], -1)
    _, depth = render_truth(truth, 1, poses, np.repeat(K[None], 6, axis=0), SIZE, SIZE, samples=1)
    cameras = Cameras(torch.from_numpy(poses), torch.from_numpy(K).repeat(6, 1, 1), SIZE, SIZE)
    surface = found.points[found.key_points :]
    for view, pixels in enumerate(cameras.project(surface)):
        columns, rows = pixels.numpy().astype(int).T
        drawn = depth[view][rows, columns]
        nearest, furthest = (
            extreme(np.where(depth[view] > 0, depth[view], beside), size=3)[rows, columns]
            for extreme, beside in ((minimum_filter, np.inf), (maximum_filter, -np.inf))
        )
        ahead = (surface.numpy() - poses[view, :3, 3]) @ forward[view]
        seen = found.seen[view, found.key_points :].numpy()
        assert 0.2 < seen.mean() < 0.6
        assert np.median(np.abs(drawn - ahead)[seen & (drawn > 0)]) < 0.2  # mm
        # Within a pixel of its rim, an ellipsoid's surface recedes by two millimeters and more.
        assert ((nearest - 0.5 < ahead) & (ahead < furthest + 3))[seen].mean() > 0.985
        assert (ahead > nearest)[~seen].mean() > 0.99


def test_a_true_calibration_points_at_the_points(truth: Truth, calibration: Calibration) -> None:
    found = true_points(truth, 0, calibration)
    torch.testing.assert_close(found.directed, found.points.expand_as(found.directed), atol=1e-6, rtol=0)


def test_a_wrong_calibration_points_elsewhere(truth: Truth, calibration: Calibration) -> None:
    """What a lens's picture shows does not change with what the line believes of the lens."""
    intrinsics = calibration.intrinsics.clone()
    intrinsics[2, :2, :2] *= 1.03
    found = true_points(truth, 0, replace(calibration, intrinsics=intrinsics))
    off = torch.linalg.vector_norm(found.directed - found.points, dim=-1).amax(-1)
    assert float(off[2]) > 0.5
    assert float(off[[0, 1, 3, 4, 5]].max()) < 1e-6


def test_cameras_come_in_any_order_and_number(truth: Truth, calibration: Calibration) -> None:
    whole = true_points(truth, 0, calibration)
    some = true_points(truth, 0, calibration.select(["Camera5", "Camera2", "Camera1"]))
    assert torch.equal(some.seen, whole.seen[[4, 1, 0]])
    with pytest.raises(ValueError, match=r"cameras \['Other'\] are not of the simulated rig"):
        true_points(truth, 0, replace(calibration, names=["Other", *calibration.names[1:]]))
