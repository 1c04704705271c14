"""Ways to the camera contract, honest and wrong ones."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Section

Centering = Literal["frame", "session"]
"""Where the world's origin is: at the animal of every frame, or at one place, the animal's mean over the recording.

With `session` an animal that walks leaves the subject's radius; what that breaks is recorded, not refused.
"""


class Keep(Section):
    """Exact: camera distances stay as they are."""

    mode: Literal["keep"]
    center: Centering
    unit: Literal["contract", "millimeters"]
    """millimeters is wrong, kept to show what a world without the contract's unit does: all else stays right"""

    @property
    def honest(self) -> bool:
        """What it breaks is an error; else it is recorded, and an experiment must allow it."""
        return self.center == "frame" and self.unit == "contract"


class Moved(Section):
    """Ways that move cameras along their axes; the pixels that then disagree are measured."""

    mode: Literal["contract", "fill"]
    center: Centering
    rectify: bool
    """pixels are moved to where the moved camera sees the animal's visual hull; the residual is what that leaves"""
    residual_limit: PositiveFloat
    """px of the contract's picture, 95th percentile over the animal; above it the sample is refused"""

    @property
    def honest(self) -> bool:
        return self.center == "frame"


class Contract(Moved):
    """Cameras moved along their axes to the contract's distance; the residual is measured."""

    mode: Literal["contract"]


class Fill(Moved):
    """As `contract`, with the scale chosen so that the animal has a given radius."""

    mode: Literal["fill"]
    radius: PositiveFloat
    """world units"""


class Resize(Section):
    """A wrong way, kept for the experiments that show what it does: stretch to a square, keep millimeters."""

    mode: Literal["resize"]
    normalize_distance_to: PositiveFloat | None
    """null: millimeters stay; else translations alone are scaled to this mean distance from the origin"""
    center: Literal["file", "frame"]
    """where the world's origin is: where the calibration has it, or at the animal of every frame"""

    @property
    def honest(self) -> bool:
        return False


class Relabel(Section):
    """A wrong way: each view is cropped and scaled by itself to show the animal equally large.

    The contract's camera is written beside it, at the true direction. Cameras look perfect; the pixels disagree.
    """

    mode: Literal["relabel"]
    fill: Annotated[float, Field(gt=0, le=1)]
    """of the picture, that the animal's larger side takes"""

    @property
    def honest(self) -> bool:
        return False


Normalization = Annotated[Keep | Contract | Fill | Resize | Relabel, Field(discriminator="mode")]


class NormalizationWork(Section):
    hull_resolution: Annotated[int, Field(ge=16, le=512)]
    """voxels along an edge of the box in which the animal is carved"""


class NormalizationModes(Section):
    """What `snakemake results/normalization_modes.csv` measures against the truth of simulated captures."""

    captures: tuple[str, ...]
    """read from results/simulated/<simulation>/"""
    normalizations: tuple[str, ...]
    """each costs a pass over the captures"""
    frames: PositiveInt
    """at most so many of a capture, spread evenly"""
    depth_reach: PositiveFloat
    """world units that the network reaches either side of the point of each ray nearest to the origin"""
