"""A verdict's lines: each measurement against the limits of the configuration."""

import math
from collections.abc import Mapping, Sequence

from mouse_facelift.formats.verdict import CameraVerdict, Finding, Light, Line
from mouse_facelift.settings import Limit, VerdictLimits, VerdictLine

_ORDER: tuple[Light, ...] = ("green", "amber", "red")
_CERTAIN = 2.0  # standard errors


def light_of(value: float, limit: Limit) -> Light:
    """Color a measurement."""
    sign = 1 if limit.red > limit.amber else -1
    if sign * value >= sign * limit.red:
        return "red"
    return "amber" if sign * value >= sign * limit.amber else "green"


def worst_light(lines: Sequence[Line]) -> Light:
    """The worst color of all lines, accepted ones aside."""
    return max((line.light for line in lines if not line.accepted), key=_ORDER.index, default="green")


def draw_lines(
    cameras: Sequence[CameraVerdict],
    findings: Sequence[Finding],
    order: Sequence[str],
    gaps: Sequence[float],
    ray_miss: float,
    limits: VerdictLimits,
    accepted: Sequence[VerdictLine],
) -> tuple[Line, ...]:
    """Say of each measurement what it is, of which camera, and how it is colored.

    Args:
        cameras: as measured.
        findings: of the diagnosis.
        order: names by azimuth.
        gaps: from each to the next, degrees.
        ray_miss: of the distance, 95th percentile.
        limits: of the configuration.
        accepted: lines that may be red.
    """
    sizes = {camera.name: math.sqrt(camera.mask_area_p50) for camera in cameras}
    relative = {camera.name: camera.center_residual / sizes[camera.name] for camera in cameras}
    tangents = {
        camera.name: camera.tangent_residual / sizes[camera.name]
        for camera in cameras
        if camera.tangent_residual is not None
    }
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    lines = [
        _line("ray_miss", ray_miss, "of the distance", limits.ray_miss, "rays through the masks' centers miss by"),
        _worst(
            "centers",
            relative,
            "of the animal's size",
            limits.centers,
            "the center of its mask misses where the others see it by",
        ),
        _worst(
            "tangents",
            tangents,
            "of the animal's size",
            limits.tangents,
            "planes that touch another's mask miss its own by",
        ),
        _worst(
            "hull_cover",
            {c.name: c.hull_cover for c in cameras},
            "",
            limits.hull_cover,
            "part of its mask that the hull of the others covers",
        ),
        _worst(
            "hull_iou",
            {c.name: c.hull_iou for c in cameras},
            "",
            limits.hull_iou,
            "its mask over the hull of the others, IoU",
        ),
        _cause("rotation", {c.name: _rotation(c) for c in cameras}, "degrees", limits.rotation, findings),
        _cause("time", {c.name: _time(c) for c in cameras}, "frames", limits.time, findings),
        _cause("focal", {c.name: _focal(c) for c in cameras}, "of the focal length", limits.focal, findings),
        _worst(
            "mask_share",
            {c.name: c.mask_share_least for c in cameras},
            "",
            limits.mask_share,
            "least part of a mask that is one piece",
        ),
        _line(
            "gaps",
            gaps[widest],
            "degrees",
            limits.gaps,
            f"widest gap, from {order[widest]} to {order[(widest + 1) % len(order)]}:",
        ),
    ]
    return tuple(line.model_copy(update={"accepted": line.light == "red" and line.name in accepted}) for line in lines)


def _line(name: VerdictLine, value: float, unit: str, limit: Limit, words: str) -> Line:
    says = f"{words} {value:.3g} {unit}".strip()
    light = light_of(value, limit)
    return Line(
        name=name, light=light, value=value, unit=unit, amber=limit.amber, red=limit.red, says=says, accepted=False
    )


def _worst(name: VerdictLine, values: Mapping[str, float], unit: str, limit: Limit, words: str) -> Line:
    """Color the worst camera."""
    if not values:
        return _unknown(name, unit, limit, "no two cameras could be compared")
    worst = max if limit.red > limit.amber else min
    camera = worst(values, key=values.__getitem__)
    return _line(name, values[camera], unit, limit, f"{camera}: {words}")


def _unknown(name: VerdictLine, unit: str, limit: Limit, says: str) -> Line:
    return Line(
        name=name, light="amber", value=None, unit=unit, amber=limit.amber, red=limit.red, says=says, accepted=False
    )


def _cause(
    name: VerdictLine,
    estimates: Mapping[str, tuple[float, float] | None],
    unit: str,
    limit: Limit,
    findings: Sequence[Finding],
) -> Line:
    """Color a camera that was named for this cause; else say how far it can be excluded."""
    named = [finding for finding in findings if finding.cause == name]
    if named:
        worst = max(named, key=lambda finding: abs(finding.size))
        line = _line(name, abs(worst.size), unit, limit, worst.camera)
        return line.model_copy(update={"says": " ".join(finding.says for finding in named)})
    known = {camera: estimate for camera, estimate in estimates.items() if estimate is not None}
    if not known:
        return _unknown(name, unit, limit, "the frames read are too far apart to tell")
    loosest = max(known, key=lambda camera: known[camera][1])
    size, error = known[loosest]
    if _CERTAIN * error > limit.red:
        return _unknown(name, unit, limit, f"{loosest}: too little to tell: {size:.2g} ± {error:.2g} {unit}")
    camera = max(known, key=lambda camera: known[camera][0])
    size, error = known[camera]
    line = _line(name, size, unit, limit, f"no camera stands out; at most {camera}:")
    certain = size - _CERTAIN * error >= limit.amber
    return line.model_copy(update={"light": "amber" if certain else "green"})


def _rotation(camera: CameraVerdict) -> tuple[float, float]:
    return math.hypot(*camera.off.turn), camera.off.turn_error


def _time(camera: CameraVerdict) -> tuple[float, float] | None:
    if camera.off.late is None or camera.off.late_error is None:
        return None
    return abs(camera.off.late), camera.off.late_error


def _focal(camera: CameraVerdict) -> tuple[float, float]:
    return abs(camera.off.focal), camera.off.focal_error
