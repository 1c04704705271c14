"""JARVIS: a folder of `<camera>.yaml`, one of OpenCV's FileStorage files a camera, named after it.

Schema: JARVIS-MoCap/JARVIS-HybridNet, `jarvis/utils/reprojection.py`; matrices are transposed there.
"""

from pathlib import Path

from mouse_facelift.capture.calibration import fields, filestorage
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_FIELDS = ("intrinsicMatrix", "distortionCoefficients", "R", "T")
_NOTES = (
    "pixel origin: as OpenCV (center of the top-left pixel at 0, 0), kept",
    "intrinsics: intrinsicMatrix is stored transposed (cx, cy in its last row); transposed back",
    "rotation: R is stored transposed (row vectors, [X 1] [R; T]); transposed back; world to camera, OpenCV axes",
    "distortion: all coefficients of the file are used, though JARVIS itself uses k1 and k2 alone",
    "picture size: not in the files; it is asked of the recording",
    "unit and up: not in the files; the world is usually the primary camera, in mm",
)


def mismatch(path: Path) -> str | None:
    """Say why a folder, or one of its files, is not of this format; None if it is."""
    if path.is_dir():
        return None if _files(path) else "no YAML files with intrinsicMatrix in the folder, one a camera"
    return None if _is_camera(path) else "not OpenCV's FileStorage with intrinsicMatrix"


def read(path: Path) -> Calibration:
    """Read the folder.

    Raises:
        ValueError: names the file and the field; a single camera's file is given.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    if not path.is_dir():
        raise ValueError(f"{path}: one camera: give the folder that holds all of them, one YAML file each")
    cameras = [_camera(file) for file in _files(path)]
    names = ", ".join(camera.name for camera in cameras)
    order = f"format: JARVIS, one YAML file a camera; ordered by their names' numbers: {names}"
    return join_cameras(path, cameras, [order, *_NOTES])


def _camera(file: Path) -> LabCamera:
    content = filestorage.read_filestorage(file)
    where = f"{file}: camera {file.stem}"
    fields.require(content, _FIELDS, where)
    rotation = fields.numbers(content["R"], (3, 3), f"{where}: R").T
    return LabCamera(
        file.stem,
        fields.intrinsics(content["intrinsicMatrix"], f"{where}: intrinsicMatrix", transposed=True),
        fields.row(content["distortionCoefficients"], (4, 5, 8, 12, 14), f"{where}: distortionCoefficients"),
        fields.pose(rotation, fields.row(content["T"], (3,), f"{where}: T")),
        None,
    )


def _files(folder: Path) -> list[Path]:
    return [file for file in filestorage.files(folder) if _is_camera(file)]


def _is_camera(file: Path) -> bool:
    return filestorage.holds(file, "intrinsicMatrix")
