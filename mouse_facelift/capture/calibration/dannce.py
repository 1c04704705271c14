"""DANNCE, Label3D: `*label3d_dannce.mat`, a MATLAB file with the cells `params` and `camnames`.

Schema: spoonsso/dannce, `dannce/engine/io.py`; K and r are transposed there, and K counts pixels from 1.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mouse_facelift.capture.calibration import fields, matlab
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

LENS_FIELDS = ("K", "RDistort", "TDistort", "r", "t")
LENS_NOTES = (
    "pixel origin: MATLAB's (center of the top-left pixel at 1, 1); 1 px was taken from cx and cy",
    "intrinsics: K is stored transposed (cx, cy in its last row); transposed back, skew kept",
    "rotation: r is stored transposed (row vectors, X r + t); transposed back; world to camera, OpenCV axes",
    "distortion: k1 k2 [k3] from RDistort, p1 p2 from TDistort",
    "unit and up: not in the file",
)
SIZE_NOTE = "picture size: not in the file; it is asked of the recording"
_NOTES = ("format: DANNCE label3d_dannce.mat; cameras in the order of camnames", *LENS_NOTES, SIZE_NOTE)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    return variables_mismatch(path, ("params",))


def variables_mismatch(path: Path, names: Sequence[str]) -> str | None:
    """Say why a file is no MATLAB file with these variables; None if it is one."""
    if path.is_dir():
        return "a folder, expected a file"
    if not matlab.is_matlab(path):
        return "not a MATLAB file of version 5 to 7.3"
    try:
        variables = matlab.variable_names(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    missing = [name for name in names if name not in variables]
    return f"a MATLAB file without {missing}; found {sorted(variables)}" if missing else None


def read(path: Path) -> Calibration:
    """Read the file.

    Raises:
        ValueError: names the file, the camera and the field.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    content = matlab.read_variables(path, ("params", "camnames"))
    fields.require(content, ("params", "camnames"), str(path))
    params, camnames = cells(content["params"]), cells(content["camnames"])
    if not params or len(params) != len(camnames):
        raise ValueError(f"{path}: found {len(camnames)} camnames for {len(params)} params")
    cameras = []
    for number, (cell, label) in enumerate(zip(params, camnames, strict=True)):
        name = fields.text(label, f"{path}: camnames[{number}]")
        cameras.append(lens(cell, name, None, f"{path}: params[{number}]: camera {name}"))
    return join_cameras(path, cameras, _NOTES)


def lens(value: object, name: str, image_size: Tensor | None, where: str) -> LabCamera:
    """Read the five variables of one camera: K, RDistort, TDistort, r, t.

    Raises:
        ValueError: names the field.
    """
    content = fields.table(value, where)
    fields.require(content, LENS_FIELDS, where)
    K = fields.intrinsics(content["K"], f"{where}: K", transposed=True)
    K[:2, 2] -= 1
    radial = fields.row(content["RDistort"], (2, 3), f"{where}: RDistort")
    tangential = fields.row(content["TDistort"], (2,), f"{where}: TDistort")
    rotation = fields.numbers(content["r"], (3, 3), f"{where}: r").T
    pose = fields.pose(rotation, fields.row(content["t"], (3,), f"{where}: t"))
    return LabCamera(name, K, torch.cat([radial[:2], tangential, radial[2:]]), pose, image_size)


def cells(value: matlab.MatlabValue) -> Sequence[object]:
    """List cells; a struct that stands alone is its own only cell."""
    return value if isinstance(value, list) else [value]
