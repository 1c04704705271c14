"""Masks, given by the laboratory or made here."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from mouse_facelift.settings.base import FRAME_FIELD, CameraPattern, Fraction, Section


class VideoMasks(Section):
    kind: Literal["video"]
    path: CameraPattern
    threshold: Annotated[int, Field(ge=1, le=254)]
    """a pixel above it is animal; lossy video blurs edges, so never 0"""

    @model_validator(mode="after")
    def _is_a_video(self) -> "VideoMasks":
        if FRAME_FIELD.search(self.path):
            raise ValueError(f"{self.path!r} holds {{frame}}: masks in single pictures are of kind images")
        return self


class ImageMasks(Section):
    kind: Literal["images"]
    path: CameraPattern
    """with {camera} and {frame}, e.g. `frame_{frame:03d}/{camera}_mask.png`"""
    threshold: Annotated[int, Field(ge=1, le=254)]

    @model_validator(mode="after")
    def _has_a_frame(self) -> "ImageMasks":
        if not FRAME_FIELD.search(self.path):
            raise ValueError(f"{self.path!r} must hold {{frame}} (or {{frame:03d}}), the frame's number")
        return self


class AlphaMasks(Section):
    kind: Literal["alpha"]
    """the fourth channel of the pictures themselves"""
    threshold: Annotated[int, Field(ge=1, le=254)]


class BackgroundMasks(Section):
    """Made here, of a moving animal: what differs from the empty cage."""

    kind: Literal["background"]
    samples: Annotated[int, Field(ge=3, le=500)]
    """frames, spread over the recording, that show the cage together"""
    threshold: PositiveFloat
    """distance in color (0 to 255 a channel) beyond which a pixel is animal"""


class CarriedMasks(Section):
    """Made here, of a still animal: a few outlined frames, carried to those between."""

    kind: Literal["carried"]
    path: CameraPattern
    """of the outlined frames' masks, with {camera} and {frame}"""
    threshold: Annotated[int, Field(ge=1, le=254)]
    key_frames: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    """the outlined frames"""
    band: Annotated[int, Field(ge=0, le=20)]
    """px to each side of the carried outline that GrabCut decides"""

    @model_validator(mode="after")
    def _has_frames(self) -> "CarriedMasks":
        if not FRAME_FIELD.search(self.path):
            raise ValueError(f"{self.path!r} must hold {{frame}} (or {{frame:03d}}), the outlined frame's number")
        if list(self.key_frames) != sorted(set(self.key_frames)):
            raise ValueError(f"key_frames: {list(self.key_frames)} must rise")
        return self


GivenMasks = VideoMasks | ImageMasks | AlphaMasks
MadeMasks = BackgroundMasks | CarriedMasks
Masks = Annotated[GivenMasks | MadeMasks, Field(discriminator="kind")]


class MaskCleaning(Section):
    """How the raw masks of one frame become silhouettes of one animal on which the views agree."""

    speck: Fraction
    """of the largest part's area; smaller parts are left out"""
    candidate: Fraction
    """of the largest part's area; parts this large may be the animal"""
    meeting: PositiveFloat
    """of the animal's size (root of its silhouette's area): a part whose ray passes further from where the others'
    meet shows something else, as a mirror image does"""
    reach: Fraction
    """of the animal's longer side in the picture: as far away a piece of tail may lie"""
    piece: Fraction
    """of the animal's area; a larger piece also has to lie inside the hull of the other views"""
    hole: Fraction
    """of the animal's area; larger holes stay open, as between body and curled tail"""
    cover: Fraction
    """part of each mask that the hull of all views must cover"""
    resolution: Annotated[int, Field(ge=24, le=160)]
    """cells along an edge of the cube around the animal in which views are compared"""
