"""A verdict's lines: each measurement against the limits of the configuration."""

import math
from collections.abc import Mapping, Sequence

from mouse_facelift.formats.foreseen import ForeseenWay
from mouse_facelift.formats.verdict import CameraVerdict, Finding, Light, Line, Measured, UpReport
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


def refused_line(refusal: str) -> Line:
    """The one line of a capture in which there is nothing to measure."""
    return Line(name="reading", light="red", value=None, unit="", amber=None, red=None, says=refusal, accepted=False)


def draw_lines(
    measured: Measured, ways: Sequence[ForeseenWay], limits: VerdictLimits, accepted: Sequence[VerdictLine]
) -> tuple[Line, ...]:
    """Say of each measurement what it is, of which camera, and how it is colored.

    Args:
        measured: of the capture.
        ways: what normalizations will do to its views; wrong ways color nothing.
        limits: of the configuration.
        accepted: lines that may be red.
    """
    lines = (
        *_agreement(measured, limits),
        *_causes(measured, limits),
        *_animal(measured, limits),
        *_ways(ways, limits),
    )
    return tuple(line.model_copy(update={"accepted": line.light == "red" and line.name in accepted}) for line in lines)


def _agreement(measured: Measured, limits: VerdictLimits) -> list[Line]:
    """How well the cameras agree on where the animal is, and on its shape."""
    cameras = measured.cameras
    sizes = {camera.name: math.sqrt(camera.mask_area_p50) for camera in cameras}
    centers = {c.name: c.center_residual / sizes[c.name] for c in cameras if c.center_residual is not None}
    tangents = {c.name: c.tangent_residual / sizes[c.name] for c in cameras if c.tangent_residual is not None}
    miss = measured.ray_miss_p95 / (sum(camera.distance for camera in cameras) / len(cameras))
    return [
        _line("ray_miss", miss, "of the distance", limits.ray_miss, "rays through the masks' centers miss by"),
        _worst(
            "centers",
            centers,
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
            {c.name: c.hull_cover for c in cameras if c.hull_cover is not None},
            "",
            limits.hull_cover,
            "part of its mask that the hull of the others covers",
        ),
        _worst(
            "hull_iou",
            {c.name: c.hull_iou for c in cameras if c.hull_iou is not None},
            "",
            limits.hull_iou,
            "its mask over the hull of the others, IoU",
        ),
    ]


def _causes(measured: Measured, limits: VerdictLimits) -> list[Line]:
    """Which camera is off, and how far each can be excluded."""
    cameras, findings = measured.cameras, measured.findings
    return [
        _cause("rotation", {c.name: _rotation(c) for c in cameras}, "degrees", limits.rotation, findings),
        _cause("time", {c.name: _time(c) for c in cameras}, "frames", limits.time, findings),
        _cause("focal", {c.name: _focal(c) for c in cameras}, "of the focal length", limits.focal, findings),
    ]


def _animal(measured: Measured, limits: VerdictLimits) -> list[Line]:
    """What the masks and frames are worth, where cameras stand, and which way is up."""
    cameras, order, gaps = measured.cameras, measured.order, measured.gaps
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    left_out = 1 - measured.kept_frames / measured.frames
    why = ", ".join(f"{fault.fault} {fault.frames}" for fault in measured.faults if fault.left_out)
    return [
        _worst(
            "mask_share",
            {c.name: c.mask_share_least for c in cameras},
            "",
            limits.mask_share,
            "least part of a mask that the animal makes up",
        ),
        _worst(
            "doubtful",
            {c.name: c.doubtful_share for c in cameras},
            "of the frames",
            limits.doubtful,
            "its mask disagrees with the hull of the others in",
        ),
        _line(
            "left_out",
            left_out,
            "of the frames",
            limits.left_out,
            f"left out ({why}):" if why else "left out:",
        ),
        _up(measured.up_report, limits.up),
        _line(
            "gaps",
            gaps[widest],
            "degrees",
            limits.gaps,
            f"widest gap, from {order[widest]} to {order[(widest + 1) % len(order)]}:",
        ),
    ]


def _up(report: UpReport, limit: Limit) -> Line:
    """Color how far up may be off: given, against what the recording shows; estimated, by how sure it is."""
    shown = report.estimate_error
    if report.source == "given":
        beyond = max(report.estimate_apart - _CERTAIN * (180 if shown is None else shown), 0.0)
        sure = "nothing tells how sure that is" if shown is None else f"sure to {shown:.2g}"
        words = (
            f"given; the recording itself says another by {report.estimate_apart:.2g} degrees, {sure}; certainly off by"
        )
        return _line("up", beyond, "degrees", limit, words)
    words = f"from {report.source.replace('_', ' ')}, sure to"
    if report.degrees is None:
        return _unknown("up", "degrees", limit, f"{words} nobody knows what: three floor points leave no residual")
    return _line("up", report.degrees, "degrees", limit, words)


def _ways(ways: Sequence[ForeseenWay], limits: VerdictLimits) -> list[Line]:
    """What honest normalizations will do to the views."""
    honest = [way for way in ways if way.honest]
    refused = [f"{way.normalization}: {way.refusal}" for way in honest if way.refusal is not None]
    views = [(f"{way.normalization}, {view.camera}", view) for way in honest for view in way.views]
    lines = [
        _worst(
            "residual",
            {name: view.residual.p95 for name, view in views},
            "px",
            limits.residual,
            "moving the camera leaves (95 % of the animal)",
        ),
        _worst(
            "magnification",
            {name: view.magnification for name, view in views},
            "raw px a px",
            limits.magnification,
            "a pixel of the view is made of",
        ),
        _worst(
            "clipped",
            {name: view.clipped for name, view in views},
            "of the animal",
            limits.clipped,
            "falls outside of the picture:",
        ),
        _worst("filled", {name: view.filled for name, view in views}, "of the picture", limits.filled, "covers"),
    ]
    if not refused:
        return lines
    said = lines[0].model_copy(update={"light": "red", "says": "; ".join(refused)})
    return [said, *lines[1:]]


def _line(name: VerdictLine, value: float, unit: str, limit: Limit, words: str) -> Line:
    says = f"{words} {value:.3g} {unit}".strip()
    light = light_of(value, limit)
    return Line(
        name=name, light=light, value=value, unit=unit, amber=limit.amber, red=limit.red, says=says, accepted=False
    )


def _worst(name: VerdictLine, values: Mapping[str, float], unit: str, limit: Limit, words: str) -> Line:
    """Color the worst camera."""
    if not values:
        return _unknown(name, unit, limit, "nothing could be measured")
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
