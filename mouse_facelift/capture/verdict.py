"""Where the cameras stand around the animal, and how well they agree on where it is."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.capture.recording import Recording
from mouse_facelift.capture.silhouettes import Silhouettes
from mouse_facelift.formats.verdict import CameraVerdict, Verdict
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.rig import aim_angles, rig_angles, roll_angles
from mouse_facelift.geometry.triangulation import Meetings
from mouse_facelift.settings import Capture


def judge(
    name: str,
    capture: Capture,
    recording: Recording,
    calibration: Calibration,
    silhouettes: Silhouettes,
    meetings: Meetings,
    up: Float[Tensor, "3"],
) -> Verdict:
    """Measure a rig about the mean place of the animal. `calibration` is in millimeters, `up` of unit length."""
    subject = meetings.points.mean(dim=0)
    angles = rig_angles(calibration.centers, subject, up)
    rolls = roll_angles(calibration.world_to_camera, up)
    aims = aim_angles(calibration.world_to_camera, subject)
    cameras = []
    for view, camera in enumerate(calibration.names):
        width, height = recording.sizes[view]
        fx, fy = calibration.intrinsics[view].diagonal()[:2].tolist()
        cameras.append(
            CameraVerdict(
                name=camera,
                width=width,
                height=height,
                focal=(fx, fy),
                field_of_view=(_opening(width, fx), _opening(height, fy)),
                distance=float(angles.distance[view]),
                elevation=float(angles.elevation[view]),
                azimuth=float(angles.azimuth[view]),
                roll=float(rolls[view]),
                aim=float(aims[view]),
                ray_miss_p50=_quantile(meetings.misses[:, view], 0.5),
                ray_miss_p95=_quantile(meetings.misses[:, view], 0.95),
                mask_area_p50=_quantile(silhouettes.areas[view].double(), 0.5),
                mask_share_least=float(silhouettes.shares[view].min()),
            )
        )
    lowest, highest = meetings.points.aminmax(dim=0)
    numbers = capture.frame_numbers
    return Verdict.model_validate(
        {
            "capture": name,
            "calibration": capture.calibration.path,
            "frames": len(numbers),
            "first_frame": numbers[0],
            "last_frame": numbers[-1],
            "recorded_frames": recording.frames,
            "rate": recording.rates[0] if recording.rates else None,
            "up": up.tolist(),
            "subject": subject.tolist(),
            "subject_range": (highest - lowest).tolist(),
            "cameras": cameras,
            "order": [calibration.names[view] for view in angles.order],
            "gaps": angles.gaps.tolist(),
            "ray_miss_p50": _quantile(meetings.rms_misses, 0.5),
            "ray_miss_p95": _quantile(meetings.rms_misses, 0.95),
            "notes": calibration.notes,
        }
    )


def _opening(side: int, focal: float) -> float:
    return 2 * math.degrees(math.atan(side / (2 * focal)))


def _quantile(values: Float[Tensor, "value"], share: float) -> float:
    return float(torch.quantile(values, share))
