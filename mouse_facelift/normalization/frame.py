"""One frame: find the animal, place the views, check them, take the pictures, write the sample."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mouse_facelift.formats.frames import Subject
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.views import PosedSample, ViewResidual, describe_taken, write_depths
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.imaging.resample import resample
from mouse_facelift.normalization.body import Body, find_body
from mouse_facelift.normalization.raw import RawFrame
from mouse_facelift.normalization.rectify import rectified_maps, rectify
from mouse_facelift.normalization.relabel import relabel_views
from mouse_facelift.normalization.viewpoints import (
    Session,
    Viewpoints,
    measure_residuals,
    place_views,
    sampling_maps,
)
from mouse_facelift.settings import CameraContract, Contract, Fill, Normalization, Relabel


@dataclass(frozen=True)
class FrameNormalizer:
    """What is the same for all frames of a chunk."""

    capture: str
    view_names: tuple[str, ...]
    session: Session
    normalization: Normalization
    contract: CameraContract
    hull_resolution: int

    def write(self, folder: Path, subject: Subject, raw: RawFrame) -> tuple[PosedSample, list[str]]:
        """Write one frame's sample folder; return how it was made, and in what its cameras break the contract.

        Raises:
            ValueError: names capture and frame: see `normalize_views`.
        """
        try:
            body, placed = self._place(subject, raw)
            violations = self._violations(body, placed)
            residuals = self._residuals(body, placed)
        except ValueError as error:
            raise ValueError(f"capture {self.capture}: frame {subject.frame}: {error}") from error
        if placed.rectification:
            maps = rectified_maps(self.session, placed, placed.rectification)
        else:
            maps = sampling_maps(self.session.calibration, placed.similarity, placed.taken, raw.masks)
        images = [resample(*view) for view in zip(raw.pictures, raw.masks, maps, strict=True)]
        name = f"{self.capture}_{subject.frame:06d}"
        sample = Sample(name, placed.told, torch.from_numpy(np.stack(images)))
        with whole_folder(folder) as partial:
            write_sample(partial, sample, self.view_names)
            if placed.rectification:
                write_depths(partial, placed.rectification.depths)
            checksums = {
                path.relative_to(partial).as_posix(): sha256(path)
                for path in sorted(partial.rglob("*"))
                if path.is_file()
            }
        posed = PosedSample.model_validate(
            {
                "folder": folder.name,
                "frame": subject.frame,
                "scale": placed.similarity.scale,
                "rotation": placed.similarity.rotation.tolist(),
                "center": placed.similarity.center.tolist(),
                "subject_center": placed.similarity.points(body.center).tolist(),
                "subject_radius": body.radius * placed.similarity.scale,
                "residuals": residuals,
                "taken": describe_taken(placed.taken),
                "rectified": placed.rectification is not None,
                "magnification": [sampling.magnification for sampling in maps],
                "checksums": checksums,
            }
        )
        return posed, violations

    def _place(self, subject: Subject, raw: RawFrame) -> tuple[Body, Viewpoints]:
        near, allowed = tensor(subject.center), self.contract.subject_radius
        body = find_body(self.session, raw.masks, near, allowed, self.hull_resolution)
        if isinstance(self.normalization, Relabel):
            return body, relabel_views(self.session, body.center, raw.masks, self.normalization, self.contract)
        placed = place_views(self.session, body.center, body.radius, self.normalization, self.contract)
        if isinstance(self.normalization, Contract | Fill) and self.normalization.rectify:
            rectification = rectify(self.session, placed, raw.masks, body.center, self.hull_resolution)
            return body, replace(placed, rectification=rectification)
        return body, placed

    def _violations(self, body: Body, placed: Viewpoints) -> list[str]:
        """What the cameras break. An honest way must break nothing, nor may its subject reach too far."""
        violations = contract_violations(placed.told, self.contract)
        if not self.normalization.honest:
            return violations
        radius = body.radius * placed.similarity.scale
        if found := violations + subject_violations([((0.0, 0.0, 0.0), radius)], self.contract):
            listed = "\n  ".join(found)
            raise ValueError(f"{self.normalization.mode}: the views break the contract:\n  {listed}")
        return violations

    def _residuals(self, body: Body, placed: Viewpoints) -> tuple[ViewResidual, ...]:
        similarity = placed.similarity
        residuals = measure_residuals(placed, similarity.points(body.surface), body.spacing * similarity.scale)
        if isinstance(self.normalization, Contract | Fill):
            limit = self.normalization.residual_limit
            for name, residual in zip(self.view_names, residuals, strict=True):
                if residual.p95 > limit:
                    raise ValueError(
                        f"view {name}: {self.normalization.mode}: found a residual of {residual.p95:.2f} px"
                        f" (95th percentile over the animal), residual_limit is {limit} px"
                    )
        return residuals
