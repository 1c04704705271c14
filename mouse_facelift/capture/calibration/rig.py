"""Cameras of a file, as its reader found them, joined to one checked calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mouse_facelift.capture.calibration.suspicions import suspicions
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import FISHEYE, ORDINARY


class LabCamera(NamedTuple):
    """One camera in OpenCV's conventions, float64."""

    name: str
    intrinsics: Tensor
    """[3, 3] px, center of the top-left pixel at (0, 0)"""
    distortion: Tensor
    """[C] k1 k2 p1 p2 k3 ... as OpenCV orders them; what is left out at the end is 0. Of a fisheye lens, k1 k2 k3 k4"""
    world_to_camera: Tensor
    """[4, 4]"""
    image_size: Tensor | None
    """[2] width, height in px; None where the file does not tell"""
    fisheye: bool = False


def join_cameras(path: Path, cameras: Sequence[LabCamera], notes: Sequence[str], named: bool = True) -> Calibration:
    """Join the cameras of a file, with notes on its conventions and warnings of what looks wrong in it.

    Cameras are not `named` where the file leaves it to its reader to call them something.

    Raises:
        ValueError: names the file and what `Calibration` refuses; some lenses are fisheye lenses and some are not.
    """
    fisheyes = [camera.name for camera in cameras if camera.fisheye]
    if fisheyes and len(fisheyes) < len(cameras):
        raise ValueError(
            f"{path}: cameras {fisheyes} have fisheye lenses and the others have not, which is not read:"
            " calibrate all of them by one model, or give the two kinds as two files"
        )
    longest = max(len(camera.distortion) for camera in cameras)
    length = FISHEYE if fisheyes else min(count for count in ORDINARY if count >= longest)
    sizes = [camera.image_size for camera in cameras if camera.image_size is not None]
    if sizes and len(sizes) < len(cameras):
        without = [camera.name for camera in cameras if camera.image_size is None]
        raise ValueError(f"{path}: the picture's size is given for some cameras, but not for {without}")
    pad = torch.nn.functional.pad
    try:
        joined = Calibration(
            names=[camera.name for camera in cameras],
            intrinsics=torch.stack([camera.intrinsics for camera in cameras]),
            distortion=torch.stack([pad(lens, (0, length - len(lens))) for _, _, lens, *_ in cameras]),
            world_to_camera=torch.stack([camera.world_to_camera for camera in cameras]),
            image_sizes=torch.stack(sizes) if sizes else None,
            notes=list(notes),
            named=named,
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    joined.notes.extend(suspicions(joined))
    return joined
