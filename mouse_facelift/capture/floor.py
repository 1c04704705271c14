"""Which way is up in a recording: as the laboratory says, or as the recording shows."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.verdict import UpReport
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.camera_ups import ups_of_cameras
from mouse_facelift.geometry.floor import estimate_up, floor_height, up_of_floor_points
from mouse_facelift.geometry.triangulation import meet_rays
from mouse_facelift.settings import CalibrationFile, FloorPoints


def stated_up(file: CalibrationFile, calibration: Calibration) -> Float[Tensor, "3"]:
    """Up before the animal was seen: as given, by floor points, or by how the cameras stand. Unit length.

    Args:
        file: what the configuration says of the calibration.
        calibration: the cameras, in mm.

    Raises:
        ValueError: the floor points lie on a line, or cameras on both sides of them; up is to be estimated, but all
            cameras look one way.
    """
    if isinstance(file.up, FloorPoints):
        return up_of_floor_points(_millimeters(file.up, file), calibration.world_to_camera).up
    if isinstance(file.up, tuple):
        given = torch.tensor(file.up, dtype=torch.float64)
        unit: Float[Tensor, 3] = given / torch.linalg.vector_norm(given)
        return unit
    optical_axes = calibration.world_to_camera[:, 2, :3]
    looked_at = meet_rays(calibration.centers, optical_axes[None]).points[0]
    return ups_of_cameras(calibration.world_to_camera, looked_at).up


def settle_up(
    file: CalibrationFile, calibration: Calibration, surfaces: Sequence[Float[Tensor, "_ 3"]]
) -> tuple[Float[Tensor, "3"], UpReport]:
    """Decide on up once the animal was seen, and set beside it what the recording itself says.

    Args:
        file: what the configuration says of the calibration.
        calibration: the cameras, in mm.
        surfaces: points of the animal's hull, mm, per frame in time's order.
    """
    shown = estimate_up(calibration.world_to_camera, surfaces)
    source: str
    if isinstance(file.up, FloorPoints):
        points = up_of_floor_points(_millimeters(file.up, file), calibration.world_to_camera)
        up, source, degrees, floor, error = points.up, points.source, points.degrees, points.height, points.millimeters
    elif isinstance(file.up, tuple):
        up, source, degrees = stated_up(file, calibration), "given", None
        height = floor_height(up, surfaces)
        floor, error = height.height, height.spread
    else:
        up, source, degrees, floor, error = shown.up, shown.source, shown.degrees, shown.height, shown.millimeters
    apart = torch.atan2(torch.linalg.vector_norm(torch.linalg.cross(up, shown.up)), up @ shown.up)
    report = UpReport.model_validate(
        {
            "source": source,
            "degrees": degrees,
            "floor": floor,
            "floor_error": error,
            "estimate_apart": float(torch.rad2deg(apart)),
            "estimate_error": shown.degrees,
        }
    )
    return up, report


def _millimeters(points: FloorPoints, file: CalibrationFile) -> Float[Tensor, "point 3"]:
    return torch.tensor(points.floor_points, dtype=torch.float64) * file.millimeters_per_unit
