"""Real calibrations of laboratories: files that describe one rig agree, and conventions are those of the pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration.suspicions import suspicions
from mouse_facelift.capture.calibration.writers import WRITERS
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.lenses import project, undistort

pytestmark = pytest.mark.shared


@pytest.fixture
def examples(shared: Path) -> Path:
    return shared / "calibration_examples"


RIGS = {
    "anipose_toml/calibration.toml": 7,
    "colmap_text": 7,
    "dannce_label3d/label3d_dannce.mat": 6,
    "dannce_params_mat": 3,
    "easymocap_intri_extri": 6,
    "facelift_opencv_cameras/opencv_cameras.json": 32,
    "jarvis_yaml": 2,
    "mammal_new_cam/new_cam_reconstructed.pkl": 6,
    "multical/calibration_from_format_doc.json": 2,
    "qualisys_qca/Calib.qca.txt": 4,
}


@pytest.mark.parametrize("path", RIGS)
def test_real_rigs_are_read_and_not_suspected(path: str, examples: Path) -> None:
    found = read_calibration(examples / path)
    assert len(found) == RIGS[path]
    assert not [note for note in found.notes if note.startswith("warning: ") and "pictures: " not in note]


def optical_miss(calibration: Calibration) -> float:
    """Root mean square distance of the optical axes from their nearest point."""
    axes, centers = calibration.world_to_camera[:, 2, :3], calibration.centers
    planes = torch.eye(3, dtype=torch.float64) - axes[:, :, None] * axes[:, None, :]
    point = torch.linalg.solve(planes.sum(0), (planes @ centers[..., None]).sum(0))[:, 0]
    return float((planes @ (point - centers)[..., None]).square().sum(1).mean().sqrt())


def test_anipose_and_colmap_are_one_rig(examples: Path) -> None:
    anipose = read_calibration(examples / "anipose_toml/calibration.toml")
    colmap = read_calibration(examples / "colmap_text").select(anipose.names)
    torch.testing.assert_close(colmap.world_to_camera, anipose.world_to_camera, rtol=0, atol=1e-9)
    torch.testing.assert_close(colmap.intrinsics, anipose.intrinsics, rtol=0, atol=1e-9)
    torch.testing.assert_close(colmap.distortion, anipose.distortion, rtol=0, atol=1e-12)
    assert anipose.image_sizes is not None and colmap.image_sizes is not None
    assert anipose.image_sizes.tolist() == colmap.image_sizes.tolist()


def test_dannce_and_mammal_are_one_rig(examples: Path) -> None:
    dannce = read_calibration(examples / "dannce_label3d/label3d_dannce.mat")
    mammal = read_calibration(examples / "mammal_new_cam/new_cam_reconstructed.pkl")
    torch.testing.assert_close(mammal.centers, dannce.centers, rtol=0, atol=1e-9)
    torch.testing.assert_close(mammal.world_to_camera, dannce.world_to_camera, rtol=0, atol=1e-9)
    beside = json.loads((examples / "mammal_new_cam/new_cam_reconstructed.json").read_text())
    np.testing.assert_allclose(mammal.intrinsics.numpy(), [camera["K"] for camera in beside], rtol=0, atol=1e-9)


def test_mammal_sees_the_undistorted_pictures_of_dannce(examples: Path) -> None:
    """K of MAMMAL is that of OpenCV's older getOptimalNewCameraMatrix with alpha = 1, from K that counts from 1."""
    dannce = read_calibration(examples / "dannce_label3d/label3d_dannce.mat")
    mammal = read_calibration(examples / "mammal_new_cam/new_cam_reconstructed.pkl")
    width, height = 1152, 1024
    across, down = (torch.linspace(0, side, 9, dtype=torch.float64) for side in (width, height))
    grid = torch.cartesian_prod(across, down)
    for view in range(6):
        K = dannce.intrinsics[view].clone()
        K[:2, 2] += 1
        K[0, 1] = 0
        rays = undistort(grid, K, dannce.distortion[view])
        low, high = rays.min(0).values, rays.max(0).values
        focal = (torch.tensor([width, height]) - 1) / (high - low)
        found = mammal.intrinsics[view]
        assert float((torch.stack([found[0, 0], found[1, 1]]) / focal - 1).abs().max()) < 0.01
        assert float((found[:2, 2] + focal * low).abs().max()) < 6


def test_labels_of_dannce_reproject_exactly(examples: Path) -> None:
    path = examples / "dannce_label3d/label3d_dannce.mat"
    found = read_calibration(path)
    labels = scipy.io.loadmat(path, variable_names=["labelData"], simplify_cells=True)["labelData"]
    for view, label in enumerate(labels):
        points, pixels = torch.tensor(label["data_3d"]).reshape(-1, 3), torch.tensor(label["data_2d"]).reshape(-1, 2)
        known = torch.isfinite(points).all(dim=1) & torch.isfinite(pixels).all(dim=1)
        lens = (found.intrinsics[view], found.distortion[view], found.world_to_camera[view])
        torch.testing.assert_close(project(points[known], *lens), pixels[known] - 1, rtol=0, atol=1e-9)


