"""The files of a recording: that they are all there, and that their sizes and lengths agree."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.imaging.pictures import picture_size
from mouse_facelift.imaging.recordings import fill_camera, frame_path, is_video
from mouse_facelift.imaging.video import VideoFacts, probe_video
from mouse_facelift.settings import Capture

_LISTED = 20


@dataclass(frozen=True)
class Recording:
    """Where each camera's pictures and masks are, in the order of the configuration."""

    pictures: list[str]
    """a video, or a pattern with {frame}"""
    masks: list[str | None]
    """likewise; None: the pictures' alpha"""
    sizes: list[tuple[int, int]]
    """width, height of the pictures, px"""
    frames: int | None
    """length of the videos; None for single pictures"""
    rates: list[float]
    """frames a second of each video; empty for single pictures"""


def inspect_recording(capture: Capture) -> Recording:
    """Check a recording's files without decoding more than the first frame of each video.

    Raises:
        FileNotFoundError: lists every file that is missing, the calibration among them.
        ValueError: names the file, found and expected: a video shorter than its neighbors, pictures of one camera that
            differ in size, a mask video of another size or length than its pictures, frames asked for behind its end.
    """
    pictures = [fill_camera(capture.pictures, camera) for camera in capture.cameras]
    masks: list[str | None] = [None] * len(pictures)
    given = capture.given_masks
    if given.kind != "alpha":
        masks = [fill_camera(given.path, camera) for camera in capture.cameras]
    numbers = capture.frame_numbers
    patterns = [*pictures, *(mask for mask in masks if mask is not None)]
    _require_files([Path(capture.calibration.path), *(path for p in patterns for path in _paths(p, numbers))])

    videos = {pattern: probe_video(Path(pattern)) for pattern in patterns if is_video(pattern)}
    sizes = [_size(pattern, videos, numbers) for pattern in pictures]
    for mask, pattern, size in zip(masks, pictures, sizes, strict=True):
        if mask in videos:
            require_mask_size(mask, (videos[mask].width, videos[mask].height), pattern, size)
    _require_equal_lengths(videos)
    for video, facts in videos.items():
        if numbers[-1] >= facts.frames:
            raise ValueError(f"{video}: found {facts.frames} frames, but frame {numbers[-1]} (from 0) was asked for")
    filmed = [videos[pattern] for pattern in pictures if pattern in videos]
    return Recording(pictures, masks, sizes, filmed[0].frames if filmed else None, [facts.rate for facts in filmed])


def require_mask_size(mask: str, found: tuple[int, int], pictures: str, expected: tuple[int, int]) -> None:
    """Raise ValueError, naming both files and sizes, unless a mask is as large as its picture."""
    if found != expected:
        raise ValueError(
            f"{mask}: found {found[0]} x {found[1]} px, expected {expected[0]} x {expected[1]} as in {pictures}"
        )


def _paths(pattern: str, numbers: Sequence[int]) -> Iterable[Path]:
    return [Path(pattern)] if is_video(pattern) else [frame_path(pattern, number) for number in numbers]


def _require_files(paths: Sequence[Path]) -> None:
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        rest = [f"... and {len(missing) - _LISTED} more"] if len(missing) > _LISTED else []
        listed = "\n  ".join(missing[:_LISTED] + rest)
        raise FileNotFoundError(f"{len(missing)} of {len(paths)} files are missing:\n  {listed}")


def _require_equal_lengths(videos: Mapping[str, VideoFacts]) -> None:
    lengths = Counter(facts.frames for facts in videos.values())
    if len(lengths) < 2:
        return
    expected = max(lengths, key=lambda length: (lengths[length], length))
    example = next(video for video, facts in videos.items() if facts.frames == expected)
    raise ValueError(
        "\n".join(
            f"{video}: found {facts.frames} frames, expected {expected} as in {example}"
            for video, facts in videos.items()
            if facts.frames != expected
        )
    )


def _size(pattern: str, videos: Mapping[str, VideoFacts], numbers: Sequence[int]) -> tuple[int, int]:
    if pattern in videos:
        return videos[pattern].width, videos[pattern].height
    first = frame_path(pattern, numbers[0])
    expected = picture_size(first)
    for number in numbers[1:]:
        if (found := picture_size(path := frame_path(pattern, number))) != expected:
            raise ValueError(
                f"{path}: found {found[0]} x {found[1]} px, expected {expected[0]} x {expected[1]} as in {first}"
            )
    return expected
