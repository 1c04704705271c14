"""The table of cleaned models: Gaussians of an experiment's samples, for other programs."""

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.manifest import Manifest, Record


class ModelRow(Record):
    sample: str
    turn: int
    inputs: tuple[int, ...]
    """views that the network was given"""
    ply: str
    """beside the table, in the layout of 3D Gaussian splatting"""
    spz: str
    """beside the table: the same, quantized"""
    predicted: int
    """Gaussians before the clean-up"""
    faint: int
    """of those, left out for their opacity"""
    outside: int
    """of the others, left out for lying beside a silhouette"""
    kept: int


class ModelTable(Manifest):
    experiment: str
    predictions: str
    """path of the prediction table, relative to this one"""
    origins: tuple[LicensedWeights, ...]
    """weights behind them, as the prediction table tells"""
    opacity: float | None
    """Gaussians at or below it were left out; null: none"""
    hull_margin: float | None
    """world units; see `viewing.clean_up`; null: none were left out"""
    pixel_blur: float
    """px² that were added to each Gaussian's variance; see `viewing.blur`"""
    rows: tuple[ModelRow, ...]
