"""Warnings of conventions that a calibration seems to break: nothing here is impossible, so nothing is refused."""

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import invert_poses

OFF_CENTER = 0.04
"""of the picture's larger side; a principal point nearer to the middle needs no other explanation"""
BETTER = 3.0
"""times as near the middle, or as near to one another: from here on the other reading is named"""
AXES_MISS = 0.1
"""root mean square distance of the optical axes from one point, as part of the cameras' distance from it"""


def suspicions(calibration: Calibration) -> list[str]:
    """Say what in a calibration looks like a mistake of convention; each line begins with `warning: `.

    Cameras of a rig look at one animal. Where their axes miss one another by far, but would meet before the cameras if
    rotations were transposed or axes turned, that is what was done to them.
    """
    return [f"warning: {line}" for line in (*_swapped_centers(calibration), *_misread_poses(calibration))]


def _swapped_centers(calibration: Calibration) -> list[str]:
    if calibration.image_sizes is None:
        return []
    lines = []
    for name, K, size in zip(calibration.names, calibration.intrinsics, calibration.image_sizes, strict=True):
        middle = (size.double() - 1) / 2
        given = float(torch.linalg.vector_norm(K[:2, 2] - middle))
        swapped = float(torch.linalg.vector_norm(K[:2, 2].flip(0) - middle))
        if given > OFF_CENTER * float(size.max()) and given > BETTER * swapped:
            (cx, cy), (width, height) = K[:2, 2].tolist(), size.tolist()
            lines.append(
                f"camera {name}: principal point ({cx:.1f}, {cy:.1f}) px is {given:.0f} px from the middle of a picture"
                f" of {width} x {height}, with cx and cy swapped it would be {swapped:.0f} px: are cx and cy, or width"
                " and height, swapped?"
            )
    return lines


def _misread_poses(calibration: Calibration) -> list[str]:
    poses = calibration.world_to_camera
    given = _axes_miss(poses)
    if len(poses) < 2 or given <= AXES_MISS:
        return []
    transposed = poses.clone()
    transposed[:, :3, :3] = poses[:, :3, :3].mT
    turned = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)) @ poses
    readings = {
        "rotations are transposed (row vectors)": transposed,
        "poses are camera to world": invert_poses(poses),
        "camera axes are OpenGL's (y up, z backward)": turned,
    }
    misses = {reading: _axes_miss(other) for reading, other in readings.items()}
    reading = min(misses, key=misses.__getitem__)
    if misses[reading] > AXES_MISS or given < BETTER * misses[reading]:
        return []
    found = "meet behind a camera" if given == torch.inf else f"miss one another by {100 * given:.0f} % of the distance"
    return [
        f"poses: the cameras' optical axes {found}; they would meet within {100 * misses[reading]:.0f} %"
        f" if {reading}. Does the file keep this format's convention?"
    ]


def _axes_miss(poses: Float[Tensor, "view 4 4"]) -> float:
    """How far the optical axes miss their nearest point, relative to its mean distance; infinite if it is behind."""
    centers = invert_poses(poses)[:, :3, 3]
    axes = poses[:, 2, :3]
    planes = torch.eye(3, dtype=torch.float64) - axes[:, :, None] * axes[:, None, :]
    point = torch.linalg.pinv(planes.sum(0)) @ (planes @ centers[..., None]).sum(0)[:, 0]
    if bool((((point - centers) * axes).sum(-1) <= 0).any()):
        return torch.inf
    misses = torch.linalg.vector_norm((planes @ (point - centers)[..., None])[..., 0], dim=-1)
    return float(misses.square().mean().sqrt() / torch.linalg.vector_norm(point - centers, dim=-1).mean())
