"""Key points, written as each tool writes them, are read as the same points; what is wrong is named."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import torch
from scipy.spatial.transform import Rotation

from mouse_facelift.capture.key_points.points import KeyPoints, animal_places
from mouse_facelift.capture.key_points.readers import FORMATS, read_key_points
from mouse_facelift.settings import KeyPointsFile
from tests.unit.capture.matlab_hdf5_files import save_matlab_73

NAMES = ["nose", "ear_x", "tail"]
FRAMES, POINTS = 7, len(NAMES)


def truth() -> np.ndarray:
    """Points [frame, point, 3] in mm, of which one is absent."""
    points = np.random.default_rng(0).normal(50, 30, (FRAMES, POINTS, 3))
    points[2, 1] = np.nan
    return points


def cell(values: list[Any]) -> np.ndarray:
    made = np.empty((len(values), 1), object)
    made[:, 0] = values
    return made


def write_dannce_labels(folder: Path, save: Callable[..., Any] = scipy.io.savemat) -> Path:
    frames = 10 * np.arange(FRAMES)[None]
    label = {"data_2d": np.zeros((FRAMES, 2 * POINTS)), "data_3d": truth().reshape(FRAMES, -1)}
    label |= {"data_frame": frames, "data_sampleID": frames + 1}
    save(folder / "label3d_dannce.mat", {"labelData": cell([label, label]), "params": cell([1.0, 1.0])})
    return folder / "label3d_dannce.mat"


def write_dannce_com(folder: Path, save: Callable[..., Any] = scipy.io.savemat) -> Path:
    frames = 10 * np.arange(FRAMES)[:, None]
    sync = [{"data_frame": frames + lag, "data_sampleID": frames.T + 1} for lag in (0, 0, 2)]
    com = {"com3d": truth()[:, 0], "sampleID": (frames + 1).T}
    save(folder / "dannce.mat", {"com": com, "sync": cell(sync), "labelData": cell([1.0])})
    return folder / "dannce.mat"


def write_com3d(folder: Path, save: Callable[..., Any] = scipy.io.savemat) -> Path:
    """What DANNCE's center-of-mass network saves."""
    save(folder / "com3d.mat", {"com": truth()[:, 0], "sampleID": 40.0 + np.arange(FRAMES)[None]})
    return folder / "com3d.mat"


def write_prediction(folder: Path, save: Callable[..., Any] = scipy.io.savemat) -> Path:
    pred = truth().transpose(0, 2, 1)
    content = {"pred": pred, "data": np.zeros_like(pred), "p_max": np.ones((FRAMES, POINTS))}
    save(folder / "save_data_AVG.mat", content | {"sampleID": np.arange(FRAMES)[None] + 1.0})
    return folder / "save_data_AVG.mat"


def write_label3d(folder: Path, save: Callable[..., Any] = scipy.io.savemat) -> Path:
    skeleton = {"joint_names": cell(NAMES).T, "joints_idx": np.array([[1.0, 2.0]])}
    content = {"data_3D": truth().reshape(FRAMES, -1), "skeleton": skeleton, "status": np.ones((POINTS, 6, FRAMES))}
    save(folder / "Label3D.mat", content)
    return folder / "Label3D.mat"


def anipose_table(turned: bool = True) -> pd.DataFrame:
    M, center = Rotation.random(rng=3).as_matrix(), np.array([10.0, -20.0, 5.0])
    points = truth() @ M.T - center if turned else truth()
    columns: dict[str, Any] = {}
    for number, name in enumerate(NAMES):
        columns |= {f"{name}_{axis}": points[:, number, place] for place, axis in enumerate("xyz")}
        columns |= {f"{name}_error": 1.5, f"{name}_ncams": 3.0, f"{name}_score": 0.9}
    if turned:
        columns |= {f"M_{row}{column}": M[row, column] for row in range(3) for column in range(3)}
        columns |= {f"center_{axis}": center[axis] for axis in range(3)}
    return pd.DataFrame(columns | {"fnum": np.arange(FRAMES)})


def write_anipose(folder: Path) -> Path:
    anipose_table().to_csv(folder / "trial.csv", index=False)
    return folder / "trial.csv"


def write_sleap(folder: Path) -> Path:
    with h5py.File(folder / "points3d.h5", "w") as file:
        file.create_dataset("tracks", data=truth()[:, None]).attrs["Description"] = "Shape: (n_frames, ...)."
    return folder / "points3d.h5"


