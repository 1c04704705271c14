"""MAMMAL: `new_cam.pkl`, a pickled list of tables K, R, T (and remap tables mapx, mapy), one a camera.

Schema: anl13/MAMMAL_mouse, `mouse_22_defs.py`. It describes the undistorted videos, so no lens distortion remains.
"""

from pathlib import Path

import numpy as np
import torch

from mouse_facelift.capture.calibration import fields, pickles
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_NOTES = (
    "format: MAMMAL new_cam.pkl; cameras in the order of the list, called 0, 1, ... as the videos are"
    " (0 is DANNCE's Camera1)",
    "pixel origin: taken as OpenCV's (center of the top-left pixel at 0, 0); K comes from DANNCE's, which counts from"
    " 1, and whether that was corrected is not in the file",
    "intrinsics: K is not transposed",
    "rotation: R is not transposed; R, T world to camera, OpenCV axes, kept",
    "distortion: none; it describes the undistorted videos (videos_undist), not the raw ones",
    "unit and up: not in the file",
)


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is. A hostile pickle is recognized as one, and refused."""
    if path.is_dir():
        return "a folder, expected a file"
    if pickles.states_protocol(path):
        return None
    try:
        content = pickles.read_pickle(path)  # protocols 0 and 1 have no header
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    return None if isinstance(content, list) else f"a pickle of {fields.describe(content)}, expected a list of cameras"


def read(path: Path) -> Calibration:
    """Read the file; nothing in the pickle is run.

    Raises:
        ValueError: names the file, the camera and the field.
    """
    content = pickles.read_pickle(path)
    if not isinstance(content, list) or not content:
        raise ValueError(f"{path}: found {fields.describe(content)}, expected a list of tables K, R, T")
    cameras = []
    for number, value in enumerate(content):
        where = f"{path}: camera {number}"
        camera = fields.table(value, where)
        fields.require(camera, ("K", "R", "T"), where)
        size, mapx = None, camera.get("mapx")
        if isinstance(mapx, np.ndarray):
            size = fields.size(list(mapx.shape[::-1]), f"{where}: shape of mapx (height, width)")
        cameras.append(
            LabCamera(
                str(number),
                fields.intrinsics(camera["K"], f"{where}: K"),
                torch.zeros(5, dtype=torch.float64),
                fields.pose(
                    fields.numbers(camera["R"], (3, 3), f"{where}: R"), fields.row(camera["T"], (3,), f"{where}: T")
                ),
                size,
            )
        )
    source = (
        "the shape of mapx" if cameras[0].image_size is not None else "not in the file; it is asked of the recording"
    )
    return join_cameras(path, cameras, [*_NOTES, f"picture size: {source}"], named=False)
