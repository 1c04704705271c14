"""Masks that are made here: of a disk that moves, or hardly moves, before a patterned floor."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from mouse_facelift.capture.masks.background import EmptyCage
from mouse_facelift.capture.masks.make import make_masks
from mouse_facelift.capture.masks.propagate import carry_masks, cut_outline
from mouse_facelift.capture.masks.shapes import overlap, tidy
from mouse_facelift.imaging.pictures import read_rgba
from mouse_facelift.imaging.video import read_frames, write_video
from mouse_facelift.settings import Capture

SIZE = (96, 128)  # height, width
FRAMES = 20


def disk(x: float, y: float, radius: float = 14) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def pattern(seed: int, contrast: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(SIZE[0] // 4, SIZE[1] // 4, 3)).astype(np.float32)
    return cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC) * contrast


def film(step: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures and true masks of a bright disk, with its own pattern, that goes `step` px a frame."""
    floor, coat = 70 + pattern(0, 12), pattern(1, 14)
    pictures, masks = [], []
    for frame in range(FRAMES):
        mask = disk(40 + step * frame, 48)
        moved = cv2.warpAffine(coat, np.float32([[1, 0, step * frame], [0, 1, 0]]), SIZE[::-1])
        picture = np.where(mask[..., None], 185 + moved, floor)
        pictures.append(np.clip(picture + np.random.default_rng(frame).normal(size=picture.shape), 0, 255).astype("u1"))
        masks.append(mask)
    return pictures, masks


def test_holes_are_closed_near_pieces_kept_and_others_left_out():
    mask = disk(40, 40)
    mask[38:42, 38:42] = False  # a hole
    mask[40, 56:70] = True  # a tail, two px off
    mask[80:84, 110:114] = True  # something else
    tidied = tidy(mask)
    assert tidied[40, 40] and tidied[40, 60]
    assert not tidied[82, 112]
    assert not tidy(np.zeros(SIZE, dtype=bool)).any()


def test_overlap_is_intersection_over_union():
    assert overlap(disk(40, 40), disk(40, 40)) == 1.0
    assert overlap(disk(20, 20), disk(80, 60)) == 0.0
    first, second = np.zeros(SIZE, dtype=bool), np.zeros(SIZE, dtype=bool)
    first[:2], second[1:3] = True, True
    assert overlap(first, second) == pytest.approx(1 / 3)


@pytest.mark.parametrize("step", [0.2, 1.5])
def test_a_mask_is_carried_along_with_its_animal(step: float):
    pictures, masks = film(step)
    carried = list(carry_masks(pictures, masks[0], band=2))
    assert len(carried) == FRAMES - 1
    assert min(overlap(found, true) for found, true in zip(carried, masks[1:], strict=True)) > 0.9
    again = list(carry_masks(pictures, masks[0], band=2))
    assert all(np.array_equal(one, two) for one, two in zip(carried, again, strict=True))


def test_grabcut_mends_a_mask_that_is_a_little_off():
    pictures, masks = film(0.0)
    off = disk(41.5, 48)
    assert overlap(cut_outline(pictures[0], off, band=3), masks[0]) > overlap(off, masks[0]) + 0.05
    assert np.array_equal(cut_outline(pictures[0], off, band=0), off)


def test_a_moving_animal_is_what_differs_from_the_empty_cage():
    pictures, masks = film(3.0)
    cage = EmptyCage(pictures, threshold=30.0)
    for number in (0, 7, FRAMES - 1):
        found, sure = cage.masks(pictures[number])
        assert overlap(found, masks[number]) > 0.9
        assert overlap(sure, masks[number]) > 0.8


@pytest.fixture
def recording(tmp_path: Path):
    """Videos of a slow and of a quick disk, and the slow one's masks in two frames."""
    for name, step in (("slow", 0.4), ("quick", 3.0)):
        pictures, masks = film(step)
        write_video(tmp_path / f"{name}.mp4", pictures, 25, crf=10)
        for frame in (3, 16):
            cv2.imwrite(str(tmp_path / f"{name}_{frame}.png"), masks[frame].astype(np.uint8) * 255)

    def capture(masks: dict[str, Any], **changes: Any) -> Capture:
        calibration = {
            "path": "unread",
            "format": None,
            "names": None,
            "image_sizes": None,
            "millimeters_per_unit": 1.0,
            "up": (0, 0, 1),
        }
        row = {
            "cameras": ("slow", "quick", "third"),
            "calibration": calibration,
            "pictures": str(tmp_path / "{camera}.mp4"),
            "masks": masks,
            "frames": {"start": 0, "stop": FRAMES, "step": 1},
            "key_points": None,
            "accept_red": (),
        }
        return Capture.model_validate(row | changes)

    return capture


