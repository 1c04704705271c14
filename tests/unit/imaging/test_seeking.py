"""Frames that are jumped to are those of a pass from the start, byte for byte, in every kind of file."""

import logging
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.imaging import seeking
from mouse_facelift.imaging.key_frames import find_key_frames
from mouse_facelift.imaging.video import probe_video, read_frames

LENGTH, HEIGHT, WIDTH = 60, 48, 64
OPEN_GOP = {"g": "12", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}


def moving() -> Iterator[np.ndarray]:
    """A texture that passes by, so that every frame leans on others."""
    coarse = np.random.default_rng(0).integers(0, 256, (26, 30, 3)).astype(np.uint8)
    texture = cv2.resize(coarse, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    for number in range(LENGTH):
        yield np.ascontiguousarray(texture[number : number + HEIGHT, 2 * number : 2 * number + WIDTH])


def encode(
    path: Path,
    codec: str,
    options: dict[str, str],
    pixels: str = "yuv420p",
    muxer: dict[str, str] | None = None,
    time: Callable[[int], int] = lambda number: 40 * number,
    tick: Fraction = Fraction(1, 1000),
) -> None:
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.options = WIDTH, HEIGHT, pixels, options
        stream.codec_context.time_base = tick
        for number, picture in enumerate(moving()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time(number), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def copy(source: Path, path: Path, change: Callable[[int, av.Packet], bool]) -> None:
    """Copy packets that a function has changed; False leaves one out."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = old.streams.video[0]
        target = new.add_stream_from_template(stream)
        for number, packet in enumerate(old.demux(stream)):
            if packet.size and change(number, packet):
                packet.stream = target
                new.mux(packet)


def make(kind: str, path: Path) -> None:
    counted = {"time": lambda number: number, "tick": Fraction(1, 25)}
    match kind:
        case "open_gop.mp4" | "open_gop.mkv" | "open_gop.ts" | "open_gop.mov":
            encode(path, "libx264", OPEN_GOP)
        case "open_gop.avi" | "open_gop.h264":
            encode(path, "libx264", OPEN_GOP, **counted)  # type: ignore[arg-type]
        case "closed.mp4":
            encode(path, "libx264", {"g": "9", "bf": "2"})
        case "fragments.mp4":
            encode(path, "libx264", {"g": "9", "bf": "2"}, muxer={"movflags": "frag_keyframe+empty_moov"})
        case "first_fragment.mp4":
            encode(path, "libx264", {"g": "9", "bf": "2"}, muxer={"movflags": "frag_keyframe"})
        case "refreshed.mp4":
            encode(path, "libx264", {"g": "12", "x264-params": "intra-refresh=1:scenecut=0"})
        case "one_key.mp4":
            encode(path, "libx264", {"g": "1000", "bf": "2", "x264-params": "scenecut=0"})
        case "uneven.mkv" | "uneven.mp4":
            encode(path, "libx264", OPEN_GOP, time=lambda number: 40 * number + 15 * (number % 3) + number**2)
        case "mpeg4.avi":
            encode(path, "mpeg4", {"g": "10"}, **counted)  # type: ignore[arg-type]
        case "mpeg4_b.avi":
            encode(path, "mpeg4", {"g": "10", "bf": "2"}, **counted)  # type: ignore[arg-type]
        case "mpeg4_b.mp4":
            encode(path, "mpeg4", {"g": "10", "bf": "2"})
        case "mjpeg.avi":
            encode(path, "mjpeg", {}, "yuvj420p", **counted)  # type: ignore[arg-type]
        case "hevc.mp4":
            encode(path, "libx265", {"x265-params": "open-gop=1:keyint=12:log-level=none"})
        case "ffv1.mkv":
            encode(path, "ffv1", {"g": "10"}, "bgr0")
        case "vp8.webm":
            encode(path, "libvpx", {"g": "10", "auto-alt-ref": "1", "lag-in-frames": "8", "deadline": "realtime"})
        case "interlaced.mp4":
            encode(path, "libx264", {"g": "9", "flags": "+ildct+ilme", "x264-params": "interlaced=1"})
        case "cut_in_front.mp4":  # an edit list hides the first frames
            shift = 10 * 40
            make("open_gop.mp4", source := path.with_name("whole.mp4"))

            def earlier(_: int, packet: av.Packet) -> bool:
                assert packet.pts is not None and packet.dts is not None and packet.time_base is not None
                hidden = int(Fraction(shift, 1000) / packet.time_base)
                packet.pts, packet.dts = packet.pts - hidden, packet.dts - hidden
                return True

            copy(source, path, earlier)
        case "begins_between.mkv":  # a recording whose first key frame is lost
            make("open_gop.mp4", source := path.with_name("whole.mp4"))
            copy(source, path, lambda number, _: number >= 5)
        case "equal_times.mp4":
            make("mjpeg.avi", source := path.with_name("single.avi"))

            def paired(number: int, packet: av.Packet) -> bool:
                packet.pts, packet.dts = 2 * (number // 2) + 1, number
                return True

            copy(source, path, paired)
        case "false_keys.mp4":
            make("one_key.mp4", source := path.with_name("one.mp4"))

            def claims(number: int, packet: av.Packet) -> bool:
                packet.is_keyframe = True
                return True

            copy(source, path, claims)
        case _:
            raise AssertionError(kind)


JUMPING = [
    "open_gop.mp4", "open_gop.mkv", "open_gop.ts", "open_gop.mov", "closed.mp4", "fragments.mp4", "first_fragment.mp4",
    "uneven.mkv", "uneven.mp4", "mpeg4.avi", "mpeg4_b.mp4", "mjpeg.avi", "hevc.mp4", "ffv1.mkv", "cut_in_front.mp4",
]  # fmt: skip
COUNTED = [
    "open_gop.avi", "open_gop.h264", "refreshed.mp4", "one_key.mp4", "mpeg4_b.avi", "vp8.webm", "interlaced.mp4",
    "begins_between.mkv", "false_keys.mp4",
]  # fmt: skip
EITHER = ["equal_times.mp4"]  # a jump goes wrong only where it decodes two frames of one time


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[np.ndarray]]]:
    """A file, and all its frames as a plain pass gives them."""

    @cache
    def example(kind: str) -> tuple[Path, list[np.ndarray]]:
        path = tmp_path_factory.mktemp("example") / kind
        make(kind, path)
        return path, straight(path)

    return example


def straight(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("kind", JUMPING + COUNTED + EITHER)
@settings(max_examples=12)
@given(data=st.data())
def test_any_frames_are_those_of_a_pass_from_the_start(kind: str, data: st.DataObject, example: Any) -> None:
    path, frames = example(kind)
    numbers = sorted(data.draw(st.sets(st.integers(0, len(frames) - 1), max_size=5)))
    read = list(read_frames(path, numbers))
    assert [number for number, _ in read] == numbers
    for number, picture in read:
        np.testing.assert_array_equal(picture, frames[number])


@pytest.mark.parametrize("kind", JUMPING + COUNTED)
def test_jumps_are_taken_where_the_file_allows(kind: str, example: Any, caplog: pytest.LogCaptureFixture) -> None:
    path, frames = example(kind)
    asked = [0, len(frames) - 2]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        keys = find_key_frames(container, stream, asked[-1] + 1)
    caplog.set_level(logging.INFO)
    with av.open(str(path)) as container:
        try:
            decoded = [n for n, _ in seeking.frames_by_jumps(container, container.streams.video[0], keys, asked)]
        except seeking.LostCountError:
            decoded = []
    assert (0 < len(decoded) < len(frames) - 10) == (kind in JUMPING)
    list(read_frames(path, asked))
    assert ("decoding from the start" in caplog.text) == (not decoded)


@pytest.mark.parametrize("kind", JUMPING)
def test_the_count_is_that_of_the_packets_shown(kind: str, example: Any) -> None:
    path, frames = example(kind)
    assert probe_video(path).frames == len(frames)
    with pytest.raises(ValueError, match=rf"found {len(frames)} frames, but frame {len(frames) + 20} "):
        list(read_frames(path, [3, len(frames) + 20]))


def test_damage_is_found_where_it_lies(example: Any, tmp_path: Path) -> None:
    """What lies between two jumps is not looked at; what is read behind a damaged key frame is refused."""
    source, frames = example("mjpeg.avi")
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    place, size = packets[30].pos, packets[30].size
    assert place is not None
    content[place : place + size] = bytes(size)
    path = tmp_path / "damaged.avi"
    path.write_bytes(content)
    ((_, picture),) = list(read_frames(path, [50]))
    np.testing.assert_array_equal(picture, frames[50])
    with pytest.raises(ValueError, match=r"damaged\.avi: "):
        list(read_frames(path, [29, 30, 31]))


@pytest.mark.shared
@pytest.mark.parametrize("camera", ["back", "mid", "side", "top"])
def test_real_recordings(camera: str, shared: Path) -> None:
    path = shared / f"real/mouse_4cam/original_session/{camera}/minimal_{camera}.mp4"
    asked = [0, 1, 50, 51, 119]
    with av.open(str(path)) as container:
        frames = {
            n: frame.to_ndarray(format="rgb24") for n, frame in enumerate(container.decode(video=0)) if n in asked
        }
    for number, picture in read_frames(path, asked):
        np.testing.assert_array_equal(picture, frames[number])
