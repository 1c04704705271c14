"""A rig drawn as SVG, from above and in space. Colors come from the page's style, so light and dark both work."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.rotations import rotation_to_z

SIZE = 420
_REACH = 155  # px from the middle to the furthest camera
_TILT = math.radians(25)  # from which height space is seen
_TURN = math.radians(-35)


@dataclass(frozen=True)
class DrawnRig:
    """Cameras about a subject at the origin, z up, in any unit."""

    names: list[str]
    centers: Float[Tensor, "view 3"]
    axes: Float[Tensor, "view 3 3"]
    """rows: right, down and forward of each camera"""


def drawn_rig(calibration: Calibration, subject: Float[Tensor, "3"], up: Float[Tensor, "3"]) -> DrawnRig:
    upright = rotation_to_z(up)
    axes = calibration.world_to_camera[:, :3, :3] @ upright.T
    return DrawnRig(calibration.names, (calibration.centers - subject) @ upright.T, axes)


def ring(views: int, distance: float, elevation: float) -> DrawnRig:
    """Cameras at equal steps of azimuth that look at the origin."""
    turn = torch.arange(views, dtype=torch.float64) * (2 * math.pi / views)
    rise = math.radians(elevation)
    flat = math.cos(rise) * distance
    centers = torch.stack([flat * turn.cos(), flat * turn.sin(), distance * math.sin(rise) * torch.ones(views)], dim=-1)
    forward = -centers / distance
    right = torch.stack([-turn.sin(), turn.cos(), torch.zeros(views, dtype=torch.float64)], dim=-1)
    down = torch.linalg.cross(forward, right)
    return DrawnRig([""] * views, centers, torch.stack([right, down, forward], dim=1))


def draw_from_above(rig: DrawnRig, unit: str) -> str:
    """Draw x to the right and y up, with a circle at the mean distance along the floor."""
    return _draw(rig, torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], dtype=torch.float64), unit, "from above")


def draw_in_space(rig: DrawnRig, unit: str) -> str:
    """Draw without perspective, seen from a little above."""
    c, s = math.cos(_TURN), math.sin(_TURN)
    rise = math.sin(_TILT)
    plane = [[c, -s, 0.0], [-s * rise, -c * rise, -math.cos(_TILT)]]
    return _draw(rig, torch.tensor(plane, dtype=torch.float64), unit, "in space")


def _draw(rig: DrawnRig, plane: Float[Tensor, "2 3"], unit: str, seen: str) -> str:
    reach = float(torch.linalg.vector_norm(rig.centers, dim=-1).max())
    scale = _REACH / reach
    floor = rig.centers * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    radius = float(torch.linalg.vector_norm(floor, dim=-1).mean())
    turn = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    circle = torch.stack([radius * turn.cos(), radius * turn.sin(), torch.zeros_like(turn)], dim=-1)
    parts = [_line(_flat(circle, plane, scale), "floor"), '<circle class="animal" cx="0" cy="0" r="6"/>']
    for axis, letter in ((0, "x"), (1, "y"), (2, "z")):
        tip = torch.zeros(1, 3, dtype=torch.float64)
        tip[0, axis] = 0.35 * reach
        x, y = _flat(tip, plane, scale)[0]
        if math.hypot(x, y) > 1:
            parts.append(_line([(0.0, 0.0), (x, y)], "axis"))
            parts.append(f'<text class="axis" x="{1.12 * x:.1f}" y="{1.12 * y:.1f}">{letter}</text>')
    for name, center, foot, axes in zip(rig.names, rig.centers, floor, rig.axes, strict=True):
        parts += _camera(name, center, foot, axes, plane, scale, reach)
    label = f"{len(rig.names)} cameras {seen}; the furthest is {reach:.3g} {unit} away"
    half = SIZE / 2
    return (
        f'<svg viewBox="{-half:g} {-half:g} {SIZE} {SIZE}" role="img" aria-label="{html.escape(label)}">'
        + "".join(parts)
        + f'<text class="scale" x="0" y="{half - 8:g}">{html.escape(label)}</text></svg>'
    )


def _camera(
    name: str,
    center: Float[Tensor, "3"],
    foot: Float[Tensor, "3"],
    axes: Float[Tensor, "3 3"],
    plane: Float[Tensor, "2 3"],
    scale: float,
    reach: float,
) -> list[str]:
    """A pyramid that opens the way the camera looks, the way to the animal, and the height above it."""
    right, down, forward = axes * (0.1 if name else 0.05) * reach
    corners = [center + 1.4 * forward + a * right + b * 0.8 * down for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    tip, base, *frame = _flat(torch.stack([center, foot, *corners]), plane, scale)
    parts = [_line([tip, (0.0, 0.0)], "sight")] if name else []
    if math.dist(tip, base) > 1 and name:
        parts.append(_line([tip, base], "height"))
    parts += [_line([tip, corner], "camera") for corner in frame]
    parts.append(_line([*frame, frame[0]], "camera"))
    if name:
        length = math.hypot(*tip) or 1.0
        x, y = (value * (1 + 22 / length) for value in tip)
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}">{html.escape(name)}</text>')
    return parts


def _flat(points: Float[Tensor, "point 3"], plane: Float[Tensor, "2 3"], scale: float) -> list[tuple[float, float]]:
    return [(x, y) for x, y in (points @ plane.T * scale).tolist()]


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    listed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{listed}"/>'
