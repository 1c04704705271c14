"""Pictures of a few frames with the outlines of their masks, small enough for a page."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.mask_pack import MaskPack
from mouse_facelift.formats.predictions import spread
from mouse_facelift.imaging.recordings import read_pictures

WIDTH = 480  # px
QUALITY = 82  # of JPEG
_COLOR = (255, 0, 170)


@dataclass(frozen=True)
class SamplePicture:
    camera: str
    frame: int
    jpeg: bytes


def sample_pictures(frames: Frames, count: int) -> list[SamplePicture]:
    """Draw the outlines of masks into at most `count` of the frames, spread evenly, for every camera."""
    masks = {
        subject.frame: MaskPack(Path(frames.chunks[subject.chunk].masks)).masks(subject.frame)
        for subject in spread(frames.subjects, count)
    }
    drawn = []
    for view, camera in enumerate(frames.cameras):
        for number, picture in read_pictures(camera.pictures, sorted(masks)):
            drawn.append(SamplePicture(camera.name, number, outline_mask(picture, masks[number][view])))
    return sorted(drawn, key=lambda picture: picture.frame)


def outline_mask(picture: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"]) -> bytes:
    """Shrink a picture to a page's width, draw the mask's outlines, and encode it as JPEG."""
    scale = WIDTH / picture.shape[1]
    size = (WIDTH, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    soft = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    rims, _ = cv2.findContours((soft > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(small, rims, -1, _COLOR, 1, cv2.LINE_AA)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return encoded.tobytes()
