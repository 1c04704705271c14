"""The sample table: which sample folders there are, of which split. Captured and generated views look alike here."""

from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.manifest import Manifest, Record, Vector
from mouse_facelift.formats.sample_folder import (
    CAMERAS_FILE,
    Sample,
    camera_frames_to_cameras,
    read_camera_frames,
    read_sample,
)
from mouse_facelift.formats.whole import sha256, write_text_whole
from mouse_facelift.geometry.cameras import Cameras

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


class SampleRow(Record):
    name: str
    folder: str
    """relative to the table"""
    views: tuple[int, ...]
    """which of the folder's views the sample is made of, in this order"""
    view_names: tuple[str, ...]
    """of those"""
    witnesses: int = 0
    """of those so many, at the end, only measure: they never go in, and nothing learns from them"""
    split: SplitName
    capture: str
    frame: int
    """source frame's number in the recording"""
    millimeters_per_unit: float
    subject_center: Vector
    subject_radius: float
    checksums: dict[str, str]


class SampleTable(Manifest):
    """A dataset in FaceLift's layout plus what that layout lacks."""

    dataset: str
    normalization: str
    view_count: int
    """views of every sample, its witnesses left out"""
    contract: str
    """hash of the camera contract"""
    violations: tuple[str, ...]
    """what breaks the contract; empty when it is kept"""
    drawn_by: tuple[LicensedWeights, ...] = ()
    """weights that drew views, and what these come of; none of captured ones"""
    samples: tuple[SampleRow, ...]

    def of_split(self, split: SplitName) -> list[SampleRow]:
        return [row for row in self.samples if row.split == split]

    def write_with_lists(self, path: Path) -> None:
        """Write FaceLift's lists `train.txt`, `val.txt` and `test.txt`, a folder a line, and last the table beside."""
        for split in SPLITS:
            folders = [f"{row.folder}\n" for row in self.of_split(split)]
            write_text_whole(path.parent / f"{split}.txt", "".join(folders))
        self.write(path)

    def blocks(self) -> dict[str, str]:
        """Name each sample's block of time: a run of a capture's frames that no frame of another split interrupts.

        Within a block, samples are neighbors in time and much alike; blocks are apart.
        """
        named: dict[str, str] = {}
        for capture in dict.fromkeys(row.capture for row in self.samples):
            rows = sorted((row for row in self.samples if row.capture == capture), key=lambda row: row.frame)
            for number, (_, run) in enumerate(groupby(rows, key=lambda row: row.split)):
                named |= {row.name: f"{capture}_{number}" for row in run}
        return named


def load_sample(table: Path, row: SampleRow) -> Sample:
    """Read one sample of a table, its chosen views alone, after its checksums agree.

    Raises:
        ValueError: a file of the sample changed since the table was written, or it has fewer views.
    """
    folder = table.parent / row.folder
    for name, expected in row.checksums.items():
        if (found := sha256(folder / name)) != expected:
            raise ValueError(f"{folder / name}: sha256 {found}, but {table} recorded {expected}: it changed since")
    whole = read_sample(folder)
    if max(row.views) >= len(whole.cameras):
        raise ValueError(f"{folder}: found {len(whole.cameras)} views, but {table} names views {list(row.views)} of it")
    views = list(row.views)
    return Sample(whole.name, whole.cameras[views], whole.images[views])


def load_cameras(table: Path, row: SampleRow) -> Cameras:
    """Read the cameras of one sample's chosen views, without its pictures."""
    path = table.parent / row.folder / CAMERAS_FILE
    return camera_frames_to_cameras(read_camera_frames(path), path)[list(row.views)]
