"""What a reconstruction leaves: Gaussians, the views that went in, a turntable, and a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.sample_folder import write_sample
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.imaging.pictures import write_rgba
from mouse_facelift.settings import CameraContract, Compute, Exports
from mouse_facelift.verbs.moments import Moment
from mouse_facelift.verbs.record import ReconstructedFrame
from mouse_facelift.viewing.cleaned_files import write_cleaned
from mouse_facelift.viewing.orbit import contract_orbit
from mouse_facelift.viewing.turntable import turn, write_turn

GAUSSIANS, VIEWS = "gaussians", "views"  # folders
MP4, GIF = "turntable.mp4", "turntable.gif"
PHOTOGRAPH = "photograph.png"


@dataclass(frozen=True)
class Outputs:
    """Files of one reconstruction, in a folder that becomes whole later."""

    folder: Path
    contract: CameraContract
    exports: Exports
    compute: Compute
    origins: tuple[LicensedWeights, ...]
    """weights behind the Gaussians"""
    frames: list[ReconstructedFrame] = field(default_factory=list)

    def add(self, moment: Moment, predicted: Gaussians) -> None:
        """Clean up the Gaussians of a frame as rule `export_models` does, and write them, and the views."""
        name = f"frame_{len(self.frames):06d}"
        views, ply, spz = f"{VIEWS}/{name}", f"{GAUSSIANS}/{name}.ply", f"{GAUSSIANS}/{name}.spz"
        cleaned = write_cleaned(
            self.folder / ply, self.folder / spz, predicted, moment.sample, self.exports, self.origins
        )
        (self.folder / views).mkdir(parents=True)
        write_sample(self.folder / views, moment.sample, moment.view_names)
        if moment.photograph is not None:
            write_rgba(self.folder / views / PHOTOGRAPH, moment.photograph)
        self.frames.append(
            ReconstructedFrame(
                name=name,
                source=moment.source,
                views=views,
                view_names=moment.view_names,
                photograph=None if moment.photograph is None else f"{views}/{PHOTOGRAPH}",
                residuals=moment.residuals,
                subject_radius=moment.subject_radius,
                ply=ply,
                spz=spz,
                predicted=len(predicted),
                faint=cleaned.faint,
                outside=cleaned.outside,
                kept=len(cleaned.gaussians),
                remarks=moment.remarks,
            )
        )

    @property
    def radius(self) -> float:
        """World units that the animal reaches in any frame."""
        return max(frame.subject_radius for frame in self.frames)

    def draw_turntable(self) -> None:
        """Let a camera circle the animal once; of a sequence every frame is shown, one after the other."""
        table = self.exports.turntable
        table = table.model_copy(update={"frames": max(table.frames, len(self.frames))})
        scenes = _StoredScenes([self.folder / frame.ply for frame in self.frames])
        captions = [frame.name for frame in self.frames]
        turned = list(turn(scenes, captions, contract_orbit(self.contract), self.radius, table, self.compute.renderer))
        write_turn(self.folder / MP4, self.folder / GIF, turned, table.rate)


class _StoredScenes(Sequence[Gaussians]):
    """Scenes that are read when they are asked for: a long sequence does not fit into memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, number: int) -> Gaussians: ...
    @overload
    def __getitem__(self, number: slice) -> "_StoredScenes": ...
    def __getitem__(self, number: int | slice) -> "Gaussians | _StoredScenes":
        if isinstance(number, slice):
            return _StoredScenes(self._paths[number])
        return read_ply(self._paths[number])
