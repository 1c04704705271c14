"""DANNCE, Label3D: `*label3d_dannce.mat`, a MATLAB file with the cells `params` and `camnames`.

Schema: spoonsso/dannce, `dannce/engine/io.py`; K and r are transposed there, and K counts pixels from 1.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mouse_facelift.capture.calibration import fields, matlab
from mouse_facelift.geometry.calibration import Calibration

_FIELDS = ("K", "RDistort", "TDistort", "r", "t")
_NOTES = (
    "format: DANNCE/Label3D label3d_dannce.mat; cameras in the order of camnames",
    "pixel origin: MATLAB's (center of the top-left pixel at 1, 1); 1 px was taken from cx and cy",
    "intrinsics: K is stored transposed (cx, cy in its last row); transposed back, skew kept",
    "rotation: r is stored transposed (row vectors, X r + t); transposed back; world to camera",
    "distortion: k1 k2 [k3] from RDistort, p1 p2 from TDistort",
    "picture size: not in the file",
    "unit and up: not in the file",
)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    if not matlab.is_matlab(path):
        return "not a MATLAB file of version 5 to 7 (one of 7.3 is HDF5, which is not read yet: save it with -v7)"
    try:
        variables = matlab.variable_names(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    return None if "params" in variables else f"a MATLAB file without the cell 'params'; found {sorted(variables)}"


def read(path: Path) -> Calibration:
    """Read the file.

    Raises:
        ValueError: names the file, the camera and the field.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    content = matlab.read_variables(path, ("params", "camnames"))
    fields.require(content, ("params", "camnames"), str(path))
    params, camnames = _cells(content["params"]), _cells(content["camnames"])
    if not params or len(params) != len(camnames):
        raise ValueError(f"{path}: found {len(camnames)} camnames for {len(params)} params")
    names, intrinsics, distortion, poses = [], [], [], []
    for number, (cell, label) in enumerate(zip(params, camnames, strict=True)):
        name = fields.text(label, f"{path}: camnames[{number}]")
        where = f"{path}: params[{number}]: camera {name}"
        lens = fields.table(cell, where)
        fields.require(lens, _FIELDS, where)
        K = fields.intrinsics(lens["K"], f"{where}: K", transposed=True)
        K[:2, 2] -= 1
        radial = fields.vector(_row(lens["RDistort"]), (2, 3), f"{where}: RDistort")
        tangential = fields.vector(_row(lens["TDistort"]), (2,), f"{where}: TDistort")
        names.append(name)
        intrinsics.append(K)
        distortion.append(torch.cat([radial[:2], tangential, radial[2:]]))
        rotation = fields.numbers(lens["r"], (3, 3), f"{where}: r").T
        poses.append(fields.pose(rotation, fields.vector(_row(lens["t"]), (3,), f"{where}: t")))
    return fields.calibration(path, names, intrinsics, distortion, poses, None, _NOTES)


def _cells(value: matlab.MatlabValue) -> Sequence[object]:
    """List cells; a struct that stands alone is its own only cell."""
    return value if isinstance(value, list) else [value]


def _row(value: object) -> object:
    """Flatten 1 x N and N x 1 to N, which is all one in MATLAB."""
    return value.ravel() if isinstance(value, np.ndarray) and 1 in value.shape else value
