"""How captures are judged."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from mouse_facelift.settings.base import Fraction, Section

VerdictLine = Literal[
    "reading", "ray_miss", "centers", "tangents", "hull_cover", "hull_iou", "rotation", "time", "focal", "mask_share",
    "doubtful", "left_out", "up", "gaps", "residual", "magnification", "clipped", "filled",
]  # fmt: skip
"""what a verdict says a color of"""


class Limit(Section):
    """From where a measurement is amber, and red. Where `red` is the smaller, less is worse."""

    amber: float
    red: float

    @model_validator(mode="after")
    def _colors_differ(self) -> "Limit":
        if self.amber == self.red:
            raise ValueError(f"amber and red both start at {self.red}")
        return self


class VerdictLimits(Section):
    ray_miss: Limit
    """of the cameras' mean distance: root mean square by which the rays through masks' centers miss, 95th percentile"""
    centers: Limit
    """of the animal's size in the picture: median by which a mask's center misses where all other views' rays meet"""
    tangents: Limit
    """of the animal's size in the picture: median by which planes through two cameras that touch one mask miss the
    other"""
    hull_cover: Limit
    """median part of a mask that the hull of all other views covers"""
    hull_iou: Limit
    """median intersection over union of both"""
    rotation: Limit
    """degrees by which one camera would have to turn"""
    time: Limit
    """frames by which one video runs early or late"""
    focal: Limit
    """by which one focal length is wrong: 0.01 is 1 %"""
    mask_share: Limit
    """least part of a mask that the animal makes up"""
    doubtful: Limit
    """part of the frames in which a mask disagrees with the hull of the others"""
    left_out: Limit
    """part of the frames"""
    up: Limit
    """degrees by which up is off for certain where it is given, or how unsure it is where it is estimated"""
    gaps: Limit
    """degrees between neighbors in azimuth"""
    residual: Limit
    """px of the contract's picture, 95th percentile over the animal, that moving cameras leaves"""
    magnification: Limit
    """raw px a px of the view; below 1 pictures are blown up"""
    clipped: Limit
    """part of the animal outside of the picture"""
    filled: Limit
    """part of the picture that the animal covers"""


class VerdictWork(Section):
    """How captures are judged. A red line stops the run unless the capture accepts it by name."""

    hull_frames: PositiveInt
    """at most so many frames, spread evenly, are carved"""
    hull_resolution: Annotated[int, Field(ge=16, le=256)]
    hull_picture: Annotated[int, Field(ge=32, le=1024)]
    """px, side of the pictures in which hulls and masks are compared"""
    shown_frames: PositiveInt
    """at most so many of these stand on the page"""
    diagnosed_frames: PositiveInt
    """in at most so many frames, in runs of neighbors, cameras that are off are looked for"""
    longest_step: PositiveInt
    """frames further apart than this say nothing of time"""
    largest_offset: PositiveInt
    """frames by which a video is tried to run early or late"""
    least_explained: Fraction
    """a camera is named if moving it removes this part of the disagreement"""
    limits: VerdictLimits
