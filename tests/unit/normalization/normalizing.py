"""What tests of `normalize_views` share: ways to the contract, and how pictures are compared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.views import PosedSample
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.settings import Fill, Keep, NormalizationWork, Relabel

KEEP = Keep(mode="keep", center="frame", unit="contract")
FILL = Fill(mode="fill", radius=0.6, center="frame", rectify=False, residual_limit=3)
RELABEL = Relabel(mode="relabel", fill=0.7)
WORK = NormalizationWork(hull_resolution=40)

Run = Callable[..., Path]


def similarity_of(sample: PosedSample) -> Similarity:
    return Similarity(sample.scale, tensor(sample.rotation), tensor(sample.center))


def psnr(found: np.ndarray, true: np.ndarray) -> float:
    return float(-10 * np.log10(((found - true) ** 2).mean()))


def over_white(rgba: np.ndarray) -> np.ndarray:
    """Premultiplied RGBA over white."""
    return np.asarray(rgba[..., :3] + 1 - rgba[..., 3:])
