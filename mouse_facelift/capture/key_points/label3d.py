"""Label3D's own saves: labels of a person, `data_3D`.

Schema: diegoaldarondo/Label3D, `Label3D.m`, `saveState` (data_3D: frames x 3 markers, from points3D by
`permute(points3D, [3 2 1])`; skeleton.joint_names).
"""

from pathlib import Path

import numpy as np

from mouse_facelift.capture.calibration import fields, matlab
from mouse_facelift.capture.calibration.dannce import variables_mismatch
from mouse_facelift.capture.key_points.dannce import interleaved
from mouse_facelift.capture.key_points.points import KeyPoints, make_key_points


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    return variables_mismatch(path, ("data_3D",))


def read(path: Path) -> KeyPoints:
    """Read the file.

    Raises:
        ValueError: names the file and the field.
    """
    content = matlab.read_variables(path, ("data_3D", "skeleton"))
    fields.require(content, ("data_3D",), str(path))
    points = interleaved(content["data_3D"], f"{path}: data_3D")
    names, note = [str(number) for number in range(points.shape[1])], "names: not in the file; numbers from 0"
    skeleton = content.get("skeleton")
    if isinstance(skeleton, dict) and isinstance(skeleton.get("joint_names"), list):
        listed = skeleton["joint_names"]
        names = [fields.text(name, f"{path}: skeleton.joint_names[{number}]") for number, name in enumerate(listed)]
        note = "names: skeleton.joint_names"
        if len(names) != points.shape[1]:
            raise ValueError(
                f"{path}: skeleton.joint_names: found {len(names)}, expected {points.shape[1]} as in data_3D"
            )
    notes = [
        "format: Label3D's own save; data_3D is x y z of one marker after the other",
        "world and unit: the calibration's, usually mm",
        note,
        "warning: frames: not in the file: its rows are taken as frames 0, 1, 2, ... of the videos that were labeled",
    ]
    return make_key_points(path, names, points, np.arange(len(points)), notes)
