"""Video by PyAV: frames are numbers in order of presentation, wherever decoding starts."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from mouse_facelift.imaging.key_frames import KeyFrame, find_key_frames
from mouse_facelift.imaging.seeking import SHORT, LostCountError, frames_by_jumps

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoFacts:
    """What a video holds, counted, not as its header claims."""

    width: int
    """px"""
    height: int
    """px"""
    frames: int
    rate: float
    """frames a second, on average"""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the first video stream; whatever FFmpeg refuses becomes a ValueError that names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such video" if not path.exists() else f"{path}: not a file")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError(f"{path}: holds no video stream")
            stream = container.streams.video[0]
            # Jobs share the cores; frames decoded ahead would be lost at each jump, and cost 8 % more in all.
            stream.thread_type = "NONE"
            yield container, stream
    except av.FFmpegError as error:
        size = path.stat().st_size
        raise ValueError(f"{path}: not a video that can be read ({size} bytes): {error.strerror}") from error


def probe_video(path: Path) -> VideoFacts:
    """Count a video's frames by reading its packets, and decode the first of them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no video, holds no frame, or asks players to turn its pictures: tools differ in whether they
            do, so it would not be known which pictures the cameras were calibrated on.
    """
    frames, rate = _count(path)
    if not frames:
        raise ValueError(f"{path}: holds no frame")
    if rate is None:
        raise ValueError(f"{path}: neither states its frame rate nor the times of its frames")
    first = next(_decoded(path), None)
    if first is None:
        raise ValueError(f"{path}: holds {frames} packets but not one of them can be decoded")
    if first.rotation:
        raise ValueError(
            f"{path}: the header turns the pictures by {first.rotation} degrees, which some tools do and others do not:"
            " write it anew with the pictures as the calibration saw them"
        )
    return VideoFacts(first.width, first.height, frames, float(rate))


def _count(path: Path) -> tuple[int, Fraction | None]:
    """Count the packets that are shown (an edit list may hide some), and average the rate."""
    frames, times = 0, set[int]()
    with _opened(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                frames += 1
                times |= {packet.pts} if packet.pts is not None else set()
        if stream.average_rate:
            return frames, stream.average_rate
        if len(times) < 2 or stream.time_base is None:
            return frames, None
        return frames, Fraction(len(times) - 1) / ((max(times) - min(times)) * stream.time_base)


def read_frames(path: Path, numbers: Sequence[int], gray: bool = False) -> Iterator[tuple[int, np.ndarray]]:
    """Decode frames by their number, counted from 0 in order of presentation, in a pass from the start.

    Where many frames would be passed over it starts at the key frame before those wanted, if the file tells for
    certain which they are: the same frames, and the same bytes, as those of the whole pass.

    Args:
        path: a video.
        numbers: which frames, rising.
        gray: luminance alone.

    Yields:
        number and picture: uint8, [height, width, 3] RGB or [height, width]; 0 to 255 whatever range the file uses.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the numbers do not rise, the video ends before the last of them, or it is damaged.
    """
    for number, frame in _asked_for(path, numbers):
        yield number, frame.to_ndarray(format="gray" if gray else "rgb24")


def read_rgba_frames(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 4"]]]:
    """Decode frames of a video that has an alpha channel, straight alpha; as `read_frames` else.

    Raises:
        FileNotFoundError, ValueError: as `read_frames`; its pictures have no alpha channel. That of VP8 and VP9 in WebM
            is not read.
    """
    for number, frame in _asked_for(path, numbers):
        if not any(component.is_alpha for component in frame.format.components):
            raise ValueError(
                f"{path}: found pictures of format {frame.format.name}, expected some with an alpha channel (such as"
                " QuickTime's RLE, ProRes 4444 or FFV1; that of WebM is not read)"
            )
        yield number, frame.to_ndarray(format="rgba")


def _asked_for(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    if any(later <= earlier for earlier, later in pairwise(numbers)) or min(numbers, default=0) < 0:
        raise ValueError(f"{path}: frame numbers must rise, from 0 or more; asked for {_listed(numbers)}")
    found, asked = 0, deque(numbers)
    for number, frame in _frames(path, numbers):
        found = number + 1
        if asked and number == asked[0]:
            asked.popleft()
            if frame.is_corrupt:
                raise ValueError(f"{path}: frame {number} is damaged")
            yield number, frame
    if asked:
        raise ValueError(f"{path}: found {found} frames, but frame {asked[0]} (counted from 0) was asked for")


def _frames(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """Decode at least the frames asked for: by jumps to key frames where that is exact, else in a pass from the start.

    If a jump fails, frames may come again.
    """
    keys: list[KeyFrame] = []
    if any(later - earlier > SHORT for earlier, later in pairwise([-1, *numbers])):
        with _opened(path) as (container, stream):
            keys = find_key_frames(container, stream, numbers[-1] + 1)
    with _opened(path) as (container, stream), suppress(LostCountError):
        yield from frames_by_jumps(container, stream, keys, numbers)
        return
    log.info("%s: key frames do not tell which frames follow: decoding from the start", path)
    with _opened(path) as (container, stream):
        yield from frames_by_jumps(container, stream, (), numbers)


def _decoded(path: Path) -> Iterator[VideoFrame]:
    with _opened(path) as (container, stream):
        yield from container.decode(stream)


class VideoWriter:
    """H.264 that frames are appended to, with a key frame a second; equal frames give equal bytes.

    A context manager. Whole when its caller makes it so (`formats.whole`).

    Args:
        path: the suffix decides the container (.mp4, .mkv, .avi).
        rate: frames a second.
        crf: quality from 0 (no loss but that of chroma) to 51; 18 is hard to tell from the original.

    Raises:
        ValueError: a frame has another shape than the first, or none was appended until the end.
    """

    def __init__(self, path: Path, rate: float | int, crf: int) -> None:
        self.path = path
        self._shape: tuple[int, ...] = ()
        self._frames = 0
        self._container = av.open(str(path), "w", options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream("libx264", rate=Fraction(rate).limit_denominator(100_000))
        self._stream.options = {
            "crf": str(crf),
            "g": str(max(round(rate), 1)),
            # More threads change the bytes; without cpu-independent, x264's macroblock tree does from run to run.
            "x264-params": "threads=1:cpu-independent=1",
        }

    def append(self, pixels: UInt8[np.ndarray, "height width *rgb"]) -> None:
        """Encode one frame: RGB [height, width, 3] or gray [height, width], all of one shape."""
        if not self._frames:
            self._shape = pixels.shape
            self._stream.height, self._stream.width = pixels.shape[:2]
            halved = pixels.shape[0] % 2 == 0 and pixels.shape[1] % 2 == 0  # chroma of 4:2:0 needs even sides
            self._stream.pix_fmt = "yuv420p" if halved else "yuv444p"
        if pixels.shape != self._shape:
            raise ValueError(
                f"{self.path}: frame {self._frames}: found shape {pixels.shape}, but the first has {self._shape}"
            )
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="gray" if pixels.ndim == 2 else "rgb24")
        self._container.mux(self._stream.encode(picture))
        self._frames += 1

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._container:
            if kind is not None:
                return
            if not self._frames:
                raise ValueError(f"{self.path}: no frame to write")
            self._container.mux(self._stream.encode())


def write_video(
    path: Path, frames: Iterable[UInt8[np.ndarray, "height width *rgb"]], rate: float | int, crf: int
) -> None:
    """Write all frames; see `VideoWriter`."""
    with VideoWriter(path, rate, crf) as video:
        for pixels in frames:
            video.append(pixels)


def _listed(numbers: Sequence[int]) -> str:
    return str(list(numbers)) if len(numbers) <= 12 else f"[{', '.join(map(str, numbers[:12]))}, ...]"
