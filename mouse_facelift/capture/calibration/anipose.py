"""Anipose, SLEAP-Anipose, lightning-pose: `calibration.toml` with sections [cam_0], [cam_1], ...

Schema: lambdaloop/aniposelib, `Camera.get_dict` and `FisheyeCamera.get_dict`.
"""

import re
from pathlib import Path

import cv2
import torch

from mouse_facelift.capture.calibration import fields
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_SECTION = re.compile(r"cam_(\d+)")
_FIELDS = ("name", "size", "matrix", "distortions", "rotation", "translation")
_COEFFICIENTS = (4, 5, 8, 12, 14)  # as OpenCV takes them
_FISHEYE_COEFFICIENTS = (4,)
_NOTES = (
    "format: Anipose calibration.toml; cameras in the order of their sections' numbers",
    "pixel origin: as OpenCV (center of the top-left pixel at 0, 0), kept",
    "intrinsics: matrix is not transposed",
    "rotation: Rodrigues vector and translation, world to camera, kept; OpenCV axes",
    "unit and up: not in the file; the unit is that of the calibration board",
)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    try:
        content = fields.read_toml(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    if not any(_SECTION.fullmatch(key) for key in content):
        return f"TOML without sections [cam_0], [cam_1], ...; found {sorted(content)[:8]}"
    return None


def read(path: Path) -> Calibration:
    """Read the file.

    Raises:
        ValueError: names the file, the section and the field.
    """
    content = fields.read_toml(path)
    numbered = sorted((int(match[1]), key) for key in content if (match := _SECTION.fullmatch(key)))
    if not numbered:
        raise ValueError(f"{path}: no sections [cam_0], [cam_1], ...; found {sorted(content)[:8]}")
    cameras = [_camera(content[key], f"{path}: [{key}]") for _, key in numbered]
    model = "OpenCV's fisheye model, k1 k2 k3 k4" if cameras[0].fisheye else "k1 k2 p1 p2 k3, as OpenCV orders them"
    return join_cameras(path, cameras, [*_NOTES, f"distortion: {model}"])


def _camera(value: object, where: str) -> LabCamera:
    section = fields.table(value, where)
    fields.require(section, _FIELDS, where)
    name = fields.text(section["name"], f"{where}: name")
    where = f"{where}: camera {name}"
    fisheye = section.get("fisheye", False)  # absent where it is an ordinary lens
    if not isinstance(fisheye, bool):
        raise ValueError(f"{where}: fisheye: found {fields.describe(fisheye)}, expected true or false")
    counts = _FISHEYE_COEFFICIENTS if fisheye else _COEFFICIENTS
    rotation = fields.vector(section["rotation"], (3,), f"{where}: rotation (Rodrigues vector)")
    translation = fields.vector(section["translation"], (3,), f"{where}: translation")
    return LabCamera(
        name,
        fields.intrinsics(section["matrix"], f"{where}: matrix"),
        fields.vector(section["distortions"], counts, f"{where}: distortions"),
        fields.pose(torch.from_numpy(cv2.Rodrigues(rotation.numpy())[0]), translation),
        fields.size(section["size"], f"{where}: size"),
        fisheye,
    )
