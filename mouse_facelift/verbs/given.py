"""What was given to reconstruct, told apart by what it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from mouse_facelift.formats.sample_folder import CAMERAS_FILE
from mouse_facelift.imaging.pictures import read_alpha, read_gray, read_rgba
from mouse_facelift.imaging.video import probe_video, read_frames, read_rgba_frames
from mouse_facelift.verbs.photographs import Photograph

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


@dataclass(frozen=True)
class GivenSamples:
    """Sample folders, a frame each."""

    folders: tuple[Path, ...]


@dataclass(frozen=True)
class GivenPictures:
    """Pictures: of several cameras, or each a photograph."""

    pictures: tuple[Path, ...]
    sequence: bool
    """whether they were given as a folder"""


@dataclass(frozen=True)
class GivenVideo:
    video: Path


Given = GivenSamples | GivenPictures | GivenVideo


def tell_apart(inputs: Sequence[Path]) -> Given:
    """Say what was given: sample folders, or a folder of them; pictures, or a folder of them; a video.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of these, or several at once.
    """
    if not inputs:
        raise ValueError("nothing to reconstruct: expected pictures, sample folders, a folder of either, or a video")
    for path in inputs:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
    if all((path / CAMERAS_FILE).is_file() for path in inputs):
        return GivenSamples(tuple(inputs))
    if all(path.is_file() and path.suffix.lower() in PICTURES for path in inputs):
        return GivenPictures(tuple(inputs), sequence=False)
    if len(inputs) > 1:
        kinds = ", ".join(map(str, inputs[:6]))
        raise ValueError(f"{kinds}: expected all of one kind: pictures ({', '.join(PICTURES)}) or sample folders")
    path = inputs[0]
    if path.is_file() and path.suffix.lower() in VIDEOS:
        return GivenVideo(path)
    if path.is_dir():
        if folders := sorted(file.parent for file in path.glob(f"*/{CAMERAS_FILE}")):
            return GivenSamples(tuple(folders))
        if pictures := pictures_in(path):
            return GivenPictures(pictures, sequence=True)
    found = sorted(file.name for file in islice(path.iterdir(), 8)) if path.is_dir() else f"a file {path.suffix!r}"
    raise ValueError(
        f"{path}: found {found}, expected a sample folder ({CAMERAS_FILE}) or a folder of them, pictures"
        f" ({', '.join(PICTURES)}) or a folder of them, or a video ({', '.join(VIDEOS)})"
    )


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """Pictures of a folder, by their names."""
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in PICTURES))


def masks_of(pictures: Sequence[Path], masks: Path | None) -> tuple[Path, ...] | None:
    """Find the mask of each picture: one file for one picture, or those of a folder with the pictures' stems.

    None where the pictures' own alpha is the mask.

    Raises:
        FileNotFoundError: names every picture without a mask.
    """
    if masks is None:
        return None
    if masks.is_file() and len(pictures) == 1:
        return (masks,)
    if not masks.is_dir():
        raise FileNotFoundError(f"{masks}: no such folder of masks; expected one with the stems of the pictures")
    by_stem = {path.stem: path for path in pictures_in(masks)}
    if missing := [path.stem for path in pictures if path.stem not in by_stem]:
        raise FileNotFoundError(
            f"{masks}: no mask called {missing[:8]}, as the pictures are; found {sorted(by_stem)[:8]}"
        )
    return tuple(by_stem[path.stem] for path in pictures)


def require_alpha(pictures: Sequence[Path]) -> None:
    """Raise ValueError for a picture that has no mask of its own."""
    for path in pictures:
        try:
            alpha = read_alpha(path)
        except ValueError as error:
            raise ValueError(f"{error}; or give masks (--masks)") from None
        if (alpha == 255).all():
            raise ValueError(
                f"{path}: opaque everywhere: found no mask, expected the animal's in the alpha channel, or by --masks"
            )


def read_photographs(pictures: Sequence[Path], masks: Sequence[Path] | None, threshold: int) -> Iterator[Photograph]:
    """Read pictures one by one; `threshold` is of 255: what is above it is animal.

    Raises:
        FileNotFoundError, ValueError: name the file: no picture, no mask, or one of another size.
    """
    for number, path in enumerate(pictures):
        if masks is None:
            require_alpha([path])
        mask = read_alpha(path) if masks is None else read_gray(masks[number])
        yield Photograph(str(path), path.stem, _rgb(read_rgba(path)), mask > threshold)


def video_frames(video: Path, frames: tuple[int, int, int] | None) -> range:
    """Numbers of the frames to take: all, or `frames`, which are start, stop and step.

    Raises:
        ValueError: the file is no video, or it has no such frames.
    """
    facts = probe_video(video)
    if frames is None:
        return range(facts.frames)
    start, stop, step = frames
    if step < 1 or not 0 <= start < stop <= facts.frames:
        raise ValueError(
            f"{video}: frames {start} to {stop} by {step}: expected 0 <= start < stop <= {facts.frames}, step 1 or more"
        )
    return range(start, stop, step)


def read_filmed(video: Path, masks: Path | None, threshold: int, numbers: range) -> Iterator[Photograph]:
    """Read frames of a video with a video of masks, or with its own alpha.

    Raises:
        FileNotFoundError: there is no such video.
        ValueError: it cannot be read, is too short, or has neither masks nor alpha.
    """
    for number, pixels, mask in _filmed(video, masks, numbers):
        yield Photograph(f"{video}: frame {number}", f"{video.stem}_{number:06d}", pixels, mask > threshold)


Filmed = tuple[int, UInt8[np.ndarray, "height width 3"], UInt8[np.ndarray, "height width"]]


def _filmed(video: Path, masks: Path | None, numbers: range) -> Iterator[Filmed]:
    if masks is None:
        for number, rgba in read_rgba_frames(video, numbers):
            yield number, _rgb(rgba), np.ascontiguousarray(rgba[..., 3])
        return
    pictures, shown = read_frames(video, numbers), read_frames(masks, numbers, gray=True)
    for (number, pixels), (_, mask) in zip(pictures, shown, strict=True):
        yield number, pixels, mask


def _rgb(rgba: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width 3"]:
    return np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))
