"""MATLAB files: what scipy writes is read back; what is damaged is refused, not crashed on."""

import random
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mouse_facelift.capture.calibration import matlab
from mouse_facelift.capture.calibration.matlab import MatlabValue, is_matlab, read_variables, variable_names


def content() -> dict[str, object]:
    cells = np.empty((1, 2), object)
    cells[0, :] = ["one", {"x": np.eye(2), "label": "ä"}]
    return {
        "doubles": np.arange(6.0).reshape(2, 3),
        "bytes": np.array([[1, 2, 255]], dtype=np.uint8),
        "negative": np.array([[-3]], dtype=np.int16),
        "text": "Camera1",
        "cells": cells,
        "lens": {"K": np.diag([2.0, 3.0, 1.0]), "t": np.zeros((1, 3))},
        "nothing": np.zeros((0, 0)),
    }


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    written = tmp_path / "file.mat"
    scipy.io.savemat(written, content(), do_compression=request.param)
    return written


def agree(found: MatlabValue, expected: object) -> None:
    match found:
        case dict():
            assert isinstance(expected, dict) and set(found) == set(expected)
            for key, value in found.items():
                agree(value, expected[key])
        case list():
            for value, other in zip(found, np.ravel(np.asarray(expected, dtype=object)), strict=True):
                agree(value, other)
        case np.ndarray():
            np.testing.assert_array_equal(found, expected)
        case _:
            assert found == expected


def squeezed(value: MatlabValue) -> MatlabValue:
    """What scipy makes of arrays when it simplifies."""
    match value:
        case dict():
            return {key: squeezed(part) for key, part in value.items()}
        case list():
            return [squeezed(part) for part in value]
        case np.ndarray():
            return np.squeeze(value)
        case _:
            return value


def test_what_was_written_is_read(path: Path) -> None:
    assert is_matlab(path) and set(variable_names(path)) == set(content())
    found = read_variables(path, tuple(content()))
    for name, expected in content().items():
        agree(found[name], expected)


def test_only_what_was_asked_for_is_read(path: Path) -> None:
    assert list(read_variables(path, ("text", "absent"))) == ["text"]


def test_an_array_of_structs_is_a_list(tmp_path: Path) -> None:
    rows = np.zeros((2, 1), dtype=[("x", object), ("y", object)])
    rows[0, 0], rows[1, 0] = (np.array([[1.0]]), "a"), (np.array([[2.0]]), "b")
    scipy.io.savemat(tmp_path / "s.mat", {"rows": rows})
    agree(read_variables(tmp_path / "s.mat", ("rows",))["rows"], [{"x": [[1.0]], "y": "a"}, {"x": [[2.0]], "y": "b"}])


def test_complex_and_sparse_numbers_are_left_out(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "c.mat", {"z": np.array([[1 + 2j]])})
    assert read_variables(tmp_path / "c.mat", ("z",)) == {"z": None}


def test_damage_is_a_value_error_that_names_the_file(path: Path) -> None:
    whole, chance = path.read_bytes(), random.Random(3)
    for _ in range(300):
        damaged = bytearray(whole[: chance.randrange(128, len(whole))] if chance.random() < 0.2 else whole)
        for _ in range(chance.choice([1, 3, 10])):
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 1, 255, chance.randrange(256)])
        path.write_bytes(damaged)
        try:
            read_variables(path, tuple(content()))
        except ValueError as error:
            assert str(path) in str(error)


def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scipy.io.savemat(tmp_path / "bomb.mat", {"zeros": np.zeros((300, 300))}, do_compression=True)
    monkeypatch.setattr(matlab, "_VARIABLE_LIMIT", 100_000)
    with pytest.raises(ValueError, match=r"bomb\.mat: a damaged MATLAB file: zeros"):
        read_variables(tmp_path / "bomb.mat", ("zeros",))


@pytest.mark.shared
def test_it_reads_as_scipy_does(shared: Path) -> None:
    path = shared / "calibration_examples/dannce_label3d/label3d_dannce.mat"
    names = ("params", "camnames", "sync", "labelData")
    expected = scipy.io.loadmat(path, variable_names=names, simplify_cells=True)
    found = read_variables(path, names)

    for name in names:
        agree(squeezed(found[name]), expected[name])
