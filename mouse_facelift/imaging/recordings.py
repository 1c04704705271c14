"""One camera's recording: a video, or a picture per frame. Which of them, a path pattern says.

A pattern with `{frame}` (or `{frame:03d}`) names one picture a frame; without it, it names a video.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from mouse_facelift.imaging.pictures import read_alpha, read_gray, read_rgba
from mouse_facelift.imaging.video import read_frames
from mouse_facelift.settings import FRAME_FIELD

MaskKind = Literal["video", "images", "alpha"]


def fill_camera(pattern: str, camera: str) -> str:
    """Put a camera's name in; `{frame}`, if it is there, stays."""
    return pattern.replace("{camera}", camera)


def is_video(pattern: str) -> bool:
    return FRAME_FIELD.search(pattern) is None


def frame_path(pattern: str, frame: int) -> Path:
    """Path of a frame's picture, or of the video that holds the frame."""
    return Path(FRAME_FIELD.sub(lambda field: format(frame, f"{field[1] or ''}d"), pattern))


def read_pictures(pattern: str, numbers: Sequence[int]) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
    """Read frames of one camera, RGB, in rising order of their numbers (counted from 0 in a video).

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: names the file: no picture, no video, or a video that is too short.
    """
    if is_video(pattern):
        yield from read_frames(Path(pattern), numbers)
        return
    for number in numbers:
        yield number, np.asarray(cv2.cvtColor(read_rgba(frame_path(pattern, number)), cv2.COLOR_RGBA2RGB))


def read_gray_pictures(pattern: str, numbers: Sequence[int]) -> Iterator[tuple[int, UInt8[np.ndarray, "height width"]]]:
    """Read frames of one camera as luminance, in rising order of their numbers.

    Raises:
        FileNotFoundError, ValueError: as `read_pictures`.
    """
    if is_video(pattern):
        yield from read_frames(Path(pattern), numbers, gray=True)
        return
    for number in numbers:
        yield number, read_gray(frame_path(pattern, number))


def read_masks(
    pattern: str, kind: MaskKind, threshold: int, numbers: Sequence[int]
) -> Iterator[tuple[int, Bool[np.ndarray, "height width"]]]:
    """Read masks of one camera in rising order of their frames' numbers: True where the animal is.

    Args:
        pattern: of the masks; for the kind `alpha`, of the pictures.
        kind: gray video, gray pictures, or the alpha channel of the pictures.
        threshold: of 255; a pixel above it is animal.
        numbers: of the frames, rising.

    Raises:
        FileNotFoundError, ValueError: as `read_pictures`; a picture without alpha for the kind `alpha`.
    """
    if kind == "video":
        for number, gray in read_frames(Path(pattern), numbers, gray=True):
            yield number, gray > threshold
        return
    read = read_alpha if kind == "alpha" else read_gray
    for number in numbers:
        yield number, read(frame_path(pattern, number)) > threshold
