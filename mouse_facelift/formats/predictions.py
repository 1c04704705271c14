"""The prediction table: each rendering beside its target. Evaluation reads nothing else of a network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.whole import whole_file

Role = Literal["input", "held_out"]


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
    view_names: tuple[str, ...]
    input_views: int
    status: str
    """`complete`, or what befell the weights, as the row of the results says"""
    weights: str
    """where the network came from; `none` for a baseline"""
    rows: tuple[PredictionRow, ...]


@dataclass(frozen=True)
class Renderings:
    """What was rendered of all views of one sample in one turn."""

    rgb: Float[Tensor, "view 3 height width"]
    """over white, not clamped"""
    alpha: Float[Tensor, "view height width"]

    def write(self, path: Path) -> None:
        """Write as half precision (2e-4 near 1: below 8-bit steps by a factor of ten)."""
        with whole_file(path) as partial:
            np.savez_compressed(partial, rgb=self.rgb.half().cpu().numpy(), alpha=self.alpha.half().cpu().numpy())

    @classmethod
    def read(cls, path: Path) -> "Renderings":
        with np.load(path, allow_pickle=False) as arrays:
            return cls(torch.from_numpy(arrays["rgb"]).float(), torch.from_numpy(arrays["alpha"]).float())
