"""How a training's samples are varied."""

from typing import Annotated

from pydantic import Field

from mouse_facelift.settings.base import Fraction, Section


class Augmentation(Section):
    """How samples are varied at each step; pictures and cameras change together. What is 0 or false is left as it is.

    Numbers are the largest change either way; each is drawn evenly. Colors change for all views of a sample alike.
    """

    brightness: Fraction
    """0.2: colors times 0.8 to 1.2"""
    contrast: Fraction
    """0.2: differences from the animal's mean color times 0.8 to 1.2"""
    hue_degrees: Annotated[float, Field(ge=0, le=180)]
    """turns colors about gray, brightness kept"""
    background: bool
    """a color for each sample, behind its inputs, its targets and its renderings, in place of white"""
    roll_degrees: Annotated[float, Field(ge=0, le=180)]
    """each view alone, about its camera's axis: pictures turn in their plane and cameras roll"""
    yaw_degrees: Annotated[float, Field(ge=0, le=180)]
    """all cameras of a sample together, about the world's z; the animal turns with them"""
