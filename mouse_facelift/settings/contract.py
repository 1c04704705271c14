"""The camera that every stage after normalization sees through."""

import math

from pydantic import PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Section, digest


class CameraContract(Section):
    """The pinhole camera that every stage after normalization sees through."""

    image_size: PositiveInt
    """px, square"""
    focal: PositiveFloat
    """px, fx = fy"""
    distance: PositiveFloat
    """world units, camera center to the origin"""
    distance_range: tuple[PositiveFloat, PositiveFloat]
    """world units; honest cameras whose distance was kept must stand within it"""
    subject_radius: PositiveFloat
    """world units; the subject reaches no further from the origin"""

    @property
    def principal_point(self) -> float:
        """Center of the square image, in pixels from its outer corner."""
        return self.image_size / 2

    @property
    def field_of_view(self) -> float:
        """Full opening angle, in degrees."""
        return 2 * math.degrees(math.atan(self.image_size / (2 * self.focal)))

    @property
    def hash(self) -> str:
        return digest(self)
