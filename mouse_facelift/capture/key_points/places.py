"""Where the animal is by key points that its laboratory has."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from mouse_facelift.capture.key_points.points import animal_places
from mouse_facelift.capture.key_points.readers import read_key_points
from mouse_facelift.settings import KeyPointsFile

APART = 1.0
"""of the animal's radius: key points further from its hull's middle in half of the frames are of another world"""


def place_by_key_points(
    file: KeyPointsFile,
    frames: Int64[np.ndarray, "frame"],
    body_centers: Float[Tensor, "frame 3"],
    radii: Float[Tensor, "frame"],
) -> Float[Tensor, "frame 3"]:
    """Place the animal in each frame, mm; NaN where its points are not there.

    Args:
        file: what the configuration says of it.
        frames: numbers in the recording, rising.
        body_centers: middles of the animal's hull, mm, with which the points must agree roughly; NaN without a hull.
        radii: of the hull, mm.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file: it cannot be read, lacks a point, has none for these frames, or its points are not
            where the masks see the animal.
    """
    key_points = read_key_points(Path(file.path), file.format)
    try:
        found = animal_places(key_points, file.points, file.least) * file.millimeters_per_unit
    except ValueError as error:
        raise ValueError(f"{file.path}: {error}") from error
    places = torch.full((len(frames), 3), torch.nan, dtype=torch.float64)
    _, here, there = np.intersect1d(frames, key_points.frames.numpy(), return_indices=True)
    places[here] = found[there]
    apart = torch.linalg.vector_norm(places - body_centers, dim=-1) / radii
    known = apart[apart.isfinite()]
    if not len(known):
        first, last = int(key_points.frames[0]), int(key_points.frames[-1])
        raise ValueError(
            f"{file.path}: frames: found {first} to {last}, none of which, of those asked for"
            f" ({int(frames[0])} to {int(frames[-1])}), has both key points and a hull of the masks"
        )
    if float(known.median()) > APART:
        raise ValueError(
            f"{file.path}: its points stand {float(known.median()):.1f} times the animal's radius from where the masks"
            f" see it (median), expected at most {APART:g}: another world, unit (millimeters_per_unit is"
            f" {file.millimeters_per_unit}) or numbering of frames?"
        )
    return places
