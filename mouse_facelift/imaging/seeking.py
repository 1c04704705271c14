"""Frames of a video by number, decoded from the key frame before them, and exactly those of a pass from the start."""

import bisect
import heapq
from collections.abc import Iterator, Sequence
from itertools import chain

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mouse_facelift.imaging.key_frames import KeyFrame, VideoPacket, open_group, restarts

SHORT = 8  # frames that are rather decoded than jumped over
ATTEMPTS = 16  # key frames that are tried, backward from the frame wanted, until one restarts the decoder


class LostCountError(Exception):
    """After a jump, packets and frames do not tell which frame this is."""


def frames_by_jumps(
    container: InputContainer, stream: VideoStream, keys: Sequence[KeyFrame], numbers: Sequence[int]
) -> Iterator[tuple[int, VideoFrame]]:
    """Decode frames of a video just opened, jumping to key frames where many frames lie between.

    After a jump every frame must show the time that its packet promised, in order of times.

    Args:
        container: of the stream.
        stream: video.
        keys: all key frames up to the last frame; without them nothing is jumped over.
        numbers: of frames in order of presentation, from 0, rising.

    Yields:
        every frame that was decoded on the way, with its number.

    Raises:
        LostCountError: the jump led nowhere known, or the frames there are not those expected.
        av.FFmpegError: the video is damaged.
    """
    jumps = _Jumps(container, stream, keys)
    frames: Iterator[tuple[int, VideoFrame]] = enumerate(container.decode(stream))
    following = 0
    for wanted in numbers:
        if jumps.reach(wanted) - following >= SHORT:
            frames = jumps.to(wanted, following)
        for number, frame in frames:
            following = number + 1
            yield number, frame
            if number == wanted:
                break
        else:
            return


class _Jumps:
    def __init__(self, container: InputContainer, stream: VideoStream, keys: Sequence[KeyFrame]) -> None:
        self._container, self._stream, self._keys = container, stream, keys
        self._before = [key.before for key in keys]
        self._ordinals = {key.place: ordinal for ordinal, key in enumerate(keys)}

    def reach(self, wanted: int) -> int:
        """Number of the first frame that a jump to a frame would decode; 0 without key frames."""
        ordinal = bisect.bisect_right(self._before, wanted) - 1
        return self._before[ordinal] if ordinal >= 0 else 0

    def to(self, wanted: int, following: int) -> Iterator[tuple[int, VideoFrame]]:
        """Decode from the last key frame that is presented at the wanted frame or before, but not before another."""
        last = bisect.bisect_right(self._before, wanted) - 1
        first = max(bisect.bisect_left(self._before, following), last - ATTEMPTS + 1)
        try:
            for ordinal in range(last, first - 1, -1):
                packets = self._packets_from(ordinal)
                group, leading = open_group(packets)
                if group and restarts(group[0], self._stream) and self._before[ordinal] + leading <= wanted:
                    yield from _numbered(chain(group, packets), self._before[ordinal] + leading)
                    return
        except av.FFmpegError as error:
            raise LostCountError from error
        raise LostCountError

    def _packets_from(self, ordinal: int) -> Iterator[VideoPacket]:
        """Demux from a key frame on. Some formats land before it, or behind it."""
        for target in range(ordinal, max(ordinal - ATTEMPTS, -1), -1):
            self._container.seek(self._keys[target].time, stream=self._stream)
            packets = self._container.demux(self._stream)
            for packet in packets:
                found = None if packet.pos is None else self._ordinals.get(packet.pos)
                if found == ordinal:
                    return chain((packet,), packets)
                if found is not None and found > ordinal:
                    break
        raise LostCountError


def _numbered(packets: Iterator[VideoPacket], number: int) -> Iterator[tuple[int, VideoFrame]]:
    """Decode from a key frame, which has this number; what is presented before it may be spoiled, and is left out."""
    start: int | None = None
    expected: list[int] = []
    for packet in packets:
        if packet.size:
            if packet.pts is None:
                raise LostCountError
            start = packet.pts if start is None else start
            if packet.pts >= start and not packet.is_discard:
                heapq.heappush(expected, packet.pts)
        for frame in packet.decode():
            assert isinstance(frame, VideoFrame)
            if frame.pts is None or start is None or frame.interlaced_frame:
                raise LostCountError
            if frame.pts < start:
                continue
            if not expected or heapq.heappop(expected) != frame.pts:
                raise LostCountError
            if expected and expected[0] == frame.pts:
                raise LostCountError
            yield number, frame
            number += 1
    if expected:
        raise LostCountError