def carried(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    row = {"kind": "carried", "path": str(tmp_path / "{camera}_{frame}.png"), "threshold": 127}
    return row | {"key_frames": (3, 16), "band": 2} | changes


def made(folder: Path, capture: Capture, camera: str) -> tuple[list[np.ndarray], pd.DataFrame]:
    make_masks(capture, camera, folder / "m.mp4", folder / "m.csv", folder / "m.png")
    masks = [mask > 127 for _, mask in read_frames(folder / "m.mp4", range(FRAMES), gray=True)]
    assert read_rgba(folder / "m.png").shape[1] == 4 * 320
    return masks, pd.read_csv(folder / "m.csv")


def test_masks_are_carried_before_between_and_after_key_frames(tmp_path: Path, recording):
    masks, table = made(tmp_path, recording(carried(tmp_path)), "slow")
    _, truth = film(0.4)
    assert min(overlap(found, true) for found, true in zip(masks, truth, strict=True)) > 0.88
    assert table["frame"].tolist() == list(range(FRAMES))
    assert table["area"].tolist() == [mask.sum() for mask in masks]
    assert (table["confidence"] > 0.85).all() and table["confidence"][3] == table["confidence"][16] == 1
    assert np.array_equal(masks[16], truth[16])


def test_where_two_key_frames_masks_meet_is_said(tmp_path: Path, recording, caplog):
    """Key masks that were outlined differently, one with the tail and one without, make a jump there."""
    with caplog.at_level("INFO"):
        made(tmp_path, recording(carried(tmp_path)), "slow")
    said = [line for line in caplog.messages if "take over" in line]
    assert len(said) == 1
    assert said[0].startswith("slow: from frame 11 on, masks of key frame 16 take over from those of 3; ")


def test_frames_that_are_not_asked_for_are_black(tmp_path: Path, recording):
    capture = recording(carried(tmp_path), frames={"start": 5, "stop": 12, "step": 3})
    masks, table = made(tmp_path, capture, "slow")
    assert [number for number, mask in enumerate(masks) if mask.any()] == table["frame"].tolist() == [5, 8, 11]


def test_masks_before_a_background(tmp_path: Path, recording):
    masks, table = made(tmp_path, recording({"kind": "background", "samples": 20, "threshold": 30}), "quick")
    _, truth = film(3.0)
    assert min(overlap(found, true) for found, true in zip(masks, truth, strict=True)) > 0.85
    assert (table["confidence"] > 0.8).all()


def test_an_animal_that_leaves_its_region_is_an_error_and_leaves_nothing(tmp_path: Path, recording):
    capture = recording(carried(tmp_path, key_frames=(3,)))
    with pytest.raises(ValueError, match=r"quick\.mp4: camera quick: frame \d+: the animal leaves the region"):
        make_masks(capture, "quick", tmp_path / "m.mp4", tmp_path / "m.csv", tmp_path / "m.png")
    assert not list(tmp_path.glob("*m.*"))


def test_an_empty_key_mask_is_refused(tmp_path: Path, recording):
    cv2.imwrite(str(tmp_path / "slow_3.png"), np.zeros(SIZE, np.uint8))
    with pytest.raises(ValueError, match=r"slow_3\.png: the key mask is empty"):
        made(tmp_path, recording(carried(tmp_path)), "slow")


def test_masks_are_made_of_videos_alone(recording, tmp_path: Path):
    with pytest.raises(ValidationError, match="made of videos"):
        recording(carried(tmp_path), pictures="{camera}_{frame}.png")
    with pytest.raises(ValidationError, match="must rise"):
        recording(carried(tmp_path, key_frames=(16, 3)))
    with pytest.raises(ValueError, match="yet to make"):
        _ = recording(carried(tmp_path)).given_masks
