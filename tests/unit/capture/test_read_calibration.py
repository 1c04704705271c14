"""Calibration files: conventions are undone, wrong files refused with file, camera, field, found and expected."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration.readers import FORMATS
from mouse_facelift.geometry.calibration import Calibration

Fields = dict[str, Any]


def anipose_cameras() -> list[Fields]:
    return [
        {
            "name": f"view{number}",
            "size": [1280, 1024],
            "matrix": [[760.0, 0.0, 640.0 + number], [0.0, 762.0, 512.0], [0.0, 0.0, 1.0]],
            "distortions": [-0.3, 0.1, 0.001, -0.002, 0.0],
            "rotation": [0.1 * number, 0.2, 0.3],
            "translation": [10.0 * number, -20.0, 300.0],
        }
        for number in range(12)
    ]


@pytest.fixture
def anipose(tmp_path: Path) -> Callable[..., Path]:
    """Writes twelve cameras with some fields of view3 changed or, where they are None, left out."""

    def write(**changes: Any) -> Path:
        sections = []
        for number, camera in enumerate(anipose_cameras()):
            changed = camera | changes if number == 3 else camera
            rows = [f"{key} = {json.dumps(value)}" for key, value in changed.items() if value is not None]
            sections.append("\n".join([f"[cam_{number}]", *rows]))
        path = tmp_path / "calibration.toml"
        path.write_text("\n".join([*reversed(sections), "[metadata]"]).replace("NaN", "nan").replace("Infinity", "inf"))
        return path

    return write


def facelift_frames() -> list[Fields]:
    turns = [torch.tensor(np.eye(4)) for _ in range(3)]
    for number, pose in enumerate(turns):
        pose[:3, 3] = torch.tensor([0.1 * number, 0.2, 2.7])
    return [
        {"w": 512, "h": 400, "fx": 549.0, "fy": 550.0, "cx": 256.0, "cy": 200.0, "w2c": pose.tolist()} for pose in turns
    ]


@pytest.fixture
def facelift(tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        frames = facelift_frames()
        frames[1] = {key: value for key, value in (frames[1] | changes).items() if value is not None}
        path = tmp_path / "opencv_cameras.json"
        path.write_text(json.dumps({"id": "sample", "frames": frames}))
        return path

    return write


def dannce_lens(number: int) -> Fields:
    return {
        "K": np.array([[1667.0, 0.0, 0.0], [-5.8, 1674.0, 0.0], [604.0, 493.0, 1.0]]),
        "RDistort": np.array([[-0.16, 0.94, -2.7]]),
        "TDistort": np.array([[0, 0]], dtype=np.uint8),
        "r": np.eye(3),
        "t": np.array([[1.0 * number, 2.0, 300.0]]),
    }


@pytest.fixture
def dannce(tmp_path: Path) -> Callable[..., Path]:
    def write(names: list[str] | None = None, column: bool = True, **changes: Any) -> Path:
        lenses = [dannce_lens(number) for number in range(3)]
        lenses[1] = {key: value for key, value in (lenses[1] | changes).items() if value is not None}
        labels = names or [f"Camera{number + 1}" for number in range(3)]
        cells, camnames = np.empty(len(lenses), object), np.empty((1, len(labels)), object)
        cells[:], camnames[0, :] = lenses, labels
        path = tmp_path / "label3d_dannce.mat"
        scipy.io.savemat(path, {"params": cells[:, None] if column else cells[None], "camnames": camnames})
        return path

    return write


def refusal(path: Path, format: str | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        read_calibration(path, format)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_anipose_keeps_opencv_and_orders_by_number(anipose: Callable[..., Path]) -> None:
    found = read_calibration(anipose())
    assert found.names == [f"view{number}" for number in range(12)]
    assert found.image_sizes is not None and found.image_sizes[11].tolist() == [1280, 1024]
    torch.testing.assert_close(found.intrinsics[:, 0, 2], 640 + torch.arange(12, dtype=torch.float64))
    assert found.distortion[0].tolist() == [-0.3, 0.1, 0.001, -0.002, 0.0]
    assert found.world_to_camera[2, :3, 3].tolist() == [20, -20, 300]


def test_a_rotation_vector_turns_about_itself(anipose: Callable[..., Path]) -> None:
    quarter = [0.0, 0.0, torch.pi / 2]
    found = read_calibration(anipose(rotation=quarter)).world_to_camera[3, :3, :3]
    expected = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_dannce_is_transposed_and_counts_from_one(dannce: Callable[..., Path]) -> None:
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    for column in (True, False):
        found = read_calibration(dannce(r=turn, column=column))
        assert found.names == ["Camera1", "Camera2", "Camera3"]
        assert found.intrinsics[0].tolist() == [[1667.0, -5.8, 603.0], [0.0, 1674.0, 492.0], [0.0, 0.0, 1.0]]
        assert found.distortion[0].tolist() == [-0.16, 0.94, 0.0, 0.0, -2.7]
        np.testing.assert_array_equal(found.world_to_camera[1, :3, :3].numpy(), turn.T)
        assert found.image_sizes is None
        assert any("1 px was taken" in note for note in found.notes)


def test_facelift_pixels_begin_half_a_pixel_earlier(facelift: Callable[..., Path]) -> None:
    found = read_calibration(facelift(view_name="front"))
    assert found.names == ["cam_000", "front", "cam_002"]
    assert found.intrinsics[0].tolist() == [[549.0, 0.0, 255.5], [0.0, 550.0, 199.5], [0.0, 0.0, 1.0]]
    assert found.image_sizes is not None and found.image_sizes.tolist() == [[512, 400]] * 3
    assert not found.distortion.any()


def test_the_content_decides_not_the_name(
    anipose: Callable[..., Path], dannce: Callable[..., Path], facelift: Callable[..., Path], tmp_path: Path
) -> None:
    for write in (anipose, dannce, facelift):
        disguised = tmp_path / "calibration.yaml"
        disguised.write_bytes(write().read_bytes())
        assert len(read_calibration(disguised)) >= 3


NAN = float("nan")
ANIPOSE_FAULTS: list[tuple[Fields, str]] = [
    ({"name": None}, r"\[cam_3\]: missing \['name'\]"),
    ({"matrix": None}, r"missing \['matrix'\]; found"),
    ({"name": 3}, r"\[cam_3\]: name: found int 3, expected text"),
    ({"name": "view4"}, r"camera names stand there twice: \['view4'\]"),
    ({"size": [1280]}, r"camera view3: size: found 1 values \[1280\], expected 2 numbers"),
    ({"size": [1280, 0]}, r"camera view3: size: found \[1280\.0, 0\.0\], expected whole numbers"),
    ({"size": [1280, 1024.5]}, r"camera view3: size: .* expected whole numbers"),
    ({"matrix": [[760, 0], [0, 762]]}, r"camera view3: matrix: found 2 values .*, expected 3 x 3 numbers"),
    ({"matrix": [["760", 0, 640], [0, 762, 512], [0, 0, 1]]}, r"view3: matrix: found str '760', expected a number"),
    ({"matrix": [[True, 0, 640], [0, 762, 512], [0, 0, 1]]}, r"view3: matrix: found bool True, expected a number"),
    ({"matrix": [[760, 0, 0], [0, 762, 0], [640, 512, 1]]}, r"view3: matrix: is transposed: .* in the last row"),
    ({"matrix": [[760, 0, NAN], [0, 762, 512], [0, 0, 1]]}, r"view3: matrix: found nan, expected a finite number"),
    ({"matrix": [[760, 0, 9000], [0, 762, 512], [0, 0, 1]]}, r"view3: principal point: found \(9000\.0, 512\.0\) px"),
    ({"matrix": [[-760, 0, 640], [0, 762, 512], [0, 0, 1]]}, r"view3: .*focal lengths -760\.0, 762\.0 px must be"),
    ({"matrix": [[760, 0, 640], [0, 762, 512], [0, 0, 2]]}, r"view3: .*are not those of an intrinsic matrix"),
    ({"matrix": "none"}, r"view3: matrix: found str 'none', expected 3 x 3 numbers"),
    ({"distortions": [0.1, 0.2, 0.3]}, r"view3: distortions: found 3 values .* expected 4 or 5 or 8 or 12 or 14"),
    (
        {"rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
        r"view3: rotation .*: found 3 values .*, expected a number|found list",
    ),
    ({"rotation": [0.1, 0.2]}, r"view3: rotation \(Rodrigues vector\): found 2 values .* expected 3 numbers"),
    ({"translation": [0, 0, float("inf")]}, r"view3: translation: found inf, expected a finite number"),
    ({"translation": [0, 0, 10**400]}, r"view3: translation: found 1000.*, expected a finite number"),
    ({"fisheye": True}, r"camera view3: distortions: found 5 values .*, expected 4 numbers"),
    ({"fisheye": True, "distortions": [0.1, 0.0, 0.0, 0.0]}, r"cameras \['view3'\] have fisheye lenses"),
    ({"fisheye": 1}, r"camera view3: fisheye: found int 1, expected true or false"),
    ({"rotation": [0.2, 0.2, 0.3], "translation": [20.0, -20.0, 300.0]}, r"cameras 'view2' and 'view3' are identical"),
]


@pytest.mark.parametrize(("changes", "message"), ANIPOSE_FAULTS)
def test_anipose_faults_are_named(changes: Fields, message: str, anipose: Callable[..., Path]) -> None:
    assert re.search(message, refusal(anipose(**changes)))


FACELIFT_FAULTS: list[tuple[Fields, str]] = [
    ({"fx": None}, r"frames\[1\]: camera cam_001: missing \['fx'\]"),
    ({"fx": "549"}, r"camera cam_001: fx: found str '549', expected a number"),
    ({"w": 512.5}, r"camera cam_001: w, h: .* expected whole numbers"),
    (
        {"cx": -4000},
        r"camera cam_001: principal point: found \(-4000\.5, 199\.5\) px, expected it in or near .* 512 x 400",
    ),
    ({"w2c": np.diag([1, 1, -1, 1]).tolist()}, r"cam_001: world_to_camera: the rotation is mirrored: determinant -1"),
    ({"w2c": np.diag([2, 2, 2, 1]).tolist()}, r"cam_001: .* the rotation is scaled by 2: determinant 8, expected 1"),
    ({"w2c": np.diag([1, 2, 1, 1]).tolist()}, r"cam_001: .* the rotation is sheared"),
    (
        {"w2c": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 2, 3, 1]]},
        r"cam_001: .*the last row is \[1\.0, 2\.0, 3\.0",
    ),
    ({"w2c": np.eye(3).tolist()}, r"cam_001: w2c: found 3 values .*, expected 4 x 4 numbers"),
    ({"w2c": facelift_frames()[0]["w2c"]}, r"cameras 'cam_000' and 'cam_001' are identical"),
    ({"view_name": ""}, r"frames\[1\]: view_name: found str '', expected text"),
]


@pytest.mark.parametrize(("changes", "message"), FACELIFT_FAULTS)
def test_facelift_faults_are_named(changes: Fields, message: str, facelift: Callable[..., Path]) -> None:
    assert re.search(message, refusal(facelift(**changes)))


DANNCE_FAULTS: list[tuple[Fields, str]] = [
    ({"r": None}, r"params\[1\]: camera Camera2: missing \['r'\]; found \['K', 'RDistort', 'TDistort', 't'\]"),
    ({"K": dannce_lens(0)["K"].T}, r"Camera2: K: is transposed: found the principal point in the last column"),
    ({"K": np.eye(4)}, r"Camera2: K: found 4 values .*, expected 3 x 3 numbers"),
    ({"K": "none"}, r"Camera2: K: found str 'none', expected 3 x 3 numbers"),
    ({"r": np.diag([1.0, 1.0, -1.0])}, r"camera Camera2: world_to_camera: the rotation is mirrored"),
    ({"r": 3 * np.eye(3)}, r"camera Camera2: world_to_camera: the rotation is scaled by 3"),
    ({"t": np.array([[NAN, 0.0, 0.0]])}, r"Camera2: t: found nan, expected a finite number"),
    ({"t": np.array([[1.0, 2.0]])}, r"Camera2: t: found 2 values .*, expected 3 numbers"),
    ({"RDistort": np.array([[0.1]])}, r"Camera2: RDistort: found 1 values .*, expected 2 or 3 numbers"),
    ({"t": dannce_lens(0)["t"]}, r"cameras 'Camera1' and 'Camera2' are identical"),
    ({"names": ["Camera1", "Camera2"]}, r"found 2 camnames for 3 params"),
]


@pytest.mark.parametrize(("changes", "message"), DANNCE_FAULTS)
def test_dannce_faults_are_named(changes: Fields, message: str, dannce: Callable[..., Path]) -> None:
    assert re.search(message, refusal(dannce(**changes)))


def test_what_no_format_knows_is_refused_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text("[board]\nsquares = 8")
    message = refusal(path)
    assert re.search(r"no known calibration format", message)
    assert all(f"\n  {name}: " in message for name in FORMATS)
    assert "TOML without sections [cam_0], [cam_1], ...; found ['board']" in message


def test_unknown_formats_folders_and_absent_files_are_told_apart(tmp_path: Path, anipose: Callable[..., Path]) -> None:
    assert "unknown calibration format 'theia'; known: ['anipose', 'colmap', 'dannce', " in refusal(anipose(), "theia")
    (tmp_path / "empty").mkdir()
    assert "not a file, and no calibration of several files" in refusal(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.toml"):
        read_calibration(tmp_path / "nowhere.toml")


RUBBISH = {
    "empty": b"",
    "zeros": bytes(5000),
    "bytes": bytes(range(256)) * 40,
    "deep JSON": b'{"frames": ' + b"[" * 100_000,
    "deep TOML": b"cam_0 = " + b"[" * 100_000,
    "long number": b"cam_0 = " + b"9" * 100_000,
    "huge": b"x" * 9_000_000,
    "MATLAB header alone": b"MATLAB 5.0 MAT-file" + bytes(107) + b"\x00\x01IM",
    "MATLAB 7.3": b"MATLAB 7.3 MAT-file" + bytes(200),
    "frames that are numbers": b'{"frames": [1, 2]}',
    "sections that are numbers": b"cam_0 = 3\n",
}


@pytest.mark.parametrize("format", [None, *FORMATS])
@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH.keys())
def test_rubbish_is_refused_by_name(content: bytes, format: str | None, tmp_path: Path) -> None:
    path = tmp_path / "rubbish.bin"
    path.write_bytes(content)
    refusal(path, format)


@pytest.mark.parametrize("format", ["anipose", "dannce", "facelift"])
def test_damaged_files_are_read_or_refused_by_name(format: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    whole = request.getfixturevalue(format)().read_bytes()
    path = tmp_path / "damaged.bin"
    chance = random.Random(0)
    for _ in range(150):
        damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.2 else whole)
        for _ in range(chance.choice([1, 2, 8])):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.choice([0, 255, 128, *b'09-.eE[]{}",='])
        path.write_bytes(damaged)
        try:
            found = read_calibration(path, format)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert isinstance(found, Calibration)


@pytest.fixture
def examples(shared: Path) -> Path:
    return shared / "calibration_examples"


@pytest.mark.shared
def test_the_defective_published_session_is_refused(shared: Path) -> None:
    path = shared / "real/mouse_4cam/original_session/calibration.toml"
    assert "cameras 'side' and 'top' are identical: same position" in refusal(path)


@pytest.mark.shared
def test_the_facelift_turntable(examples: Path) -> None:
    found = read_calibration(examples / "facelift_opencv_cameras/opencv_cameras.json")
    assert len(found) == 32 and found.names[:2] == ["cam_000", "cam_001"]
    torch.testing.assert_close(
        found.centers.norm(dim=-1), torch.full((32,), 2.7, dtype=torch.float64), rtol=0, atol=1e-6
    )
    assert float((found.intrinsics[:, :2, 2] - 255.5).abs().max()) == 0
