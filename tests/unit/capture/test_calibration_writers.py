"""What is written for other tools is read back as it was."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration.writers import WRITERS
from mouse_facelift.geometry.calibration import Calibration
from tests.unit.capture import lab_files

FILES = {
    "anipose": "calibration.toml",
    "colmap": "sparse",
    "nerfstudio": "transforms.json",
    "facelift": "opencv_cameras.json",
}
TERMS = {"anipose": 14, "colmap": 8, "nerfstudio": 5, "facelift": 0}
"""coefficients of distortion that each can hold"""


@st.composite
def rigs(draw: st.DrawFn, terms: int, skew: bool, fisheye: bool) -> tuple[list[str], Tensor, Tensor, Tensor, Tensor]:
    """Arguments of `Calibration`: any rig that a format can hold: any turn (half ones, too), any place, any lens."""
    views = draw(st.integers(1, 4))
    small = st.floats(-0.5, 0.5)
    count = 4 if fisheye else draw(st.sampled_from([count for count in (5, 8, 12, 14) if count == 5 or count <= terms]))
    names, K, D, poses, sizes = [], [], [], [], []
    for view in range(views):
        axis = torch.tensor(draw(st.tuples(small, small, st.floats(0.1, 0.5))), dtype=torch.float64)
        angle = draw(st.one_of(st.floats(0, 2 * torch.pi), st.sampled_from([0.0, torch.pi, torch.pi - 1e-9])))
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3] = torch.tensor(Rotation.from_rotvec((axis / axis.norm() * angle).numpy()).as_matrix())
        place = st.floats(-1000, 1000)
        pose[:3, 3] = torch.tensor(draw(st.tuples(place, place, st.floats(10, 1000)))) + 5000 * view
        width, height = draw(st.integers(64, 4000)), draw(st.integers(64, 4000))
        focal, off = st.floats(50, 9000), st.floats(-0.4, 0.4)
        across = draw(st.floats(-9, 9)) if skew else 0.0
        cx, cy = (0.5 + draw(off)) * width, (0.5 + draw(off)) * height
        K.append([[draw(focal), across, cx], [0.0, draw(focal), cy], [0.0, 0.0, 1.0]])
        D.append([draw(small) if number < terms or fisheye else 0.0 for number in range(count)])
        names.append(f"{draw(st.sampled_from(['cam', 'Kamera ü', 'top.left-']))}{view}")
        poses.append(pose)
        sizes.append([width, height])
    lenses = torch.tensor(D, dtype=torch.float64)
    return names, torch.tensor(K, dtype=torch.float64), lenses, torch.stack(poses), torch.tensor(sizes)


def _check(format: str, written: Calibration, folder: Path) -> None:
    path = folder / FILES[format]
    WRITERS[format](written, path)
    found = read_calibration(path)
    assert sorted(found.names) == sorted(written.names)
    found = found.select(written.names)
    assert found.image_sizes is not None and written.image_sizes is not None
    assert found.image_sizes.tolist() == written.image_sizes.tolist()
    lens = torch.nn.functional.pad(
        found.distortion, (0, max(0, written.distortion.shape[1] - found.distortion.shape[1]))
    )
    known = torch.nn.functional.pad(written.distortion, (0, lens.shape[1] - written.distortion.shape[1]))
    assert lens.tolist() == known.tolist()
    torch.testing.assert_close(found.intrinsics, written.intrinsics, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.world_to_camera, written.world_to_camera, rtol=0, atol=1e-9)


@pytest.mark.parametrize("format", WRITERS)
@given(data=st.data())
def test_ordinary_lenses_come_back(format: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    rig = data.draw(rigs(TERMS[format], skew=format == "anipose", fisheye=False))
    _check(format, Calibration(*rig), tmp_path_factory.mktemp(format))


@pytest.mark.parametrize("format", ["anipose", "colmap", "nerfstudio"])
@given(data=st.data())
def test_fisheye_lenses_come_back(format: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    rig = data.draw(rigs(4, skew=format == "anipose", fisheye=True))
    _check(format, Calibration(*rig), tmp_path_factory.mktemp(format))


def _rig(lens: list[float]) -> Calibration:
    return lab_files.make_rig(["a", "b"], lens)


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    skewed, unsized = _rig([0.0] * 5), _rig([0.0] * 5)
    skewed.intrinsics[1, 0, 1] = 2
    object.__setattr__(unsized, "image_sizes", None)
    rational = _rig([0.1] * 8)
    for format, write in WRITERS.items():
        path = tmp_path / FILES[format]
        with pytest.raises(ValueError, match=r"holds the pictures' sizes, which are not known of cameras \['a', 'b'\]"):
            write(unsized, path)
        if format != "anipose":
            with pytest.raises(ValueError, match=r"cannot hold skew: camera b: found 2\.0 px"):
                write(skewed, path)
        if TERMS[format] < 8:
            with pytest.raises(ValueError, match=rf"holds {TERMS[format]} coefficients of distortion: camera a"):
                write(rational, path)
        assert not path.exists()
    with pytest.raises(ValueError, match="found fisheye lenses: undistort"):
        WRITERS["facelift"](_rig([0.1] * 4), tmp_path / "f.json")
    with pytest.raises(ValueError, match=r"'left/a' cannot be part of a file's name"):
        WRITERS["colmap"](lab_files.make_rig(["left/a", "b"], [0.0] * 5), tmp_path / "sparse")


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "transforms.json"
    path.write_text("before")
    with pytest.raises(ValueError):
        WRITERS["nerfstudio"](_rig([0.1] * 8), path)
    assert path.read_text() == "before" and [file.name for file in tmp_path.iterdir()] == ["transforms.json"]
