"""The hull of one frame, wherever the cameras stand and whichever way is up."""

import numpy as np
import pytest
import torch

from mouse_facelift.carving.body import find_body
from mouse_facelift.carving.pinholes import see_masks
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.rotations import rotation_to_z
from tests.unit.capture.conftest import CAMERAS, HEIGHT, LENS, RADIUS, WIDTH, K, Laboratory
from tests.unit.capture.conftest import laboratory as laboratory  # a ball before four cameras

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


def rig(laboratory: Laboratory) -> Calibration:
    views = len(CAMERAS)
    sizes = torch.tensor([[WIDTH, HEIGHT]] * views)
    return Calibration(list(CAMERAS), K.repeat(views, 1, 1), LENS.repeat(views, 1), laboratory.poses, sizes)


def masks_of(laboratory: Laboratory, frame: int) -> list[np.ndarray]:
    return [laboratory.mask(view, frame) > 0 for view in range(len(CAMERAS))]


@pytest.mark.parametrize("frame", [0, 2, 4])
def test_a_ball_is_found_and_measured(laboratory: Laboratory, frame: int) -> None:
    aside = laboratory.centers[frame] + torch.tensor([6.0, -4.0, 3.0])
    seen = see_masks(masks_of(laboratory, frame), rig(laboratory), aside, rotation_to_z(UP), 160)
    body = find_body(seen, 64)
    assert float((body.center - laboratory.centers[frame]).norm()) < 1.5
    assert float((body.centroid - laboratory.centers[frame]).norm()) < 1.5
    assert RADIUS - 1 < body.radius < 1.6 * RADIUS  # four silhouettes leave corners
    assert bool((body.extent > 2 * RADIUS - 2).all()) and bool((body.extent < 2.8 * RADIUS).all())
    reach = (body.surface - body.center).norm(dim=-1)
    assert float(reach.max()) <= body.radius
    assert float(reach.min()) > RADIUS - 2.5


def test_another_up_turns_the_box_and_moves_nothing_else(laboratory: Laboratory) -> None:
    near, masks, cameras = laboratory.centers[2], masks_of(laboratory, 2), rig(laboratory)
    tilted = torch.tensor([0.4, -0.3, 0.8], dtype=torch.float64)
    plain, turned = (find_body(see_masks(masks, cameras, near, rotation_to_z(up), 160), 64) for up in (UP, tilted))
    assert float((plain.centroid - turned.centroid).norm()) < 0.5
    assert abs(plain.radius - turned.radius) < 4


def test_some_views_leave_more_of_it(laboratory: Laboratory) -> None:
    seen = see_masks(masks_of(laboratory, 2), rig(laboratory), laboratory.centers[2], rotation_to_z(UP), 160)
    assert float(find_body(seen.of([0, 1]), 64).extent.prod()) > float(find_body(seen, 64).extent.prod())


def test_silhouettes_without_a_common_point_are_told_with_the_place(laboratory: Laboratory) -> None:
    masks = masks_of(laboratory, 2)
    masks[1] = np.roll(masks[1], 50, axis=1)
    near = laboratory.centers[2]
    seen = see_masks(masks, rig(laboratory), near, rotation_to_z(UP), 160)
    with pytest.raises(
        ValueError, match=r"no point lies in the silhouettes .* within \d+ mm of .* \[0\.0, 0\.0, 20\.0\]"
    ):
        find_body(seen, 64)
