"""Packs of procedural animals: many small posed scenes in a few files, to pretrain on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.whole import sha256


class AnimalPack(Record):
    file: str
    """.npz, relative to the manifest: see `Animals`"""
    animals: int
    sha256: str


class AnimalPacks(Manifest):
    """All animals, in the order of their numbers."""

    views: int
    image_size: int
    """px, square"""
    contract: str
    """hash of the camera contract that the cameras keep"""
    packs: tuple[AnimalPack, ...]

    @property
    def count(self) -> int:
        return sum(pack.animals for pack in self.packs)


class Animals(NamedTuple):
    """Pictures and cameras of some animals."""

    images: UInt8[Tensor, "animal view height width 4"]
    """RGBA, straight alpha"""
    camera_to_world: Float[Tensor, "animal view 4 4"]
    fxfycxcy: Float[Tensor, "animal view 4"]
    """px, principal point from the outer corner"""


def read_animals(manifest: Path, first: int, last: int) -> Animals:
    """Read animals `first` to `last` - 1 of the packs that a manifest names; other packs are not opened.

    Raises:
        FileNotFoundError: a pack is absent.
        ValueError: there are fewer animals, or a pack changed since the manifest was written.
    """
    packs = AnimalPacks.read(manifest)
    if not 0 <= first < last <= packs.count:
        raise ValueError(f"{manifest}: animals {first} to {last - 1} were asked for, found {packs.count}")
    size = packs.image_size
    animals = Animals(
        torch.empty(last - first, packs.views, size, size, 4, dtype=torch.uint8),
        torch.empty(last - first, packs.views, 4, 4),
        torch.empty(last - first, packs.views, 4),
    )
    start = 0
    for pack in packs.packs:
        low, high = max(first, start), min(last, start + pack.animals)
        if low < high:
            _read_pack(manifest, pack, slice(low - start, high - start), animals, slice(low - first, high - first))
        start += pack.animals
    return animals


def _read_pack(manifest: Path, pack: AnimalPack, taken: slice, animals: Animals, place: slice) -> None:
    path = manifest.parent / pack.file
    if (found := sha256(path)) != pack.sha256:
        raise ValueError(f"{path}: sha256 {found}, but {manifest} recorded {pack.sha256}: it changed since")
    with np.load(path, allow_pickle=False) as arrays:
        for name, tensor in animals._asdict().items():
            array = arrays[name]
            if len(array) != pack.animals or array.shape[1:] != tensor.shape[1:]:
                raise ValueError(
                    f"{path}: {name}: found {array.shape}, expected {(pack.animals, *tensor.shape[1:])} by {manifest}"
                )
            tensor[place] = torch.from_numpy(array[taken])
