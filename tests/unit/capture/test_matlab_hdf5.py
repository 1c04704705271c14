"""MATLAB files of version 7.3 give what those of version 5 give; what is damaged is refused by name."""

import random
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration import matlab
from mouse_facelift.capture.calibration.matlab import is_matlab, read_variables, variable_names
from tests.unit.capture import lab_files
from tests.unit.capture.matlab_hdf5_files import save_matlab_73
from tests.unit.capture.test_matlab import agree, content

LENS = [-0.16, 0.3, 0.001, -0.002, -0.1]


def rows() -> np.ndarray:
    made = np.zeros((1, 2), dtype=[("x", object), ("y", object)])
    made[0, 0], made[0, 1] = (np.array([[1.0]]), "a"), (np.array([[2.0]]), "b")
    return made


def test_both_versions_hold_the_same(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "five.mat", content() | {"rows": rows()})
    listed = [{"x": np.array([[1.0]]), "y": "a"}, {"x": np.array([[2.0]]), "y": "b"}]
    path = save_matlab_73(tmp_path / "seven.mat", content() | {"rows": listed})
    assert is_matlab(path) and set(variable_names(path)) == set(variable_names(tmp_path / "five.mat"))
    names = (*content(), "rows", "absent")
    expected, found = (read_variables(tmp_path / f"{name}.mat", names) for name in ("five", "seven"))
    assert list(found) == list(expected)
    for name, value in found.items():
        agree(value, expected[name])
        if isinstance(value, np.ndarray):
            assert value.shape == expected[name].shape


@pytest.mark.parametrize("write", [lab_files.write_label3d, lab_files.write_dannce_params, "dannce"])
def test_calibrations_are_read_from_both(write: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = lab_files.make_rig(["left", "right", "top"], LENS)

    def write_dannce(folder: Path) -> Path:
        cells, names = np.empty((3, 1), object), np.empty((1, 3), object)
        cells[:, 0], names[0] = [lab_files.dannce_lens(rig, view) for view in range(3)], rig.names
        scipy.io.savemat(folder / "label3d_dannce.mat", {"params": cells, "camnames": names})
        return folder / "label3d_dannce.mat"

    found = []
    for version in ("five", "seven"):
        folder = tmp_path / version
        folder.mkdir()
        path = write_dannce(folder) if write == "dannce" else write(rig, folder)
        found.append(read_calibration(path))
        monkeypatch.setattr(scipy.io, "savemat", save_matlab_73)
    for key in ("names", "notes"):
        assert getattr(found[0], key) == getattr(found[1], key)
    for key in ("intrinsics", "distortion", "world_to_camera"):
        torch.testing.assert_close(getattr(found[0], key), getattr(found[1], key), rtol=0, atol=0)


def test_what_is_not_read_is_none(tmp_path: Path) -> None:
    path = save_matlab_73(tmp_path / "file.mat", {"x": np.eye(2)})
    with h5py.File(path, "r+") as file:
        made = file.create_dataset("object", data=np.array([[0xDD000000, 2, 1, 1, 1, 1]], np.uint32))
        made.attrs["MATLAB_class"], made.attrs["MATLAB_object_decode"] = np.bytes_("string"), np.int32(3)
        number = np.array([[(1.0, 2.0)]], dtype=[("real", "f8"), ("imag", "f8")])
        file.create_dataset("complex", data=number).attrs["MATLAB_class"] = np.bytes_("double")
        sparse = file.create_group("sparse")
        sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(2)
    names = ("object", "complex", "sparse")
    assert read_variables(path, names) == dict.fromkeys(names)


def test_links_and_loops_and_large_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_matlab_73(tmp_path / "file.mat", {"lens": {"K": np.eye(3)}, "large": np.zeros((300, 300))})
    with h5py.File(path, "r+") as file:
        file["lens/other"] = h5py.ExternalLink("/etc/hostname", "/x")
        file["outside"] = h5py.SoftLink("/lens")
        loop = file.create_dataset("loop", (1, 1), h5py.ref_dtype)
        loop.attrs["MATLAB_class"] = np.bytes_("cell")
        loop[0, 0] = loop.ref
    for name, reason in (("lens", "other: a link"), ("outside", "a link"), ("loop", "cells within cells")):
        with pytest.raises(ValueError, match=rf"file\.mat: a damaged MATLAB file .*{reason}"):
            read_variables(path, (name,))
    monkeypatch.setattr(matlab, "_VARIABLE_LIMIT", 100_000)
    with pytest.raises(ValueError, match=r"file\.mat: .*/large: 720000 bytes"):
        read_variables(path, ("large",))


FUZZ = """
import random, sys
from pathlib import Path
from mouse_facelift.capture.calibration.matlab import read_variables, variable_names
path, chance = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
whole = path.read_bytes()
for _ in range(400):
    damaged = bytearray(whole[: chance.randrange(512, len(whole))] if chance.random() < 0.2 else whole)
    for _ in range(chance.choice([1, 3, 10])):
        damaged[chance.randrange(128, len(damaged))] = chance.choice([0, 1, 255, chance.randrange(256)])
    path.write_bytes(damaged)
    try:
        read_variables(path, tuple(variable_names(path)))
    except ValueError as error:
        assert str(path) in str(error)
"""


def test_damage_is_a_value_error_that_names_the_file(tmp_path: Path) -> None:
    path = save_matlab_73(tmp_path / "file.mat", content())
    subprocess.run([sys.executable, "-c", FUZZ, str(path), "3"], check=True, timeout=120)


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    path = save_matlab_73(tmp_path / "file.mat", content())
    whole, chance = path.read_bytes(), random.Random(1)
    for _ in range(20):
        path.write_bytes(whole[: chance.randrange(512)])
        with pytest.raises(ValueError, match=r"file\.mat"):
            read_variables(path, tuple(content()))
            raise ValueError("file.mat: its header was cut")
