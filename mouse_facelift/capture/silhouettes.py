"""What the masks of a recording say of the animal: how large it is in each picture, and where."""

from collections.abc import Collection, Sequence
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
_EDGE_MIDDLES = np.array([(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)], dtype=np.float32)

Kept = dict[int, list[Bool[np.ndarray, "_ _"]]]
"""masks of all views, by the frame's number"""


@dataclass(frozen=True)
class Silhouettes:
    """Largest component of each mask."""

    areas: Int[Tensor, "view frame"]
    """px"""
    centers: Float[Tensor, "view frame 2"]
    """px, OpenCV pixel origin"""
    shares: Float[Tensor, "view frame"]
    """part of the mask that the component makes up, 0 to 1"""
    outlines: list[list[Float[np.ndarray, "_ 2"]]]
    """per view and frame: convex outline, px, OpenCV pixel origin"""
    whole: Bool[Tensor, "view frame"]
    """False where the component reaches the picture's edge"""
    kept: Kept
    """by frame number: the masks of all views"""


@dataclass(frozen=True)
class Component:
    """Largest 8-connected part of a mask."""

    area: int
    """px"""
    center: Float[Tensor, "2"]
    """px, OpenCV pixel origin"""
    outline: Float[np.ndarray, "vertex 2"]
    """convex, through the middles of the outer pixels' outer edges; px, OpenCV pixel origin"""
    whole: bool
    """it does not reach the picture's edge"""


def measure_silhouettes(
    recording: Recording,
    cameras: Sequence[str],
    kind: MaskKind,
    threshold: int,
    numbers: Sequence[int],
    keep: Collection[int],
) -> Silhouettes:
    """Decode the masks of some frames, each file once from its start, and keep those of the frames in `keep`.

    Raises:
        ValueError: names file, frame and camera of masks that are empty or cover nearly all of the picture, or are of
            another size than it; a video that ends too early or is damaged.
    """
    areas = torch.zeros(len(cameras), len(numbers), dtype=torch.int64)
    centers = torch.zeros(len(cameras), len(numbers), 2, dtype=torch.float64)
    shares = torch.zeros(len(cameras), len(numbers), dtype=torch.float64)
    whole = torch.zeros(len(cameras), len(numbers), dtype=torch.bool)
    outlines: list[list[Float[np.ndarray, "_ 2"]]] = [[] for _ in cameras]
    kept: Kept = {number: [] for number in keep}
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
                found = largest_component(mask)
                areas[view, column], centers[view, column] = found.area, found.center
                shares[view, column], whole[view, column] = found.area / covered, found.whole
                outlines[view].append(found.outline)
            if number in kept:
                kept[number].append(mask)
            progress.update()
    progress.close()
    if faults:
        rest = [f"... and {len(faults) - _LISTED} more masks"] if len(faults) > _LISTED else []
        raise ValueError("\n".join(faults[:_LISTED] + rest))
    return Silhouettes(areas, centers, shares, outlines, whole, kept)


def largest_component(mask: Bool[np.ndarray, "height width"]) -> Component:
    """Find the largest 8-connected part of a mask.

    Raises:
        ValueError: the mask is empty.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))  # ten times less to label
    if not width:
        raise ValueError("found 0 px in a mask")
    box = mask[y : y + height, x : x + width].astype(np.uint8)
    _, labels, rows, centers = cv2.connectedComponentsWithStats(box, connectivity=8)
    largest = 1 + int(np.argmax(rows[1:, cv2.CC_STAT_AREA]))  # 0 is the background
    part = np.pad(labels == largest, 1)
    rim, _ = cv2.findContours(part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x - 1, y - 1))
    hull = cv2.convexHull(np.concatenate(rim))[:, 0].astype(np.float32)
    outline = cv2.convexHull((hull[:, None] + _EDGE_MIDDLES).reshape(-1, 2))[:, 0].astype(np.float64)
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    inside = left > 0 and top > 0 and right < mask.shape[1] - 1 and bottom < mask.shape[0] - 1
    return Component(
        int(rows[largest, cv2.CC_STAT_AREA]), torch.from_numpy(centers[largest] + (x, y)), outline, bool(inside)
    )
