"""OpenCV's FileStorage as its samples write it: a stereo pair, or a folder with one file a camera.

Schema: opencv/opencv, `samples/cpp/stereo_calib.cpp` (M1 D1 M2 D2, R T of camera 2 relative to camera 1) and
`samples/cpp/tutorial_code/calib3d/camera_calibration` (camera_matrix, distortion_coefficients, image_width).
"""

from pathlib import Path

import cv2
import torch
from torch import Tensor

from mouse_facelift.capture.calibration import fields, filestorage
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_COEFFICIENTS = (4, 5, 8, 12, 14)
_MATRIX = ("camera_matrix", "cameraMatrix", "K")
_DISTORTION = ("distortion_coefficients", "dist_coeffs", "distCoeffs", "D")
_ROTATION = ("R", "rotation_matrix", "rvec")
_TRANSLATION = ("T", "t", "translation_vector", "tvec")
_STEREO = ("M1", "D1", "M2", "D2", "R", "T")
_NOTES = (
    "pixel origin: as OpenCV (center of the top-left pixel at 0, 0), kept",
    "intrinsics: the camera matrix is not transposed",
    "distortion: k1 k2 p1 p2 and further ones, as OpenCV orders them",
    "unit and up: not in the file; the unit is that of the calibration board",
)


def mismatch(path: Path) -> str | None:
    """Say why a file or folder is not of this format; None if it is."""
    keys = (*(f'"{key}"' for key in _MATRIX[:2]), *(f"{key}:" for key in (*_MATRIX, "M1")), "<camera_matrix", "<M1")
    files = filestorage.files(path) if path.is_dir() else [path]
    if any(filestorage.holds(file, key) for file in files for key in keys):
        return None
    return f"not OpenCV's FileStorage with M1, D1, M2, D2 or one of {list(_MATRIX)}"


def read(path: Path) -> Calibration:
    """Read a stereo pair (one file, or a folder with intrinsics and extrinsics), or a folder with one file a camera.

    Raises:
        ValueError: names the file, the camera and the field; extrinsics are missing.
    """
    files = filestorage.files(path) if path.is_dir() else [path]
    contents = {file: filestorage.read_filestorage(file) for file in files}
    pair = {key: value for content in contents.values() for key, value in content.items() if key in _STEREO}
    if "M1" in pair:
        return _stereo(path, pair)
    cameras = []
    for file, content in contents.items():
        if any(key in content for key in _MATRIX):
            cameras.append(_camera(file, content))
    if not cameras:
        raise ValueError(f"{path}: no camera: found none of {list(_MATRIX)} or M1 in {[file.name for file in files]}")
    names = ", ".join(camera.name for camera in cameras)
    poses = f"rotation: one of {list(_ROTATION)} (matrix or Rodrigues vector), world to camera, OpenCV axes, kept"
    order = f"format: OpenCV FileStorage, one file a camera; ordered by their names' numbers: {names}"
    return join_cameras(path, cameras, [order, *_NOTES, poses, *_size_note(cameras)])


def _stereo(path: Path, pair: dict[str, object]) -> Calibration:
    if missing := [key for key in _STEREO if key not in pair]:
        raise ValueError(
            f"{path}: a stereo pair without {missing}: give the folder that holds both intrinsics (M1, D1, M2, D2)"
            " and extrinsics (R, T of camera 2 relative to camera 1)"
        )
    first, second = (
        (
            fields.intrinsics(pair[f"M{number}"], f"{path}: M{number}"),
            fields.row(pair[f"D{number}"], _COEFFICIENTS, f"{path}: D{number}"),
        )
        for number in (1, 2)
    )
    rotation = _as_rotation(pair["R"], f"{path}: R")
    pose = fields.pose(rotation, fields.row(pair["T"], (3,), f"{path}: T"))
    cameras = [LabCamera("1", *first, torch.eye(4, dtype=torch.float64), None), LabCamera("2", *second, pose, None)]
    notes = [
        "format: OpenCV FileStorage, stereo pair M1 D1 M2 D2",
        *_NOTES,
        "rotation: the world is camera 1; R, T bring its points into camera 2 (x2 = R x1 + T), OpenCV axes",
        *_size_note(cameras),
    ]
    return join_cameras(path, cameras, notes, named=False)


def _camera(file: Path, content: dict[str, object]) -> LabCamera:
    name = content.get("camera_name", file.stem)
    name = fields.text(name, f"{file}: camera_name")
    where = f"{file}: camera {name}"
    rotation, translation = _one(content, _ROTATION), _one(content, _TRANSLATION)
    if rotation is None or translation is None:
        raise ValueError(
            f"{where}: holds intrinsics alone: extrinsics are missing. Add R (3 x 3 or a Rodrigues vector) and T, world"
            f" to camera, to each camera's file in one folder, or give a format with them; found {sorted(content)}"
        )
    matrix, distortion = _one(content, _MATRIX), _one(content, _DISTORTION)
    if matrix is None or distortion is None:
        raise ValueError(f"{where}: missing one of {list(_DISTORTION)}; found {sorted(content)}")
    size = None
    if "image_width" in content or "image_height" in content:
        fields.require(content, ("image_width", "image_height"), where)
        size = fields.size([content["image_width"], content["image_height"]], f"{where}: image_width, image_height")
    return LabCamera(
        name,
        fields.intrinsics(content[matrix], f"{where}: {matrix}"),
        fields.row(content[distortion], _COEFFICIENTS, f"{where}: {distortion}"),
        fields.pose(
            _as_rotation(content[rotation], f"{where}: {rotation}"),
            fields.row(content[translation], (3,), f"{where}: {translation}"),
        ),
        size,
    )


def _as_rotation(value: object, where: str) -> Tensor:
    """Read a rotation matrix, or a Rodrigues vector."""
    if getattr(value, "shape", None) == (3, 3):
        return fields.numbers(value, (3, 3), where)
    return torch.from_numpy(cv2.Rodrigues(fields.row(value, (3,), where).numpy())[0])


def _one(content: dict[str, object], keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if key in content), None)


def _size_note(cameras: list[LabCamera]) -> list[str]:
    return ["picture size: not in the file; it is asked of the recording"] if cameras[0].image_size is None else []
