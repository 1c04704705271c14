"""Calibrations written for other tools, as `read_calibration` reads them back.

Anipose and COLMAP hold a rotation in three or four numbers: one that is orthogonal to 1e-8 only comes back so near.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from mouse_facelift.formats.whole import whole_folder, write_text_whole
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import FISHEYE


def write_anipose(calibration: Calibration, path: Path) -> None:
    """Write Anipose's `calibration.toml`: lenses of any kind, skew included.

    Raises:
        ValueError: picture sizes are not known.
    """
    sizes = _sizes(calibration, "Anipose's calibration.toml")
    fisheye = calibration.distortion.shape[1] == FISHEYE
    lines = []
    for view, name in enumerate(calibration.names):
        pose = calibration.world_to_camera[view]
        lines += [
            f"[cam_{view}]",
            f"name = {_toml_text(name)}",
            f"size = {sizes[view]}",
            f"matrix = {calibration.intrinsics[view].tolist()}",
            f"distortions = {calibration.distortion[view].tolist()}",
            *(["fisheye = true"] if fisheye else []),
            f"rotation = {_rotation(pose).as_rotvec().tolist()}",
            f"translation = {pose[:3, 3].tolist()}",
            "",
        ]
    write_text_whole(path, "\n".join([*lines, "[metadata]", ""]))


def write_colmap(calibration: Calibration, folder: Path) -> None:
    """Write COLMAP's text model: cameras.txt, images.txt (`<name>.png`) and an empty points3D.txt.

    Raises:
        ValueError: picture sizes are not known, or a lens has skew or terms that COLMAP's models have not.
    """
    what = "COLMAP's model"
    sizes = _sizes(calibration, what)
    _refuse_skew(calibration, what)
    _refuse_slashes(calibration, what)
    lenses = calibration.distortion
    cameras, images = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS"], ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"]
    if lenses.shape[1] == FISHEYE:
        model, taken = "OPENCV_FISHEYE", lenses
    elif not bool(lenses[:, 4:].any()):
        model, taken = "OPENCV", lenses[:, :4]
    else:
        _refuse_beyond(calibration, 8, what)
        model, taken = "FULL_OPENCV", torch.nn.functional.pad(lenses, (0, max(0, 8 - lenses.shape[1])))[:, :8]
    for view, name in enumerate(calibration.names):
        width, height = sizes[view]
        parameters = [*_centered(calibration.intrinsics[view]), *taken[view].tolist()]
        pose = calibration.world_to_camera[view]
        quaternion = _rotation(pose).as_quat(scalar_first=True).tolist()
        cameras.append(f"{view + 1} {model} {width} {height} {_words(parameters)}")
        images += [f"{view + 1} {_words([*quaternion, *pose[:3, 3].tolist()])} {view + 1} {name}.png", ""]
    with whole_folder(folder) as partial:
        for file, lines in (("cameras.txt", cameras), ("images.txt", images), ("points3D.txt", ["# no points"])):
            (partial / file).write_text("\n".join([*lines, ""]), encoding="utf-8")


def write_nerfstudio(calibration: Calibration, path: Path) -> None:
    """Write nerfstudio's `transforms.json`, pictures as `images/<name>.png` beside it.

    Raises:
        ValueError: picture sizes are not known, or a lens has skew or terms that nerfstudio has not.
    """
    what = "nerfstudio's transforms.json"
    sizes = _sizes(calibration, what)
    _refuse_skew(calibration, what)
    _refuse_slashes(calibration, what)
    fisheye = calibration.distortion.shape[1] == FISHEYE
    if not fisheye:
        _refuse_beyond(calibration, 5, what)
    keys = ("k1", "k2", "k3", "k4") if fisheye else ("k1", "k2", "p1", "p2", "k3")
    poses = torch.linalg.inv(calibration.world_to_camera)  # exact for rotations of few digits, too
    poses[:, :3, 1:3] *= -1  # OpenGL's axes
    frames = []
    for view, name in enumerate(calibration.names):
        numbers = _centered(calibration.intrinsics[view])
        frames.append(
            {
                "file_path": f"images/{name}.png",
                "w": sizes[view][0],
                "h": sizes[view][1],
                **dict(zip(("fl_x", "fl_y", "cx", "cy"), numbers, strict=True)),
                **dict(zip(keys, calibration.distortion[view].tolist(), strict=False)),
                "transform_matrix": poses[view].tolist(),
            }
        )
    content = {"camera_model": "OPENCV_FISHEYE" if fisheye else "OPENCV", "frames": frames}
    write_text_whole(path, json.dumps(content, indent=1, allow_nan=False))


def write_facelift(calibration: Calibration, path: Path) -> None:
    """Write FaceLift's `opencv_cameras.json`, pictures as `images/<name>.png` beside it.

    Raises:
        ValueError: picture sizes are not known, or a lens is no pinhole.
    """
    what = "FaceLift's opencv_cameras.json"
    sizes = _sizes(calibration, what)
    _refuse_skew(calibration, what)
    if calibration.distortion.shape[1] == FISHEYE:
        raise ValueError(f"{what} holds pinholes alone; found fisheye lenses: undistort the pictures first")
    _refuse_beyond(calibration, 0, what)
    frames = []
    for view, name in enumerate(calibration.names):
        fx, fy, cx, cy = _centered(calibration.intrinsics[view])
        frames.append(
            {
                "w": sizes[view][0],
                "h": sizes[view][1],
                **{"fx": fx, "fy": fy, "cx": cx, "cy": cy},
                "w2c": calibration.world_to_camera[view].tolist(),
                "file_path": f"images/{name}.png",
                "view_name": name,
            }
        )
    write_text_whole(path, json.dumps({"frames": frames}, indent=1, allow_nan=False))


WRITERS: dict[str, Callable[[Calibration, Path], None]] = {
    "anipose": write_anipose,
    "colmap": write_colmap,
    "nerfstudio": write_nerfstudio,
    "facelift": write_facelift,
}
"""by the names of `readers.FORMATS`; that of `colmap` takes a folder"""


def _rotation(pose: Tensor) -> Rotation:
    return Rotation.from_matrix(pose[:3, :3].numpy())


def _centered(K: Tensor) -> list[float]:
    """fx, fy, cx, cy with the origin at the picture's corner."""
    return [float(K[0, 0]), float(K[1, 1]), float(K[0, 2]) + 0.5, float(K[1, 2]) + 0.5]


