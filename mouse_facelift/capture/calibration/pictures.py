"""Pictures that a calibration names: their cameras' names, and which of them are not there."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".JPG", ".PNG")
_SHOWN = 6


def find_picture(folder: Path, name: str) -> Path | None:
    """Find a picture that a file names, perhaps without its suffix; None if it is not there."""
    for suffix in _SUFFIXES:
        found = folder / f"{name}{suffix}"
        if "\0" not in name and len(name) < 200 and found.is_file():
            return found
    return None


def absent_pictures(folder: Path, names: Sequence[object]) -> list[str]:
    """Say which pictures a file names, but are not there."""
    texts = [name for name in names if isinstance(name, str)]
    absent = [name for name in texts if find_picture(folder, name) is None]
    if not absent:
        return []
    shown = ", ".join(absent[:_SHOWN]) + (", ..." if len(absent) > _SHOWN else "")
    return [f"warning: pictures: {len(absent)} of {len(texts)} that the file names are not beside it: {shown}"]


def camera_names(pictures: Sequence[str]) -> list[str]:
    """Call cameras after their pictures: by the files' stems, or by whole paths where stems repeat."""
    paths = [PurePosixPath(picture) for picture in pictures]
    stems = [_stem(path) for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [
        "_".join((*(part for part in path.parent.parts if part not in (".", "/", "..")), _stem(path))) for path in paths
    ]


def _stem(path: PurePosixPath) -> str:
    """A name without its suffix, if that is one of pictures: `cam.1` keeps its number."""
    return (
        path.stem if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp") else path.name
    )
