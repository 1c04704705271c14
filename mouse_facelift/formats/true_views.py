"""What is true of samples of simulated captures, in their own world: evaluation alone reads it."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.arrays import Layout, read_arrays
from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.whole import sha256

SURFACE_FILE = "surface.npz"
_SURFACE: Layout = {"points": ("float32", ("point", 3))}


class TrueSample(Record):
    """One sample: a folder in FaceLift's layout of views that no capture has, and points of the true surface."""

    sample: str
    """name in the sample table"""
    folder: str
    """relative to the manifest"""
    millimeters_per_unit: float


class TrueViewsTable(Manifest):
    dataset: str
    normalization: str
    samples_sha256: str
    """of the sample table whose samples these are"""
    cameras: int
    """of every sample"""
    samples: tuple[TrueSample, ...]


def write_surface(folder: Path, points: Float[Tensor, "point 3"]) -> None:
    """Write points of the true surface into a sample's folder, world units; equal points give equal bytes."""
    np.savez_compressed(folder / SURFACE_FILE, points=points.numpy().astype(np.float32))


def read_surface(folder: Path) -> Float[Tensor, "point 3"]:
    """Read the points of the true surface.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: names the file, which holds something else or is damaged.
    """
    return torch.from_numpy(read_arrays(folder / SURFACE_FILE, _SURFACE)["points"]).double()


def require_same_samples(path: Path, truth: TrueViewsTable, samples: Path) -> None:
    """Raise ValueError unless the truth at `path` was drawn for the sample table as it is."""
    if (found := sha256(samples)) != truth.samples_sha256:
        raise ValueError(f"{path}: samples_sha256: found {truth.samples_sha256}, but {samples} has {found}")
