"""Where training draws its samples from: a sample table, or packs of procedural animals."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.packs import read_pack
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.gslrm.honesty import load_honest_sample

CACHED_BYTES = 2**30


@runtime_checkable
class SampleSource(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...


class TableSource:
    """The training split of a sample table. The first gigabyte of pictures stays in memory, others are read again.

    Raises:
        ValueError: the table has no training samples.
    """

    def __init__(self, table: SampleTable, path: Path) -> None:
        self.table = table
        self.path = path
        self.rows = table.of_split("train")
        if not self.rows:
            raise ValueError(f"{path}: no samples of split 'train' to learn from; see datasets.*.split in the config")
        self._kept: dict[int, Sample] = {}
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.rows)

    def sample(self, index: int) -> Sample:
        if index in self._kept:
            return self._kept[index]
        sample = load_honest_sample(self.table, self.path, self.rows[index])
        if self._kept_bytes + sample.images.nbytes <= CACHED_BYTES:
            self._kept[index] = sample
            self._kept_bytes += sample.images.nbytes
        return sample


class AnimalSource:
    """Procedural animals `first` to `last` - 1 of the packs in a folder, all in memory.

    Raises:
        FileNotFoundError: the folder holds no packs.
        ValueError: there are fewer animals, or a pack is damaged.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        paths = sorted(folder.glob("animals_*.npz"))
        if not paths:
            raise FileNotFoundError(f"{folder}: no animals_*.npz; `snakemake simulate_animals` writes them")
        images, depths, poses, lenses = zip(*map(read_pack, paths), strict=True)
        if not 0 <= first < last <= (found := sum(map(len, images))):
            raise ValueError(f"{folder}: animals {first} to {last - 1} were asked for, found {found}")
        self.first = first
        self.images = torch.from_numpy(np.concatenate(images)[first:last])
        self.depths = torch.from_numpy(np.concatenate(depths)[first:last])
        self.camera_to_world = torch.from_numpy(np.concatenate(poses)[first:last])
        self.fxfycxcy = torch.from_numpy(np.concatenate(lenses)[first:last])

    def __len__(self) -> int:
        return len(self.images)

    def sample(self, index: int) -> Sample:
        images = self.images[index]
        intrinsics = _matrices(self.fxfycxcy[index])
        cameras = Cameras(self.camera_to_world[index], intrinsics, images.shape[2], images.shape[1])
        return Sample(f"animal_{self.first + index:05d}", cameras, images)

    def depth(self, index: int) -> Float[Tensor, "view height width"]:
        """Depth of an animal's surface along each camera's axis, world units; 0 where nothing is."""
        return self.depths[index].float()


def _matrices(fxfycxcy: Float[Tensor, "view 4"]) -> Float[Tensor, "view 3 3"]:
    matrices = torch.zeros(len(fxfycxcy), 3, 3, dtype=fxfycxcy.dtype)
    matrices[:, [0, 1, 0, 1], [0, 1, 2, 2]] = fxfycxcy
    matrices[:, 2, 2] = 1
    return matrices
