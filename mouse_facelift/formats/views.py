"""Posed views: sample folders on (or knowingly off) the camera contract, and how they were made."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.arrays import Layout, read_arrays
from mouse_facelift.formats.manifest import Manifest, Matrix3, Matrix4, Record, Vector, Vector4, tensor
from mouse_facelift.geometry.cameras import Cameras

DEPTHS_FILE = "depths.npz"
_DEPTHS: Layout = {"depths": ("float32", ("view", "height", "width"))}
RESIDUAL_COLUMNS = ["sample", "view", "p50", "p95", "max", "measured_over", "magnification"]
"""of the table of residuals beside a sample table"""


class ViewResidual(Record):
    """How far a view's pixels lie from where its camera says, over the animal's surface, px of the view."""

    p50: float
    p95: float
    max: float


class TakenCamera(Record):
    """The pinhole through which a view's picture was sampled from the raw one: it stands at the lens's true center."""

    fxfycxcy: Vector4
    """px, principal point from the outer corner"""
    camera_to_world: Matrix4
    """world of the sample"""


class PosedSample(Record):
    """One frame: a sample folder beside the manifest."""

    folder: str
    """relative to the manifest"""
    frame: int
    view_names: tuple[str, ...]
    """those of the capture's views that show the animal; what follows is in their order"""
    azimuths: tuple[float, ...]
    """degrees, -180 to 180, of the told cameras about the animal"""
    scale: float
    """world units a millimeter"""
    rotation: Matrix3
    center: Vector
    """mm; X' = scale * rotation (X - center)"""
    subject_center: Vector
    """world units of the sample"""
    subject_radius: float
    """world units: the hull reaches so far from subject_center"""
    residuals: tuple[ViewResidual, ...]
    """per view; zeros where the geometry is exact; what is left over the hull where it was rectified"""
    taken: tuple[TakenCamera, ...]
    """per view; told cameras, in the folder, are the same where the geometry is exact"""
    rectified: bool
    """pixels were then moved over the animal's hull; `read_depths` gives how far it is (see `Rectification`)"""
    magnification: tuple[float, ...]
    """raw px a px of the view, at its center, per view"""
    checksums: dict[str, str]
    """sha256 of every file of the folder, by its path in it"""

    def taken_cameras(self, width: int, height: int) -> Cameras:
        """Where pictures (of this size, px; not rectified) show a point of the sample's world: what these project."""
        intrinsics = torch.zeros(len(self.taken), 3, 3, dtype=torch.float64)
        fxfycxcy = tensor([view.fxfycxcy for view in self.taken])
        intrinsics[:, 0, 0], intrinsics[:, 1, 1], intrinsics[:, 0, 2], intrinsics[:, 1, 2] = fxfycxcy.T
        intrinsics[:, 2, 2] = 1
        return Cameras(tensor([view.camera_to_world for view in self.taken]), intrinsics, width, height)


def describe_taken(cameras: Cameras) -> tuple[TakenCamera, ...]:
    """Record pinholes, exactly; they have no skew."""
    rows = zip(cameras.fxfycxcy.double().tolist(), cameras.camera_to_world.double().tolist(), strict=True)
    return tuple(TakenCamera.model_validate({"fxfycxcy": K, "camera_to_world": pose}) for K, pose in rows)


def write_depths(folder: Path, depths: Float[Tensor, "view height width"]) -> None:
    """Write depths of a rectified sample, world units along the told cameras' axes; equal depths give equal bytes."""
    np.savez_compressed(folder / DEPTHS_FILE, depths=depths.numpy().astype(np.float32))


def read_depths(folder: Path) -> Float[Tensor, "view height width"]:
    """Read the depths of a rectified sample.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: names the file, which holds something else or is damaged.
    """
    return torch.from_numpy(read_arrays(folder / DEPTHS_FILE, _DEPTHS)["depths"]).double()


class Views(Manifest):
    """The posed views of one chunk of frames, or of a whole capture."""

    capture: str
    normalization: str
    mode: Literal["keep", "contract", "fill", "resize", "relabel"]
    view_names: tuple[str, ...]
    """of the capture; a sample may have fewer"""
    contract: str
    """hash of the camera contract it was made for"""
    violations: tuple[str, ...]
    """what breaks the contract, over all samples; empty when it is kept"""
    samples: tuple[PosedSample, ...]
