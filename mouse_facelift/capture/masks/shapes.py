"""What is done to every mask that is made here."""

import cv2
import numpy as np
from jaxtyping import Bool

NEAR = 0.15  # of the largest part's size: as far away a piece of tail may lie
LEAST_PIECE = 0.004  # of the largest part's area


def ellipse(radius: int) -> np.ndarray:
    """A disk to dilate and erode with, radius in px."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def tidy(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Close holes, and keep the largest part and pieces near it: a thin tail comes apart from the body.

    An empty mask stays empty.
    """
    labels, numbered, rows, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if labels < 2:
        return mask
    largest = 1 + int(np.argmax(rows[1:, cv2.CC_STAT_AREA]))
    area = rows[largest, cv2.CC_STAT_AREA]
    reach = int(np.ceil(NEAR * max(rows[largest, cv2.CC_STAT_WIDTH], rows[largest, cv2.CC_STAT_HEIGHT])))
    near = np.unique(numbered[cv2.dilate((numbered == largest).astype(np.uint8), ellipse(reach)) > 0])
    kept = [part for part in near if part and rows[part, cv2.CC_STAT_AREA] >= LEAST_PIECE * area]
    whole = np.isin(numbered, kept).astype(np.uint8)
    outlines, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(whole, outlines, -1, 1, cv2.FILLED)) > 0


def overlap(first: Bool[np.ndarray, "height width"], second: Bool[np.ndarray, "height width"]) -> float:
    """Intersection over union, 0 to 1; 1 for two empty masks."""
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 1.0
