"""The table of key point formats. A new format is a module like its neighbors and a line here."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mouse_facelift.capture.key_points import anipose, dannce, label3d, sleap
from mouse_facelift.capture.key_points.points import KeyPoints


class Format(NamedTuple):
    """How files of one format are recognized and read."""

    mismatch: Callable[[Path], str | None]
    """why the content of a file is not of this format; None if it is"""
    read: Callable[[Path], KeyPoints]


# In this order they are recognized: a file of DANNCE's with places and labels gives the places, which all frames have.
FORMATS = {
    "dannce_com": Format(dannce.com_mismatch, dannce.read_com),
    "dannce_labels": Format(dannce.labels_mismatch, dannce.read_labels),
    "dannce_prediction": Format(dannce.prediction_mismatch, dannce.read_prediction),
    "label3d": Format(label3d.mismatch, label3d.read),
    "anipose": Format(anipose.mismatch, anipose.read),
    "sleap": Format(sleap.mismatch, sleap.read),
}


def read_key_points(path: Path | str, format: str | None = None) -> KeyPoints:
    """Read a laboratory's key points in space.

    Args:
        path: the file.
        format: a key of `FORMATS`; None recognizes it from the content, whatever the file is called.

    Returns:
        Points in the file's unit and in the world of the calibration they were made with, NaN where absent, with
        frame numbers from 0 and notes on what the file leaves unsaid.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file and the field: no known format, a missing field, a wrong type or shape.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file of key points")
    if not path.is_file():
        raise ValueError(f"{path}: not a file; known formats of key points: {list(FORMATS)}")
    if format is None:
        reasons = {name: known.mismatch(path) for name, known in FORMATS.items()}
        format = next((name for name, reason in reasons.items() if reason is None), None)
    if format is None:
        lines = "".join(f"\n  {name}: {reason}" for name, reason in reasons.items())
        raise ValueError(f"{path}: no known format of key points:{lines}")
    if format not in FORMATS:
        raise ValueError(f"{path}: unknown format of key points {format!r}; known: {list(FORMATS)}")
    if (reason := FORMATS[format].mismatch(path)) is not None:
        raise ValueError(f"{path}: not of format {format}: {reason}")
    return FORMATS[format].read(path)
