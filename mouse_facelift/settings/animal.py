"""How the animal is found in every frame, and which frames are left out."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Section
from mouse_facelift.settings.masks import MaskCleaning

FrameFault = Literal["few_views", "no_body", "jump", "blur", "cut"]
"""what can be wrong with a frame"""


class AnimalWork(Section):
    """How the animal is found in every frame, and which frames are left out.

    Frames with too few views (`few_views`) or whose silhouettes have no common point (`no_body`) are always left out.
    """

    frames_per_chunk: PositiveInt
    """frames of one job; the number of jobs grows with captures and chunks, not with frames"""
    hull_resolution: Annotated[int, Field(ge=16, le=512)]
    """voxels along an edge of the box in which the animal is carved"""
    cleaning: MaskCleaning
    least_views: Annotated[int, Field(ge=2)]
    """views that must show the animal, doubtful ones not counted"""
    cut_views: Literal["use", "leave_out"]
    """views in which the animal reaches the picture's edge"""
    smoothing: NonNegativeFloat
    """frames, to each side, over which the animal's place is smoothed, without lag; 0: not at all"""
    longest_gap: PositiveInt
    """frames; nothing is smoothed across longer ones"""
    largest_step: PositiveFloat | None
    """mm from one frame to the next; a frame further from both its neighbors' course has jumped; null: none has"""
    least_sharpness: PositiveFloat | None
    """of the recording's median; below it a frame is blurred; null: pictures are not looked at"""
    leave_out: tuple[Literal["jump", "blur", "cut"], ...]
    """faults for which a frame is left out; others are told all the same"""

    def chunks(self, frames: Sequence[int]) -> range:
        """Numbers of the chunks of a recording's frames."""
        return range(-(-len(frames) // self.frames_per_chunk))

    def chunk_of(self, frames: Sequence[int], chunk: int) -> Sequence[int]:
        """Numbers of one chunk's frames; none behind the last chunk."""
        return frames[chunk * self.frames_per_chunk : (chunk + 1) * self.frames_per_chunk] if chunk >= 0 else ()
