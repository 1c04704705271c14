"""The prediction table: each rendering beside its target. Evaluation reads nothing else of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float16
from torch import Tensor

from mouse_facelift.formats.arrays import Layout, read_arrays
from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, SplitName
from mouse_facelift.formats.whole import whole_file

Role = Literal["input", "held_out"]
Item = TypeVar("Item")

_RENDERINGS: Layout = {
    "rgb": ("float16", ("view", 3, "height", "width")),
    "alpha": ("float16", ("view", "height", "width")),
    "depth": ("float16", ("view", "height", "width")),
}


class PredictionRow(Record):
    """One turn of one sample: some views went in, all were rendered."""

    sample: str
    turn: int
    inputs: tuple[int, ...]
    """views that the network was given; the others were held out"""
    renderings: str
    """.npz beside the table: see `Renderings`"""
    model: str | None
    """.ply beside the table, where one was written"""

    def role(self, view: int) -> Role:
        return "input" if view in self.inputs else "held_out"


class PredictionTable(Manifest):
    experiment: str
    dataset: str
    normalization: str
    samples: str
    """path of the sample table, relative to this table: the targets"""
    view_count: int
    """views of every sample"""
    input_views: int
    status: str
    """`complete`, or what befell the weights, as the row of the results says"""
    weights: str
    """where the network came from; `none` for a baseline"""
    origins: tuple[LicensedWeights, ...]
    """the network's weights, those that drew views of the samples, and what all of these come of"""
    rows: tuple[PredictionRow, ...]


@dataclass(frozen=True)
class Renderings:
    """What was rendered of all views of one sample in one turn."""

    rgb: Float[Tensor, "view 3 height width"]
    """over white, not clamped"""
    alpha: Float[Tensor, "view height width"]
    depth: Float[Tensor, "view height width"]
    """along the camera's axis, world units, mean of what is drawn, each by what it adds to alpha; 0 where nothing is"""

    def write(self, path: Path) -> None:
        """Write as half precision, finite as the renderings are.

        Colors are then 2e-4 off near 1: below 8-bit steps by a factor of ten. Depths are off by 1 part in 2048 at most:
        at the contract's distance by 0.001 units, a fifth of a pixel of 512, and of a voxel of 256.
        """
        with whole_file(path) as partial:
            np.savez_compressed(partial, rgb=_half(self.rgb), alpha=_half(self.alpha), depth=_half(self.depth))

    @classmethod
    def read(cls, path: Path) -> "Renderings":
        """Read what `write` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no .npz of an rgb, an alpha and a depth that fit together.
        """
        found = read_arrays(path, _RENDERINGS)
        return cls(**{field: torch.from_numpy(pixels).float() for field, pixels in found.items()})


def _half(pixels: Float[Tensor, "..."]) -> Float16[np.ndarray, "..."]:
    return np.asarray(pixels.clamp(max=torch.finfo(torch.half).max).half().cpu().numpy())


def turns(view_count: int, inputs: int) -> list[tuple[int, ...]]:
    """List the input views of every turn, ascending; the other views are held out.

    All views in: one turn. Else as many turns as views: turn k holds out the views k, k + 1, ..., counted around, so
    that each view is held out equally often.

    Raises:
        ValueError: more input views than views, or none.
    """
    if not 1 <= inputs <= view_count:
        raise ValueError(f"views.inputs: found {inputs}, expected 1 to {view_count}, the views of a sample")
    held_out = view_count - inputs
    if held_out == 0:
        return [tuple(range(view_count))]
    return [
        tuple(view for view in range(view_count) if (view - first) % view_count >= held_out)
        for first in range(view_count)
    ]


def chosen_samples(table: SampleTable, split: SplitName, at_most: int) -> list[SampleRow]:
    """Choose samples of a split, spread evenly over the table's order.

    Raises:
        ValueError: the split is empty.
    """
    rows = table.of_split(split)
    if not rows:
        raise ValueError(
            f"dataset {table.dataset}, normalization {table.normalization}: no samples of split {split};"
            f" found {len(table.samples)} of {sorted({row.split for row in table.samples})}"
        )
    return spread(rows, at_most)


def spread(items: Sequence[Item], at_most: int) -> list[Item]:
    """Choose items evenly, in their order: the middles of equal parts; all, if there are no more than asked for."""
    count = min(at_most, len(items))
    return [items[(2 * part + 1) * len(items) // (2 * count)] for part in range(count)]


def modeled_samples(table: SampleTable, split: SplitName, at_most: int, models: int) -> list[SampleRow]:
    """Choose those of the `chosen_samples` whose Gaussians are kept: `models` of them, spread evenly.

    Raises:
        ValueError: the split is empty.
    """
    return spread(chosen_samples(table, split, at_most), models)
