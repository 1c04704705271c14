"""What one does with a single thing at hand, as functions: `check` and `reconstruct`. The command line calls them."""

from mouse_facelift.verbs.check import check, kind_of
from mouse_facelift.verbs.reconstruct import reconstruct
from mouse_facelift.verbs.record import ReconstructedFrame, Reconstruction
from mouse_facelift.verbs.report import CalibratedCamera, Kind, Report, ReportLine

__all__ = [
    "CalibratedCamera",
    "Kind",
    "ReconstructedFrame",
    "Reconstruction",
    "Report",
    "ReportLine",
    "check",
    "kind_of",
    "reconstruct",
]
