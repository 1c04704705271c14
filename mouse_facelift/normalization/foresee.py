"""Rule `foresee_normalization`: what each way to the contract will do to a capture's views, before it is gone."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.carving.pinholes import sampling_maps
from mouse_facelift.carving.viewpoints import Session
from mouse_facelift.formats.animal import read_surfaces
from mouse_facelift.formats.foreseen import Foreseen, ForeseenView, ForeseenWay
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.mask_pack import MaskPack
from mouse_facelift.formats.predictions import spread
from mouse_facelift.formats.verdict import Found
from mouse_facelift.formats.views import ViewResidual
from mouse_facelift.geometry.hull import visible
from mouse_facelift.geometry.lenses import project
from mouse_facelift.normalization.frame import Animal, animal_of, place_frame, require_small_residuals
from mouse_facelift.normalization.viewpoints import measure_residuals, open_session
from mouse_facelift.settings import CameraContract, Normalization, NormalizationWork

FRAMES = 12
"""at most so many are looked at, spread evenly"""
FINE = 256
"""cells along the picture, in which it is told what the animal covers"""


@dataclass(frozen=True)
class _LookedAt:
    """One frame, with the views that show the animal."""

    frame: int
    session: Session
    animal: Animal
    masks: list[Bool[np.ndarray, "_ _"]]


def foresee_normalization(
    found: Path,
    normalizations: dict[str, Normalization],
    contract: CameraContract,
    work: NormalizationWork,
    foreseen: Path,
) -> None:
    """Place the views of some frames, without looking at their pictures, and measure what comes of it.

    Args:
        found: what `measure_capture` found (`formats.verdict.Found`); a refused capture foresees nothing.
        normalizations: rows of the configuration, by name.
        contract: the camera contract.
        work: as the normalizations are done.
        foreseen: to write (`formats.foreseen.Foreseen`).
    """
    seen = Found.read(found)
    if seen.frames is None:
        Foreseen(capture=seen.measured.capture, frames=(), ways=()).write(foreseen)
        return
    session = open_session(seen.frames, contract)
    looked_at = _look_at(seen.frames, session)
    Foreseen(
        capture=seen.frames.capture,
        frames=tuple(one.frame for one in looked_at),
        ways=tuple(
            _foresee(name, normalization, contract, work, session.calibration.names, looked_at)
            for name, normalization in normalizations.items()
        ),
    ).write(foreseen)


def _look_at(frames: Frames, session: Session) -> list[_LookedAt]:
    """Read what was found in some frames; each chunk's files are read once."""
    looked_at = []
    for chunk, subjects in groupby(spread(frames.subjects, FRAMES), key=lambda subject: frames.chunks[subject.chunk]):
        surfaces, pack = read_surfaces(Path(chunk.animal)), MaskPack(Path(chunk.masks))
        for subject in subjects:
            masks = pack.masks(subject.frame)
            looked_at.append(
                _LookedAt(
                    subject.frame,
                    session.of_views(subject.views),
                    animal_of(subject, surfaces),
                    [masks[view] for view in subject.views],
                )
            )
    return looked_at


def _foresee(
    name: str,
    normalization: Normalization,
    contract: CameraContract,
    work: NormalizationWork,
    cameras: list[str],
    looked_at: list[_LookedAt],
) -> ForeseenWay:
    of_camera: dict[str, list[ForeseenView]] = {camera: [] for camera in cameras}
    refusal = None
    for one in looked_at:
        try:
            views = _views(one, normalization, contract, work)
            for view in views:
                of_camera[view.camera].append(view)
            require_small_residuals(normalization, [view.camera for view in views], [view.residual for view in views])
        except ValueError as error:
            refusal = refusal or f"frame {one.frame}: {error}"
    return ForeseenWay(
        normalization=name,
        mode=normalization.mode,
        honest=normalization.honest,
        refusal=refusal,
        views=tuple(_typical(views) for views in of_camera.values() if views),
    )


def _views(
    one: _LookedAt, normalization: Normalization, contract: CameraContract, work: NormalizationWork
) -> list[ForeseenView]:
    session, animal = one.session, one.animal
    placed = place_frame(session, animal, one.masks, normalization, contract, work.hull_resolution)
    surface = placed.similarity.points(animal.surface)
    spacing = animal.spacing * placed.similarity.scale
    residuals = measure_residuals(placed, surface, spacing)
    seen = visible(surface, placed.taken, spacing)
    maps = sampling_maps(session.calibration, placed.similarity, placed.taken)
    distances = torch.linalg.vector_norm(placed.told.centers - placed.similarity.points(animal.center), dim=-1)
    views = []
    for view, camera in enumerate(session.calibration.names):
        pixels = placed.taken.project(surface)[view]
        size = placed.taken.width
        inside = ((pixels >= 0) & (pixels <= size)).all(dim=-1) & _in_raw(session, view, animal.surface)
        views.append(
            ForeseenView(
                camera=camera,
                residual=residuals[view],
                magnification=maps[view].magnification,
                clipped=float((~inside & seen[view]).sum() / seen[view].sum().clamp_min(1)),
                filled=_filled(
                    pixels, spacing * float(placed.taken.intrinsics[view, 0, 0]) / float(distances[view]), size
                ),
                distance=(float(distances[view]), float(distances[view])),
            )
        )
    return views


def _in_raw(session: Session, view: int, surface: Float[Tensor, "point 3"]) -> Tensor:
    """Tell which points of the surface, mm, lie in the raw picture."""
    calibration = session.calibration
    assert calibration.image_sizes is not None
    raw = project(
        surface, calibration.intrinsics[view], calibration.distortion[view], calibration.world_to_camera[view]
    )
    return ((raw >= -0.5) & (raw <= calibration.image_sizes[view] - 0.5)).all(dim=-1)


def _filled(pixels: Float[Tensor, "point 2"], reach: float, size: int) -> float:
    """Part of a picture within `reach` / 2 px of the points: about what a surface sampled so far apart covers."""
    columns, rows = (pixels * FINE / size).floor().long().T.numpy()
    inside = (columns >= 0) & (columns < FINE) & (rows >= 0) & (rows < FINE)
    covered = np.zeros((FINE, FINE), np.uint8)
    covered[rows[inside], columns[inside]] = 1
    disc = 2 * round(reach / 2 * FINE / size) + 1
    grown = cv2.dilate(covered, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (disc, disc)))
    return float(grown.mean())


def _typical(views: list[ForeseenView]) -> ForeseenView:
    """One camera over several frames."""

    def median(values: list[float]) -> float:
        return float(torch.tensor(values, dtype=torch.float64).quantile(0.5))

    distances = [view.distance[0] for view in views]
    return ForeseenView(
        camera=views[0].camera,
        residual=ViewResidual(
            p50=median([view.residual.p50 for view in views]),
            p95=median([view.residual.p95 for view in views]),
            max=max(view.residual.max for view in views),
        ),
        magnification=median([view.magnification for view in views]),
        clipped=max(view.clipped for view in views),
        filled=median([view.filled for view in views]),
        distance=(min(distances), max(distances)),
    )
