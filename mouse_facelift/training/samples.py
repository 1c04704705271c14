"""Where training draws its samples from: a sample table, or packs of procedural animals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.packs import Pack, read_pack
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.training.honesty import load_teaching_sample

CACHED_BYTES = 2**30


@runtime_checkable
class SampleSource(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...

    def view_count(self, index: int) -> int:
        """How many views a sample has."""


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

    def view_count(self, index: int) -> int:
        return self.table.view_count

    def sample(self, index: int) -> Sample:
        if index in self._kept:
            return self._kept[index]
        sample = load_teaching_sample(self.table, self.path, self.rows[index])
        if self._kept_bytes + sample.images.nbytes <= CACHED_BYTES:
            self._kept[index] = sample
            self._kept_bytes += sample.images.nbytes
        return sample


class AnimalSource:
    """Procedural animals `first` to `last` - 1 of some packs, which stay in memory."""

    def __init__(self, packs: Sequence[Pack], first: int, last: int) -> None:
        animals = [(pack, row) for pack in packs for row in range(len(pack.images))]
        self.first = first
        self.animals = animals[first:last]

    def __len__(self) -> int:
        return len(self.animals)

    def sample(self, index: int) -> Sample:
        pack, row = self.animals[index]
        images = torch.from_numpy(pack.images[row])
        intrinsics = _matrices(torch.from_numpy(pack.fxfycxcy[row]))
        cameras = Cameras(
            torch.from_numpy(pack.camera_to_world[row]), intrinsics, width=images.shape[2], height=images.shape[1]
        )
        return Sample(f"animal_{self.first + index:05d}", cameras, images)

    def view_count(self, index: int) -> int:
        pack, row = self.animals[index]
        return len(pack.images[row])

    def depth(self, index: int) -> Float[Tensor, "view height width"]:
        """Depth of an animal's surface along each camera's axis, world units; 0 where nothing is."""
        pack, row = self.animals[index]
        return torch.from_numpy(pack.depth[row]).float()


def read_packs(folder: Path) -> list[Pack]:
    """Read all packs of a folder, in the order of their animals' numbers.

    Raises:
        FileNotFoundError: the folder holds none.
        ValueError: a file is not a pack.
    """
    paths = sorted(folder.glob("animals_*.npz"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no animals_*.npz; `snakemake simulate_animals` writes them")
    return [read_pack(path) for path in tqdm(paths, desc="reading animals", unit="pack", disable=None)]


def _matrices(fxfycxcy: Float[Tensor, "view 4"]) -> Float[Tensor, "view 3 3"]:
    matrices = torch.zeros(len(fxfycxcy), 3, 3, dtype=fxfycxcy.dtype)
    matrices[:, [0, 1, 0, 1], [0, 1, 2, 2]] = fxfycxcy
    matrices[:, 2, 2] = 1
    return matrices
