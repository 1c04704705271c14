"""Raw pictures and cleaned masks of a capture, all cameras in step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from mouse_facelift.formats.frames import Camera, Frames, Subject
from mouse_facelift.formats.mask_pack import MaskPack
from mouse_facelift.imaging.recordings import read_pictures


@dataclass(frozen=True)
class RawFrame:
    """One frame of all cameras, as recorded. Sizes may differ from camera to camera."""

    pictures: list[UInt8[np.ndarray, "_height _width 3"]]
    masks: list[Bool[np.ndarray, "_height _width"]]


def read_raw_frames(frames: Frames, subjects: Sequence[Subject]) -> Iterator[RawFrame]:
    """Decode frames of one chunk one by one, each video once; one frame is in memory at a time.

    Raises:
        FileNotFoundError: a video or picture is not there.
        ValueError: names the file: it cannot be read, or its size is not that of the calibration.
    """
    if not subjects:
        return
    numbers = [subject.frame for subject in subjects]
    masks = MaskPack(Path(frames.chunks[subjects[0].chunk].masks))
    pictures = [_pictures_of(camera, numbers) for camera in frames.cameras]
    for number, together in zip(numbers, zip(*pictures, strict=True), strict=True):
        yield RawFrame(list(together), masks.masks(number))


def _pictures_of(camera: Camera, numbers: list[int]) -> Iterator[np.ndarray]:
    for number, picture in read_pictures(camera.pictures, numbers):
        height, width = picture.shape[:2]
        if (width, height) != (camera.width, camera.height):
            raise ValueError(
                f"{camera.pictures}: camera {camera.name}: frame {number}: found {width} x {height} px,"
                f" but its lens was calibrated at {camera.width} x {camera.height}"
            )
        yield picture
