"""One rig, written as each tool writes it, is read as one and the same."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
import torch

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration import writers
from mouse_facelift.capture.calibration.readers import FORMATS
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.imaging.pictures import write_rgb
from mouse_facelift.settings import CalibrationFile
from tests.unit.capture import lab_files

LENS = [-0.16, 0.3, 0.001, -0.002, -0.1]
NAMES = [f"cam_{number}" for number in range(8, 13)]  # cam_10 is a name after cam_9, but not as text


@pytest.fixture
def rig() -> Calibration:
    return lab_files.make_rig(NAMES, LENS)


def _by(write: Callable[[Calibration, Path], None], file: str) -> Callable[[Calibration, Path], Path]:
    def writing(rig: Calibration, folder: Path) -> Path:
        write(rig, folder / file)
        return folder / file

    return writing


WRITE = {
    "anipose": _by(writers.write_anipose, "calibration.toml"),
    "colmap": lab_files.write_colmap_binary,
    "dannce_params": lab_files.write_dannce_params,
    "easymocap": lab_files.write_easymocap,
    "jarvis": lab_files.write_jarvis,
    "label3d": lab_files.write_label3d,
    "mammal": lab_files.write_mammal,
    "multical": lab_files.write_multical,
    "nerfstudio": lab_files.write_nerfstudio,
    "opencv": lab_files.write_opencv,
    "qualisys": lab_files.write_qualisys,
}
SIZELESS = {"dannce_params", "jarvis"}


@pytest.mark.parametrize("format", WRITE)
@pytest.mark.parametrize("named", [False, True], ids=["recognized", "named"])
def test_every_format_gives_the_same_rig(format: str, named: bool, rig: Calibration, tmp_path: Path) -> None:
    found = read_calibration(WRITE[format](rig, tmp_path), format if named else None)
    assert found.names == (["0", "1", "2", "3", "4"] if format == "mammal" else NAMES)
    torch.testing.assert_close(found.world_to_camera, rig.world_to_camera, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.intrinsics, rig.intrinsics, rtol=0, atol=1e-9)
    lens = torch.nn.functional.pad(rig.distortion, (0, found.distortion.shape[1] - 5))
    torch.testing.assert_close(found.distortion, 0 * lens if format == "mammal" else lens, rtol=0, atol=1e-12)
    if format in SIZELESS:
        assert found.image_sizes is None
        assert any(note.startswith("picture size: not in the file") for note in found.notes)
    else:
        assert found.image_sizes is not None and found.image_sizes.tolist() == [[1152, 1024]] * 5
    for subject in ("format: ", "pixel origin: ", "rotation: ", "unit"):
        assert any(note.startswith(subject) for note in found.notes), (subject, found.notes)
    assert not [note for note in found.notes if note.startswith("warning: ") and "pictures" not in note]


def test_every_format_can_be_asked_for_in_the_configuration() -> None:
    literal = get_args(CalibrationFile.model_fields["format"].annotation)[0]
    assert sorted(get_args(literal)) == sorted(FORMATS)
    assert set(WRITE) | {"dannce", "facelift"} == set(FORMATS)


def refusal(path: Path, format: str | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        read_calibration(path, format)
    assert str(path) in str(caught.value) or path.is_dir()
    return str(caught.value)


def test_one_camera_of_several_files_asks_for_the_folder(rig: Calibration, tmp_path: Path) -> None:
    for write, file in (
        (lab_files.write_jarvis, "cam_9.yaml"),
        (lab_files.write_dannce_params, "cam_9_params.mat"),
    ):
        write(rig, tmp_path)
        assert "give the folder that holds all" in refusal(tmp_path / file)


def test_a_folder_with_one_calibration_in_it_names_it(rig: Calibration, tmp_path: Path) -> None:
    writers.write_anipose(rig, tmp_path / "found.toml")
    message = refusal(tmp_path)
    assert message.endswith(f"But {tmp_path / 'found.toml'} is one (anipose): give the file")


def test_one_file_of_a_pair_finds_the_other(rig: Calibration, tmp_path: Path) -> None:
    lab_files.write_easymocap(rig, tmp_path)
    lab_files.write_colmap_binary(rig, tmp_path)
    assert read_calibration(tmp_path / "extri.yml").names == NAMES
    assert read_calibration(tmp_path / "images.bin").names == NAMES
    (tmp_path / "extri.yml").unlink()
    with pytest.raises(FileNotFoundError, match=r"missing beside it: \['extri\.yml'\]"):
        read_calibration(tmp_path / "intri.yml")


def test_intrinsics_alone_ask_for_extrinsics(rig: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "camera.yml"
    K, D = rig.intrinsics[0].numpy(), rig.distortion[0].numpy()[None]
    path.write_text(lab_files.filestorage({"camera_matrix": K, "distortion_coefficients": D}))
    assert "holds intrinsics alone: extrinsics are missing. Add R" in refusal(path)


def test_a_stereo_pair_stands_in_two_files(rig: Calibration, tmp_path: Path) -> None:
    K, D = rig.intrinsics.numpy(), rig.distortion.numpy()
    step = rig.world_to_camera[1].numpy() @ np.linalg.inv(rig.world_to_camera[0].numpy())
    inner = {"M1": K[0], "D1": D[:1], "M2": K[1], "D2": D[1:2]}
    (tmp_path / "intrinsics.yml").write_text(lab_files.filestorage(inner))
    assert "a stereo pair without ['R', 'T']" in refusal(tmp_path)
    (tmp_path / "extrinsics.yml").write_text(lab_files.filestorage({"R": step[:3, :3], "T": step[:3, 3:]}))
    found = read_calibration(tmp_path)
    assert found.names == ["1", "2"]
    np.testing.assert_array_equal(found.world_to_camera[0].numpy(), np.eye(4))
    np.testing.assert_allclose(found.world_to_camera[1].numpy(), step, atol=1e-12)


@pytest.mark.parametrize("dashes", [True, False])
@pytest.mark.parametrize("suffix", [".yml", ".xml", ".json"])
def test_filestorage_is_read_in_all_its_dialects(dashes: bool, suffix: str, rig: Calibration, tmp_path: Path) -> None:
    pose = rig.world_to_camera[0].numpy()
    path = tmp_path / f"only{suffix}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("camera_matrix", rig.intrinsics[0].numpy())
    storage.write("distortion_coefficients", np.arange(14.0)[:, None] / 1000)
    storage.write("R", pose[:3, :3])
    storage.write("T", pose[:3, 3:])
    storage.release()
    if not dashes:
        path.write_text(path.read_text().replace("---\n", ""))
    found = read_calibration(path)
    np.testing.assert_array_equal(found.world_to_camera[0].numpy(), pose)
    assert found.distortion[0].tolist() == (np.arange(14.0) / 1000).tolist()


COLMAP_LENSES: list[tuple[str, list[float], list[float]]] = [
    ("SIMPLE_PINHOLE 1152 1024 1500 576 512", [0.0] * 5, [1500, 1500]),
    ("PINHOLE 1152 1024 1500 1510 576 512", [0.0] * 5, [1500, 1510]),
    ("SIMPLE_RADIAL 1152 1024 1500 576 512 -0.1", [-0.1, 0.0, 0.0, 0.0, 0.0], [1500, 1500]),
    ("RADIAL 1152 1024 1500 576 512 -0.1 0.2", [-0.1, 0.2, 0.0, 0.0, 0.0], [1500, 1500]),
    ("OPENCV 1152 1024 1500 1510 576 512 -0.1 0.2 0.3 0.4", [-0.1, 0.2, 0.3, 0.4, 0.0], [1500, 1510]),
    ("OPENCV_FISHEYE 1152 1024 1500 1510 576 512 -0.1 0.2 0.3 0.4", [-0.1, 0.2, 0.3, 0.4], [1500, 1510]),
    ("FULL_OPENCV 1152 1024 1500 1510 576 512 1 2 3 4 5 6 7 8", [1.0, 2, 3, 4, 5, 6, 7, 8], [1500, 1510]),
]


@pytest.mark.parametrize(("lens", "distortion", "focal"), COLMAP_LENSES)
def test_lenses_of_colmap(lens: str, distortion: list[float], focal: list[float], tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(f"# ID MODEL\n4 {lens}\n")
    images = "# two lines each\n7 1 0 0 0 0 0 5 4 left/a.png\n1.5 2.5 -1\n9 -1 0 0 0 1 0 5 4 right/a.png\n\n"
    (tmp_path / "images.txt").write_text(images)
    found = read_calibration(tmp_path)
    assert found.names == ["left_a", "right_a"]
    assert found.distortion[0].tolist() == distortion
    assert found.intrinsics[1].tolist() == [[focal[0], 0, 575.5], [0, focal[1], 511.5], [0, 0, 1]]
    assert found.world_to_camera[1].tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 5], [0, 0, 0, 1]]


def test_pictures_of_colmap_without_points_keep_their_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text("1 PINHOLE 640 480 500 500 320 240\n")
    rows = [f"{number} 1 0 0 0 {number} 0 5 1 {number}.png" for number in range(4)]
    (tmp_path / "images.txt").write_text("\n\n".join(rows))
    assert read_calibration(tmp_path).names == ["0", "1", "2", "3"]
    (tmp_path / "images.txt").write_text("\n".join(rows))
    assert re.search(r"line 2: found 10 words, expected points", refusal(tmp_path))


def test_a_blender_scene_needs_the_size_of_its_pictures(rig: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "transforms_train.json"
    content = lab_files.blender_content(rig, 1600.0)
    path.write_text(json.dumps(content))
    assert "missing ['w', 'h'], the picture's width and height in px" in refusal(path)
    for name in rig.names:
        (tmp_path / "train").mkdir(exist_ok=True)
        write_rgb(tmp_path / "train" / f"{name}.png", np.zeros((1024, 1152, 3), np.uint8))
    found = read_calibration(path)
    torch.testing.assert_close(found.intrinsics[:, 0, 0], torch.full((5,), 1600.0, dtype=torch.float64))
    assert found.intrinsics[0, :2, 2].tolist() == [575.5, 511.5]
    assert not any("warning" in note for note in found.notes)
    path.write_text(json.dumps({**content, "w": 576, "h": 512}))
    assert abs(float(read_calibration(path).intrinsics[0, 1, 1]) - 800) < 1e-9


def test_a_fisheye_rig_of_nerfstudio_and_anipose(tmp_path: Path) -> None:
    fisheye = lab_files.make_rig(NAMES, [0.1, -0.02, 0.003, 0.001])
    for write, file in ((writers.write_nerfstudio, "transforms.json"), (writers.write_anipose, "calibration.toml")):
        write(fisheye, tmp_path / file)
        torch.testing.assert_close(read_calibration(tmp_path / file).distortion, fisheye.distortion, rtol=0, atol=0)
    path = tmp_path / "calibration.toml"
    path.write_text(path.read_text().replace("fisheye = true", "fisheye = false", 1))
    message = refusal(path)
    assert "['cam_9', 'cam_10', 'cam_11', 'cam_12'] have fisheye lenses and the others have not" in message


NERFSTUDIO_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"camera_model": "EQUIRECTANGULAR"}, r"camera_model: found 'EQUIRECTANGULAR', expected one of"),
    ({"k4": 0.1}, r"k4: found 0\.1, expected 0: OpenCV's lens has no such term"),
    ({"camera_model": "OPENCV_FISHEYE"}, r"p1, p2: found 0\.001, -0\.002, expected 0: a fisheye lens has none"),
    ({"h": None}, r"missing \['h'\], the picture's width and height"),
    ({"frames": []}, r"frames: found 0 values"),
]


@pytest.mark.parametrize(("changes", "message"), NERFSTUDIO_FAULTS)
def test_nerfstudio_faults_are_named(changes: dict[str, Any], message: str, rig: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "transforms.json"
    content = lab_files.nerfstudio_content(rig) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    assert re.search(message, refusal(path, "nerfstudio"))


QUALISYS_FAULTS: list[tuple[dict[str, str], str]] = [
    ({"viewrotation": "90"}, r"camera cam_9: viewrotation: found 90 degrees, expected 0: .* give another format"),
    ({"video_resolution": "720p"}, r"camera cam_9: fov_video: .* expected the whole sensor of 1152 x 1024 px"),
]


@pytest.mark.parametrize(("changes", "message"), QUALISYS_FAULTS)
def test_turned_or_cut_pictures_of_qualisys_are_refused(
    changes: dict[str, str], message: str, rig: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "session.qca.txt"
    path.write_text(lab_files.qualisys_text(rig, **changes))
    assert re.search(message, refusal(path))


def test_cameras_of_qualisys_that_are_off_are_left_out(rig: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "session.qca.txt"
    path.write_text(lab_files.qualisys_text(rig, active="0"))
    found = read_calibration(path)
    assert found.names == ["cam_8", "cam_10", "cam_11", "cam_12"]
    assert "warning: cameras ['cam_9'] are not active and are left out" in found.notes


def test_entities_in_xml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.qca.txt"
    path.write_text('<!DOCTYPE x [<!ENTITY a "aa">]><calibration>&a;</calibration>')
    assert "declares entities" in refusal(path, "qualisys")


DEEP = {
    "lists": "a: " + "[ " * 40_000,
    "tables": "a: " + "{a: " * 40_000,
    "dashes": "- " * 40_000,
    "keys": "b: " * 40_000,
    "indentation": "".join(f"{' ' * level}a:\n" for level in range(1400)),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_deep_nesting_does_not_end_the_process(text: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.yml"
    path.write_text(f"%YAML:1.0\n{text}")
    refusal(path, "opencv")
    path.write_text('<?xml version="1.0"?>\n<opencv_storage>' + "<M1>" * 40_000)
    refusal(path)


def _spoiled(whole: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.2 else whole)
    for _ in range(chance.choice([1, 2, 8])):
        if damaged:
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 255, 128, *b'09-.eE[]{}",=:!%#&*|>\n '])
    return bytes(damaged)


@pytest.mark.parametrize("format", sorted(set(WRITE) - {"mammal"}))
def test_damaged_files_are_read_or_refused_by_name(format: str, rig: Calibration, tmp_path: Path) -> None:
    path, chance = WRITE[format](rig, tmp_path), random.Random(0)
    files = sorted(tmp_path.iterdir())
    for number in range(60):
        file = files[number % len(files)]
        whole = file.read_bytes()
        file.write_bytes(_spoiled(whole, chance))
        try:
            found = read_calibration(path, format)
        except ValueError as error:
            assert str(tmp_path) in str(error)
        else:
            assert isinstance(found, Calibration)
        file.write_bytes(whole)
