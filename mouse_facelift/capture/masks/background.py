"""Masks of a moving animal: what differs from the empty cage, which frames spread over the recording show together."""

from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from mouse_facelift.capture.masks.shapes import ellipse, tidy

SURE = 1.5  # times the threshold: where a mask at this one is much smaller, the animal is hard to tell


class EmptyCage:
    """The median color of each pixel over some frames.

    A median, not one of OpenCV's adaptive models: those learn an animal that rests, and forget it where it rose.

    Args:
        pictures: frames of one camera, spread over the recording. A pixel that the animal covers in less than half of
            them shows the cage.
        threshold: distance in color (0 to 255 a channel, root of the sum of squares) beyond which a pixel is animal.
    """

    def __init__(self, pictures: Iterable[UInt8[np.ndarray, "height width 3"]], threshold: float) -> None:
        self.threshold = threshold
        shown = np.stack(list(pictures))
        rows = range(shown.shape[1])  # one by one: a median takes several copies
        self._colors = np.stack([np.median(shown[:, row], axis=0) for row in rows]).astype(np.float32)

    def masks(
        self, picture: UInt8[np.ndarray, "height width 3"]
    ) -> tuple[Bool[np.ndarray, "height width"], Bool[np.ndarray, "height width"]]:
        """The animal's mask in a frame, and the mask at a stricter threshold, to tell how sure it is."""
        distance = np.sqrt(((picture - self._colors) ** 2).sum(axis=-1))
        found, sure = (
            cv2.morphologyEx((distance > factor * self.threshold).astype(np.uint8), cv2.MORPH_OPEN, ellipse(1)) > 0
            for factor in (1.0, SURE)
        )
        return tidy(found), tidy(sure)
