"""Types that cannot be wrong: poses, calibrations, similarities, the contract."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.contract import contract_violations, require_contract
from mouse_facelift.geometry.rotations import look_at, rotation_fault, rotation_to_z
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.settings import CameraContract

CONTRACT = CameraContract(
    image_size=64, focal=68.62422180175781, distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0
)
UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
ORIGIN = torch.zeros(3, dtype=torch.float64)

angles = st.floats(-math.pi, math.pi)
coordinates = st.floats(-100, 100)
vectors = st.tuples(coordinates, coordinates, coordinates).map(lambda v: torch.tensor(v, dtype=torch.float64))


def rotations() -> st.SearchStrategy[torch.Tensor]:
    return st.tuples(angles, angles, angles).map(
        lambda e: torch.from_numpy(Rotation.from_euler("xyz", e).as_matrix().copy())
    )


def ring(distances: list[float]) -> Cameras:
    azimuths = torch.arange(len(distances), dtype=torch.float64) * 2 * math.pi / len(distances)
    directions = torch.stack([azimuths.cos() * 0.94, azimuths.sin() * 0.94, torch.full_like(azimuths, 0.34)], dim=-1)
    directions = directions / directions.norm(dim=-1, keepdim=True)
    centers = directions * torch.tensor(distances, dtype=torch.float64)[:, None]
    K = torch.tensor([[CONTRACT.focal, 0, 32], [0, CONTRACT.focal, 32], [0, 0, 1]], dtype=torch.float64).repeat(
        len(distances), 1, 1
    )
    return Cameras(look_at(centers, ORIGIN, UP), K, 64, 64)


@given(rotations())
def test_rotations_are_accepted_and_their_mirrors_and_multiples_are_not(rotation):
    assert rotation_fault(rotation) is None
    assert "mirrored" in rotation_fault(rotation * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    assert "scaled by 1.01" in rotation_fault(1.01 * rotation)
    sheared = rotation.clone()
    sheared[0] += 0.01 * sheared[1]
    assert "sheared" in rotation_fault(sheared)
    assert "not finite" in rotation_fault(rotation * float("nan"))


@given(vectors.filter(lambda v: v.norm() > 1e-3))
def test_up_is_turned_to_z(up):
    rotation = rotation_to_z(up)
    assert rotation_fault(rotation) is None
    torch.testing.assert_close(rotation @ (up / up.norm()), UP, atol=1e-9, rtol=0)


@given(vectors.filter(lambda v: v.norm() > 1e-3))
def test_look_at_aims_upright_from_everywhere_even_from_straight_above(center):
    (pose,) = look_at(center[None], ORIGIN, UP)
    assert rotation_fault(pose[:3, :3]) is None
    torch.testing.assert_close(pose[:3, 2], -center / center.norm(), atol=1e-9, rtol=0)
    assert abs(float(pose[2, 0])) < 1e-9  # the picture's right is level
    assert float(pose[2, 1]) <= 1e-9  # and its down does not point up


def test_look_at_from_straight_above_and_at_the_target():
    (pose,) = look_at(torch.tensor([[0.0, 0.0, 5.0]], dtype=torch.float64), ORIGIN, UP)
    assert rotation_fault(pose[:3, :3]) is None
    with pytest.raises(ValueError, match="stands at the point"):
        look_at(ORIGIN[None], ORIGIN, UP)


@given(rotations(), vectors)
def test_poses_invert(rotation, translation):
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    torch.testing.assert_close(invert_poses(pose) @ pose, torch.eye(4, dtype=torch.float64), atol=1e-9, rtol=0)


@given(rotations(), vectors, st.floats(1e-3, 1e3), vectors)
def test_a_similarity_moves_cameras_with_the_world(rotation, center, scale, offset):
    similarity = Similarity(scale, rotation, center)
    cameras = ring([2.0, 2.7, 3.4])
    moved = Cameras(similarity.poses(cameras.camera_to_world), cameras.intrinsics, 64, 64)
    points = 0.3 * torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved.project(similarity.points(points)), cameras.project(points), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        similarity.inverse_points(similarity.points(points + offset)), points + offset, atol=1e-6, rtol=1e-9
    )


def test_a_similarity_refuses_mirrors_and_scales_below_zero():
    with pytest.raises(ValueError, match="mirrored"):
        Similarity(1.0, torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)), ORIGIN)
    with pytest.raises(ValueError, match="scale"):
        Similarity(0.0, torch.eye(3, dtype=torch.float64), ORIGIN)


def test_cameras_refuse_mirrored_poses_and_transposed_intrinsics():
    cameras = ring([2.7, 2.7])
    mirrored = cameras.camera_to_world.clone()
    mirrored[1, :3, 0] *= -1
    with pytest.raises(ValueError, match=r"view 1: camera_to_world: the rotation is mirrored: determinant -1"):
        Cameras(mirrored, cameras.intrinsics, 64, 64)
    with pytest.raises(ValueError, match="stores it transposed"):
        Cameras(cameras.camera_to_world, cameras.intrinsics.mT.contiguous(), 64, 64)


def test_the_contract_names_every_broken_field():
    assert contract_violations(ring([2.7, 2.0, 3.4]), CONTRACT) == []
    cameras = ring([2.7, 331.0])
    assert any("distance: view 1: found 331.0000" in v for v in contract_violations(cameras, CONTRACT))
    intrinsics = cameras.intrinsics.clone()
    intrinsics[0, 0, 0], intrinsics[1, 1, 2] = 90.0, 30.0
    found = "\n".join(contract_violations(Cameras(cameras.camera_to_world, intrinsics, 96, 64), CONTRACT))
    for words in ("image_size: found 96 x 64", "focal: view 0: found 90.0000", "principal_point: view 1"):
        assert words in found
    aside = cameras.camera_to_world.clone()
    aside[0, :3, 3] += torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"(?s)table: the cameras break the contract.*aim: view 0"):
        require_contract(Cameras(aside, cameras.intrinsics, 64, 64), CONTRACT, "table")


def calibration(**changes):
    cameras = ring([300.0, 310.0, 320.0])
    fields = {
        "names": ["a", "b", "c"],
        "intrinsics": cameras.intrinsics,
        "distortion": torch.zeros(3, 5, dtype=torch.float64),
        "world_to_camera": cameras.world_to_camera,
        "image_sizes": torch.tensor([[64, 64]] * 3),
    }
    return Calibration(**(fields | changes))


def test_a_calibration_selects_and_orders_cameras():
    assert calibration().select(["c", "a"]).names == ["c", "a"]
    with pytest.raises(ValueError, match=r"no camera \['d'\].*\['a', 'b', 'c'\]"):
        calibration().select(["a", "d"])


def test_a_calibration_refuses_identical_cameras_nan_and_double_names():
    poses = calibration().world_to_camera.clone()
    poses[2] = poses[0]
    with pytest.raises(ValueError, match="cameras 'a' and 'c' are identical"):
        calibration(world_to_camera=poses)
    with pytest.raises(ValueError, match="camera b: distortion is not finite"):
        calibration(distortion=torch.tensor([[0.0] * 5, [float("nan")] * 5, [0.0] * 5], dtype=torch.float64))
    with pytest.raises(ValueError, match=r"twice: \['a'\]"):
        calibration(names=["a", "a", "c"])
