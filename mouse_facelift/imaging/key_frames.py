"""Where decoding of a video may begin anew, and how many frames come before that place. Nothing is decoded for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # generic in its stub alone

# Each of their packets holds one frame. Not so VP8, whose hidden frames have packets of their own.
ONE_FRAME_A_PACKET = {"h264", "hevc", "mpeg4", "mjpeg", "ffv1", "png", "huffyuv", "ffvhuff", "rawvideo"}
# FFmpeg reads their whole index with the header; of others (Matroska) it knows some key frames at most.
MP4, AVI = "mov", "avi"
AVI_CHUNK_HEADER = 8  # bytes, which FFmpeg counts to an index entry's place but not to a packet's
H264_IDR, H264_SEI, RECOVERY_POINT = 5, 6, 6
HEVC_RANDOM_ACCESS = range(16, 22)  # BLA, IDR, CRA


@dataclass(frozen=True)
class KeyFrame:
    place: int
    """offset in the file; tells packets apart"""
    time: int
    """of decoding, or of presentation where that is unknown; in the stream's time base"""
    before: int
    """shown packets that come before it in order of decoding"""


def find_key_frames(container: InputContainer, stream: VideoStream, frames: int) -> list[KeyFrame]:
    """List key frames of a video just opened, in order of decoding, to behind so many frames if there are so many.

    From the index in the file's header where that is whole, else by reading all packets, which takes as long as
    reading the file. Empty if packets and their times do not tell frames: several packets a frame, times that are
    missing or made up, or a start that decoders leave out.
    """
    formats, codec = set(container.format.name.split(",")), stream.codec_context
    if codec.name not in ONE_FRAME_A_PACKET or (AVI in formats and codec.has_b_frames):
        return []
    packets = container.demux(stream)
    group, leading = open_group(packets)
    if not group or group[0].pts is None or leading or not restarts(group[0], stream):
        return []
    if formats & {MP4, AVI} and 0 < len(stream.index_entries) == stream.frames:
        keys = _from_index(stream, frames, AVI_CHUNK_HEADER if AVI in formats else 0)
        if keys:
            return keys
    return _from_packets(chain(group, packets))


def open_group(packets: Iterator[VideoPacket]) -> tuple[list[VideoPacket], int]:
    """Take packets from a key frame to where none that follows is presented before it; count those shown that are.

    A packet that tells no time (the last, an empty one, does not) ends it as well.
    """
    taken, leading = list[VideoPacket](), 0
    first: int | None = None
    for packet in packets:
        taken.append(packet)
        if packet.pts is None:
            break
        first = packet.pts if first is None else first
        leading += packet.pts < first and not packet.is_discard
        if packet.dts is not None and packet.dts >= first:
            break
    return taken, leading


def _from_index(stream: VideoStream, frames: int, header: int) -> list[KeyFrame]:
    """Empty if the index ends before so many frames: a fragmented file goes on without it."""
    keys, shown = [], 0
    for entry in stream.index_entries:
        if entry.is_keyframe:
            keys.append(KeyFrame(entry.pos + header, entry.timestamp, shown))
        shown += not entry.is_discard
        if shown >= frames:
            return keys
    return []


def _from_packets(packets: Iterable[VideoPacket]) -> list[KeyFrame]:
    """Empty if a packet tells no time."""
    keys, shown = [], 0
    for packet in packets:
        if not packet.size:
            continue
        if packet.pts is None:
            return []
        if packet.is_keyframe and packet.pos is not None and packet.pos >= 0:
            keys.append(KeyFrame(packet.pos, packet.pts if packet.dts is None else packet.dts, shown))
        shown += not packet.is_discard
    return keys


def restarts(packet: VideoPacket, stream: VideoStream) -> bool:
    """Tell whether what is presented from this packet on is decoded alike without what came before.

    Files mark more as key frames than that: in H.264 also pictures from which a decoder recovers after a while.

    Source: ITU-T H.264, 7.4.1.2 and D.2.8 (recovery point); H.265, 7.4.2.2.
    """
    if not packet.is_keyframe:
        return False
    codec = stream.codec_context
    match codec.name:
        case "h264":
            units = list(_units(bytes(packet), codec.extradata or b"", at=4))
            return any(unit[0] & 31 == H264_IDR for unit in units) or any(
                unit[0] & 31 == H264_SEI and _recovers_at_once(unit) for unit in units
            )
        case "hevc":
            units = list(_units(bytes(packet), codec.extradata or b"", at=21))
            pictures = [unit[0] >> 1 & 63 for unit in units if unit[0] >> 1 & 63 < 32]
            return bool(pictures) and all(kind in HEVC_RANDOM_ACCESS for kind in pictures)
        case _:
            return True


def _units(data: bytes, extradata: bytes, at: int) -> Iterator[bytes]:
    """Split a packet into NAL units: after lengths, if the stream's header says so (at that byte), or start codes."""
    if extradata[:1] != b"\x01":
        yield from (unit for unit in data.split(b"\x00\x00\x01")[1:] if unit)
        return
    width, place = (extradata[at] & 3) + 1, 0
    while place + width < len(data):
        end = place + width + int.from_bytes(data[place : place + width], "big")
        if end > place + width:
            yield data[place + width : end]
        place = end


def _recovers_at_once(unit: bytes) -> bool:
    """Find, in supplemental information, a recovery point: exact, and at this very picture."""
    content, place = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00"), 0
    while place + 2 < len(content):
        numbers = []
        for _ in range(2):  # type and size: bytes of 255 and one less, to be added
            number = 0
            while place < len(content) and content[place] == 255:
                number, place = number + 255, place + 1
            numbers.append(number + content[place] if place < len(content) else 0)
            place += 1
        kind, size = numbers
        if kind == RECOVERY_POINT and place < len(content):
            return content[place] >> 6 == 0b11  # Exp-Golomb 0, pictures to wait for; then the flag of exactness
        place += size
    return False
