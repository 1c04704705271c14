"""What one does with a single thing at hand, as functions, which the command line calls."""

from mouse_facelift.verbs.check import check, kind_of
from mouse_facelift.verbs.reconstruct import reconstruct
from mouse_facelift.verbs.record import ReconstructedFrame, Reconstruction
from mouse_facelift.verbs.report import CalibratedCamera, Kind, Report, ReportLine
from mouse_facelift.verbs.result_pages import result_pages

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
    "result_pages",
]
