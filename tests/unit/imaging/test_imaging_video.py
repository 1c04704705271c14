"""Videos: frames by number, counted truly, and written alike each time."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from mouse_facelift.imaging.video import probe_video, read_frames, read_rgba_frames, write_video

LENGTH = 40
PATCH = (200, 30, 90)


def shades(length: int = LENGTH, height: int = 48, width: int = 64) -> Iterator[np.ndarray]:
    """Frame n is gray of 5 n with a colored patch."""
    for number in range(length):
        frame = np.full((height, width, 3), 5 * number, np.uint8)
        frame[8:24, 8:24] = PATCH
        yield frame


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "shades.mp4"
    write_video(path, shades(), rate=25, crf=10)
    return path


def test_facts(video: Path) -> None:
    facts = probe_video(video)
    assert (facts.width, facts.height, facts.frames, facts.rate) == (64, 48, LENGTH, 25)


def test_a_frame_is_found_by_its_number(video: Path) -> None:
    numbers = [0, 3, 4, 17, LENGTH - 1]
    frames = dict(read_frames(video, numbers))
    assert list(frames) == numbers
    for number, frame in frames.items():
        assert frame.dtype == np.uint8 and frame.shape == (48, 64, 3)
        np.testing.assert_allclose(frame[40, 50], 5 * number, atol=2)
        np.testing.assert_allclose(frame[16, 16], PATCH, atol=6)


def test_gray_spans_black_to_white(tmp_path: Path) -> None:
    path = tmp_path / "mask.mp4"
    write_video(path, (np.full((33, 51), value, np.uint8) for value in (0, 255, 128)), rate=29.97, crf=10)
    assert [int(frame[5, 5]) for _, frame in read_frames(path, [0, 1, 2], gray=True)] == [0, 255, 128]
    assert probe_video(path).rate == pytest.approx(29.97, abs=1e-4)


def test_alpha_is_read_where_there_is_some(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mov"
    rgba = np.dstack([next(shades()), np.zeros((48, 64), np.uint8)])
    rgba[8:24, 8:24, 3] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("qtrle", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "argb"
        for _ in range(3):
            container.mux(stream.encode(VideoFrame.from_ndarray(rgba, format="rgba")))
        container.mux(stream.encode())
    read = dict(read_rgba_frames(path, [0, 2]))
    assert list(read) == [0, 2]
    np.testing.assert_array_equal(read[2], rgba)
    with pytest.raises(ValueError, match=r"shades\.mp4: found pictures of format yuv420p, expected some with an alpha"):
        next(read_rgba_frames(video, [0]))


def test_equal_frames_give_equal_bytes(video: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    write_video(again, shades(), rate=25, crf=10)
    assert again.read_bytes() == video.read_bytes()


def test_frames_stay_in_order_of_presentation_when_some_are_hidden(video: Path, tmp_path: Path) -> None:
    """An edit list hides the first ten frames; the header still counts all."""
    cut = tmp_path / "cut.mp4"
    with av.open(str(video)) as source, av.open(str(cut), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        assert stream.time_base is not None
        hidden = int(Fraction(10, 25) / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - hidden, packet.dts - hidden, copy
                target.mux(packet)
    with av.open(str(cut)) as claimed:
        assert claimed.streams.video[0].frames == LENGTH
    assert probe_video(cut).frames == LENGTH - 10
    _, first = next(read_frames(cut, [0], gray=True))
    assert abs(int(first[40, 50]) - 50) <= 2


def test_frame_times_may_be_uneven(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(shades(12)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = 40 * number + 15 * (number % 3), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert probe_video(path).frames == 12
    _, frame = next(read_frames(path, [7], gray=True))
    assert abs(int(frame[40, 50]) - 35) <= 3


def test_asking_beyond_the_end_names_file_found_and_asked(video: Path) -> None:
    with pytest.raises(ValueError, match=rf"shades\.mp4: found {LENGTH} frames, but frame 55 .* was asked for"):
        list(read_frames(video, [3, 55]))


def test_numbers_must_rise(video: Path) -> None:
    with pytest.raises(ValueError, match=r"must rise.*\[5, 3\]"):
        list(read_frames(video, [5, 3]))


@pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 20], ids=["empty", "text", "rubbish"])
def test_what_is_no_video_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"broken\.mp4: not a video that can be read \({len(content)} bytes\)"):
        probe_video(path)


def test_a_cut_video_is_refused_or_counted_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cut.mkv"
    write_video(path, shades(), rate=25, crf=10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    found = probe_video(path).frames
    assert 0 < found < LENGTH
    with pytest.raises(ValueError, match=r"cut\.mkv: "):
        list(read_frames(path, range(LENGTH)))


def test_a_damaged_frame_is_refused(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    content = bytearray(video.read_bytes())
    start = content.index(b"mdat") + 900
    content[start : start + 400] = bytes(byte ^ 0x5A for byte in content[start : start + 400])
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.mp4: "):
        list(read_frames(path, range(LENGTH)))


def test_a_picture_is_no_missing_video(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
        probe_video(tmp_path / "nowhere.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(ValueError, match=r"sound\.mkv: holds no video stream"):
        probe_video(path)


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.mp4: no frame to write"):
        write_video(tmp_path / "none.mp4", iter(()), rate=25, crf=10)


def test_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    frames = [np.zeros((16, 16, 3), np.uint8), np.zeros((16, 18, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"frame 1: found shape \(16, 18, 3\)"):
        write_video(tmp_path / "two.mp4", frames, rate=25, crf=10)


def test_a_header_that_turns_the_pictures_is_refused(video: Path, tmp_path: Path) -> None:
    """Phones write it; OpenCV obeys it, FFmpeg's decoder does not."""
    path = tmp_path / "turned.mp4"
    content = bytearray(video.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    half_turn = [-0x10000, 0, 0, 0, -0x10000, 0, 64 << 16, 48 << 16, 0x40000000]
    content[matrix : matrix + 36] = struct.pack(">9i", *half_turn)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"turned\.mp4: the header turns the pictures by -?180 degrees"):
        probe_video(path)
