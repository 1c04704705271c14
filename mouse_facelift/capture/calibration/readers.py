"""The table of calibration formats. A new format is a module like its neighbors and a line here."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mouse_facelift.capture.calibration import anipose, dannce, facelift
from mouse_facelift.geometry.calibration import Calibration


class Format(NamedTuple):
    """How files of one format are recognized and read."""

    mismatch: Callable[[Path], str | None]
    """why a file's content is not of this format; None if it is"""
    read: Callable[[Path], Calibration]


FORMATS = {
    "anipose": Format(anipose.mismatch, anipose.read),
    "dannce": Format(dannce.mismatch, dannce.read),
    "facelift": Format(facelift.mismatch, facelift.read),
}


def read_calibration(path: Path | str, format: str | None = None) -> Calibration:
    """Read a laboratory's calibration file.

    Args:
        path: the file.
        format: a key of `FORMATS`; None recognizes it from the content, whatever the file is called.

    Returns:
        Cameras in OpenCV's conventions, float64: `names` [V], `intrinsics` [V, 3, 3] in px with the center of the
        top-left pixel at (0, 0), `distortion` [V, C], `world_to_camera` [V, 4, 4] in the file's unit, `image_sizes`
        [V, 2] or None, and `notes` on which conventions of the file were undone.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file, and the camera and field where they are known: no known format, a missing key, a
            wrong type or shape, numbers that are not finite, a rotation that is mirrored or scaled, cameras that are
            identical, a principal point far outside the picture, a transposed intrinsic matrix.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such calibration file")
    if not path.is_file():
        raise ValueError(f"{path}: not a file; known calibration formats: {sorted(FORMATS)}")
    if format is None:
        format = _recognize(path)
    if format not in FORMATS:
        raise ValueError(f"{path}: unknown calibration format {format!r}; known: {sorted(FORMATS)}")
    return FORMATS[format].read(path)


def _recognize(path: Path) -> str:
    reasons = []
    for name, known in FORMATS.items():
        reason = known.mismatch(path)
        if reason is None:
            return name
        reasons.append(f"\n  {name}: {reason}")
    raise ValueError(f"{path}: no known calibration format:{''.join(reasons)}")
