"""Ways to the camera contract, honest and wrong ones."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from mouse_facelift.settings.base import Section


class Keep(Section):
    """Exact: camera distances stay as they are."""

    mode: Literal["keep"]


class Contract(Section):
    """Cameras moved along their axes to the contract's distance; the residual is measured."""

    mode: Literal["contract"]
    residual_limit: PositiveFloat
    """px of the contract's picture, 95th percentile over the animal; above it the sample is refused"""


class Fill(Section):
    """As `contract`, with the scale chosen so that the animal has a given radius."""

    mode: Literal["fill"]
    radius: PositiveFloat
    """world units"""
    residual_limit: PositiveFloat


class Resize(Section):
    """A wrong way, kept for the experiments that show what it does: stretch to a square, keep millimeters."""

    mode: Literal["resize"]
    normalize_distance_to: PositiveFloat | None
    """null: millimeters stay; else translations alone are scaled to this mean distance"""


Normalization = Annotated[Keep | Contract | Fill | Resize, Field(discriminator="mode")]


class NormalizationWork(Section):
    hull_resolution: Annotated[int, Field(ge=16, le=512)]
    """voxels along an edge of the box in which the animal is carved"""
