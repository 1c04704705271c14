"""Pickles: arrays and plain containers are read, of every protocol; nothing in one is ever run."""

import collections
import os
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mouse_facelift.capture import read_calibration
from mouse_facelift.capture.calibration.pickles import read_pickle
from mouse_facelift.geometry.calibration import Calibration
from tests.unit.capture import lab_files


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_all_protocols_are_read(protocol: int, tmp_path: Path) -> None:
    rig = lab_files.make_rig(["0", "1", "2"], [0.0] * 5)
    found = read_calibration(lab_files.write_mammal(rig, tmp_path, protocol))
    np.testing.assert_array_equal(found.intrinsics.numpy(), rig.intrinsics.numpy())
    np.testing.assert_array_equal(found.world_to_camera.numpy(), rig.world_to_camera.numpy())
    assert found.image_sizes is not None and found.image_sizes.tolist() == [[1152, 1024]] * 3


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_keep_shape_order_and_type(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "arrays.pkl"
    arrays = [
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.zeros((0, 3), np.float32),
        np.array(3.5),
    ]
    path.write_bytes(pickle.dumps({"a": arrays, "n": np.float64(2.5), "b": b"\x00\xff", 3: None}, protocol))
    found = read_pickle(path)
    assert isinstance(found, dict) and found["b"] == b"\x00\xff" and found[3] is None and float(found["n"]) == 2.5
    for array, expected in zip(found["a"], arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype


class Runs:
    """Pickled, it asks for a command to be run."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


HOSTILE = {
    "command": Runs(os.system, "touch {marker}"),
    "code": Runs(eval, "open({marker!r}, 'w')"),
    "file": Runs(open, "{marker}", "w"),
    "class": collections.OrderedDict(a=1),
    "inner": [{"K": Runs(os.mkdir, "{marker}")}],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pickles_are_refused_and_nothing_is_run(kind: str, protocol: int, tmp_path: Path) -> None:
    path, marker = tmp_path / "new_cam.pkl", tmp_path / "marker"
    text = str(marker).replace("\\", "/")

    def filled(value: object) -> object:
        if isinstance(value, Runs):
            return Runs(*(part.format(marker=text) if isinstance(part, str) else part for part in value.call))
        if isinstance(value, list):
            return [{key: filled(item) for key, item in entry.items()} for entry in value]
        return value

    path.write_bytes(pickle.dumps(filled(HOSTILE[kind]), protocol))
    for format in ("mammal", None):
        with pytest.raises(ValueError, match=r"a pickle that is refused: it (asks for|makes objects)") as caught:
            read_calibration(path, format)
        assert str(path) in str(caught.value)
    assert not marker.exists()


HANDMADE = {
    "a huge memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "persistent": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "an old instance": b"(ios\nsystem\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "an array that a state is forced on": b"\x80\x02cnumpy\ndtype\n}X\x01\x00\x00\x00aK\x01sb.",
    "a dtype of objects": b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.",
    "truncated": b"\x80\x04\x95",
    "a list in itself": b"\x80\x02]q\x00h\x00a.",
}


@pytest.mark.parametrize("content", HANDMADE.values(), ids=HANDMADE.keys())
def test_what_no_tool_writes_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "new_cam.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="pickle") as caught:
        read_pickle(path)
    assert str(path) in str(caught.value)


def test_object_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "new_cam.pkl"
    path.write_bytes(pickle.dumps([{"K": np.array([None, "x"], dtype=object)}]))
    with pytest.raises(ValueError, match=r"a pickle that is refused: an array"):
        read_calibration(path)


def test_damaged_pickles_are_read_or_refused_by_name(tmp_path: Path) -> None:
    cameras = lab_files.mammal_cameras(lab_files.make_rig(["0", "1", "2"], [0.0] * 5))
    for camera in cameras:
        del camera["mapx"]
    path, chance = tmp_path / "new_cam.pkl", random.Random(0)
    for protocol in (0, 2, 4, 5):
        whole = pickle.dumps(cameras, protocol)
        for _ in range(150):
            damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.1 else whole)
            for _ in range(chance.choice([1, 2, 8])):
                if damaged:
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            path.write_bytes(damaged)
            try:
                found = read_calibration(path, "mammal")
            except ValueError as error:
                assert str(path) in str(error)
            else:
                assert isinstance(found, Calibration)
