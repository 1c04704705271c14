"""Anipose, SLEAP-Anipose, lightning-pose: `calibration.toml` with sections [cam_0], [cam_1], ...

Schema: lambdaloop/aniposelib, `Camera.get_dict`.
"""

import re
from pathlib import Path

import cv2
import torch

from mouse_facelift.capture.calibration import fields
from mouse_facelift.geometry.calibration import Calibration

_SECTION = re.compile(r"cam_(\d+)")
_COEFFICIENTS = (4, 5, 8, 12, 14)  # as OpenCV takes them
_NOTES = (
    "format: Anipose calibration.toml; cameras in the order of their sections' numbers",
    "pixel origin: as OpenCV (center of the top-left pixel at 0, 0), kept",
    "rotation: Rodrigues vector and translation, world to camera, kept",
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
    names, intrinsics, distortion, poses, sizes = [], [], [], [], []
    for _, key in numbered:
        section = fields.table(content[key], f"{path}: [{key}]")
        fields.require(
            section, ("name", "size", "matrix", "distortions", "rotation", "translation"), f"{path}: [{key}]"
        )
        name = fields.text(section["name"], f"{path}: [{key}]: name")
        where = f"{path}: [{key}]: camera {name}"
        if "fisheye" in section and section["fisheye"] is not False:
            raise ValueError(
                f"{where}: fisheye: found {fields.describe(section['fisheye'])}, expected false:"
                " OpenCV's fisheye lens is another model, which is not read yet"
            )
        rotation = fields.vector(section["rotation"], (3,), f"{where}: rotation (Rodrigues vector)")
        names.append(name)
        sizes.append(fields.size(section["size"], f"{where}: size"))
        intrinsics.append(fields.intrinsics(section["matrix"], f"{where}: matrix"))
        distortion.append(fields.vector(section["distortions"], _COEFFICIENTS, f"{where}: distortions"))
        poses.append(
            fields.pose(
                torch.from_numpy(cv2.Rodrigues(rotation.numpy())[0]),
                fields.vector(section["translation"], (3,), f"{where}: translation"),
            )
        )
    return fields.calibration(path, names, intrinsics, distortion, poses, sizes, _NOTES)
