"""EasyMocap: `intri.yml` and `extri.yml` side by side, OpenCV's FileStorage.

Schema: zju3dv/EasyMocap, `easymocap/mytools/camera_utils.py`, `read_camera`.
"""

from pathlib import Path

import cv2
import torch
from torch import Tensor

from mouse_facelift.capture.calibration import fields, filestorage
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_INTRINSICS, _EXTRINSICS = "intri.yml", "extri.yml"
_DISAGREE = 1e-3  # largest entry of the difference between Rot_<name> and R_<name>
_NOTES = (
    "pixel origin: as OpenCV (center of the top-left pixel at 0, 0), kept",
    "intrinsics: K_<name> is not transposed",
    "rotation: Rot_<name>, else R_<name> (Rodrigues vector), and T_<name>; world to camera, OpenCV axes, kept",
    "distortion: dist_<name>, as OpenCV orders it",
    "unit and up: not in the files; usually meters, and z up",
)


def mismatch(path: Path) -> str | None:
    """Say why a folder, or one of the two files in it, is not of this format; None if it is."""
    files = [path / name for name in (_INTRINSICS, _EXTRINSICS)] if path.is_dir() else [path]
    if not any(file.name in (_INTRINSICS, _EXTRINSICS) and file.is_file() for file in files):
        return f"not {_INTRINSICS} or {_EXTRINSICS}, nor a folder with them"
    return None


def read(path: Path) -> Calibration:
    """Read the folder; cameras that only one of the files lists are left out, with a note.

    Raises:
        FileNotFoundError: one of the two files is not there.
        ValueError: names the file, the camera and the field.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    folder = _folder(path)
    if absent := [name for name in (_INTRINSICS, _EXTRINSICS) if not (folder / name).is_file()]:
        raise FileNotFoundError(f"{path}: EasyMocap's calibration is two files; missing beside it: {absent}")
    intri, extri = (filestorage.read_filestorage(folder / name) for name in (_INTRINSICS, _EXTRINSICS))
    seen = _names(intri, ("K_",), f"{folder / _INTRINSICS}")
    placed = _names(extri, ("Rot_", "R_", "T_"), f"{folder / _EXTRINSICS}")
    both = [name for name in seen if name in placed]
    if not both:
        raise ValueError(f"{path}: no camera is in both files: {_INTRINSICS} lists {seen}, {_EXTRINSICS} {placed}")
    cameras = [_camera(name, intri, extri, folder) for name in both]
    notes = [f"format: EasyMocap {_INTRINSICS} and {_EXTRINSICS}; cameras in the order of {_INTRINSICS}", *_NOTES]
    for file, names in ((_INTRINSICS, seen), (_EXTRINSICS, placed)):
        if alone := [name for name in names if name not in both]:
            notes.append(f"warning: cameras {alone} stand in {file} alone and are left out")
    if cameras[0].image_size is None:
        notes.append("picture size: not in the files (no H_<name>, W_<name>); it is asked of the recording")
    return join_cameras(path, cameras, notes)


def _camera(name: str, intri: dict[str, object], extri: dict[str, object], folder: Path) -> LabCamera:
    where = f"{folder / _INTRINSICS}: camera {name}"
    fields.require(intri, (f"K_{name}", f"dist_{name}"), where)
    size = None
    if f"H_{name}" in intri or f"W_{name}" in intri:
        fields.require(intri, (f"H_{name}", f"W_{name}"), where)
        size = fields.size([intri[f"W_{name}"], intri[f"H_{name}"]], f"{where}: W, H")
    placed = f"{folder / _EXTRINSICS}: camera {name}"
    fields.require(extri, (f"T_{name}",), placed)
    translation = fields.row(extri[f"T_{name}"], (3,), f"{placed}: T_{name}")
    return LabCamera(
        name,
        fields.intrinsics(intri[f"K_{name}"], f"{where}: K_{name}"),
        fields.row(intri[f"dist_{name}"], (4, 5, 8, 12, 14), f"{where}: dist_{name}"),
        fields.pose(_rotation(name, extri, placed), translation),
        size,
    )


def _rotation(name: str, extri: dict[str, object], where: str) -> Tensor:
    """Read Rot_<name> or R_<name>; where both are there they must agree."""
    matrix = turned = None
    if f"Rot_{name}" in extri:
        matrix = fields.numbers(extri[f"Rot_{name}"], (3, 3), f"{where}: Rot_{name}")
    if f"R_{name}" in extri:
        vector = fields.row(extri[f"R_{name}"], (3,), f"{where}: R_{name} (Rodrigues vector)")
        turned = torch.from_numpy(cv2.Rodrigues(vector.numpy())[0])
    if matrix is not None and turned is not None and float((matrix - turned).abs().max()) > _DISAGREE:
        other = " (it is transposed)" if float((matrix.T - turned).abs().max()) <= _DISAGREE else ""
        raise ValueError(f"{where}: Rot_{name} is not the rotation of the vector R_{name}{other}: {matrix.tolist()}")
    found = matrix if matrix is not None else turned
    if found is None:
        raise ValueError(f"{where}: missing Rot_{name} or R_{name}; found {sorted(extri)}")
    return found


def _names(content: dict[str, object], prefixes: tuple[str, ...], where: str) -> list[str]:
    """List the cameras: `names`, or what keys are called."""
    if "names" not in content:
        listed = (key.removeprefix(prefix) for key in content for prefix in prefixes if key.startswith(prefix))
        return sorted(set(listed), key=fields.numeric_order)
    names = content["names"]
    if not isinstance(names, list):
        raise ValueError(f"{where}: names: found {fields.describe(names)}, expected a list of texts")
    return [str(name) if isinstance(name, int) else fields.text(name, f"{where}: names") for name in names]


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent
