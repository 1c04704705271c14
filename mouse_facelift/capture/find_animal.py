"""Rule `find_animal`: a chunk of frames, from masks to where the animal is, what it fills, and what each view shows."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.capture.floor import stated_up
from mouse_facelift.capture.masks.consistency import Cleaned, clean_views
from mouse_facelift.capture.recording import require_mask_size
from mouse_facelift.capture.silhouettes import Silhouette, measure_silhouette
from mouse_facelift.carving.body import Body, find_body
from mouse_facelift.carving.pinholes import see_masks
from mouse_facelift.formats.animal import AnimalChunk, AnimalShapes, ViewState, write_animal
from mouse_facelift.formats.mask_pack import PackedMask, pack_mask, write_packed_masks
from mouse_facelift.formats.opened import Opened
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.rotations import rotation_to_z
from mouse_facelift.geometry.thinning import thin_surface
from mouse_facelift.imaging.recordings import frame_path, read_gray_pictures, read_masks
from mouse_facelift.settings import AnimalWork, Capture

COVER_LIMIT = 0.9  # of a picture; a mask that covers more is one of the background
SURFACE_POINTS, OUTERMOST = 512, 128
PIXELS_PER_VOXEL = 2.5
"""of the pictures in which the animal is carved, at its distance"""

logger = logging.getLogger(__name__)


def find_animal(opened: Path, capture: Capture, work: AnimalWork, chunk: int, animal: Path, masks: Path) -> None:
    """Find the animal in each frame of a chunk, decoding masks once; one frame is in memory at a time.

    Args:
        opened: manifest of the recording (`formats.opened.Opened`); a refused one has no frames.
        capture: its section of the configuration.
        work: how the animal is found.
        chunk: which one, from 0.
        animal: numbers to write (`formats.animal`).
        masks: cleaned masks to write (`formats.mask_pack`).

    Raises:
        FileNotFoundError: a video or picture is not there.
        ValueError: names the file: it cannot be read, or a mask's size is not that of its picture.
    """
    recording = Opened.read(opened)
    numbers = [] if recording.refusal else list(work.chunk_of(capture.frame_numbers, chunk))
    found: list[FoundFrame] = []
    if numbers:
        finder = Finder(recording.calibration(), stated_up(capture.calibration, recording.calibration()), work)
        near = None
        for raw in tqdm(_decode(recording, capture, work, numbers), total=len(numbers), disable=None):
            found.append(finder.find(*raw, near))
            near = found[-1].point
    sizes = [(camera.width, camera.height) for camera in recording.cameras]
    write_packed_masks(masks, numbers, sizes, [frame.masks for frame in found])
    write_animal(animal, *_gather(numbers, len(recording.cameras), found))


@dataclass(frozen=True)
class FoundFrame:
    """One frame, as little as may be: all frames of a chunk are kept. Lists are per view."""

    number: int
    masks: list[PackedMask]
    states: list[ViewState]
    shares: list[float]
    confidences: list[float]
    remarks: list[str]
    silhouettes: list[Silhouette | None]
    sharpness: list[float]
    point: Float[Tensor, "3"] | None
    body: Body | None
    """its surface thinned to SURFACE_POINTS"""


@dataclass(frozen=True)
class Finder:
    """What is the same for all frames."""

    calibration: Calibration
    up: Float[Tensor, "3"]
    work: AnimalWork

    def find(
        self,
        number: int,
        raw: list[Bool[np.ndarray, "_ _"]],
        pictures: list[UInt8[np.ndarray, "_ _"]] | None,
        near: Float[Tensor, "3"] | None,
    ) -> FoundFrame:
        """Clean one frame's masks and find the animal in them.

        Args:
            number: of the frame.
            raw: masks of all views.
            pictures: gray; None: sharpness is not asked for.
            near: where the animal was a frame ago, mm; None: nobody knows.
        """
        inverted = [np.count_nonzero(mask) > COVER_LIMIT * mask.size for mask in raw]
        raw = [np.zeros_like(mask) if wrong else mask for mask, wrong in zip(raw, inverted, strict=True)]
        cleaned = clean_views(raw, self.calibration, self.work.cleaning, near)
        whys = [
            "the mask covers nearly all of the picture, as one of the background does" if wrong else why
            for wrong, why in zip(inverted, cleaned.why, strict=True)
        ]
        silhouettes = [measure_silhouette(mask) if mask.any() else None for mask in cleaned.masks]
        used = [view for view, state in enumerate(cleaned.state) if state in (ViewState.seen, ViewState.cut)]
        body = None if cleaned.point is None else self._body(cleaned, used)
        return FoundFrame(
            number=number,
            masks=list(map(pack_mask, cleaned.masks)),
            states=cleaned.state,
            shares=[
                float(np.count_nonzero(own & given)) / max(int(np.count_nonzero(given)), 1)
                for own, given in zip(cleaned.masks, raw, strict=True)
            ],
            confidences=cleaned.confidence.tolist(),
            remarks=[
                f"frame {number}, {name}: {why}"
                for name, why in zip(self.calibration.names, whys, strict=True)
                if why is not None
            ],
            silhouettes=silhouettes,
            sharpness=[np.nan] * len(raw) if pictures is None else list(map(_sharpness, pictures, cleaned.masks)),
            point=cleaned.point,
            body=body,
        )

    def _body(self, cleaned: Cleaned, used: list[int]) -> Body | None:
        """Carve the animal; None where its silhouettes have no common point, or too few views show it."""
        if len(used) < self.work.least_views or cleaned.point is None:
            return None
        calibration = self.calibration.select([self.calibration.names[view] for view in used])
        size = round(PIXELS_PER_VOXEL * self.work.hull_resolution)
        masks = [cleaned.masks[view] for view in used]
        seen = see_masks(masks, calibration, cleaned.point, rotation_to_z(self.up), size)
        try:
            body = find_body(seen, self.work.hull_resolution)
        except ValueError as error:
            logger.info("%s", error)
            return None
        points, cell = _spread(body)
        return replace(body, surface=torch.from_numpy(points), spacing=cell)


RawMasks = tuple[int, list[Bool[np.ndarray, "_ _"]], list[UInt8[np.ndarray, "_ _"]] | None]


def _decode(recording: Opened, capture: Capture, work: AnimalWork, numbers: Sequence[int]) -> Iterator[RawMasks]:
    """Decode masks of all cameras in step, and pictures where they are asked for."""
    given = capture.given_masks
    masks = [
        read_masks(camera.masks or camera.pictures, given.kind, given.threshold, numbers)
        for camera in recording.cameras
    ]
    looked_at = [] if work.least_sharpness is None else recording.cameras
    pictures = [read_gray_pictures(camera.pictures, numbers) for camera in looked_at]
    for number in numbers:
        raw = [next(view)[1] for view in masks]
        for camera, mask in zip(recording.cameras, raw, strict=True):
            file = str(frame_path(camera.masks or camera.pictures, number))
            size = (camera.width, camera.height)
            require_mask_size(file, (mask.shape[1], mask.shape[0]), str(frame_path(camera.pictures, number)), size)
        yield number, raw, [next(view)[1] for view in pictures] if pictures else None


def _sharpness(picture: UInt8[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]) -> float:
    """Variance of the Laplacian in the animal's box; NaN without an animal.

    Source: J. L. Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if min(width, height) < 3:
        return float("nan")
    return float(cv2.Laplacian(picture[y : y + height, x : x + width], cv2.CV_32F).var())


