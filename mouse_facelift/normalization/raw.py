"""Raw pictures and masks of a capture, all cameras in step."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from mouse_facelift.formats.frames import Camera, Frames
from mouse_facelift.imaging.recordings import read_masks, read_pictures


@dataclass(frozen=True)
class RawFrame:
    """One frame of all cameras, as recorded. Sizes may differ from camera to camera."""

    pictures: list[UInt8[np.ndarray, "_height _width 3"]]
    masks: list[Bool[np.ndarray, "_height _width"]]


def read_raw_frames(frames: Frames, numbers: list[int]) -> Iterator[RawFrame]:
    """Decode frames one by one, each video once; one frame is in memory at a time.

    Raises:
        FileNotFoundError: a video or picture is not there.
        ValueError: names the file: it cannot be read, or its size is not that of the calibration.
    """
    pictures = [_pictures_of(camera, numbers) for camera in frames.cameras]
    masks = [_masks_of(camera, frames, numbers) for camera in frames.cameras]
    for together in zip(zip(*pictures, strict=True), zip(*masks, strict=True), strict=True):
        yield RawFrame(*map(list, together))


def _pictures_of(camera: Camera, numbers: list[int]) -> Iterator[np.ndarray]:
    for number, picture in read_pictures(camera.pictures, numbers):
        _require_size(camera, camera.pictures, number, picture)
        yield picture


def _masks_of(camera: Camera, frames: Frames, numbers: list[int]) -> Iterator[np.ndarray]:
    path = camera.masks or camera.pictures
    for number, mask in read_masks(path, frames.mask_kind, frames.mask_threshold, numbers):
        _require_size(camera, path, number, mask)
        yield mask


def _require_size(camera: Camera, path: str, number: int, pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise ValueError(
            f"{path}: camera {camera.name}: frame {number}: found {width} x {height} px,"
            f" but its lens was calibrated at {camera.width} x {camera.height}"
        )
