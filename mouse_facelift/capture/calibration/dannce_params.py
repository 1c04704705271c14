"""DANNCE, older: a folder of `<camera>_params.mat`, one MATLAB file a camera, without names, order or picture size.

Schema: spoonsso/dannce, `dannce/engine/io.py`, `load_camera_params`.
"""

from pathlib import Path

from mouse_facelift.capture.calibration import dannce, fields, matlab
from mouse_facelift.capture.calibration.rig import join_cameras
from mouse_facelift.geometry.calibration import Calibration

_SUFFIX = "_params"


def mismatch(path: Path) -> str | None:
    """Say why a folder, or one of its files, is not of this format; None if it is."""
    if path.is_dir():
        return None if _files(path) else f"no MATLAB files *{_SUFFIX}.mat in the folder, one a camera"
    return dannce.variables_mismatch(path, dannce.LENS_FIELDS)


def read(path: Path) -> Calibration:
    """Read the folder.

    Raises:
        ValueError: names the file and the field; a single file is given, which says neither name nor order.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    if not path.is_dir():
        raise ValueError(
            f"{path}: one camera, without name, order or picture size: give the folder that holds all *{_SUFFIX}.mat"
        )
    cameras = []
    for file in _files(path):
        if (reason := dannce.variables_mismatch(file, dannce.LENS_FIELDS)) is not None:
            raise ValueError(f"{file}: {reason}")
        content = matlab.read_variables(file, dannce.LENS_FIELDS)
        name = file.stem.removesuffix(_SUFFIX)
        cameras.append(dannce.lens(content, name, None, f"{file}: camera {name}"))
    names = ", ".join(camera.name for camera in cameras)
    notes = [
        "format: DANNCE *_params.mat, one file a camera",
        f"order: not in the files; found by their numbers: {names}; `names` of the configuration calls them otherwise",
        *dannce.LENS_NOTES,
        dannce.SIZE_NOTE.replace("the file;", "the files;"),
    ]
    return join_cameras(path, cameras, notes, named=False)


def _files(folder: Path) -> list[Path]:
    found = [file for file in folder.glob(f"*{_SUFFIX}.mat") if file.is_file()]
    return sorted(found, key=lambda file: fields.numeric_order(file.stem))