def _spread(body: Body) -> tuple[Float32[np.ndarray, "point 3"], float]:
    """Take `SURFACE_POINTS` points of a hull's surface: one of each cell of a grid, and outermost ones, such as feet.

    Returns them and the cells' edge.
    """
    points, cell = body.surface.numpy(), body.spacing
    outermost = thin_surface(body.surface, OUTERMOST).numpy()
    while True:
        _, first = np.unique(np.floor(points / cell).astype(np.int64), axis=0, return_index=True)
        if len(first) <= SURFACE_POINTS - OUTERMOST:
            kept = np.union1d(first, outermost)
            return points[np.resize(kept, SURFACE_POINTS)].astype(np.float32), cell
        cell *= max((len(first) / (SURFACE_POINTS - OUTERMOST)) ** 0.5, 1.02)


def _gather(numbers: Sequence[int], views: int, found: Sequence[FoundFrame]) -> tuple[AnimalChunk, AnimalShapes]:
    """Stack what was found in all frames."""
    frames = len(found)

    def per_view(values: list[list[float]]) -> Float[np.ndarray, "view frame"]:
        return np.array(values, np.float64).reshape(frames, views).T.copy()

    def per_frame(values: list[Tensor | None]) -> Float[np.ndarray, "frame 3"]:
        rows = [np.full(3, np.nan) if value is None else value.numpy() for value in values]
        return np.array(rows, np.float64).reshape(frames, 3)

    bodies = [frame.body for frame in found]
    centers = [
        [(np.nan, np.nan) if one is None else one.center.tolist() for one in frame.silhouettes] for frame in found
    ]
    areas = per_view([[0.0 if one is None else float(one.area) for one in frame.silhouettes] for frame in found])
    chunk = AnimalChunk(
        frames=np.array(numbers, np.int64),
        states=per_view([list(map(float, frame.states)) for frame in found]).astype(np.uint8),
        areas=areas.astype(np.int64),
        centers=np.array(centers, np.float64).reshape(frames, views, 2).swapaxes(0, 1).copy(),
        shares=per_view([frame.shares for frame in found]),
        confidences=per_view([frame.confidences for frame in found]),
        sharpness=per_view([frame.sharpness for frame in found]),
        points=per_frame([frame.point for frame in found]),
        body_centers=per_frame([None if body is None else body.center for body in bodies]),
        centroids=per_frame([None if body is None else body.centroid for body in bodies]),
        extents=per_frame([None if body is None else body.extent for body in bodies]),
        radii=np.array([np.nan if body is None else body.radius for body in bodies], np.float64),
        remarks=tuple(remark for frame in found for remark in frame.remarks),
    )
    return chunk, _shapes(views, found)


def _shapes(views: int, found: Sequence[FoundFrame]) -> AnimalShapes:
    outlines = [frame.silhouettes[view] for view in range(views) for frame in found]
    longest = max([1, *(len(one.outline) for one in outlines if one is not None)])
    vertices = np.full((len(outlines), longest, 2), np.nan, np.float32)
    for row, one in enumerate(outlines):
        if one is not None:
            vertices[row] = one.outline[np.minimum(np.arange(longest), len(one.outline) - 1)]
    nowhere = np.full((SURFACE_POINTS, 3), np.nan, np.float32), np.nan
    bodies = [frame.body for frame in found]
    surfaces = [nowhere if body is None else (body.surface.numpy(), body.spacing) for body in bodies]
    return AnimalShapes(
        outlines=vertices.reshape(views, len(found), longest, 2),
        surfaces=np.array([surface for surface, _ in surfaces], np.float32).reshape(len(found), SURFACE_POINTS, 3),
        spacings=np.array([spacing for _, spacing in surfaces], np.float64),
    )
