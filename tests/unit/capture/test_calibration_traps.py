"""What laboratories get wrong, caught by an error, or by a warning where it could be right."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration.suspicions import suspicions
from mouse_facelift.capture.calibration.writers import write_anipose
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.imaging.pictures import write_rgb
from tests.unit.capture import lab_files

LENS = [-0.16, 0.3, 0.001, -0.002, -0.1]
TURN = np.diag([1.0, -1.0, -1.0, 1.0])


@pytest.fixture
def rig() -> Calibration:
    return lab_files.make_rig([f"cam_{number}" for number in range(5)], LENS)


def refusal(path: Path, format: str | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        read_calibration(path, format)
    return str(caught.value)


def warnings(calibration: Calibration) -> list[str]:
    return [note for note in calibration.notes if note.startswith("warning: ")]


def changed(path: Path, view: int, **changes: Any) -> Path:
    """Change entries of one frame of a transforms.json."""
    content = json.loads(path.read_text())
    content["frames"][view] |= changes
    path.write_text(json.dumps(content))
    return path


def test_transposed_intrinsics_are_named_in_every_format(rig: Calibration, tmp_path: Path) -> None:
    content = lab_files.multical_content(rig)
    content["cameras"]["cam_2"]["K"] = np.array(content["cameras"]["cam_2"]["K"]).T.tolist()
    (tmp_path / "calibration.json").write_text(json.dumps(content))
    message = refusal(tmp_path / "calibration.json")
    assert (
        "cam_2: K: is transposed: found the principal point in the last row, expected it in the last column" in message
    )
    lab_files.write_jarvis(rig, tmp_path)
    upright = {"intrinsicMatrix": rig.intrinsics[1].numpy(), "distortionCoefficients": np.zeros((1, 5))}
    upright |= {"R": np.eye(3), "T": np.zeros((3, 1))}
    (tmp_path / "cam_1.yaml").write_text(lab_files.filestorage(upright))
    message = refusal(tmp_path, "jarvis")
    assert "camera cam_1: intrinsicMatrix: is transposed: found the principal point in the last column" in message


@pytest.mark.parametrize(
    ("reading", "found"),
    [
        ("transposed", "if rotations are transposed (row vectors)"),
        ("inverted", "if poses are camera to world"),
        ("opengl", "if camera axes are OpenGL's (y up, z backward)"),
    ],
)
def test_poses_of_another_convention_are_suspected(reading: str, found: str, rig: Calibration, tmp_path: Path) -> None:
    poses = rig.world_to_camera.clone()
    if reading == "transposed":
        poses[:, :3, :3] = rig.world_to_camera[:, :3, :3].mT
    elif reading == "inverted":
        poses = invert_poses(poses)
    else:
        poses = torch.tensor(TURN) @ poses
    wrong = Calibration(rig.names, rig.intrinsics, rig.distortion, poses, rig.image_sizes)
    write_anipose(wrong, tmp_path / "calibration.toml")
    (line,) = warnings(read_calibration(tmp_path / "calibration.toml"))
    assert found in line and line.startswith("warning: poses: the cameras' optical axes ")


@given(st.integers(2, 8), st.integers(0, 1000), st.floats(0, 0.05))
def test_rigs_that_look_at_one_place_are_not_suspected(views: int, seed: int, loose: float) -> None:
    rig = lab_files.make_rig([str(view) for view in range(views)], LENS, seed)
    turned = rig.world_to_camera.clone()
    for view in range(views):
        angle = loose * math.cos(seed + view)
        swing = torch.eye(4, dtype=torch.float64)
        swing[0, 0] = swing[2, 2] = math.cos(angle)
        swing[0, 2], swing[2, 0] = math.sin(angle), -math.sin(angle)
        turned[view] = swing @ turned[view]
    assert not suspicions(Calibration(rig.names, rig.intrinsics, rig.distortion, turned, rig.image_sizes))


@pytest.mark.parametrize("size", [(1152, 1024), (1280, 720), (720, 1280)])
def test_swapped_principal_points_are_suspected(size: tuple[int, int], rig: Calibration, tmp_path: Path) -> None:
    width, height = size
    rig.intrinsics[:, :2, 2] = torch.tensor([width / 2 + 5, height / 2 - 4])
    rig.intrinsics[3, :2, 2] = torch.tensor([height / 2 - 4, width / 2 + 5])
    sized = torch.tensor([[width, height]] * 5)
    wrong = Calibration(rig.names, rig.intrinsics, rig.distortion, rig.world_to_camera, sized)
    write_anipose(wrong, tmp_path / "calibration.toml")
    (line,) = warnings(read_calibration(tmp_path / "calibration.toml"))
    assert line.startswith("warning: camera cam_3: principal point (")
    assert line.endswith("are cx and cy, or width and height, swapped?")


def test_scaled_rotations_of_nerfstudio_are_divided_and_told(rig: Calibration, tmp_path: Path) -> None:
    path = lab_files.write_nerfstudio(rig, tmp_path)
    pose = np.array(json.loads(path.read_text())["frames"][2]["transform_matrix"])
    pose[:3, :3] *= 2.5
    found = read_calibration(changed(path, 2, transform_matrix=pose.tolist()))
    torch.testing.assert_close(found.world_to_camera, rig.world_to_camera, rtol=0, atol=1e-9)
    assert "warning: rotations of ['cam_2'] are scaled by [2.5]; divided by it, positions kept" in found.notes
    pose[:3, 0] *= -1
    assert "camera cam_2: transform_matrix: the rotation is mirrored" in refusal(
        changed(path, 2, transform_matrix=pose.tolist())
    )


@pytest.mark.parametrize("factor", [2.0, -1.0])
def test_scaled_and_mirrored_rotations_are_refused_elsewhere(factor: float, rig: Calibration, tmp_path: Path) -> None:
    fault = "is mirrored" if factor < 0 else "is scaled by 2"
    lab_files.write_easymocap(rig, tmp_path)
    text = (tmp_path / "extri.yml").read_text().replace("R_cam_1:", "ignored_1:")
    rotation = (rig.world_to_camera[1, :3, :3] * factor).numpy()
    extra = lab_files.filestorage({"Rot_cam_1": rotation}).replace("%YAML:1.0\n---\n", "")
    (tmp_path / "extri.yml").write_text(text.replace("Rot_cam_1:", "ignored_2:") + extra)
    assert f"camera cam_1: world_to_camera: the rotation {fault}" in refusal(tmp_path)
    content = lab_files.multical_content(rig)
    content["camera_poses"]["cam_1_to_cam_0"]["R"] = rotation.tolist()
    (tmp_path / "calibration.json").write_text(json.dumps(content))
    assert f"cam_1_to_cam_0: the rotation {fault}" in refusal(tmp_path / "calibration.json")


def test_a_matrix_and_a_vector_that_disagree_are_refused(rig: Calibration, tmp_path: Path) -> None:
    lab_files.write_easymocap(rig, tmp_path)
    extri = tmp_path / "extri.yml"
    wrong = lab_files.filestorage({"Rot_cam_1": rig.world_to_camera[1, :3, :3].T.numpy()}).replace(
        "%YAML:1.0\n---\n", ""
    )
    extri.write_text(extri.read_text().replace("Rot_cam_1:", "ignored:") + wrong)
    assert "Rot_cam_1 is not the rotation of the vector R_cam_1 (it is transposed)" in refusal(tmp_path)


def test_cameras_of_one_file_alone_are_left_out_and_told(rig: Calibration, tmp_path: Path) -> None:
    lab_files.write_easymocap(rig.select(rig.names[:4]), tmp_path)
    intri = (tmp_path / "intri.yml").read_text()
    lab_files.write_easymocap(rig.select(rig.names[1:]), tmp_path)
    (tmp_path / "intri.yml").write_text(intri)
    found = read_calibration(tmp_path)
    assert found.names == ["cam_1", "cam_2", "cam_3"]
    assert warnings(found) == [
        "warning: cameras ['cam_0'] stand in intri.yml alone and are left out",
        "warning: cameras ['cam_4'] stand in extri.yml alone and are left out",
    ]
    lab_files.write_easymocap(lab_files.make_rig(["x", "y"], LENS), tmp_path)
    (tmp_path / "intri.yml").write_text(intri)
    assert "no camera is in both files: intri.yml lists ['cam_0'" in refusal(tmp_path)


def test_poses_without_cameras_and_cameras_without_poses_are_told(rig: Calibration, tmp_path: Path) -> None:
    content = lab_files.multical_content(rig)
    content["camera_poses"]["cam_9_to_cam_0"] = content["camera_poses"].pop("cam_4_to_cam_1")
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(content))
    found = read_calibration(path)
    assert found.names == rig.names[:4]
    assert "warning: cameras ['cam_4'] have no pose and are left out" in found.notes
    assert "warning: camera_poses ['cam_9_to_cam_0'] belong to no camera of the file and are left out" in found.notes


def test_a_picture_of_an_unknown_camera_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text("1 PINHOLE 640 480 500 500 320 240\n3 PINHOLE 640 480 500 500 320 240\n")
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 5 2 a.png\n\n")
    assert "image 1 (a.png): camera 2 is not in cameras.txt; it lists [1, 3]" in refusal(tmp_path)
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 5 1 a.png\n\n")
    assert warnings(read_calibration(tmp_path)) == ["warning: cameras [3] have no picture with a pose and are left out"]


def test_pictures_that_are_named_but_absent_are_told(rig: Calibration, tmp_path: Path) -> None:
    path = lab_files.write_nerfstudio(rig, tmp_path)
    (tmp_path / "images").mkdir()
    for name in rig.names[:3]:
        write_rgb(tmp_path / "images" / f"{name}.png", np.zeros((4, 4, 3), np.uint8))
    expected = [
        "warning: pictures: 2 of 5 that the file names are not beside it: ./images/cam_3.png, ./images/cam_4.png"
    ]
    assert warnings(read_calibration(path)) == expected
    sparse = tmp_path / "sparse" / "0"
    sparse.mkdir(parents=True)
    (line,) = warnings(read_calibration(lab_files.write_colmap_binary(rig, sparse)))
    assert line.startswith("warning: pictures: 5 of 5")  # they are .jpg there


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused(number: float, rig: Calibration, tmp_path: Path) -> None:
    path = lab_files.write_nerfstudio(rig, tmp_path)
    assert "frames[1]: camera cam_1: fl_x: found" in refusal(changed(path, 1, fl_x=number))
    rig.world_to_camera[1, 0, 3] = number
    lab_files.write_jarvis(rig, tmp_path)
    text = (tmp_path / "cam_1.yaml").read_text().replace("nan", ".Nan").replace("inf", ".Inf")
    (tmp_path / "cam_1.yaml").write_text(text)
    assert re.search("camera cam_1: T: found (nan|inf), expected a finite number", refusal(tmp_path))
    path = tmp_path / "session.qca.txt"
    path.write_text(lab_files.qualisys_text(rig.select(["cam_2", "cam_3"])).replace('r11="', f'r11="{number}', 1))
    assert re.search(r"camera cam_2: r11: found (nan|inf), expected a finite number", refusal(path))


def test_identical_cameras_are_refused_in_every_format(rig: Calibration, tmp_path: Path) -> None:
    rig.world_to_camera[3] = rig.world_to_camera[1]
    expected = "cameras 'cam_1' and 'cam_3' are identical: same position"
    for number, write in enumerate(
        (lab_files.write_jarvis, lab_files.write_colmap_binary, lab_files.write_nerfstudio, lab_files.write_qualisys)
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert expected in refusal(write(rig, folder))
