"""Drawn views as a sample, whose other captured views stay beside them as witnesses."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.sample_table import SampleRow
from mouse_facelift.formats.whole import checksums
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rotations import turn_about_z
from mouse_facelift.geometry.similarity import Similarity

DRAWN = "drawn_"  # before the names of drawn views
FRONT_AZIMUTH = -90.0  # degrees: where all generators' rigs have the reference


def write_drawn_sample(
    partial: Path, place: str, drawn: Sample, names: Sequence[str], sample: Sample, row: SampleRow
) -> SampleRow:
    """Write drawn views and then witnesses as one sample, whose folder will be in `place` beside the table."""
    witnesses = list(range(1, len(sample.cameras)))
    view_names = (*(DRAWN + name for name in names), *(row.view_names[view] for view in witnesses))
    folder = partial / row.name
    folder.mkdir()
    cameras = joined_cameras(drawn.cameras, sample.cameras[witnesses])
    images = torch.cat([drawn.images, sample.images[witnesses]])
    write_sample(folder, Sample(row.name, cameras, images), view_names)
    return row.model_copy(
        update={
            "folder": f"{place}/{row.name}",
            "views": tuple(range(len(cameras))),
            "view_names": view_names,
            "witnesses": len(witnesses),
            "checksums": checksums(folder),
        }
    )


def joined_cameras(first: Cameras, others: Cameras) -> Cameras:
    return Cameras(
        torch.cat([first.camera_to_world.double(), others.camera_to_world.double()]),
        torch.cat([first.intrinsics.double(), others.intrinsics.double()]),
        others.width,
        others.height,
    )


def turned_to_first(rig: Cameras, cameras: Cameras) -> Cameras:
    """Turn a rig, whose reference stands at azimuth -90 degrees, about z to the azimuth of the first of the cameras."""
    front = cameras.camera_to_world[0, :2, 3].double()
    azimuth = float(torch.rad2deg(torch.atan2(front[1], front[0])))
    turn = Similarity(1.0, turn_about_z(azimuth - FRONT_AZIMUTH), torch.zeros(3, dtype=torch.float64))
    return Cameras(turn.poses(rig.camera_to_world.double()), rig.intrinsics.double(), rig.width, rig.height)


def own_seed(seed: int, name: str) -> int:
    """A seed of 63 bits for one sample."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big") >> 1
