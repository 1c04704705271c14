"""The table of calibration formats. A new format is a module like its neighbors and a line here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mouse_facelift.capture.calibration import (
    anipose,
    colmap,
    dannce,
    dannce_params,
    easymocap,
    facelift,
    jarvis,
    label3d,
    mammal,
    multical,
    nerfstudio,
    opencv,
    qualisys,
)
from mouse_facelift.geometry.calibration import Calibration


class Format(NamedTuple):
    """How files, or folders, of one format are recognized and read."""

    mismatch: Callable[[Path], str | None]
    """why the content of a file or folder is not of this format; None if it is"""
    read: Callable[[Path], Calibration]
    read_with_sizes: Callable[[Path, Mapping[str, tuple[int, int]]], Calibration] | None = None
    """for a format that cannot be read without the pictures' sizes, and may lack them"""


FORMATS = {
    "anipose": Format(anipose.mismatch, anipose.read),
    "colmap": Format(colmap.mismatch, colmap.read),
    "dannce": Format(dannce.mismatch, dannce.read),
    "dannce_params": Format(dannce_params.mismatch, dannce_params.read),
    "easymocap": Format(easymocap.mismatch, easymocap.read),
    "facelift": Format(facelift.mismatch, facelift.read),
    "jarvis": Format(jarvis.mismatch, jarvis.read),
    "label3d": Format(label3d.mismatch, label3d.read),
    "mammal": Format(mammal.mismatch, mammal.read),
    "multical": Format(multical.mismatch, multical.read),
    "nerfstudio": Format(nerfstudio.mismatch, nerfstudio.read, nerfstudio.read_with_sizes),
    "opencv": Format(opencv.mismatch, opencv.read),
    "qualisys": Format(qualisys.mismatch, qualisys.read),
}


def read_calibration(path: Path | str, format: str | None = None) -> Calibration:
    """Read a laboratory's calibration.

    Args:
        path: the file; or the folder, where cameras have a file each (`dannce_params`, `jarvis`, `opencv`) or several
            files belong together (`colmap`, `easymocap`; there, one of the files does as well).
        format: a key of `FORMATS`; None recognizes it from the content, whatever the file is called.

    Returns:
        Cameras in OpenCV's conventions, float64: `names` [V], `intrinsics` [V, 3, 3] in px with the center of the
        top-left pixel at (0, 0), `distortion` [V, C] (four of a fisheye lens, else five or more), `world_to_camera`
        [V, 4, 4] in the file's unit, `image_sizes` [V, 2] or None, and `notes` on which conventions of the file were
        undone; those that begin with `warning: ` say what looks wrong in it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file, and the camera and field where they are known: no known format, a missing key, a
            wrong type or shape, numbers that are not finite, a rotation that is mirrored or scaled, cameras that are
            identical, a principal point far outside the picture, a transposed intrinsic matrix, a format that lacks
            what cannot be done without (extrinsics, or the size that a focal length is given in).
    """
    return read_with_sizes(Path(path), format, {})


def read_with_sizes(path: Path, format: str | None, sizes: Mapping[str, tuple[int, int]]) -> Calibration:
    """As `read_calibration`, with width and height of cameras' pictures (px) for a file that cannot do without them.

    Raises:
        FileNotFoundError: as `read_calibration`.
        ValueError: as `read_calibration`.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such calibration file")
    if not path.is_file() and not path.is_dir():
        raise ValueError(f"{path}: neither a file nor a folder; known calibration formats: {sorted(FORMATS)}")
    if format is None:
        format = _recognize(path)
    if format not in FORMATS:
        raise ValueError(f"{path}: unknown calibration format {format!r}; known: {sorted(FORMATS)}")
    known = FORMATS[format]
    return known.read(path) if known.read_with_sizes is None else known.read_with_sizes(path, sizes)


def _recognize(path: Path) -> str:
    reasons = []
    for name, known in FORMATS.items():
        reason = known.mismatch(path)
        if reason is None:
            return name
        reasons.append(f"\n  {name}: {reason}")
    if path.is_dir():
        head = "not a file, and no calibration of several files:"
        raise ValueError(f"{path}: {head}{''.join([*reasons, *_files_within(path)])}")
    raise ValueError(f"{path}: no known calibration format:{''.join(reasons)}")


def _files_within(folder: Path) -> list[str]:
    """Name the calibrations that lie in a folder which is none itself."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()][:100]
    known = ((file, name) for file in files for name in FORMATS if FORMATS[name].mismatch(file) is None)
    return [f"\nBut {file} is one ({name}): give the file" for file, name in known]
