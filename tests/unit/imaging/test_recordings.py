"""One reader for videos and for folders of pictures."""

from pathlib import Path

import numpy as np
import pytest

from mouse_facelift.imaging.pictures import picture_size, write_rgb, write_rgba
from mouse_facelift.imaging.recordings import fill_camera, frame_path, is_video, read_masks, read_pictures
from mouse_facelift.imaging.video import write_video


def test_patterns_say_video_or_pictures() -> None:
    assert is_video(fill_camera("a/{camera}.mp4", "left"))
    assert fill_camera("f_{frame:03d}/{camera}.png", "left") == "f_{frame:03d}/left.png"
    assert not is_video("f_{frame:03d}/left.png")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("f{frame}.png", "f7.png"), ("f{frame:03d}.png", "f007.png"), ("{frame:05d}/{frame}.png", "00007/7.png")],
)
def test_frame_numbers_are_filled_in(pattern: str, path: str) -> None:
    assert frame_path(pattern, 7) == Path(path)


def test_pictures_and_videos_read_alike(tmp_path: Path) -> None:
    frames = [np.full((32, 48, 3), 60 * number, np.uint8) for number in range(4)]
    for number, frame in enumerate(frames):
        write_rgb(tmp_path / f"left_{number:02d}.png", frame)
    write_video(tmp_path / "left.mp4", frames, rate=25, crf=1)
    stills = dict(read_pictures(f"{tmp_path}/left_{{frame:02d}}.png", [1, 3]))
    filmed = dict(read_pictures(f"{tmp_path}/left.mp4", [1, 3]))
    for number in (1, 3):
        np.testing.assert_array_equal(stills[number], frames[number])
        np.testing.assert_allclose(filmed[number], frames[number], atol=2)


@pytest.mark.parametrize("kind", ["video", "images", "alpha"])
def test_masks_are_what_lies_above_the_threshold(kind: str, tmp_path: Path) -> None:
    mask = np.zeros((32, 48), np.uint8)
    mask[8:16, 8:24] = 255
    mask[24:32, 32:48] = 90  # a shadow of lossy video
    if kind == "video":
        write_video(tmp_path / "left.mp4", [mask, mask], rate=25, crf=1)
        pattern = f"{tmp_path}/left.mp4"
    else:
        gray = np.repeat(mask[..., None], 3, axis=2)
        for number in range(2):
            path = tmp_path / f"{number}.png"
            write_rgb(path, gray) if kind == "images" else write_rgba(path, np.dstack([gray, mask]))
        pattern = f"{tmp_path}/{{frame}}.png"
    for _, found in read_masks(pattern, kind, 127, [0, 1]):
        np.testing.assert_array_equal(found, mask > 127)


def test_a_picture_without_alpha_is_no_mask(tmp_path: Path) -> None:
    write_rgb(tmp_path / "0.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"0\.png: found 3 channels, expected 4"):
        list(read_masks(f"{tmp_path}/{{frame}}.png", "alpha", 127, [0]))


def test_sizes_are_width_and_height(tmp_path: Path) -> None:
    write_rgb(tmp_path / "a.png", np.zeros((8, 20, 3), np.uint8))
    assert picture_size(tmp_path / "a.png") == (20, 8)
    (tmp_path / "b.png").write_bytes(b"rubbish")
    with pytest.raises(ValueError, match=r"b\.png: not a picture"):
        picture_size(tmp_path / "b.png")
