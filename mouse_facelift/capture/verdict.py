"""Where the cameras stand around the animal, how well they agree on where it is, and which of them is off."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.capture.agreement import HullAgreement
from mouse_facelift.capture.diagnosis import Cause, Diagnosis, Recorded
from mouse_facelift.capture.diagnosis import Finding as Named
from mouse_facelift.capture.lines import draw_lines, worst_light
from mouse_facelift.capture.recording import Recording
from mouse_facelift.capture.silhouettes import Silhouettes
from mouse_facelift.formats.verdict import AxisGaps, CameraVerdict, Finding, Line, RefusedVerdict, Verdict
from mouse_facelift.formats.verdict import Cause as Off
from mouse_facelift.geometry.axis_reading import read_axes
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.rig import aim_angles, rig_angles, roll_angles
from mouse_facelift.geometry.triangulation import Meetings
from mouse_facelift.settings import Capture, VerdictLimits


def judge(
    name: str,
    capture: Capture,
    limits: VerdictLimits,
    recording: Recording,
    calibration: Calibration,
    silhouettes: Silhouettes,
    meetings: Meetings,
    up: Float[Tensor, "3"],
    center_residuals: Float[Tensor, "view frame"],
    hulls: HullAgreement,
    recorded: Recorded,
    diagnosis: Diagnosis,
) -> Verdict:
    """Measure a rig about the mean place of the animal, and color what was measured.

    `calibration` is in millimeters, `up` of unit length.
    """
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
                mask_whole=float(silhouettes.whole[view].double().mean()),
                center_residual=_quantile(center_residuals[view], 0.5),
                tangent_residual=_tangent_residual(recorded, view),
                hull_iou=_quantile(hulls.iou[view], 0.5),
                hull_cover=_quantile(hulls.cover[view], 0.5),
                off=_off(diagnosis, view),
            )
        )
    findings = tuple(_say(found, calibration.names) for found in diagnosis.findings)
    order = [calibration.names[view] for view in angles.order]
    ray_miss = _quantile(meetings.rms_misses, 0.95)
    ray_share = ray_miss / float(angles.distance.mean())
    lines = draw_lines(cameras, findings, order, angles.gaps.tolist(), ray_share, limits, capture.accept_red)
    readings = [
        AxisGaps(axis=found.axis, middle=found.middle, gaps=tuple(found.gaps.tolist()), wrong_by=found.wrong_by)
        for found in read_axes(calibration.centers, subject, up)
    ]
    lowest, highest = meetings.points.aminmax(dim=0)
    numbers = capture.frame_numbers
    return Verdict.model_validate(
        {
            "capture": name,
            "calibration": capture.calibration.path,
            "light": worst_light(lines),
            "lines": lines,
            "findings": findings,
            "readings": readings,
            "frames": len(numbers),
            "first_frame": numbers[0],
            "last_frame": numbers[-1],
            "recorded_frames": recording.frames,
            "rate": recording.rates[0] if recording.rates else None,
            "up": up.tolist(),
            "subject": subject.tolist(),
            "subject_range": (highest - lowest).tolist(),
            "cameras": cameras,
            "order": order,
            "gaps": angles.gaps.tolist(),
            "ray_miss_p50": _quantile(meetings.rms_misses, 0.5),
            "ray_miss_p95": ray_miss,
            "notes": calibration.notes,
        }
    )


def _opening(side: int, focal: float) -> float:
    return 2 * math.degrees(math.atan(side / (2 * focal)))


def _quantile(values: Float[Tensor, "value"], share: float) -> float:
    return float(torch.quantile(values, share))


def refuse(name: str, capture: Capture, reason: str) -> RefusedVerdict:
    """A red verdict on a capture in which there is nothing to measure."""
    line = Line(name="reading", light="red", value=None, unit="", amber=None, red=None, says=reason, accepted=False)
    return RefusedVerdict(
        capture=name, calibration=capture.calibration.path, light="red", lines=(line,), refusal=reason
    )


def _tangent_residual(recorded: Recorded, view: int) -> float | None:
    """Take the median over pairs of each pair's median: one bad camera spoils a pair of every other."""
    pixels = recorded.residuals[view].abs().flatten(1).nanmedian(dim=1).values
    found = pixels[pixels.isfinite()]
    return float(found.median()) if len(found) else None


def _off(diagnosis: Diagnosis, view: int) -> Off:
    fits = {fit.cause: fit for fit in diagnosis.fits if fit.view == view}
    x, y, z = (math.degrees(value) for value in fits[Cause.rotation].values)
    late = fits.get(Cause.time)
    return Off(
        turn=(x, y, z),
        turn_error=math.degrees(fits[Cause.rotation].spread),
        late=None if late is None else late.values[0],
        late_error=None if late is None else late.spread,
        focal=math.expm1(fits[Cause.focal].values[0]),
        focal_error=fits[Cause.focal].spread,
    )


def _say(found: Named, names: list[str]) -> Finding:
    """Put a finding in words."""
    fit, camera = found.fit, names[found.fit.view]
    match fit.cause:
        case Cause.rotation:
            x, y, z = (math.degrees(value) for value in fit.values)
            size, error = math.degrees(fit.size), math.degrees(fit.spread)
            about = f"to be undone about its x, y, z by {x:.2f}, {y:.2f}, {z:.2f}"
            what = f"is turned by {size:.2f} ± {error:.2f} degrees ({about})"
        case Cause.time:
            size = fit.values[0]
            what = f"runs {'late' if size > 0 else 'early'} by {abs(size):.2f} ± {fit.spread:.2f} frames"
        case Cause.focal:
            size = math.expm1(fit.values[0])
            true = "longer" if size > 0 else "shorter"
            what = (
                f"has a focal length that is {100 * abs(size):.1f} ± {100 * fit.spread:.1f} % {true} than its file says"
            )
    rest = ""
    if found.next_best is not None:
        other = found.next_best
        rest = f"; next best: {other.cause} of {names[other.view]}"
    says = f"{camera} {what}: that removes {100 * found.explained:.0f} % of the disagreement{rest}."
    return Finding(camera=camera, cause=fit.cause.value, size=size, explained=found.explained, says=says)
