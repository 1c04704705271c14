"""How the mouse moves: a path over the floor, and what the body does along it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

STRIDE = 38.0  # mm of path per gait cycle
SequenceName = Literal["walk", "rear"]


@dataclass(frozen=True)
class FloorPath:
    """A curve over the floor, in mm of its own length; 0 is where the mouse's pelvis starts."""

    along: Float[np.ndarray, "knot"]
    headings: Float[np.ndarray, "knot"]  # radians from +x to +y
    points: Float[np.ndarray, "knot 2"]

    def heading(self, at: float) -> float:
        """Direction of the curve, in radians."""
        return float(np.interp(at, self.along, self.headings))

    def point(self, at: float, left: float = 0.0) -> Float[np.ndarray, "2"]:
        """A place on the curve, or `left` mm to the left of it."""
        heading = self.heading(at)
        x, y = (np.interp(at, self.along, self.points[:, axis]) for axis in (0, 1))
        return np.array([x - left * np.sin(heading), y + left * np.cos(heading)])


@dataclass(frozen=True)
class Step:
    """Everything that fixes the mouse's pose in one frame."""

    path: FloorPath
    progress: float  # mm along the path; the gait follows from it
    rearing: float = 0.0  # 0 on all fours, 1 upright
    head_yaw: float = 0.0  # radians, to the left
    head_pitch: float = 0.0  # radians, up
    tail_sway: float = 0.0  # radians at the tip
    tail_phase: float = 0.0
    bob: float = 0.0  # mm


def curved_path(
    start_heading: float, curvatures: Sequence[float], lengths: Sequence[float], center: Float[np.ndarray, "2"]
) -> FloorPath:
    """A path whose curvature (1/mm) passes smoothly through the given values, spaced by `lengths` (mm).

    It runs on for a body's length before and after, and is moved so that the part walked on is centered.
    """
    along = np.arange(-120.0, sum(lengths) + 120.0, 0.25)
    knots = np.concatenate([[0.0], np.cumsum(lengths)])
    blend = np.interp(along, knots, np.arange(len(knots)))
    whole = np.minimum(blend.astype(int), len(knots) - 2)
    part = blend - whole
    smooth = part * part * (3 - 2 * part)
    values = np.asarray(curvatures, dtype=np.float64)
    curvature = values[whole] + smooth * (values[whole + 1] - values[whole])
    headings = np.cumsum(curvature) * 0.25
    headings += start_heading - np.interp(0.0, along, headings)
    points = np.cumsum(np.stack([np.cos(headings), np.sin(headings)], axis=1) * 0.25, axis=0)
    walked = (along >= 0) & (along <= knots[-1] + 40)  # the body reaches about 40 mm ahead of the pelvis's start
    middle = (points[walked].min(axis=0) + points[walked].max(axis=0)) / 2
    return FloorPath(along, headings, points - middle + center)


def _ease(value: float, first: float, end: float) -> float:
    """0 before first, 1 after end, smooth between."""
    t = min(max((value - first) / (end - first), 0.0), 1.0)
    return t * t * t * (10 - 15 * t + 6 * t * t)


def walk(path: FloorPath, length: float, moment: float) -> Step:
    """Walk the whole path, looking about; `moment` goes from 0 to 1."""
    progress = length * _ease(moment, -0.25, 1.25)
    progress = (progress - length * _ease(0.0, -0.25, 1.25)) / (1 - 2 * _ease(0.0, -0.25, 1.25))
    gait = 2 * np.pi * progress / STRIDE
    return Step(
        path,
        progress,
        head_yaw=0.35 * np.sin(2 * np.pi * 1.3 * moment),
        head_pitch=0.12 * np.sin(2 * np.pi * 2.1 * moment + 1),
        tail_sway=0.5,
        tail_phase=gait * 0.5,
        bob=0.7 * np.sin(2 * gait),
    )


def rear(path: FloorPath, length: float, moment: float) -> Step:
    """Walk, stop, rear up and look around, come down, turn away; `moment` goes from 0 to 1."""
    first = STRIDE  # stops where all four paws are down
    progress = first * _ease(moment, -0.05, 0.32) + (length - first) * _ease(moment, 0.72, 1.1)
    gait = 2 * np.pi * progress / STRIDE
    up = _ease(moment, 0.3, 0.46) * (1 - _ease(moment, 0.6, 0.76))
    return Step(
        path,
        progress,
        rearing=up,
        head_yaw=0.7 * up * np.sin(2 * np.pi * 3 * (moment - 0.3)) + 0.25 * np.sin(2 * np.pi * moment),
        head_pitch=0.2 * up * np.sin(2 * np.pi * 4 * moment),
        tail_sway=0.45,
        tail_phase=gait * 0.5 + 4 * moment,
        bob=0.6 * np.sin(2 * gait),
    )


def motion(sequence: SequenceName, frames: int, seed: int, center: Float[np.ndarray, "2"]) -> list[Step]:
    """The steps of a sequence: `frames` moments evenly spread over it, on a path about `center` that the seed varies.

    Raises:
        ValueError: fewer than 2 frames.
    """
    if frames < 2:
        raise ValueError(f"a sequence needs at least 2 frames; found {frames}")
    rng = np.random.default_rng((seed, 11, len(sequence), ord(sequence[0])))
    heading, side, sharpness = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0]), rng.uniform(0.9, 1.15)
    turns = side * sharpness * np.array([1 / 60, 1 / 34, 1 / 30, 1 / 70])
    moments = [float(m) for m in np.linspace(0, 1, frames)]
    if sequence == "walk":
        length = 100.0
        path = curved_path(heading, turns.tolist(), [length / 3] * 3, center)
        return [walk(path, length, m) for m in moments]
    length = 2 * STRIDE
    path = curved_path(heading, (turns[[0, 0, 2, 1]]).tolist(), [length / 3] * 3, center)
    return [rear(path, length, m) for m in moments]
