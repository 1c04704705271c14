"""What a mask says of the animal: how large it is in the picture, where, and between which lines it lies."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

_EDGE_MIDDLES = np.array([(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)], dtype=np.float32)


@dataclass(frozen=True)
class Silhouette:
    """A mask that is not empty."""

    area: int
    """px"""
    center: Float[Tensor, "2"]
    """px, OpenCV pixel origin"""
    outline: Float[np.ndarray, "vertex 2"]
    """convex, through the middles of the outer pixels' outer edges; px, OpenCV pixel origin"""
    whole: bool
    """it does not reach the picture's edge"""


def measure_silhouette(mask: Bool[np.ndarray, "height width"]) -> Silhouette:
    """Measure a mask, all parts of it together.

    Raises:
        ValueError: the mask is empty.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        raise ValueError("found 0 px in a mask")
    part = mask[y : y + height, x : x + width].astype(np.uint8)
    moments = cv2.moments(part, binaryImage=True)
    center = torch.tensor([x + moments["m10"] / moments["m00"], y + moments["m01"] / moments["m00"]]).double()
    rim, _ = cv2.findContours(np.pad(part, 1), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x - 1, y - 1))
    hull = cv2.convexHull(np.concatenate(rim))[:, 0].astype(np.float32)
    outline = cv2.convexHull((hull[:, None] + _EDGE_MIDDLES).reshape(-1, 2))[:, 0].astype(np.float64)
    whole = x > 0 and y > 0 and x + width < mask.shape[1] and y + height < mask.shape[0]
    return Silhouette(int(moments["m00"]), center, outline, whole)
