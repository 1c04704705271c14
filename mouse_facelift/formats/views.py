"""Posed views: sample folders on (or knowingly off) the camera contract, and how they were made."""

from typing import Literal

from mouse_facelift.formats.manifest import Manifest, Matrix3, Record, Vector


class ViewResidual(Record):
    """How far a view's pixels lie from where its camera says, over the animal's surface, px of the view."""

    p50: float
    p95: float
    max: float


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
    """per view; zeros where the geometry is exact"""
    magnification: tuple[float, ...]
    """raw px a px of the view, at its center, per view"""
    checksums: dict[str, str]
    """sha256 of every file of the folder, by its path in it"""


class Views(Manifest):
    """The posed views of one chunk of frames, or of a whole capture."""

    capture: str
    normalization: str
    mode: Literal["keep", "contract", "fill", "resize"]
    view_names: tuple[str, ...]
    """of the capture; a sample may have fewer"""
    contract: str
    """hash of the camera contract it was made for"""
    violations: tuple[str, ...]
    """what breaks the contract, over all samples; empty when it is kept"""
    samples: tuple[PosedSample, ...]