def test_jarvis_cameras_stand_where_they_stood(examples: Path) -> None:
    found = read_calibration(examples / "jarvis_yaml")
    assert found.names == ["Camera_LBB", "Camera_T"]
    assert found.centers[1].tolist() == [0, 0, 0]
    np.testing.assert_allclose(found.centers[0].numpy(), [330, 230, 935], atol=10)
    poses = found.world_to_camera.clone()
    poses[:, :3, :3] = found.world_to_camera[:, :3, :3].mT
    np.testing.assert_allclose(invert_poses(poses)[0, :3, 3].numpy(), [-195, -884, 466], atol=1)


def test_cameras_of_qualisys_look_at_one_place_upright(examples: Path) -> None:
    """Rows, not columns, are the axes: read so, four axes 4 m long meet within a decimeter."""
    found = read_calibration(examples / "qualisys_qca/Calib.qca.txt")
    assert optical_miss(found) < 100
    assert bool((found.world_to_camera[:, 1, 2] < -0.8).all())  # down in the picture is down in the world
    assert found.image_sizes is not None and found.image_sizes.tolist() == [[1088, 1920]] * 4
    assert bool(((found.intrinsics[:, :2, 2] - torch.tensor([543.5, 959.5])).abs() < 40).all())
    turned = found.world_to_camera.clone()
    turned[:, :3, :3] = found.world_to_camera[:, :3, :3].mT
    turned[:, :3, 3:] = -turned[:, :3, :3] @ found.centers[..., None]
    assert optical_miss(Calibration(found.names, found.intrinsics, found.distortion, turned, None)) > 500


def test_the_meter_rig_of_easymocap_stands_upright(examples: Path) -> None:
    found = read_calibration(examples / "easymocap_intri_extri")
    assert found.names == ["2", "3", "4", "5", "6", "7"]
    assert bool((found.world_to_camera[:, 1, 2] < -0.9).all())
    assert 2 < float(torch.cdist(found.centers, found.centers).max()) < 20


def test_old_cameras_of_dannce_look_at_the_animal(examples: Path) -> None:
    found = read_calibration(examples / "dannce_params_mat")
    assert found.names == ["hires_cam1", "hires_cam2", "hires_cam3"]
    assert float(found.intrinsics[0, 0, 2]) == pytest.approx(676.905880 - 1, abs=1e-5)
    assert optical_miss(found) < 60


def test_multical_reads_the_name_the_other_way_round(examples: Path) -> None:
    """cam2_to_cam1 brings points of cam1 into cam2: cam2 stands to the right of cam1."""
    found = read_calibration(examples / "multical/calibration_from_format_doc.json")
    np.testing.assert_array_equal(found.world_to_camera[0].numpy(), np.eye(4))
    np.testing.assert_allclose(found.centers[1].numpy(), [0.05, 0, 0], atol=1e-3)


def test_incomplete_files_ask_by_name(examples: Path) -> None:
    with pytest.raises(ValueError, match=r"holds intrinsics alone: extrinsics are missing"):
        read_calibration(examples / "opencv_filestorage/tutorial_camera_charuco.yml")
    with pytest.raises(ValueError, match=r"missing \['w', 'h'\], the picture's width and height in px"):
        read_calibration(examples / "nerfstudio_transforms/transforms_train_blender_style.json")
    with pytest.raises(ValueError, match=r"without name, order or picture size: give the folder"):
        read_calibration(examples / "dannce_params_mat/hires_cam1_params.mat")


@pytest.mark.parametrize("path", ["anipose_toml/calibration.toml", "facelift_opencv_cameras/opencv_cameras.json"])
@pytest.mark.parametrize("format", WRITERS)
def test_real_rigs_come_back_from_other_formats(path: str, format: str, examples: Path, tmp_path: Path) -> None:
    found = read_calibration(examples / path)
    if format == "facelift" and bool(found.distortion.any()):
        return
    WRITERS[format](found, tmp_path / "written")
    back = read_calibration(tmp_path / "written").select(found.names)
    sloppy = "facelift" in path and format in ("anipose", "colmap")  # rotations of 1e-7, in three or four numbers
    torch.testing.assert_close(back.world_to_camera, found.world_to_camera, rtol=0, atol=2e-7 if sloppy else 1e-9)
    torch.testing.assert_close(back.intrinsics, found.intrinsics, rtol=0, atol=1e-9)
    torch.testing.assert_close(back.distortion, found.distortion, rtol=0, atol=0)


def test_the_recomputed_home_cage_is_not_suspected(shared: Path) -> None:
    assert not suspicions(read_calibration(shared / "real/mouse_4cam/calibration_recomputed.toml"))
