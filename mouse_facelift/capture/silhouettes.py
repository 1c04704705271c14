"""What the masks of a recording say of the animal: how large it is in each picture, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.capture.recording import Recording, require_mask_size
from mouse_facelift.imaging.recordings import MaskKind, frame_path, read_masks

COVER_LIMIT = 0.9  # of a picture; a mask that covers more is one of the background
_LISTED = 12


@dataclass(frozen=True)
class Silhouettes:
    """Largest component of each mask."""

    areas: Int[Tensor, "view frame"]
    """px"""
    centers: Float[Tensor, "view frame 2"]
    """px, OpenCV pixel origin"""
    shares: Float[Tensor, "view frame"]
    """part of the mask that the component makes up, 0 to 1"""


def measure_silhouettes(
    recording: Recording, cameras: Sequence[str], kind: MaskKind, threshold: int, numbers: Sequence[int]
) -> Silhouettes:
    """Decode the masks of some frames, each file once from its start, and keep no picture.

    Raises:
        ValueError: names file, frame and camera of masks that are empty or cover nearly all of the picture, or are of
            another size than it; a video that ends too early or is damaged.
    """
    areas = torch.zeros(len(cameras), len(numbers), dtype=torch.int64)
    centers = torch.zeros(len(cameras), len(numbers), 2, dtype=torch.float64)
    shares = torch.zeros(len(cameras), len(numbers), dtype=torch.float64)
    faults = []
    progress = tqdm(total=areas.numel(), desc="masks", unit="mask", disable=None)
    for view, camera in enumerate(cameras):
        pictures = recording.pictures[view]
        pattern = recording.masks[view] or pictures
        for column, (number, mask) in enumerate(read_masks(pattern, kind, threshold, numbers)):
            file = str(frame_path(pattern, number))
            size = (mask.shape[1], mask.shape[0])
            require_mask_size(file, size, str(frame_path(pictures, number)), recording.sizes[view])
            covered = int(np.count_nonzero(mask))
            if not 0 < covered <= COVER_LIMIT * mask.size:
                faults.append(
                    f"{file}: frame {number}, camera {camera}: found {covered} px of {mask.size} above {threshold},"
                    f" expected the animal before a background"
                )
            else:
                areas[view, column], centers[view, column] = largest_component(mask)
                shares[view, column] = float(areas[view, column]) / covered
            progress.update()
    progress.close()
    if faults:
        rest = [f"... and {len(faults) - _LISTED} more masks"] if len(faults) > _LISTED else []
        raise ValueError("\n".join(faults[:_LISTED] + rest))
    return Silhouettes(areas, centers, shares)


def largest_component(mask: Bool[np.ndarray, "height width"]) -> tuple[int, Float[Tensor, "2"]]:
    """Find the largest 8-connected part of a mask: its area in px and its center, OpenCV pixel origin.

    Raises:
        ValueError: the mask is empty.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))  # ten times less to label
    if not width:
        raise ValueError("found 0 px in a mask")
    box = mask[y : y + height, x : x + width].astype(np.uint8)
    _, _, rows, centers = cv2.connectedComponentsWithStats(box, connectivity=8)
    largest = 1 + int(np.argmax(rows[1:, cv2.CC_STAT_AREA]))  # 0 is the background
    return int(rows[largest, cv2.CC_STAT_AREA]), torch.from_numpy(centers[largest] + (x, y))
