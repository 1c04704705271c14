"""What was measured of each camera, for the verdict, and findings in words."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.capture.agreement import HullAgreement
from mouse_facelift.capture.diagnosis import Cause, Diagnosis, Recorded
from mouse_facelift.capture.diagnosis import Finding as Named
from mouse_facelift.formats.animal import AnimalChunk, ViewState
from mouse_facelift.formats.verdict import CameraVerdict, Finding
from mouse_facelift.formats.verdict import Cause as Off
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.rig import RigAngles
from mouse_facelift.geometry.triangulation import Meetings


@dataclass(frozen=True)
class Agreement:
    """How well the cameras agree, in the frames in which two or more show the animal."""

    meetings: Meetings
    center_residuals: Float[Tensor, "view frame"]
    hulls: HullAgreement
    recorded: Recorded
    diagnosis: Diagnosis


def describe_cameras(
    calibration: Calibration,
    angles: RigAngles,
    rolls: Float[Tensor, "view"],
    aims: Float[Tensor, "view"],
    animals: AnimalChunk,
    agreement: Agreement,
) -> tuple[CameraVerdict, ...]:
    """Gather what was measured of each camera; `geometry.rig` measures the angles, about the animal's mean place."""
    return tuple(
        _describe_camera(view, calibration, angles, rolls, aims, animals, agreement) for view in range(len(calibration))
    )


def _describe_camera(
    view: int,
    calibration: Calibration,
    angles: RigAngles,
    rolls: Float[Tensor, "view"],
    aims: Float[Tensor, "view"],
    animals: AnimalChunk,
    agreement: Agreement,
) -> CameraVerdict:
    assert calibration.image_sizes is not None
    width, height = calibration.image_sizes[view].tolist()
    fx, fy = calibration.intrinsics[view].diagonal()[:2].tolist()
    states = animals.states[view]
    shown = np.isin(states, (ViewState.seen, ViewState.cut))
    there = states != ViewState.missing
    misses, hulls = agreement.meetings.misses[:, view], agreement.hulls
    return CameraVerdict(
        name=calibration.names[view],
        width=width,
        height=height,
        focal=(fx, fy),
        field_of_view=(_opening(width, fx), _opening(height, fy)),
        distance=float(angles.distance[view]),
        elevation=float(angles.elevation[view]),
        azimuth=float(angles.azimuth[view]),
        roll=float(rolls[view]),
        aim=float(aims[view]),
        ray_miss_p50=float(torch.nanquantile(misses, 0.5)),
        ray_miss_p95=float(torch.nanquantile(misses, 0.95)),
        seen_share=float(shown.mean()),
        doubtful_share=float((states == ViewState.doubtful).mean()),
        confidence_p50=float(np.median(animals.confidences[view][there])),
        mask_area_p50=float(np.median(animals.areas[view][there])),
        mask_share_least=float(animals.shares[view][there].min()),
        mask_whole=float((states[there] != ViewState.cut).mean()),
        center_residual=_median(agreement.center_residuals[view]),
        tangent_residual=_tangent_residual(agreement.recorded, view),
        hull_iou=_median(hulls.iou[view]),
        hull_cover=_median(hulls.cover[view]),
        off=_off(agreement.diagnosis, view),
    )


def _opening(side: int, focal: float) -> float:
    return 2 * math.degrees(math.atan(side / (2 * focal)))


def _median(values: Float[Tensor, "value"]) -> float | None:
    found = values[values.isfinite()]
    return float(torch.quantile(found, 0.5)) if len(found) else None


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


def say_finding(found: Named, names: list[str]) -> Finding:
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
