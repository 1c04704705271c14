"""Which 21 frames SV3D draws: sorted around the subject, the reference last."""

from collections.abc import Sequence
from dataclasses import dataclass

FRAMES = 21


@dataclass(frozen=True)
class FramePlan:
    """Cameras of all frames, degrees, and where the wanted ones are among them."""

    azimuths: tuple[float, ...]
    """0 to 360 from the reference, rising as the network's do; the last is the reference's, 0"""
    elevations: tuple[float, ...]
    rows: tuple[int, ...]
    """of the wanted cameras, in their order"""


def whole_turn(elevation: float) -> FramePlan:
    """Frames all around, evenly, at the reference's elevation; all are wanted."""
    azimuths = (*(360 * frame / FRAMES for frame in range(1, FRAMES)), 0.0)
    return FramePlan(azimuths, (elevation,) * FRAMES, tuple(range(FRAMES)))


def turn_through(azimuths: Sequence[float], elevations: Sequence[float], reference_elevation: float) -> FramePlan:
    """Frames through the wanted cameras, in degrees from the reference, azimuths from 0 to 360.

    Frames that are left go where the gap in azimuth is widest, at the elevation between its ends. The reference is
    wanted too, as the last.

    Raises:
        ValueError: more cameras are wanted than there are frames beside the reference.
    """
    if len(azimuths) > FRAMES - 1:
        raise ValueError(f"SV3D draws {FRAMES - 1} views beside the reference, {len(azimuths)} cameras are wanted")
    wanted = sorted(
        (azimuth, elevation, row) for row, (azimuth, elevation) in enumerate(zip(azimuths, elevations, strict=True))
    )
    turn: list[tuple[float, float, int | None]] = [(0.0, reference_elevation, None), *wanted]
    turn.append((360.0, reference_elevation, len(azimuths)))
    while len(turn) < FRAMES + 1:
        # Rounded: of gaps that are equal but for their last digits, the first.
        widest = max(range(len(turn) - 1), key=lambda gap: round(turn[gap + 1][0] - turn[gap][0], 6))
        (before, low, _), (after, high, _) = turn[widest : widest + 2]
        turn.insert(widest + 1, ((before + after) / 2, (low + high) / 2, None))
    frames = turn[1:]
    places = {row: frame for frame, (_, _, row) in enumerate(frames) if row is not None}
    return FramePlan(
        azimuths=(*(azimuth for azimuth, _, _ in frames[:-1]), 0.0),
        elevations=tuple(elevation for _, elevation, _ in frames),
        rows=tuple(places[row] for row in range(len(azimuths) + 1)),
    )
