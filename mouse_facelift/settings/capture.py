"""Recordings, simulated or a laboratory's: where their files are, and what they leave unsaid."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mouse_facelift.settings.base import FRAME_FIELD, CameraPattern, Name, Section
from mouse_facelift.settings.masks import GivenMasks, MadeMasks, Masks
from mouse_facelift.settings.verdict import VerdictLine


class Simulation(Section):
    """One simulated recording, written as a laboratory would have it."""

    sequence: Literal["walk", "rear"]
    frames: Annotated[int, Field(ge=2)]
    frame_scale: PositiveFloat
    """size of the pictures relative to the rig's 1152 x 1024"""
    seed: NonNegativeInt


class FloorPoints(Section):
    floor_points: Annotated[tuple[tuple[float, float, float], ...], Field(min_length=3)]
    """in the file's world and unit, not on a line; up is the side on which the cameras stand"""


CalibrationFormat = Literal[
    "anipose",
    "colmap",
    "dannce",
    "dannce_params",
    "easymocap",
    "facelift",
    "jarvis",
    "label3d",
    "mammal",
    "multical",
    "nerfstudio",
    "opencv",
    "qualisys",
]


class CalibrationFile(Section):
    path: str
    format: CalibrationFormat | None
    """null: recognized from the content"""
    names: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    """of all cameras of a file that does not name them, in its order; null where it does"""
    image_sizes: dict[str, tuple[PositiveInt, PositiveInt]] | None
    """width and height in px of each camera's pictures, where the file does not tell; null: the recording's"""
    millimeters_per_unit: PositiveFloat
    up: tuple[float, float, float] | FloorPoints | Literal["estimated"]
    """direction that points up, in the file's world axes; or points on the floor; or estimated from the recording"""

    @model_validator(mode="after")
    def _up_has_a_direction(self) -> "CalibrationFile":
        if isinstance(self.up, tuple) and not 1e-6 < math.hypot(*self.up) < math.inf:
            raise ValueError(f"up: {self.up} has no direction")
        return self


class KeyPointsFile(Section):
    """Points of the animal that the laboratory has: they tell where it is."""

    path: str
    format: Literal["anipose", "dannce_com", "dannce_labels", "dannce_prediction", "label3d", "sleap"] | None
    """null: recognized from the content"""
    millimeters_per_unit: PositiveFloat
    points: Annotated[tuple[str, ...], Field(min_length=1)] | None
    """names of those whose median is the animal's place; null: all"""
    least: PositiveInt
    """how many of them must be there in a frame"""

    @model_validator(mode="after")
    def _enough_are_named(self) -> "KeyPointsFile":
        if self.points is not None and len(set(self.points)) < self.least:
            raise ValueError(f"points: {list(self.points)} are fewer than least: {self.least}, or named twice")
        return self


class FrameRange(Section):
    start: NonNegativeInt
    stop: PositiveInt
    step: PositiveInt

    @model_validator(mode="after")
    def _is_not_empty(self) -> "FrameRange":
        if self.stop <= self.start:
            raise ValueError(f"stop: {self.stop} must be above start: {self.start}")
        return self


class Capture(Section):
    """One recording: where its files are, and what they leave unsaid."""

    cameras: Annotated[tuple[Name, ...], Field(min_length=3)]
    calibration: CalibrationFile
    pictures: CameraPattern
    """a video per camera, or with {frame} a picture per camera and frame"""
    masks: Masks
    key_points: KeyPointsFile | None
    """null: the animal's place is the middle of its visual hull"""
    frames: FrameRange | Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    """first, last + 1 and step, or the frames' numbers"""
    accept_red: tuple[VerdictLine, ...]
    """lines of the verdict that may be red without stopping the run; the page shows them"""

    @model_validator(mode="after")
    def _lists_are_sets(self) -> "Capture":
        if len(set(self.cameras)) < len(self.cameras):
            raise ValueError(f"cameras: {list(self.cameras)} names a camera twice")
        if not isinstance(self.frames, FrameRange) and list(self.frames) != sorted(set(self.frames)):
            raise ValueError(f"frames: {list(self.frames)} must rise")
        return self

    @model_validator(mode="after")
    def _calibration_is_of_these_cameras(self) -> "Capture":
        for key in ("names", "image_sizes"):
            stated = getattr(self.calibration, key)
            if stated is not None and (missing := [name for name in self.cameras if name not in stated]):
                raise ValueError(f"calibration.{key}: missing {missing} of cameras; found {list(stated)}")
        return self

    @model_validator(mode="after")
    def _masks_are_made_of_videos(self) -> "Capture":
        if isinstance(self.masks, MadeMasks) and FRAME_FIELD.search(self.pictures):
            raise ValueError(f"masks: of kind {self.masks.kind}, which are made of videos, but pictures are single")
        return self

    @model_validator(mode="after")
    def _alpha_is_of_pictures(self) -> "Capture":
        if self.masks.kind == "alpha" and not FRAME_FIELD.search(self.pictures):
            raise ValueError(f"masks: of kind alpha, but {self.pictures!r} is a video, which has no alpha channel")
        return self

    @property
    def given_masks(self) -> GivenMasks:
        """The masks, where there are some. Raises ValueError where they are yet to be made."""
        if isinstance(self.masks, MadeMasks):
            raise ValueError(f"masks: of kind {self.masks.kind}, which rule make_masks has yet to make")
        return self.masks

    @property
    def frame_numbers(self) -> Sequence[int]:
        """Numbers of the chosen frames, rising; of a range they are not listed, for a recording has very many."""
        if isinstance(self.frames, FrameRange):
            return range(self.frames.start, self.frames.stop, self.frames.step)
        return self.frames
