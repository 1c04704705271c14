"""Views that a generator drew for scoring: every sample, asked from every of its views."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from mouse_facelift.formats.arrays import Layout, read_arrays
from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.whole import whole_file


class DrawnRow(Record):
    """One sample asked from one of its views."""

    sample: str
    reference: int
    """the view from which the others were drawn"""
    azimuths: tuple[float, ...]
    """of every view, degrees from the reference's, counterclockwise seen from above"""
    from_prompts: tuple[float, ...]
    """of every view, degrees between its azimuth and that of the prompt it was drawn with"""


class DrawnTable(Manifest):
    generator: str
    conditioning: str
    references: str
    """`fixed` or `rotated`: whether it learned from every sample's first view alone"""
    left_out_views: tuple[str, ...]
    """never learned from"""
    samples: str
    """path of the sample table, relative to this table"""
    pictures: str
    """`.npz` beside this table: see `DrawnPictures`"""
    status: str
    """of the generator's training"""
    origins: tuple[LicensedWeights, ...]
    """the generator's weights, and what they come of"""
    rows: tuple[DrawnRow, ...]


@dataclass(frozen=True)
class DrawnPictures:
    """The pictures of the rows of a table, in its order."""

    rgb: UInt8[Tensor, "row view 3 height width"]
    """over white, the views in the sample's order"""

    def write(self, path: Path) -> None:
        with whole_file(path) as partial:
            np.savez_compressed(partial, rgb=self.rgb.numpy())

    @classmethod
    def read(cls, path: Path, rows: int) -> "DrawnPictures":
        """Read what `write` wrote. Raises FileNotFoundError without the file, ValueError for anything else in it."""
        layout: Layout = {"rgb": ("uint8", (rows, "view", 3, "height", "width"))}
        return cls(torch.from_numpy(read_arrays(path, layout)["rgb"]))
