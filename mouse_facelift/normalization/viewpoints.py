"""The scale of a recording, and how exactly the views of its frames keep to their cameras."""

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.carving.viewpoints import Session, Viewpoints, misses_of_told_cameras
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.views import ViewResidual
from mouse_facelift.geometry.rotations import rotation_to_z
from mouse_facelift.settings import CameraContract

UP = (0.0, 0.0, 1.0)


def open_session(frames: Frames, contract: CameraContract) -> Session:
    """Fix the recording's scale: the mean distance from cameras to the animal becomes the contract's.

    It follows from the manifest alone, so all chunks of a recording agree and a millimeter keeps its size.
    """
    calibration = frames.calibration()
    subjects = tensor([subject.center for subject in frames.subjects])
    mean_distance = float(torch.cdist(calibration.centers, subjects).mean())
    return Session(
        calibration, rotation_to_z(tensor(frames.up)), contract.distance / mean_distance, subjects.mean(dim=0)
    )


def measure_residuals(
    views: Viewpoints, surface: Float[Tensor, "surface 3"], spacing: float
) -> tuple[ViewResidual, ...]:
    """Record `misses_of_told_cameras`, px of the view."""
    misses = misses_of_told_cameras(views, surface, spacing).tolist()
    return tuple(ViewResidual(p50=p50, p95=p95, max=most) for p50, p95, most in misses)
