"""The connected parts of one mask, and which of them make up an animal."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from mouse_facelift.settings import MaskCleaning


@dataclass(frozen=True)
class Parts:
    """Parts of a mask (8-connected) that are more than specks, the largest first."""

    labels: Int[np.ndarray, "rows columns"]
    """1 for the largest, and so on, in the box that holds all of them; 0 elsewhere"""
    areas: Int[np.ndarray, "part"]
    """px"""
    centers: Float[np.ndarray, "part 2"]
    """x, y in px of the whole picture, OpenCV pixel origin"""
    boxes: Int[np.ndarray, "part 4"]
    """left, top, width, height in px of the whole picture"""
    corner: tuple[int, int]
    """left and top of the box of `labels`"""
    raw_area: int
    """px of the mask, specks included"""

    def __len__(self) -> int:
        return len(self.areas)

    def draw(self, chosen: list[int]) -> Bool[np.ndarray, "rows columns"]:
        """The parts with these labels, in the box of `labels`."""
        wanted = np.zeros(len(self) + 1, dtype=bool)
        wanted[chosen] = True
        return np.asarray(wanted[self.labels])

    def near(self, label: int, reach: float) -> list[int]:
        """Labels of other parts of which a pixel lies within `reach` px of one of this part."""
        if len(self) < 2:
            return []
        x, y, width, height = self.boxes[label - 1] - (*self.corner, 0, 0)
        border = int(np.ceil(reach)) + 1
        rows = slice(max(y - border, 0), y + height + border)
        around = self.labels[rows, max(x - border, 0) : x + width + border]
        apart = cv2.distanceTransform((around != label).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        return [int(other) for other in np.unique(around[apart <= reach]) if other not in (0, label)]


def find_parts(mask: Bool[np.ndarray, "height width"], speck: float) -> Parts:
    """Label a mask, and leave out parts smaller than `speck` times the largest. An empty mask has none."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return Parts(np.zeros((0, 0), np.int32), np.zeros(0, int), np.zeros((0, 2)), np.zeros((0, 4), int), (0, 0), 0)
    box = np.ascontiguousarray(mask[top : top + height, left : left + width]).view(np.uint8)
    _, labels, rows, centers = cv2.connectedComponentsWithStats(box, connectivity=8)
    areas = rows[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")
    order = order[areas[order] >= speck * areas.max()]
    renamed = np.zeros(len(rows), np.int32)
    renamed[order + 1] = np.arange(1, len(order) + 1)
    boxes = rows[order + 1, :4] + np.array([left, top, 0, 0])
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0) - (left, top)
    first = boxes[:, :2].min(axis=0) - (left, top)
    labels = renamed[labels[first[1] : bottom, first[0] : right]]
    corner = (int(left + first[0]), int(top + first[1]))
    return Parts(labels, areas[order], centers[order + 1] + (left, top), boxes, corner, int(areas.sum()))


def close_holes(mask: Bool[np.ndarray, "height width"], largest: float) -> Bool[np.ndarray, "height width"]:
    """Fill holes (4-connected) of at most `largest` px; what reaches the array's edge is none.

    Bright spots and thin bars leave small holes in a body. A large one may be real, as where a curled tail touches
    the body: filled, it would say that the animal is where it is not, and no other view could take that back.
    """
    outside = np.pad(~mask, 1, constant_values=True)
    _, labels, rows, _ = cv2.connectedComponentsWithStats(outside.view(np.uint8), connectivity=4)
    small = rows[:, cv2.CC_STAT_AREA] <= largest
    small[[0, labels[0, 0]]] = False  # the mask itself, and what surrounds it
    return np.asarray(mask | small[labels[1:-1, 1:-1]])


def keep_parts(
    parts: Parts, chosen: list[int], shape: tuple[int, int], rule: MaskCleaning
) -> Bool[np.ndarray, "height width"]:
    """Draw some parts in a picture of this shape (height, width), small holes closed."""
    mask = np.zeros(shape, dtype=bool)
    if chosen:
        left, top = parts.corner
        drawn = parts.draw(chosen)
        drawn = close_holes(drawn, rule.hole * np.count_nonzero(drawn))
        mask[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return mask
