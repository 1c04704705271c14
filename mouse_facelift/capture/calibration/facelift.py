"""FaceLift: `opencv_cameras.json`, pinholes with pixel centers at +0.5.

Schema: weijielyu/FaceLift, `data_sample/gslrm/sample_000/opencv_cameras.json`.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import torch

from mouse_facelift.capture.calibration import fields
from mouse_facelift.capture.calibration.pictures import absent_pictures
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_FIELDS = ("w", "h", "fx", "fy", "cx", "cy", "w2c")
_NOTES = (
    "format: FaceLift opencv_cameras.json; cameras in the order of the file",
    "pixel origin: the picture's corner (center of the top-left pixel at 0.5, 0.5); 0.5 px was taken from cx and cy",
    "rotation: w2c, world to camera, OpenCV axes, kept",
    "distortion: none, pinholes",
    "unit: not in the file; up: z where the file comes from FaceLift",
)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    return fields.frames_mismatch(path, "w2c")


def read(path: Path) -> Calibration:
    """Read the file. A camera's name is its view_name, else its picture's name, else cam_000, cam_001, ...

    Raises:
        ValueError: names the file, the frame and the field.
    """
    _, frames = fields.read_frames(path)
    cameras = []
    for number, frame in enumerate(frames):
        name = _name(frame, number, f"{path}: frames[{number}]")
        where = f"{path}: frames[{number}]: camera {name}"
        fields.require(frame, _FIELDS, where)
        fx, fy, cx, cy = (float(fields.numbers(frame[key], (), f"{where}: {key}")) for key in ("fx", "fy", "cx", "cy"))
        cameras.append(
            LabCamera(
                name,
                torch.tensor([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]], dtype=torch.float64),
                torch.zeros(5, dtype=torch.float64),
                fields.numbers(frame["w2c"], (4, 4), f"{where}: w2c"),
                fields.size([frame["w"], frame["h"]], f"{where}: w, h"),
            )
        )
    files = [frame["file_path"] for frame in frames if "file_path" in frame]
    named = all("view_name" in frame or "file_path" in frame for frame in frames)
    return join_cameras(path, cameras, [*_NOTES, *absent_pictures(path.parent, files)], named)


def _name(frame: Mapping[str, object], number: int, where: str) -> str:
    if "view_name" in frame:
        return fields.text(frame["view_name"], f"{where}: view_name")
    if "file_path" in frame:
        return PurePosixPath(fields.text(frame["file_path"], f"{where}: file_path")).stem
    return f"cam_{number:03d}"
