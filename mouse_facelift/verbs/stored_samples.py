"""Sample folders as they are, once they keep the contract."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.formats.sample_folder import CAMERAS_FILE, read_camera_frames, read_sample
from mouse_facelift.geometry.contract import require_contract, subject_violations
from mouse_facelift.settings import CameraContract
from mouse_facelift.verbs.check_sample import view_names
from mouse_facelift.verbs.moments import Moment
from mouse_facelift.verbs.subject import find_subject


@dataclass(frozen=True)
class StoredSamples:
    """Folders in FaceLift's layout, a frame each."""

    folders: tuple[Path, ...]
    contract: CameraContract
    hull_resolution: int
    """voxels along an edge, by which it is told how far the subject reaches"""

    @property
    def files(self) -> list[Path]:
        return [path for folder in self.folders for path in sorted(folder.rglob("*")) if path.is_file()]

    def __len__(self) -> int:
        return len(self.folders)

    def moments(self) -> Iterator[Moment]:
        """Read them. Raises as `Source.moments`."""
        for folder in self.folders:
            yield self._read(folder)

    def _read(self, folder: Path) -> Moment:
        sample = read_sample(folder)
        names = view_names(read_camera_frames(folder / CAMERAS_FILE))
        require_contract(sample.cameras, self.contract, str(folder))
        for name, alpha in zip(names, sample.alpha, strict=True):
            if bool((alpha == 1).all()):
                raise ValueError(
                    f"{folder}: view {name}: opaque everywhere: found no mask, expected the animal's as its alpha"
                )
        remarks: tuple[str, ...] = ()
        radius = self.contract.subject_radius
        try:
            subject = find_subject(sample, self.hull_resolution)
        except ValueError as error:
            remarks = (f"how far the animal reaches cannot be told, {radius} is taken: {error}",)
        else:
            if broken := subject_violations([(subject.center, subject.radius)], self.contract):
                raise ValueError(f"{folder}: {broken[0]}")
            radius = subject.reach
        return Moment(str(folder), sample, tuple(names), radius, (), None, None, remarks)
