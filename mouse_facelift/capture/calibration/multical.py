"""Multical: `calibration.json` with cameras and camera_poses.

Schema: oliver-batchelor/multical, `FORMAT.md` and `multical/io/export_calib.py`.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mouse_facelift.capture.calibration import fields
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import check_pose, invert_poses

_MODELS = {"standard": (4, 5), "rational": (8,), "thin_prism": (12,), "tilted": (14,)}
_ANY = (4, 5, 8, 12, 14)
_NOTES = (
    "format: Multical calibration.json; cameras in the order of the file",
    "pixel origin: as OpenCV (center of the top-left pixel at 0, 0), kept",
    "intrinsics: K is not transposed",
    "rotation: <name> is world to camera; <a>_to_<b> brings points of b's axes into a's (x_a = R x_b + T), so that a's"
    " pose is that times b's; OpenCV axes",
    "distortion: dist, as OpenCV orders it",
    "unit and up: not in the file; the unit is that of the board, often meters",
)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    try:
        content = fields.read_json(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    if not isinstance(content, dict) or not isinstance(content.get("cameras"), dict):
        return "JSON without a table 'cameras'"
    return None if "camera_poses" in content else "JSON with 'cameras', but without camera_poses (extrinsics)"


def read(path: Path) -> Calibration:
    """Read the file; cameras without a pose are left out, with a note.

    Raises:
        ValueError: names the file, the camera and the field.
    """
    content = fields.table(fields.read_json(path), str(path))
    fields.require(content, ("cameras", "camera_poses"), str(path))
    lenses = fields.table(content["cameras"], f"{path}: cameras")
    stored = fields.table(content["camera_poses"], f"{path}: camera_poses")
    poses, unknown = _poses(stored, list(lenses), f"{path}: camera_poses")
    placed = [name for name in lenses if name in poses]
    if not placed:
        raise ValueError(
            f"{path}: no camera has both K and a pose: cameras {list(lenses)}, camera_poses {list(stored)}"
        )
    cameras = [_camera(name, lenses[name], poses[name], f"{path}: cameras: {name}") for name in placed]
    notes = list(_NOTES)
    if left := [name for name in lenses if name not in poses]:
        notes.append(f"warning: cameras {left} have no pose and are left out")
    if unknown:
        notes.append(f"warning: camera_poses {unknown} belong to no camera of the file and are left out")
    return join_cameras(path, cameras, notes)


def _camera(name: str, value: object, pose: Tensor, where: str) -> LabCamera:
    lens = fields.table(value, where)
    fields.require(lens, ("image_size", "K", "dist"), where)
    counts: tuple[int, ...] = _ANY
    if "model" in lens:
        model = fields.text(lens["model"], f"{where}: model")
        if model not in _MODELS:
            raise ValueError(f"{where}: model: found {model!r}, expected one of {sorted(_MODELS)}")
        counts = tuple(sorted({5, *_MODELS[model]})) if model != "standard" else _MODELS[model]
    return LabCamera(
        fields.text(name, f"{where}: name"),
        fields.intrinsics(lens["K"], f"{where}: K"),
        fields.row(lens["dist"], counts, f"{where}: dist"),
        pose,
        fields.size(lens["image_size"], f"{where}: image_size"),
    )


def _poses(stored: Mapping[str, object], names: list[str], where: str) -> tuple[dict[str, Tensor], list[str]]:
    """World to camera of each camera that can be reached from one stated plainly, and keys of no known camera."""
    poses: dict[str, Tensor] = {}
    steps: list[tuple[str, str, Tensor]] = []
    unknown = []
    for key, value in stored.items():
        pair = _pair(key, names)
        if key in names:
            poses[key] = _pose(value, f"{where}: {key}")
        elif pair is not None:
            steps.append((*pair, _pose(value, f"{where}: {key}")))
        else:
            unknown.append(key)
    if not poses and steps:  # no master is stated: it is the camera that others refer to
        poses[steps[0][1]] = torch.eye(4, dtype=torch.float64)
    for _ in steps:
        for name, base, step in steps:
            if base in poses and name not in poses:
                poses[name] = step @ poses[base]
            elif name in poses and base not in poses:
                poses[base] = invert_poses(step) @ poses[name]
    return poses, unknown


def _pair(key: str, names: list[str]) -> tuple[str, str] | None:
    """Split <a>_to_<b>, whose names may themselves hold `_to_`."""
    pairs = [(name, key.removeprefix(f"{name}_to_")) for name in names if key.startswith(f"{name}_to_")]
    return next((pair for pair in pairs if pair[1] in names), None)


def _pose(value: object, where: str) -> Tensor:
    entry = fields.table(value, where)
    fields.require(entry, ("R", "T"), where)
    pose = fields.pose(fields.numbers(entry["R"], (3, 3), f"{where}: R"), fields.row(entry["T"], (3,), f"{where}: T"))
    check_pose(pose, where)  # before poses are multiplied
    return pose
