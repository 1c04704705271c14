"""What is made of predicted Gaussians for other programs and for people to look at."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Fraction, Section


class CleanUp(Section):
    """Which Gaussians are floaters, not the animal."""

    opacity: Fraction | None
    """those at or below it go; null: none for that"""
    hull_margin: Annotated[float, Field(ge=0)] | None
    """world units; those whose center lies further beside the silhouette of a view that went in go; null: none"""


class Turntable(Section):
    """A camera that circles the animal once."""

    image_size: Annotated[int, Field(ge=32, multiple_of=2)]
    """px, square"""
    frames: Annotated[int, Field(ge=2)]
    """a turn"""
    rate: PositiveInt
    """frames a second"""
    elevation: Annotated[float, Field(gt=-90, lt=90)]
    """degrees above the horizon"""


class Exports(Section):
    clean_up: CleanUp
    pixel_blur: Annotated[float, Field(ge=0)]
    """px² of the pictures that went in: variance that is added to each Gaussian, so that finer pictures show no gaps;
    0.3 is what rasterizers add to a splat; 0: none"""
    turntable: Turntable
    page_megabytes: PositiveFloat
    """of Gaussians and pictures in a page, at most; browsers fail to open what is much larger than 300"""
