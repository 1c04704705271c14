"""Qualisys Track Manager: `*.qca.txt`, XML in spite of its suffix.

Schema: Qualisys, "QTM Real-Time Protocol", Calibration; and real files, whose optical axes meet, upright, if
r11 ... r33 are read row by row as the camera's axes right, up and backward in the world.
"""

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import torch
from torch import Tensor

from mouse_facelift.capture.calibration import fields
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_SUBPIXELS = 64
_SIZE_TOLERANCE = 2.0  # px between the sensor's size and the video's
_OTHER = "calibrate this camera by another tool, or give another format (Anipose, OpenCV, COLMAP)"
_NOTES = (
    "format: Qualisys qca; cameras in the order of the file, named by serial",
    "pixel origin: focalLength and centerPoint divided by 64 (they count 1/64 px); taken as OpenCV's (center of the"
    " top-left pixel at 0, 0), which Qualisys does not state: up to 1 px",
    "rotation: rows of r11 ... r33 are the camera's axes right, up, backward in the world; up and backward were turned"
    " to OpenCV's down and forward; x, y, z is the camera's position, from which the translation was made",
    "distortion: radialDistortion1, 2, tangentalDistortion1, 2, radialDistortion3 taken as OpenCV's k1 k2 p1 p2 k3,"
    " which Qualisys does not state: check it by the rays of the animal",
    "unit: mm; up: z, as Qualisys's L frame has it",
)
_AXES = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    try:
        root = _parse(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    if root.tag != "calibration" or root.find("cameras/camera/intrinsic") is None:
        return f"XML without calibration/cameras/camera/intrinsic; its root is {root.tag[:40]!r}"
    return None


def read(path: Path) -> Calibration:
    """Read the file.

    Raises:
        ValueError: names the file, the camera and the field; a picture is turned, cut or of another size than the
            sensor's, so that the intrinsics are not surely those of the video.
    """
    elements = _parse(path).findall("cameras/camera")
    if not elements:
        raise ValueError(f"{path}: no calibration/cameras/camera")
    cameras, off = [], []
    for number, element in enumerate(elements):
        name = fields.text(element.get("serial"), f"{path}: camera {number}: serial")
        if element.get("active", "1") == "0":
            off.append(name)
            continue
        cameras.append(_camera(element, name, f"{path}: camera {name}"))
    if not cameras:
        raise ValueError(f"{path}: no camera is active; found {off}")
    left_out = [f"warning: cameras {off} are not active and are left out"] if off else []
    return join_cameras(path, cameras, [*_NOTES, *left_out])


def _camera(element: ElementTree.Element, name: str, where: str) -> LabCamera:
    turn = _number(element, "viewrotation", where) if "viewrotation" in element.attrib else 0.0
    if turn != 0:
        raise ValueError(
            f"{where}: viewrotation: found {turn:.0f} degrees, expected 0: the picture is turned against the sensor,"
            f" and which way round is not stated; {_OTHER}"
        )
    transform, lens = (_child(element, tag, where) for tag in ("transform", "intrinsic"))
    if (skew := _number(lens, "skew", where) if "skew" in lens.attrib else 0.0) != 0:
        raise ValueError(f"{where}: skew: found {skew}, expected 0; {_OTHER}")
    fx, fy, cx, cy = (
        _number(lens, key, where) / _SUBPIXELS
        for key in ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
    )
    k1, k2, k3 = (_number(lens, f"radialDistortion{n}", where) for n in (1, 2, 3))
    p1, p2 = (_number(lens, f"tangentalDistortion{n}", where) for n in (1, 2))
    rows = torch.tensor(
        [[_number(transform, f"r{row}{column}", where) for column in (1, 2, 3)] for row in (1, 2, 3)],
        dtype=torch.float64,
    )
    position = torch.tensor([_number(transform, key, where) for key in "xyz"], dtype=torch.float64)
    rotation = _AXES[:, None] * rows
    return LabCamera(
        name,
        torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64),
        torch.tensor([k1, k2, p1, p2, k3], dtype=torch.float64),
        fields.pose(rotation, -rotation @ position),
        _size(element, lens, where),
    )


def _size(element: ElementTree.Element, lens: ElementTree.Element, where: str) -> Tensor:
    """Size of the video, which must be that of the whole sensor: only then are the intrinsics surely the video's."""
    seen = _child(element, "fov_video", where)
    left, top, right, bottom = (_number(seen, key, f"{where}: fov_video") for key in ("left", "top", "right", "bottom"))
    size = fields.size([right - left + 1, bottom - top + 1], f"{where}: fov_video")
    low, high = ([_number(lens, f"sensor{end}{axis}", where) / _SUBPIXELS for axis in "UV"] for end in ("Min", "Max"))
    apart = max(abs(high[0] - low[0] + 1 - float(size[0])), abs(high[1] - low[1] + 1 - float(size[1])))
    if left != 0 or top != 0 or low != [0, 0] or apart > _SIZE_TOLERANCE or "video_resolution" in element.attrib:
        raise ValueError(
            f"{where}: fov_video: found {size.tolist()} px from ({left:.0f}, {top:.0f}), video_resolution"
            f" {element.get('video_resolution')}, expected the whole sensor of {high[0] + 1:.0f} x {high[1] + 1:.0f}"
            f" px: the video is cut or of another resolution than what was calibrated; {_OTHER}"
        )
    return size


def _parse(path: Path) -> ElementTree.Element:
    try:
        text = fields.read_text(path)
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ValueError("it declares entities, which are not read")
        return ElementTree.fromstring(text.encode())
    except (ValueError, LookupError, ElementTree.ParseError) as error:
        raise ValueError(f"{path}: not XML: {error}") from error


def _child(element: ElementTree.Element, tag: str, where: str) -> ElementTree.Element:
    child = element.find(tag)
    if child is None:
        raise ValueError(f"{where}: missing <{tag}>; found {sorted({each.tag for each in element})}")
    return child


def _number(element: ElementTree.Element, key: str, where: str) -> float:
    where = f"{where}: {key}"
    text = element.get(key)
    if text is None:
        raise ValueError(f"{where} is missing in <{element.tag}>; found {sorted(element.attrib)}")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return float(fields.numbers(value, (), where))
