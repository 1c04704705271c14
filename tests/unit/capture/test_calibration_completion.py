"""What a calibration file leaves unsaid is asked for by name, taken from the configuration, and never overrules it."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mouse_facelift.capture.calibration import writers
from mouse_facelift.capture.calibration.completion import Sizes, read_stated_calibration
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.imaging.pictures import write_rgb
from mouse_facelift.settings import CalibrationFile, Capture
from tests.unit.capture import lab_files
from tests.unit.capture.conftest import Laboratory

LENS = [-0.16, 0.3, 0.001, -0.002, -0.1]
NAMES = ["left", "right", "top"]
SIZES = dict.fromkeys(NAMES, (1152, 1024))


@pytest.fixture
def rig() -> Calibration:
    return lab_files.make_rig(["cam_8", "cam_9", "cam_10"], LENS)


def read(path: Path, cameras: list[str], recorded: Sizes | None = None, **stated: Any) -> Calibration:
    section = {"path": str(path), "format": None, "names": None, "image_sizes": None}
    file = CalibrationFile.model_validate(section | {"millimeters_per_unit": 1.0, "up": [0, 0, 1]} | stated)
    return read_stated_calibration(file, cameras, recorded or {})


def refusal(path: Path, cameras: list[str], **stated: Any) -> str:
    with pytest.raises(ValueError) as caught:
        read(path, cameras, **stated)
    assert str(path) in str(caught.value)
    return str(caught.value)


UNNAMED = {
    "dannce_params": (lab_files.write_dannce_params, ["cam_8", "cam_9", "cam_10"]),
    "mammal": (lab_files.write_mammal, ["0", "1", "2"]),
}


@pytest.mark.parametrize("format", UNNAMED)
def test_names_of_a_file_without_names_are_asked_for_and_taken(format: str, rig: Calibration, tmp_path: Path) -> None:
    write, called = UNNAMED[format]
    path = write(rig, tmp_path)
    message = refusal(path, NAMES)
    assert "no camera ['left', 'right', 'top'] in the calibration" in message
    assert "state the names of all 3 in this order under names of captures.<name>.calibration" in message
    found = read(path, ["top", "left"], names=NAMES)
    assert found.names == ["top", "left"] and found.named
    torch.testing.assert_close(found.world_to_camera, rig.world_to_camera[[2, 0]], rtol=0, atol=1e-9)
    assert f"names: from the configuration, in the order of the file: {called[0]} is left, " in "\n".join(found.notes)
    assert "cameras left out: ['right']" in found.notes
    assert read(path, called).names == called
    assert re.search(
        r"names: the configuration states 2, \['left', 'right'\], and the file holds 3 cameras",
        refusal(path, ["left", "right"], names=["left", "right"]),
    )


def test_what_the_file_says_is_not_overruled(rig: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    writers.write_anipose(rig, path)
    same = dict.fromkeys(rig.names, (1152, 1024))
    assert read(path, rig.names, names=rig.names, image_sizes=same).names == rig.names
    message = refusal(path, NAMES, names=NAMES)
    assert "names: the configuration states ['left', 'right', 'top'], but the file says ['cam_8', 'cam_9'" in message
    message = refusal(path, rig.names, image_sizes=same | {"cam_9": (1152, 1000)})
    assert (
        "camera cam_9: image_sizes: the configuration states 1152 x 1000 px, but the file says 1152 x 1024" in message
    )
    assert "state the names" not in refusal(path, ["left"])


@pytest.mark.parametrize("write", [lab_files.write_jarvis, lab_files.write_dannce_params])
def test_sizes_are_taken_where_the_file_has_none(write: Any, rig: Calibration, tmp_path: Path) -> None:
    path = write(rig, tmp_path)
    assert read(path, rig.names).image_sizes is None
    stated = dict.fromkeys(rig.names, (1152, 1024))
    found = read(path, ["cam_10", "cam_8"], image_sizes=stated)
    assert found.image_sizes is not None and found.image_sizes.tolist() == [[1152, 1024]] * 2
    assert "picture size: image_sizes of the configuration" in found.notes
    del stated["cam_9"]
    assert "image_sizes: missing ['cam_9']; found ['cam_10', 'cam_8']" in refusal(path, rig.names, image_sizes=stated)
    message = refusal(path, rig.names, image_sizes=dict.fromkeys(rig.names, (240, 200)))
    assert "with image_sizes of the configuration: camera cam_8: principal point: found" in message


def blender_scene(rig: Calibration, folder: Path) -> Path:
    """Blender's style: an angle of view, no size, pictures without suffix."""
    content = lab_files.nerfstudio_content(rig)
    frames = [{key: frame[key] for key in ("file_path", "transform_matrix")} for frame in content["frames"]]
    (folder / "transforms.json").write_text(json.dumps({"camera_angle_x": 0.69, "frames": frames}))
    return folder / "transforms.json"


def test_an_angle_of_view_asks_for_the_size(rig: Calibration, tmp_path: Path) -> None:
    path = blender_scene(rig, tmp_path)
    assert "or state image_sizes in captures.<name>.calibration" in refusal(path, rig.names)
    stated = {"cam_8": (800, 600), "cam_9": (800, 600), "cam_10": (400, 300)}
    found = read(path, rig.names, image_sizes=stated)
    assert found.image_sizes is not None and found.image_sizes.tolist() == [list(size) for size in stated.values()]
    focal = 400 / np.tan(0.345)
    np.testing.assert_allclose(found.intrinsics[:, 0, 0].numpy(), [focal, focal, focal / 2])
    recorded = read(path, ["cam_8", "cam_10"], {"cam_8": (800, 600), "cam_10": (800, 600)})
    np.testing.assert_allclose(recorded.intrinsics[:, 0, 0].numpy(), [focal, focal])
    (tmp_path / "images").mkdir()
    for name in rig.names:
        write_rgb(tmp_path / "images" / f"{name}.png", np.zeros((300, 400, 3), np.uint8))
    assert "camera cam_8: image_sizes: the configuration states 800 x 600 px, but the file says 400 x 300" in refusal(
        path, rig.names, image_sizes=dict.fromkeys(rig.names, (800, 600))
    )


def test_a_capture_speaks_of_its_own_cameras(laboratory: Laboratory) -> None:
    section = laboratory.capture().model_dump()
    section["calibration"] |= {"names": ["north", "east", "south", "zenith"]}
    with pytest.raises(ValueError, match=r"calibration\.names: missing \['west'\] of cameras"):
        Capture.model_validate(section)
    section["calibration"] |= {"names": None, "image_sizes": {"north": [128, 96]}}
    with pytest.raises(ValueError, match=r"calibration\.image_sizes: missing \['east', 'south', 'west'\]"):
        Capture.model_validate(section)


@pytest.mark.shared
def test_published_files_that_are_incomplete(shared: Path) -> None:
    examples = shared / "calibration_examples"
    folder = examples / "dannce_params_mat"
    assert "state the names of all 3 in this order" in refusal(folder, NAMES)
    found = read(folder, NAMES, names=NAMES, image_sizes=dict.fromkeys(NAMES, (1328, 1048)))
    assert found.names == NAMES and found.image_sizes is not None
    blender = examples / "nerfstudio_transforms/transforms_train_blender_style.json"
    with pytest.raises(ValueError, match="state image_sizes"):
        read(blender, ["r_0"])
    assert read(blender, ["r_0"], {"r_0": (800, 800)}).image_sizes is not None
