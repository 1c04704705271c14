"""A laboratory's calibration: what its cameras are, where they stand, and which conventions were undone."""

import math
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.capture import read_calibration
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.camera_ups import ups_of_cameras
from mouse_facelift.geometry.rig import RigAngles, aim_angles, rig_angles
from mouse_facelift.geometry.triangulation import meet_rays
from mouse_facelift.verbs.report import CalibratedCamera, Report, ReportLine, amber, green, reds, report

WARNING = "warning: "  # before notes of readers on what looks wrong


def check_calibration(path: Path, format: str | None) -> Report:
    """Read a calibration; what cannot be read is red, what its reader warns of amber."""
    try:
        calibration = read_calibration(path, format)
    except ValueError as error:
        return report(str(path), "calibration", None, reds("", "calibration", error))
    lines = [green("", "calibration", f"{len(calibration)} cameras: {', '.join(calibration.names)}")]
    met = _axes_meet(calibration)
    if met is None:
        lines.append(amber("", "axes", "the optical axes meet nowhere, so that distances and azimuths are not told"))
    cameras = _describe(calibration, met)
    lines += [green(camera.name, "camera", _words(camera)) for camera in cameras]
    lines += [_note(note) for note in calibration.notes]
    return report(str(path), "calibration", None, lines, cameras)


def _note(note: str) -> ReportLine:
    if note.startswith(WARNING):
        return amber("", "warning", note.removeprefix(WARNING))
    return green("", "note", note)


def _axes_meet(calibration: Calibration) -> Float[Tensor, "3"] | None:
    """The point that the optical axes come nearest to, single wrong ones outvoted; None where there is none."""
    axes = calibration.world_to_camera[:, 2, :3]
    try:
        point: Tensor = meet_rays(calibration.centers, axes[None]).points[0]
    except ValueError:
        return None
    return point


def _describe(calibration: Calibration, met: Float[Tensor, "3"] | None) -> list[CalibratedCamera]:
    angles: RigAngles | None = None
    aims = torch.zeros(len(calibration))
    if met is not None:
        angles = rig_angles(calibration.centers, met, ups_of_cameras(calibration.world_to_camera, met).up)
        aims = aim_angles(calibration.world_to_camera, met)
    described = []
    for view, name in enumerate(calibration.names):
        fx, fy = calibration.intrinsics[view, :2, :2].diagonal().tolist()
        size = None if calibration.image_sizes is None else calibration.image_sizes[view].tolist()
        described.append(
            CalibratedCamera(
                name=name,
                width=None if size is None else size[0],
                height=None if size is None else size[1],
                focal=(fx, fy),
                field_of_view=None if size is None else (_opening(size[0], fx), _opening(size[1], fy)),
                distance=None if angles is None else float(angles.distance[view]),
                azimuth=None if angles is None else float(angles.azimuth[view]),
                elevation=None if angles is None else float(angles.elevation[view]),
                aim=None if angles is None else float(aims[view]),
            )
        )
    return described


def _opening(size: int, focal: float) -> float:
    """Degrees."""
    return 2 * math.degrees(math.atan(size / 2 / focal))


def _words(camera: CalibratedCamera) -> str:
    words = [f"focal length {camera.focal[0]:.1f}, {camera.focal[1]:.1f} px"]
    if camera.width is not None and camera.field_of_view is not None:
        across, down = camera.field_of_view
        words = [f"{camera.width} x {camera.height} px", *words, f"field of view {across:.1f} x {down:.1f} degrees"]
    else:
        words.append("the file does not tell the pictures' size")
    if camera.distance is not None:
        words.append(f"{camera.distance:.4g} units from where the axes meet")
        words.append(f"azimuth {camera.azimuth:.1f}, elevation {camera.elevation:.1f} degrees")
    return ", ".join(words)
