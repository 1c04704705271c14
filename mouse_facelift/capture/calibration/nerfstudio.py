"""nerfstudio, instant-ngp, Blender's NeRF scenes: `transforms.json`.

Schema: nerfstudio-project/nerfstudio, `data/dataparsers/nerfstudio_dataparser.py` and `blender_dataparser.py`;
NVlabs/instant-ngp, `docs/nerf_dataset_tips.md`.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from mouse_facelift.capture.calibration import fields
from mouse_facelift.capture.calibration.pictures import absent_pictures, camera_names, find_picture
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import check_pose
from mouse_facelift.geometry.rotations import ROTATION_TOLERANCE
from mouse_facelift.imaging.pictures import picture_size

_FISHEYE, _PERSPECTIVE = "OPENCV_FISHEYE", ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")
_NOTES = (
    "format: nerfstudio/instant-ngp transforms.json; cameras in the order of the file, named after their pictures",
    "pixel origin: the picture's corner (center of the top-left pixel at 0.5, 0.5); 0.5 px was taken from cx and cy",
    "rotation: transform_matrix is camera to world in OpenGL axes (y up, z backward); turned, then inverted",
    "unit: not in the file; up: z where nerfstudio or Blender wrote it",
)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    return fields.frames_mismatch(path, "transform_matrix")


def read(path: Path) -> Calibration:
    """Read the file, as `read_with_sizes` does without sizes.

    Raises:
        ValueError: names the file, the frame and the field.
    """
    return read_with_sizes(path, {})


def read_with_sizes(path: Path, sizes: Mapping[str, tuple[int, int]]) -> Calibration:
    """Read the file. What a frame states itself goes before what the top level states for all.

    Args:
        path: the file.
        sizes: width and height of the cameras' pictures, px, for want of w and h in the file and of the pictures. One
            size of all cameras holds for those that are not among them, too.

    Raises:
        ValueError: names the file, the frame and the field.
    """
    content, tables = fields.read_frames(path)
    for number, frame in enumerate(tables):
        fields.require(frame, ("file_path", "transform_matrix"), f"{path}: frames[{number}]")
    pictures = [fields.text(frame["file_path"], f"{path}: frames[{n}]: file_path") for n, frame in enumerate(tables)]
    cameras, scales = [], {}
    for number, (name, frame) in enumerate(zip(camera_names(pictures), tables, strict=True)):
        where = f"{path}: frames[{number}]: camera {name}"
        pose, scale = _pose(frame["transform_matrix"], where)
        if abs(scale - 1) > ROTATION_TOLERANCE:
            scales[name] = scale
        lens = {**content, **frame}
        size = _size(lens, find_picture(path.parent, pictures[number]), _stated(name, sizes), where)
        cameras.append(_camera(name, pose, lens, size, where))
    notes = [*_NOTES, *_scaled(scales), *_applied(content), *absent_pictures(path.parent, pictures)]
    if any("fl_x" not in {**content, **frame} for frame in tables):
        notes.append("intrinsics: focal length from camera_angle_x, principal point at the picture's center")
    return join_cameras(path, cameras, notes)


def _camera(name: str, pose: Tensor, lens: Mapping[str, object], size: Tensor, where: str) -> LabCamera:
    width, height = size.tolist()
    if "fl_x" in lens:
        fx = _number(lens, "fl_x", where)
    elif "camera_angle_x" in lens:
        fx = _from_angle(width, _number(lens, "camera_angle_x", where), f"{where}: camera_angle_x")
    else:
        raise ValueError(f"{where}: missing fl_x (or camera_angle_x); found {sorted(lens)}")
    fy = fx
    if "fl_y" in lens:
        fy = _number(lens, "fl_y", where)
    elif "camera_angle_y" in lens and "fl_x" not in lens:
        fy = _from_angle(height, _number(lens, "camera_angle_y", where), f"{where}: camera_angle_y")
    cx = _number(lens, "cx", where) if "cx" in lens else width / 2
    cy = _number(lens, "cy", where) if "cy" in lens else height / 2
    K = torch.tensor([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]], dtype=torch.float64)
    fisheye = _is_fisheye(lens, where)
    k1, k2, k3, k4, p1, p2 = (
        _number(lens, key, where) if key in lens else 0.0 for key in ("k1", "k2", "k3", "k4", "p1", "p2")
    )
    if fisheye and (p1 or p2):
        raise ValueError(f"{where}: p1, p2: found {p1}, {p2}, expected 0: a fisheye lens has none")
    if not fisheye and k4:
        raise ValueError(f"{where}: k4: found {k4}, expected 0: OpenCV's lens has no such term (its k4 is another)")
    distortion = torch.tensor([k1, k2, k3, k4] if fisheye else [k1, k2, p1, p2, k3], dtype=torch.float64)
    return LabCamera(name, K, distortion, pose, size, fisheye)


def _pose(value: object, where: str) -> tuple[Tensor, float]:
    """World to camera in OpenCV axes, and by what its rotation was scaled."""
    rows = len(value) if isinstance(value, list) else 4
    stored = fields.numbers(value, (3 if rows == 3 else 4, 4), f"{where}: transform_matrix")
    block = stored[:3, :3]
    scale = float((block @ block.T).diagonal().mean().sqrt())
    if scale < 1e-9:
        raise ValueError(f"{where}: transform_matrix: its rotation is zero: {block.tolist()}")
    if abs(scale - 1) > ROTATION_TOLERANCE:
        block = block / scale
    turned = fields.pose(block @ torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)), stored[:3, 3])
    check_pose(turned, f"{where}: transform_matrix")
    if rows != 3 and stored[3].tolist() != [0, 0, 0, 1]:
        raise ValueError(f"{where}: transform_matrix: the last row is {stored[3].tolist()}, expected [0, 0, 0, 1]")
    return torch.linalg.inv(turned), scale


def _is_fisheye(lens: Mapping[str, object], where: str) -> bool:
    if "is_fisheye" in lens and lens["is_fisheye"] is True:
        return True
    if "camera_model" not in lens:
        return False
    model = fields.text(lens["camera_model"], f"{where}: camera_model")
    if model not in (_FISHEYE, *_PERSPECTIVE):
        known = [_FISHEYE, *_PERSPECTIVE]
        raise ValueError(
            f"{where}: camera_model: found {model!r}, expected one of {known} (others are none of OpenCV's)"
        )
    return model == _FISHEYE


def _size(
    lens: Mapping[str, object], picture: Path | None, stated: tuple[int, int] | None, where: str
) -> Int[Tensor, "2"]:
    """Take the size from the file, the picture or what is stated, in this order."""
    if "w" not in lens and "h" not in lens:
        if picture is not None:
            return torch.tensor(picture_size(picture))
        if stated is not None:
            return torch.tensor(stated)
    if missing := [key for key in ("w", "h") if key not in lens]:
        raise ValueError(
            f"{where}: missing {missing}, the picture's width and height in px, and the picture is not there to tell:"
            ' add "w" and "h" to the top level of the file, or state image_sizes in captures.<name>.calibration'
        )
    return fields.size([lens["w"], lens["h"]], f"{where}: w, h")


def _stated(name: str, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int] | None:
    if name in sizes:
        return sizes[name]
    distinct = set(sizes.values())
    return next(iter(distinct)) if len(distinct) == 1 else None


def _from_angle(side: int, angle: float, where: str) -> float:
    if not 0 < angle < math.pi:
        raise ValueError(f"{where}: found {angle}, expected radians between 0 and pi")
    return 0.5 * side / math.tan(angle / 2)


def _number(lens: Mapping[str, object], key: str, where: str) -> float:
    return float(fields.numbers(lens[key], (), f"{where}: {key}"))


def _scaled(scales: Mapping[str, float]) -> list[str]:
    if not scales:
        return []
    by = sorted({round(scale, 6) for scale in scales.values()})
    return [f"warning: rotations of {list(scales)} are scaled by {by[:6]}; divided by it, positions kept"]


def _applied(content: Mapping[str, object]) -> list[str]:
    keys = [key for key in ("applied_transform", "applied_scale") if key in content]
    return (
        [f"world: {keys} are in the file and were not undone: the world is the file's, not the capture's"]
        if keys
        else []
    )
