"""Each view against what the others say."""

import torch

from mouse_facelift.capture.agreement import center_residuals, hull_agreement
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import project
from tests.unit.capture.conftest import CAMERAS, HEIGHT, LENS, WIDTH, K, Laboratory

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
PRESENT = torch.ones(5, 4, dtype=torch.bool)


def rig(laboratory: Laboratory) -> Calibration:
    views = len(CAMERAS)
    sizes = torch.tensor([[WIDTH, HEIGHT]] * views)
    return Calibration(list(CAMERAS), K.repeat(views, 1, 1), LENS.repeat(views, 1), laboratory.poses, sizes)


def moved(calibration: Calibration, view: int) -> Calibration:
    """One camera's file says that it stands 15 mm beside where it stands."""
    poses = calibration.world_to_camera.clone()
    poses[view, 0, 3] += 15
    return Calibration(calibration.names, calibration.intrinsics, calibration.distortion, poses, None)


def test_the_hull_of_the_others_covers_a_view_s_mask_until_a_camera_is_moved(laboratory: Laboratory) -> None:
    masks = {2: [laboratory.mask(view, 2) > 0 for view in range(4)]}
    points = {2: laboratory.centers[2]}
    right = hull_agreement(masks, points, rig(laboratory), UP, picture=96, resolution=48)
    assert right.iou.shape == (4, 1)
    assert float(right.cover.min()) > 0.97
    assert float(right.iou.min()) > 0.7  # three silhouettes leave a ball some corners
    wrong = hull_agreement(masks, points, moved(rig(laboratory), 1), UP, picture=96, resolution=48)
    assert float(wrong.cover[1]) < 0.9
    assert int(wrong.cover[:, 0].argmin()) == 1


def test_a_center_is_measured_from_where_the_other_rays_meet(laboratory: Laboratory) -> None:
    calibration = rig(laboratory)
    directions = laboratory.centers[:, None] - calibration.centers
    seen = torch.stack([project(laboratory.centers, K, LENS, pose) for pose in laboratory.poses])
    assert float(center_residuals(directions, seen, PRESENT, calibration).max()) < 1e-6
    seen[3] += torch.tensor([4.0, 3.0])
    found = center_residuals(directions, seen, PRESENT, calibration)
    torch.testing.assert_close(found[3], torch.full((5,), 5.0, dtype=torch.float64), rtol=0, atol=1e-6)
    assert float(found[:3].max()) < 1e-6
