"""One frame for all rigs: neither their yaw nor their unit is left in what the network is told."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.mvdiffusion.canonical import (
    RELEASED_AZIMUTHS,
    canonical_cameras,
    nearest_released_views,
    relative_azimuths,
    released_cameras,
)
from mouse_facelift.mvdiffusion.rays import RAY_CHANNELS, plucker_rays, ray_channels
from mouse_facelift.settings import CameraContract
from tests.unit.mvdiffusion.conftest import random_rig

CONTRACT = CameraContract(image_size=512, focal=548.9937, distance=2.7, distance_range=(2.0, 3.4), subject_radius=1.2)
RIGS = st.integers(0, 10_000)
YAWS = st.floats(-180, 180)
SCALES = st.floats(0.01, 300)

# Channels are float32 and in -1..1: one rounding is 6e-8, and the moments' units and sines of up to 8 pi times them
# turn the float64 roundings of a moved rig, up to 1e-13, into less than that.
SAME = {"rtol": 0.0, "atol": 1e-6}


def moved(cameras: Cameras, yaw: float, scale: float) -> Cameras:
    """The same rig in a world turned about z by degrees, in another unit."""
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    turn = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64)
    poses = Similarity(scale, turn, torch.zeros(3, dtype=torch.float64)).poses(cameras.camera_to_world)
    return Cameras(poses, cameras.intrinsics, cameras.width, cameras.height)


@given(RIGS, st.integers(0, 3), YAWS, SCALES)
def test_yaw_and_unit_of_a_rig_change_nothing_that_is_told(seed, reference, yaw, scale):
    rig = random_rig(seed)
    other = moved(rig, yaw, scale)
    rays, again = (ray_channels(canonical_cameras(cameras, reference, 2.7), 2.7, 8, 8) for cameras in (rig, other))
    torch.testing.assert_close(again, rays, **SAME)
    nearest, nearest_again = (nearest_released_views(relative_azimuths(cameras, reference)) for cameras in (rig, other))
    assert torch.equal(nearest_again, nearest)


@given(YAWS, SCALES)
@example(0.0, 1.0)
def test_halves_between_released_views_do_not_depend_on_yaw(yaw, scale):
    halves = torch.deg2rad(torch.tensor([0.0, 22.5, -22.5, 67.5, -67.5, 135, -135], dtype=torch.float64) - 90)
    rig = random_rig(0, len(halves))
    poses = rig.camera_to_world.clone()
    poses[:, :3, 3] = torch.stack([halves.cos(), halves.sin(), torch.zeros_like(halves)], dim=-1)
    rig = moved(Cameras(poses, rig.intrinsics, 64, 64), yaw, scale)
    assert nearest_released_views(relative_azimuths(rig, 0)).tolist() == [0, 0, 0, 4, 1, 3, 2]


@given(RIGS, st.integers(0, 3))
def test_the_reference_stands_in_front_and_all_else_is_kept(seed, reference):
    rig = random_rig(seed)
    canonical = canonical_cameras(rig, reference, 2.7)
    x, y, z = canonical.centers[reference].tolist()
    before = rig.centers[reference]
    assert math.hypot(x, y, z) == pytest.approx(2.7, abs=1e-12)
    assert x == pytest.approx(0, abs=1e-12)
    assert y < 0
    assert z / 2.7 == pytest.approx(float(before[2] / before.norm()), abs=1e-12)
    assert torch.equal(canonical.intrinsics, rig.intrinsics)
    torch.testing.assert_close(
        torch.linalg.det(canonical.camera_to_world[:, :3, :3]), torch.ones(4, dtype=torch.float64)
    )
    spans = (torch.cdist(cameras.centers, cameras.centers) for cameras in (rig, canonical))
    first, second = (span / span.max() for span in spans)
    torch.testing.assert_close(first, second)
    assert relative_azimuths(rig, reference)[reference] == 0
    torch.testing.assert_close(relative_azimuths(canonical, reference), relative_azimuths(rig, reference))


def test_the_released_rig_stands_where_its_file_says():
    rig = released_cameras(CONTRACT)
    half = math.sqrt(0.5)
    positions = [(0, -1, 0), (-half, -half, 0), (-1, 0, 0), (0, 1, 0), (1, 0, 0), (half, -half, 0)]
    torch.testing.assert_close(rig.centers, 2.7 * torch.tensor(positions, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(rig.camera_to_world[:, :3, :3]), torch.ones(6, dtype=torch.float64))
    canonical = canonical_cameras(rig, 0, 2.7)
    torch.testing.assert_close(canonical.camera_to_world, rig.camera_to_world, rtol=0, atol=1e-12)
    azimuths = relative_azimuths(rig, 0)
    turned = torch.remainder(azimuths - torch.tensor(RELEASED_AZIMUTHS, dtype=torch.float64) + 180, 360)
    torch.testing.assert_close(turned, torch.full((6,), 180.0, dtype=torch.float64))
    assert nearest_released_views(azimuths).tolist() == [0, 1, 2, 3, 4, 5]


def test_views_are_named_from_the_reference_whichever_it_is():
    # Seen from the right camera, front stands to the left: 90 degrees on.
    nearest = nearest_released_views(relative_azimuths(released_cameras(CONTRACT), 2))
    assert nearest.tolist() == [4, 5, 0, 2, 3, 3]


@given(st.floats(-179, 179), st.sampled_from([1.0, -1.0]))
def test_a_camera_straight_above_stands_where_it_tilted_from(azimuth, side):
    rig = released_cameras(CONTRACT)
    level, poses = math.radians(azimuth - 90), rig.camera_to_world.clone()
    right = torch.tensor([-math.sin(level), math.cos(level), 0.0], dtype=torch.float64)
    forward = torch.tensor([0.0, 0.0, -side], dtype=torch.float64)
    poses[1, :3, :3] = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=-1)
    poses[1, :3, 3] = -2.7 * forward
    above = Cameras(poses, rig.intrinsics, 512, 512)
    assert float(relative_azimuths(above, 0)[1]) == pytest.approx(azimuth, abs=1e-9)


def test_impossible_references_are_refused():
    rig = random_rig(1)
    with pytest.raises(ValueError, match="reference view 4: expected one of 4 views"):
        canonical_cameras(rig, 4, 2.7)
    poses = rig.camera_to_world.clone()
    poses[2, :3, 3] = 0
    with pytest.raises(ValueError, match="view 2 stands at the origin"):
        relative_azimuths(Cameras(poses, rig.intrinsics, 64, 64), 0)
    poses[2, :3, 3] = torch.tensor([0.0, 0.0, 3.0])
    poses[2, :3, :3] = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    with pytest.raises(ValueError, match="view 2 stands straight above or below"):
        relative_azimuths(Cameras(poses, rig.intrinsics, 64, 64), 0)


def test_rays_are_lines_through_camera_and_pixel():
    rig = random_rig(3)
    rays = plucker_rays(rig, 2.7, 16, 8)
    directions, moments = rays[:, :3], rays[:, 3:] * 2.7
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(4, 16, 8, dtype=torch.float64))
    # A point on the ray of grid pixel (row 5, column 2) is seen at that pixel's center, in the whole picture.
    points = rig.centers + 2.5 * directions[:, :, 5, 2]
    seen = rig.project(points)[torch.arange(4), torch.arange(4)]
    torch.testing.assert_close(seen, torch.tensor([2.5 * 8, 5.5 * 4], dtype=torch.float64).expand(4, 2))
    torch.testing.assert_close(moments[:, :, 5, 2], torch.linalg.cross(points, directions[:, :, 5, 2]))


def test_waves_are_sines_and_cosines_of_all_coordinates():
    rig = random_rig(4)
    rays, told = plucker_rays(rig, 2.7, 4, 4), ray_channels(rig, 2.7, 4, 4)
    assert told.shape == (4, RAY_CHANNELS, 4, 4)
    assert told.dtype == torch.float32
    assert RAY_CHANNELS == 54
    torch.testing.assert_close(told[:, :6], rays.float(), rtol=0, atol=0)
    for k in range(4):
        sines, cosines = told[:, 6 + 12 * k : 12 + 12 * k], told[:, 12 + 12 * k : 18 + 12 * k]
        torch.testing.assert_close(sines, (math.pi * 2**k * rays).sin().float())
        torch.testing.assert_close(cosines, (math.pi * 2**k * rays).cos().float())


def test_skew_is_refused():
    rig = random_rig(5)
    intrinsics = rig.intrinsics.clone()
    intrinsics[1, 0, 1] = 0.5
    with pytest.raises(ValueError, match="skew"):
        plucker_rays(Cameras(rig.camera_to_world, intrinsics, 64, 64), 2.7, 4, 4)
