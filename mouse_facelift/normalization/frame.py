"""One frame: find the animal, place the views, check them, take the pictures, write the sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from mouse_facelift.carving.pinholes import sampling_maps
from mouse_facelift.carving.rectify import rectified_maps, rectify
from mouse_facelift.carving.viewpoints import Session, Viewpoints, place_views
from mouse_facelift.formats.frames import Subject
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.views import PosedSample, ViewResidual, describe_taken, write_depths
from mouse_facelift.formats.whole import checksums, whole_folder
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.geometry.rig import rig_angles
from mouse_facelift.imaging.resample import resample
from mouse_facelift.normalization.raw import RawFrame
from mouse_facelift.normalization.relabel import relabel_views
from mouse_facelift.normalization.viewpoints import UP, measure_residuals
from mouse_facelift.settings import CameraContract, Moved, Normalization, Relabel


@dataclass(frozen=True)
class Animal:
    """Where the animal is in one frame, mm in the file's world."""

    center: Float[Tensor, "3"]
    radius: float
    """no part lies further from the center"""
    surface: Float[Tensor, "point 3"]
    spacing: float
    """of the surface's points"""


@dataclass(frozen=True)
class FrameNormalizer:
    """What is the same for all frames of a chunk."""

    capture: str
    view_names: tuple[str, ...]
    session: Session
    normalization: Normalization
    contract: CameraContract
    hull_resolution: int
    """voxels along an edge, of the hull through which views are rectified"""

    def write(self, folder: Path, subject: Subject, raw: RawFrame, animal: Animal) -> tuple[PosedSample, list[str]]:
        """Write one frame's sample folder; return how it was made, and in what its cameras break the contract.

        The sample holds the views that show the animal, in the order of the capture's cameras.

        Raises:
            ValueError: names capture and frame: see `normalize_views`.
        """
        names = tuple(self.view_names[view] for view in subject.views)
        session = self.session.of_views(subject.views)
        try:
            masks = [raw.masks[view] for view in subject.views]
            placed = place_frame(session, animal, masks, self.normalization, self.contract, self.hull_resolution)
            violations = self._violations(animal, placed)
            similarity = placed.similarity
            surface, spacing = similarity.points(animal.surface), animal.spacing * similarity.scale
            residuals = measure_residuals(placed, surface, spacing)
            require_small_residuals(self.normalization, names, residuals)
        except ValueError as error:
            raise ValueError(f"capture {self.capture}: frame {subject.frame}: {error}") from error
        if placed.rectification:
            maps = rectified_maps(session, placed, placed.rectification)
        else:
            maps = sampling_maps(session.calibration, placed.similarity, placed.taken, masks)
        pictures = [raw.pictures[view] for view in subject.views]
        images = [resample(*view) for view in zip(pictures, masks, maps, strict=True)]
        name = f"{self.capture}_{subject.frame:06d}"
        sample = Sample(name, placed.told, torch.from_numpy(np.stack(images)))
        with whole_folder(folder) as partial:
            write_sample(partial, sample, names)
            if placed.rectification:
                write_depths(partial, placed.rectification.depths)
            found = checksums(partial)
        angles = rig_angles(placed.told.centers, placed.similarity.points(animal.center), tensor(UP))
        posed = PosedSample.model_validate(
            {
                "folder": folder.name,
                "frame": subject.frame,
                "view_names": names,
                "azimuths": angles.azimuth.tolist(),
                "scale": placed.similarity.scale,
                "rotation": placed.similarity.rotation.tolist(),
                "center": placed.similarity.center.tolist(),
                "subject_center": placed.similarity.points(animal.center).tolist(),
                "subject_radius": animal.radius * placed.similarity.scale,
                "residuals": residuals,
                "taken": describe_taken(placed.taken),
                "rectified": placed.rectification is not None,
                "magnification": [sampling.magnification for sampling in maps],
                "checksums": found,
            }
        )
        return posed, violations

    def _violations(self, animal: Animal, placed: Viewpoints) -> list[str]:
        """What the cameras break. An honest way must break nothing, nor may its subject reach too far."""
        violations = contract_violations(placed.told, self.contract)
        if not self.normalization.honest:
            return violations
        radius = animal.radius * placed.similarity.scale
        if found := violations + subject_violations([((0.0, 0.0, 0.0), radius)], self.contract):
            listed = "\n  ".join(found)
            raise ValueError(f"{self.normalization.mode}: the views break the contract:\n  {listed}")
        return violations


def animal_of(subject: Subject, surfaces: Mapping[int, tuple[Float32[np.ndarray, "point 3"], float]]) -> Animal:
    """Join what the manifest and a chunk's file say of the animal; see `formats.animal.read_surfaces`."""
    surface, spacing = surfaces[subject.frame]
    return Animal(tensor(subject.center), subject.radius, torch.from_numpy(surface).double(), spacing)


def place_frame(
    session: Session,
    animal: Animal,
    masks: Sequence[Bool[np.ndarray, "_ _"]],
    normalization: Normalization,
    contract: CameraContract,
    hull_resolution: int,
) -> Viewpoints:
    """Place the views of one frame, in whatever way; `masks` are raw, one for each camera of the session."""
    if isinstance(normalization, Relabel):
        return relabel_views(session, animal.center, masks, normalization, contract)
    placed = place_views(session, animal.center, animal.radius, normalization, contract)
    if isinstance(normalization, Moved) and normalization.rectify:
        return replace(placed, rectification=rectify(session, placed, masks, animal.center, hull_resolution))
    return placed


def require_small_residuals(
    normalization: Normalization, names: Sequence[str], residuals: Sequence[ViewResidual]
) -> None:
    """Raise ValueError for the first of a frame's views whose residual is above the limit, where there is one."""
    if not isinstance(normalization, Moved):
        return
    for name, residual in zip(names, residuals, strict=True):
        if residual.p95 > normalization.residual_limit:
            raise ValueError(
                f"view {name}: {normalization.mode}: found a residual of {residual.p95:.2f} px"
                f" (95th percentile over the animal), residual_limit is {normalization.residual_limit} px"
            )