def _sizes(calibration: Calibration, what: str) -> list[list[int]]:
    if calibration.image_sizes is None:
        raise ValueError(f"{what} holds the pictures' sizes, which are not known of cameras {calibration.names}")
    sizes: list[list[int]] = calibration.image_sizes.tolist()
    return sizes


def _refuse_skew(calibration: Calibration, what: str) -> None:
    for name, K in zip(calibration.names, calibration.intrinsics, strict=True):
        if float(K[0, 1]) != 0:
            raise ValueError(f"{what} cannot hold skew: camera {name}: found {float(K[0, 1])} px")


def _refuse_beyond(calibration: Calibration, count: int, what: str) -> None:
    for name, lens in zip(calibration.names, calibration.distortion, strict=True):
        if bool(lens[count:].any()):
            raise ValueError(
                f"{what} holds {count} coefficients of distortion: camera {name}: found {lens.tolist()}"
                " (as OpenCV orders them)"
            )


def _refuse_slashes(calibration: Calibration, what: str) -> None:
    for name in calibration.names:
        if "/" in name or not name.isprintable() or name != " ".join(name.split()):
            raise ValueError(f"{what} names cameras after pictures: {name!r} cannot be part of a file's name")


def _words(numbers: list[float]) -> str:
    return " ".join(repr(number) for number in numbers)


def _toml_text(text: str) -> str:
    """Quote a text: JSON's quoting is TOML's, but for DEL and code points beyond 16 bits, which need none."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