WRITE: dict[str, Callable[[Path], Path]] = {
    "dannce_com": write_dannce_com,
    "dannce_labels": write_dannce_labels,
    "dannce_prediction": write_prediction,
    "label3d": write_label3d,
    "anipose": write_anipose,
    "sleap": write_sleap,
}


@pytest.mark.parametrize("format", WRITE)
@pytest.mark.parametrize("named", [False, True], ids=["recognized", "named"])
def test_every_format_gives_the_same_points(format: str, named: bool, tmp_path: Path) -> None:
    found = read_key_points(WRITE[format](tmp_path), format if named else None)
    expected = truth()[:, :1] if format == "dannce_com" else truth()
    np.testing.assert_allclose(found.points.numpy(), expected, rtol=0, atol=1e-9)
    step = 10 if format in ("dannce_com", "dannce_labels") else 1
    assert found.frames.tolist() == [step * number for number in range(FRAMES)]
    numbered = ["com"] if format == "dannce_com" else ["0", "1", "2"]
    assert found.names == (NAMES if format in ("label3d", "anipose") else numbered)
    assert found.notes[0].startswith("format: ")


@pytest.mark.parametrize("write", [write_dannce_com, write_com3d, write_dannce_labels, write_prediction, write_label3d])
def test_matlab_7_3_gives_the_same(write: Callable[..., Path], tmp_path: Path) -> None:
    found = [read_key_points(write(tmp_path, save)) for save in (scipy.io.savemat, save_matlab_73)]
    assert found[0].names == found[1].names and found[0].notes == found[1].notes
    torch.testing.assert_close(found[0].points, found[1].points, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(found[0].frames, found[1].frames)


def test_what_a_file_leaves_open_is_said(tmp_path: Path) -> None:
    assert any(
        "cameras [2] (from 0) gives other frames" in note for note in read_key_points(write_dannce_com(tmp_path)).notes
    )
    network = read_key_points(write_com3d(tmp_path))
    assert network.frames.tolist() == list(range(FRAMES))
    assert any(note.startswith("warning: frames: the file counts samples") for note in network.notes)


def test_anipose_in_the_calibrations_world_stays(tmp_path: Path) -> None:
    anipose_table(turned=False).sample(frac=1, random_state=1).to_csv(tmp_path / "trial.csv", index=False)
    np.testing.assert_allclose(read_key_points(tmp_path / "trial.csv").points.numpy(), truth(), rtol=0, atol=1e-9)


def test_every_format_can_be_asked_for_in_the_configuration() -> None:
    literal = get_args(KeyPointsFile.model_fields["format"].annotation)[0]
    assert sorted(get_args(literal)) == sorted(FORMATS) == sorted(WRITE)
    section = {"path": "a.csv", "format": None, "millimeters_per_unit": 1.0, "points": ["nose"], "least": 1}
    assert KeyPointsFile.model_validate(section).points == ("nose",)
    with pytest.raises(ValueError, match=r"points: \['nose'\] are fewer than least: 2"):
        KeyPointsFile.model_validate(section | {"least": 2})


def refusal(path: Path, format: str | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        read_key_points(path, format)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_wrong_tables_are_refused_by_column(tmp_path: Path) -> None:
    path = tmp_path / "trial.csv"
    table = anipose_table()
    faults = [
        (
            table.assign(nose_y=table["nose_y"].astype(object).where(table.index != 3, "low")),
            "nose_y: row 3: found 'low'",
        ),
        (table.drop(columns="M_11"), r"columns \['M_11'\] are missing beside"),
        (table.assign(M_00=2.0), r"M_00 \.\.\. M_22: found .* expected perpendicular axes"),
        (table.assign(fnum=0.5), r"fnum: found \[0\.5, .* expected whole numbers"),
        (table.assign(fnum=4), r"frames: found \[4, 4, .* expected numbers from 0 that rise"),
        (table.assign(nose_x=np.inf), "coordinates above .* or infinite"),
        (table.drop(columns="fnum"), "without a column fnum"),
        (table.iloc[:0], r"fnum: found \[\]"),
    ]
    for content, message in faults:
        content.to_csv(path, index=False)
        assert re.search(message, refusal(path)), refusal(path)


def test_wrong_matlab_and_hdf5_files_are_refused_by_field(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    faults: list[tuple[dict[str, Any], str]] = [
        ({"com": {"com3d": truth()[:, 0]}}, r"com: missing \['sampleID'\]; found \['com3d'\]"),
        ({"com": truth()[:, 0]}, r"missing \['sampleID'\]"),
        ({"com": np.zeros((3, 2)), "sampleID": np.arange(3.0)}, r"com: found shape \(3, 2\), expected nx3"),
        ({"com": np.zeros((3, 3)), "sampleID": np.arange(2.0)}, r"sampleID: found shape \(1, 2\), expected 1x3"),
        ({"com": np.zeros((3, 3)), "sampleID": np.array([0.5, 1, 2])}, r"sampleID: found .*, expected whole numbers"),
        ({"labelData": cell([{"data_3d": np.zeros((2, 4))}])}, r"labelData\[0\]: missing \['data_frame'\]"),
        ({"data_3D": np.zeros((2, 4))}, r"data_3D: found shape \(2, 4\), expected three columns a point"),
        ({"data_3D": np.full((2, 6), np.nan)}, "no point is there in any of 2 frames"),
        ({"data_3D": "none"}, r"data_3D: found str 'none', expected numbers"),
        ({"pred": np.zeros((2, 4, 5)), "sampleID": 1.0}, r"pred: found shape \(2, 4, 5\), expected nx3xn or nx1x3xn"),
        ({"data_3D": np.ones((2, 6)), "skeleton": {"joint_names": cell(["a"])}}, "joint_names: found 1, expected 2"),
    ]
    for content, message in faults:
        scipy.io.savemat(path, content)
        assert re.search(message, refusal(path)), refusal(path)
    for tracks, message in ((np.zeros((4, 2, 3, 3)), "found 2 animals, expected 1"), (np.zeros((4, 3)), "found shape")):
        with h5py.File(path, "w") as file:
            file["tracks"] = tracks
        assert message in refusal(path)


def test_what_no_format_knows_is_refused_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for content in (
        b"",
        b"hello",
        bytes(range(256)),
        b"\x89HDF\r\n\x1a\n" + bytes(300),
        b"MATLAB 7.3 MAT-file" + bytes(600),
    ):
        path.write_bytes(content)
        message = refusal(path)
        assert all(f"\n  {name}: " in message for name in FORMATS)
        for format in FORMATS:
            assert f"not of format {format}: " in refusal(path, format)
    assert "unknown format of key points 'dlc'" in refusal(path, "dlc")
    assert "not a file" in refusal(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_key_points(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("format", ["dannce_com", "anipose"])
def test_damaged_files_are_read_or_refused_by_name(format: str, tmp_path: Path) -> None:
    path, chance = WRITE[format](tmp_path), random.Random(0)
    whole = path.read_bytes()
    for _ in range(100):
        damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.2 else whole)
        for _ in range(chance.choice([1, 2, 8])):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.choice([0, 255, 128, *b'09-.eE",\n '])
        path.write_bytes(damaged)
        try:
            found = read_key_points(path, format)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert isinstance(found, KeyPoints)


def test_the_animal_is_at_the_median_of_the_points_that_are_there() -> None:
    points = torch.full((3, 3, 3), torch.nan, dtype=torch.float64)
    points[0] = torch.tensor([[0.0, 0, 0], [1, 2, 3], [100, 4, 5]])
    points[1, :2] = torch.tensor([[2.0, 2, 2], [4, 4, 4]])
    points[2, 0] = 1.0
    found = KeyPoints(NAMES, points, torch.tensor([0, 3, 4]), [])
    places = animal_places(found, None, 2)
    assert places[0].tolist() == [1, 2, 3] and places[1].tolist() == [3, 3, 3] and bool(places[2].isnan().all())
    assert animal_places(found, ["nose"], 1)[:, 0].tolist() == [0, 2, 1]
    with pytest.raises(ValueError, match=r"no key point \['chin'\]; found \['nose', 'ear_x', 'tail'\]"):
        animal_places(found, ["chin"], 1)
    with pytest.raises(ValueError, match="4 key points must be there in a frame, of 3"):
        animal_places(found, None, 4)


@pytest.mark.shared
def test_published_key_points(shared: Path) -> None:
    dannce = shared / "calibration_examples/dannce_label3d/label3d_dannce.mat"
    places, labels = read_key_points(dannce), read_key_points(dannce, "dannce_labels")
    assert places.points.shape == (18000, 1, 3) and places.frames.tolist() == list(range(18000))
    assert labels.points.shape == (81, 22, 3)
    rows = torch.searchsorted(places.frames, labels.frames)
    apart = (animal_places(labels, None, 12) - places.points[rows, 0]).norm(dim=-1)
    assert float(apart.nanmedian()) < 25  # mm; an animal of 100 mm
    sleap = read_key_points(shared / "real/mouse_4cam/original_session/points3d.h5")
    assert sleap.points.shape == (120, 15, 3) and bool(sleap.points.isfinite().all())
