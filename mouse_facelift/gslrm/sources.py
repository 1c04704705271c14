"""Where training draws its samples from: a sample table, or packs of procedural animals."""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.packs import read_pack
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.geometry.cameras import Cameras

CACHED_BYTES = 2**30


class SampleSource(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...


class TableSource:
    """The training split of a sample table. Small tables stay in memory, others are read again at each use.

    Raises:
        ValueError: the table has no training samples.
    """

    def __init__(self, path: Path) -> None:
        table = SampleTable.read(path)
        self.path = path
        self.rows = table.of_split("train")
        if not self.rows:
            raise ValueError(f"{path}: no samples of split 'train' to learn from; see datasets.*.split in the config")
        self._kept: dict[int, Sample] = {}
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.rows)

    def sample(self, index: int) -> Sample:
        if index not in self._kept:
            sample = load_sample(self.path, self.rows[index])
            if self._kept_bytes + sample.images.nbytes > CACHED_BYTES:
                return sample
            self._kept[index] = sample
            self._kept_bytes += sample.images.nbytes
        return self._kept[index]


class PackSource:
    """Animals packed by `simulate_animals`: all `animals_*.npz` of a folder, or those of a range of numbers.

    Raises:
        FileNotFoundError: the folder holds no packs.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        paths = sorted(folder.glob("animals_*.npz"))
        if not paths:
            raise FileNotFoundError(f"{folder}: no animals_*.npz; `snakemake simulate_animals` writes them")
        images, poses, lenses = zip(*map(read_pack, paths), strict=True)
        self.images = torch.from_numpy(np.concatenate(images)[first:last])
        self.camera_to_world = torch.from_numpy(np.concatenate(poses)[first:last])
        self.intrinsics = _matrices(torch.from_numpy(np.concatenate(lenses)[first:last]))

    def __len__(self) -> int:
        return len(self.images)

    def sample(self, index: int) -> Sample:
        images = self.images[index]
        cameras = Cameras(self.camera_to_world[index], self.intrinsics[index], images.shape[2], images.shape[1])
        return Sample(f"animal_{index:05d}", cameras, images)


def _matrices(fxfycxcy: Float[Tensor, "animal view 4"]) -> Float[Tensor, "animal view 3 3"]:
    matrices = torch.zeros(*fxfycxcy.shape[:-1], 3, 3, dtype=fxfycxcy.dtype)
    matrices[..., [0, 1, 0, 1], [0, 1, 2, 2]] = fxfycxcy
    matrices[..., 2, 2] = 1
    return matrices
