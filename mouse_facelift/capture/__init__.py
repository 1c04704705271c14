"""Room 1: a laboratory's videos, calibration and masks become posed frames, with a verdict on the cameras."""

from mouse_facelift.capture.calibration.readers import read_calibration

__all__ = ["read_calibration"]
