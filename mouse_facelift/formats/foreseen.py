"""What normalization will do to each view of a capture, before it is done."""

from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.views import ViewResidual


class ForeseenView(Record):
    """One view, over a few frames."""

    camera: str
    residual: ViewResidual
    """px of the view: median over the frames of p50 and p95, largest max; zeros where the geometry is exact"""
    magnification: float
    """raw px a px of the view, at its center, median; below 1 the picture is blown up"""
    clipped: float
    """largest part of the animal's surface that falls outside the view or outside the raw picture"""
    filled: float
    """part of the picture that the animal covers, median"""
    distance: tuple[float, float]
    """world units, least and most, from the told camera to the animal"""


class ForeseenWay(Record):
    """One row of the configuration's `normalizations`."""

    normalization: str
    mode: str
    honest: bool
    """False: a wrong way, kept to show what it does"""
    refusal: str | None
    """why a frame would be refused; None: none of those looked at"""
    views: tuple[ForeseenView, ...]
    """none where refused"""


class Foreseen(Manifest):
    capture: str
    frames: tuple[int, ...]
    """those that were looked at"""
    ways: tuple[ForeseenWay, ...]
