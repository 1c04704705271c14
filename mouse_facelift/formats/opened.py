"""A recording whose files were looked at: where they are, which lenses took them, and whether they fit each other."""

from mouse_facelift.formats.frames import Camera, calibration_of
from mouse_facelift.formats.manifest import Manifest
from mouse_facelift.geometry.calibration import Calibration


class Opened(Manifest):
    """What all chunks of a recording share."""

    capture: str
    refusal: str | None
    """what contradicts itself or the rest; None: nothing"""
    cameras: tuple[Camera, ...]
    """none where the calibration was refused"""
    recorded_frames: int | None
    """frames of the videos; None for single pictures"""
    rates: tuple[float, ...]
    """frames a second of each video; none for single pictures"""
    notes: tuple[str, ...]
    """pixel origin, rotations, units: what the file said and what was undone"""

    def calibration(self) -> Calibration:
        """The lenses, lengths in millimeters."""
        return calibration_of(self.cameras, self.notes)
