"""Label3D's own saves: a MATLAB file with `camParams`, `imageSize` (height first) and perhaps `camnames`.

Schema: diegoaldarondo/Label3D, `Label3D.m`, `saveState`; the parameters are DANNCE's.
"""

from pathlib import Path

from mouse_facelift.capture.calibration import dannce, fields, matlab
from mouse_facelift.capture.calibration.rig import join_cameras
from mouse_facelift.geometry.calibration import Calibration


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    return dannce.variables_mismatch(path, ("camParams",))


def read(path: Path) -> Calibration:
    """Read the file. Without names, or with names that are MATLAB objects, cameras are called Camera1, Camera2, ...

    Raises:
        ValueError: names the file, the camera and the field.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    content = matlab.read_variables(path, ("camParams", "imageSize", "camnames"))
    params = dannce.cells(content["camParams"])
    labels = dannce.cells(content["camnames"]) if content.get("camnames") is not None else None
    if not params or (labels is not None and len(labels) != len(params)):
        raise ValueError(f"{path}: found {0 if labels is None else len(labels)} camnames for {len(params)} camParams")
    sizes = None
    if content.get("imageSize") is not None:
        sizes = fields.numbers(content["imageSize"], (len(params), 2), f"{path}: imageSize (height, width per camera)")
    cameras = []
    for number, cell in enumerate(params):
        name = f"Camera{number + 1}" if labels is None else fields.text(labels[number], f"{path}: camnames[{number}]")
        where = f"{path}: camParams[{number}]: camera {name}"
        size = None if sizes is None else fields.size(sizes[number].flip(0).tolist(), f"{where}: imageSize")
        cameras.append(dannce.lens(cell, name, size, where))
    order = "Camera1, Camera2, ... for want of names" if labels is None else "in the order of camnames"
    size_note = dannce.SIZE_NOTE if sizes is None else "picture size: imageSize, height first; swapped"
    notes = [f"format: Label3D's own save; cameras {order}", *dannce.LENS_NOTES, size_note]
    return join_cameras(path, cameras, notes, named=labels is not None)
