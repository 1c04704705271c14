"""Procedural animals on four legs, none of them the mouse. Forward is +x, up is +z, a trunk is about one unit long."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mouse_facelift.simulation.builder import BodyBuilder, Skin, frame_along

Rng = np.random.Generator
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Palette:
    """The skins of one animal."""

    hide: Skin
    face: Skin
    limb: Skin
    bare: Skin  # ears, tail, beak, paws
    eye: Skin


def _turn_z(angle: float) -> Float[np.ndarray, "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _curl(
    start: Float[np.ndarray, "3"],
    direction: Float[np.ndarray, "3"],
    length: float,
    bend: Float[np.ndarray, "3"],
    pieces: int,
) -> Float[np.ndarray, "point 3"]:
    """Points of a curve that leaves along `direction` and turns towards `bend`."""
    points, heading = [start], direction / np.linalg.norm(direction)
    for _ in range(pieces):
        points.append(points[-1] + heading * length / pieces)
        heading = heading + bend / pieces
        heading = heading / np.linalg.norm(heading)
    return np.stack(points)


def _head(
    body: BodyBuilder, rng: Rng, palette: Palette, at: Float[np.ndarray, "3"], size: float, look: Float[np.ndarray, "3"]
) -> None:
    """A head with a snout, eyes and maybe ears or horns."""
    frame = frame_along(look)
    long, wide, high = size * rng.uniform(0.9, 1.5), size * rng.uniform(0.75, 1.1), size * rng.uniform(0.75, 1.1)
    body.add(at, (long, wide, high), palette.face, frame)

    def place(forward: float, left: float, up: float) -> Float[np.ndarray, "3"]:
        return np.asarray(at + frame @ np.array([forward * long, left * wide, up * high]))

    snout = rng.uniform(0.2, 1.2)
    thick = size * rng.uniform(0.25, 0.6)
    tip = place(0.8 + snout * 0.8, 0.0, -0.25)
    body.bone(place(0.5, 0.0, -0.2), tip, thick, palette.face.tinted(palette.bare.base, rng.uniform(0, 0.7)))
    if rng.random() < 0.7:
        body.add(tip + frame[:, 0] * thick * 0.6, np.full(3, thick * rng.uniform(0.3, 0.6)), palette.bare, frame)
    eye, spread = size * rng.uniform(0.1, 0.24), rng.uniform(0.5, 0.85)
    for side in (-1, 1):
        body.add(place(0.55, side * spread, 0.4), np.full(3, eye), palette.eye, frame)
    kind = rng.integers(4)
    tall, broad = size * rng.uniform(0.3, 1.3), size * rng.uniform(0.2, 0.6)
    for side in (-1, 1):
        if kind == 0:
            continue
        out = frame @ np.array([rng.uniform(-0.5, 0.1), side * rng.uniform(0.3, 1.2), rng.uniform(0.3, 1.0)])
        root = place(-0.25, side * 0.65, 0.65)
        if kind == 3:
            body.chain(
                _curl(root, out, tall * 1.3, 1.2 * UP, 3), np.array([0.16, 0.13, 0.1, 0.05]) * size, palette.bare
            )
        else:
            body.add(
                root + out * tall * 0.5, (tall * 0.6, broad, size * 0.09), palette.bare, frame_along(out, frame[:, 0])
            )


def _leg(
    body: BodyBuilder,
    rng: Rng,
    palette: Palette,
    hip: Float[np.ndarray, "3"],
    length: float,
    thick: float,
    swing: float,
    spread: float,
    knee: float,
) -> None:
    """Upper leg, lower leg and foot; `swing` leans it forward, `spread` sideways, `knee` bends it (radians)."""
    down = np.array([np.sin(swing), spread, -np.cos(swing)])
    joint = hip + down / np.linalg.norm(down) * length * 0.5
    down = np.array([np.sin(swing - knee), spread * 0.3, -np.cos(swing - knee)])
    foot = joint + down / np.linalg.norm(down) * length * 0.5
    body.bone(hip, joint, thick * 1.25, palette.limb)
    body.bone(joint, foot, thick * 0.85, palette.limb)
    ahead = np.array([thick * rng.uniform(0.6, 2.0), 0.0, 0.0])
    body.bone(foot, foot + ahead, thick * 0.9, palette.bare, flat=0.6)


def quadruped(body: BodyBuilder, rng: Rng, palette: Palette) -> None:
    """From dachshund to bear to lizard."""
    long, wide, high = rng.uniform(0.32, 0.6), rng.uniform(0.16, 0.34), rng.uniform(0.16, 0.34)
    bend = rng.normal() * 0.25
    arch = rng.uniform(-0.1, 0.15)
    for x, swell in ((-0.6, rng.uniform(0.8, 1.2)), (0.0, rng.uniform(0.8, 1.15)), (0.6, rng.uniform(0.75, 1.2))):
        center = np.array([x * long, bend * long * (x * x - 0.2), arch * (0.3 - x * x)])
        axis = np.array([1.0, 2 * bend * x, -2 * arch * x])
        body.add(center, (long * 0.7, wide * swell, high * swell), palette.hide, frame_along(axis))
    neck = rng.uniform(0.05, 0.35)
    rise = rng.uniform(-0.1, 1.3)
    turn = rng.normal() * 0.5
    shoulder = np.array([long * 0.85, bend * long * 0.6, high * 0.35])
    ahead = _turn_z(turn * 0.5) @ np.array([np.cos(rise), 0.0, np.sin(rise)])
    head_at = shoulder + ahead * neck
    size = rng.uniform(0.45, 1.0) * min(wide, high) + 0.04
    body.chain(np.stack([shoulder, (shoulder + head_at) / 2, head_at]), np.array([1.0, 0.8, 0.7]) * size, palette.hide)
    look = _turn_z(turn) @ np.array([1.0, 0.0, rng.uniform(-0.6, 0.3)])
    _head(body, rng, palette, head_at + look * size * 0.5, size, look)
    length, thick = rng.uniform(0.12, 0.5), rng.uniform(0.04, 0.1)
    spread, phase = rng.uniform(0, 0.6), rng.uniform(0, 2 * np.pi)
    for front in (0, 1):
        for side in (-1, 1):
            swing = 0.45 * np.sin(phase + np.pi * (front + (side > 0)))
            hip = np.array([(0.75 if front else -0.75) * long, side * wide * 0.75, -high * 0.35])
            hip[1] += bend * long * 0.4
            knee = rng.uniform(0.1, 0.6) * (1 if front else -1) * rng.choice([-1, 1])
            _leg(body, rng, palette, hip, length, thick * (1 if front else 1.2), swing, side * spread, knee)
    tail = rng.uniform(0.0, 0.7)
    if tail > 0.1:
        points = _curl(np.array([-long * 1.1, bend * long, high * 0.2]), np.array([-1.0, 0, rng.uniform(-1, 1)]), tail,
                       rng.normal(size=3) * 1.5, 7)  # fmt: skip
        radii = np.linspace(rng.uniform(0.03, 0.12), rng.uniform(0.01, 0.12), 8)
        body.chain(points, radii, palette.hide if rng.random() < 0.6 else palette.bare)
