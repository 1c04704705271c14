"""DANNCE: places of the whole animal (`com3d`), labels and predictions, in MATLAB files.

Schema: spoonsso/dannce, `dannce/engine/io.py` (`load_com`, `load_labels`, `load_sync`: the cells `sync`, `labelData`
and the struct `com` of `*dannce.mat`) and `dannce/interface.py` (`com3d.mat` with com, sampleID; `save_data_AVG.mat`
with pred, data, p_max, sampleID).
"""

from pathlib import Path

import numpy as np

from mouse_facelift.capture.calibration import fields, matlab
from mouse_facelift.capture.calibration.dannce import cells, variables_mismatch
from mouse_facelift.capture.key_points.points import KeyPoints, array, make_key_points, whole_numbers

_WORLD = "world and unit: the calibration's, usually mm"
_UNNAMED = "names: not in the file; points are called by their place in it, from 0"
_ROWS = (
    "warning: frames: the file counts samples and not frames, and has no sync to tell: its rows are taken as frames"
    " 0, 1, 2, ..."
)


def com_mismatch(path: Path) -> str | None:
    """Say why a file does not hold the animal's places; None if it does."""
    return variables_mismatch(path, ("com",))


def labels_mismatch(path: Path) -> str | None:
    """Say why a file does not hold labels; None if it does."""
    return variables_mismatch(path, ("labelData",))


def prediction_mismatch(path: Path) -> str | None:
    """Say why a file does not hold predictions; None if it does."""
    return variables_mismatch(path, ("pred", "sampleID"))


def read_com(path: Path) -> KeyPoints:
    """Read one point, `com`, per sample; its frame is that of the first camera in `sync`.

    Raises:
        ValueError: names the file and the field.
    """
    content = matlab.read_variables(path, ("com", "sampleID", "sync"))
    fields.require(content, ("com",), str(path))
    com, where = content["com"], f"{path}: com"
    if isinstance(com, dict):
        fields.require(com, ("com3d", "sampleID"), where)
        com, samples, where = com["com3d"], com["sampleID"], f"{path}: com.com3d"
    else:
        fields.require(content, ("sampleID",), str(path))
        samples = content["sampleID"]
    points = array(com, where, (None, 3))
    numbers = whole_numbers(samples, len(points), f"{path}: sampleID")
    notes = ["format: DANNCE, places of the whole animal (com3d)", _WORLD]
    if "sync" not in content:
        return make_key_points(path, ["com"], points[:, None], np.arange(len(points)), [*notes, _ROWS])
    frames_of, further = _sync(path, content["sync"])
    known = np.array([number in frames_of for number in numbers.tolist()], dtype=bool)
    if not known.any():
        raise ValueError(f"{path}: com.sampleID: none of {numbers.tolist()[:6]} ... is in sync.data_sampleID")
    if not known.all():
        further.append(f"warning: {int((~known).sum())} samples of com are not in sync and are left out")
    frames = np.array([frames_of[number] for number in numbers[known].tolist()])
    notes.append("frames: data_frame of the first camera, found by sampleID")
    return make_key_points(path, ["com"], points[known][:, None], frames, [*notes, *further])


def read_labels(path: Path) -> KeyPoints:
    """Read the labels of all frames that have some.

    Raises:
        ValueError: names the file and the field.
    """
    content = matlab.read_variables(path, ("labelData",))
    fields.require(content, ("labelData",), str(path))
    label_cells = cells(content["labelData"])
    if not label_cells:
        raise ValueError(f"{path}: labelData: no cameras")
    where = f"{path}: labelData[0]"
    labels = fields.table(label_cells[0], where)
    fields.require(labels, ("data_3d", "data_frame"), where)
    points = interleaved(labels["data_3d"], f"{where}: data_3d")
    frames = whole_numbers(labels["data_frame"], len(points), f"{where}: data_frame")
    notes = [
        "format: DANNCE, labels; data_3d is x y z of one point after the other",
        _WORLD,
        _UNNAMED,
        "frames: data_frame of the first camera",
    ]
    return make_key_points(path, _numbered(points), points, frames, notes)


def read_prediction(path: Path) -> KeyPoints:
    """Read the prediction of a network, `pred` [sample, 3, point].

    Raises:
        ValueError: names the file and the field.
    """
    content = matlab.read_variables(path, ("pred",))
    fields.require(content, ("pred",), str(path))
    found = array(content["pred"], f"{path}: pred", (None, 3, None), (None, 1, 3, None))
    points = found.reshape(len(found), 3, -1).transpose(0, 2, 1)
    notes = ["format: DANNCE, prediction (save_data_AVG); pred is sample x 3 x point", _WORLD, _UNNAMED, _ROWS]
    return make_key_points(path, _numbered(points), points, np.arange(len(points)), notes)


def interleaved(value: object, where: str) -> np.ndarray:
    """Read rows of x y z of one point after the other; returns [row, point, 3]."""
    found = array(value, where, (None, None))
    if not found.size or found.shape[1] % 3:
        raise ValueError(f"{where}: found shape {found.shape}, expected three columns a point")
    return found.reshape(len(found), -1, 3)


def _numbered(points: np.ndarray) -> list[str]:
    return [str(number) for number in range(points.shape[1])]


def _sync(path: Path, value: matlab.MatlabValue) -> tuple[dict[int, int], list[str]]:
    """Frame of the first camera by sample, and a warning where other cameras' frames differ."""
    tables = []
    for number, cell in enumerate(cells(value)):
        where = f"{path}: sync[{number}]"
        entry = fields.table(cell, where)
        fields.require(entry, ("data_frame", "data_sampleID"), where)
        samples = entry["data_sampleID"]
        count = samples.size if isinstance(samples, np.ndarray) else 0
        ids = whole_numbers(samples, count, f"{where}: data_sampleID").tolist()
        frames = whole_numbers(entry["data_frame"], count, f"{where}: data_frame").tolist()
        tables.append(dict(zip(ids, frames, strict=True)))
    if not tables:
        raise ValueError(f"{path}: sync: no cameras")
    other = [number for number, table in enumerate(tables) if table != tables[0]]
    warning = f"warning: frames: sync of cameras {other} (from 0) gives other frames than that of the first"
    return tables[0], [warning] if other else []
