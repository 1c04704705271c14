"""A capture is read whole or refused with the fact that is wrong."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from mouse_facelift.capture.admit_capture import admit_capture
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.verdict import RefusedVerdict, Verdict
from mouse_facelift.imaging.pictures import write_rgb
from mouse_facelift.imaging.video import write_video
from mouse_facelift.settings import Capture
from tests.unit.capture.conftest import CAMERAS, FRAMES, HEIGHT, WIDTH, Laboratory
from tests.whole_capture import measure_here, run_capture


def read(capture: Capture, folder: Path) -> tuple[Frames, Verdict]:
    frames, verdict = run_capture(capture, folder / "out")
    assert frames is not None and isinstance(verdict, Verdict)
    return frames, verdict


def refusal(capture: Capture, folder: Path, error: type[Exception] = ValueError) -> str:
    with pytest.raises(error) as caught:
        measure_here(capture, folder / "out")
    return str(caught.value)


def elsewhere() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:24, 10:24] = 255
    return mask


def test_the_ball_is_found(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    frames, verdict = read(laboratory.capture(), laboratory.folder)
    assert [subject.frame for subject in frames.subjects] == [0, 2, 4]
    found = torch.tensor([subject.center for subject in frames.subjects], dtype=torch.float64)
    torch.testing.assert_close(found, laboratory.centers[[0, 2, 4]], rtol=0, atol=0.8)
    assert verdict.ray_miss_p95 < 0.8
    assert [subject.radius for subject in frames.subjects] == pytest.approx([19, 19, 19], abs=4)  # corners of a hull
    assert all(subject.views == (0, 1, 2, 3) for subject in frames.subjects)
    assert frames.up == verdict.up == (0, 0, 1)
    assert frames.cameras[0].pictures == str(laboratory.video("north"))
    assert frames.cameras[0].masks == str(laboratory.mask_video("north"))
    torch.testing.assert_close(frames.calibration().world_to_camera, laboratory.poses, rtol=0, atol=1e-9)


def test_the_verdict_tells_where_cameras_stand(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    _, verdict = read(laboratory.capture(frames={"start": 0, "stop": FRAMES, "step": 1}), laboratory.folder)
    assert (verdict.frames, verdict.first_frame, verdict.last_frame, verdict.recorded_frames) == (5, 0, 4, 5)
    assert verdict.order == ("west", "south", "east", "north")
    assert verdict.gaps == pytest.approx([85, 95, 85, 95], abs=4)
    north = verdict.cameras[0]
    assert (north.azimuth, north.roll) == (pytest.approx(100, abs=3), pytest.approx(0, abs=0.1))
    assert north.focal == (150, 152) and north.mask_share_least == 1
    assert north.distance == pytest.approx(307, abs=1)
    assert verdict.ray_miss_p95 < 0.8
    assert any(note.startswith("pixel origin") for note in verdict.notes)
    assert any(note.startswith("unit: 1.0 mm") for note in verdict.notes)


def test_other_units_give_the_same_millimeters(laboratory: Laboratory) -> None:
    laboratory.unit = 10.0
    laboratory.write_calibration()
    laboratory.write_videos()
    frames, _ = read(laboratory.capture(), laboratory.folder)
    torch.testing.assert_close(frames.calibration().world_to_camera, laboratory.poses, rtol=0, atol=1e-9)


def test_cameras_are_taken_in_the_order_asked_for(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    frames, verdict = read(laboratory.capture(cameras=["west", "north", "south"]), laboratory.folder)
    assert [camera.name for camera in frames.cameras] == ["west", "north", "south"]
    torch.testing.assert_close(frames.calibration().world_to_camera, laboratory.poses[[3, 0, 2]], rtol=0, atol=1e-9)
    assert "cameras left out: ['east']" in verdict.notes


@pytest.mark.parametrize("kind", ["images", "alpha"])
def test_folders_of_pictures(kind: str, laboratory: Laboratory) -> None:
    laboratory.write_pictures()
    masks = {"kind": kind, "threshold": 127}
    if kind == "images":
        masks["path"] = f"{laboratory.folder}/{{frame:03d}}/{{camera}}_mask.png"
    pictures = f"{laboratory.folder}/{{frame:03d}}/{{camera}}_cut.png"
    frames, verdict = read(laboratory.capture(pictures=pictures, masks=masks), laboratory.folder)
    found = torch.tensor([subject.center for subject in frames.subjects], dtype=torch.float64)
    torch.testing.assert_close(found, laboratory.centers[[0, 2, 4]], rtol=0, atol=0.8)
    assert (verdict.recorded_frames, verdict.rate) == (None, None)
    assert (frames.cameras[0].masks is None) == (kind == "alpha")
    assert frames.cameras[0].pictures == f"{laboratory.folder}/{{frame:03d}}/north_cut.png"


def test_a_fleck_beside_the_ball_moves_nothing(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    flecked = [laboratory.mask(0, n) for n in range(FRAMES)]
    for mask in flecked:
        mask[:4, :8] = 255
    write_video(laboratory.mask_video("north"), flecked, rate=25, crf=10)
    frames, verdict = read(laboratory.capture(), laboratory.folder)
    found = torch.tensor([subject.center for subject in frames.subjects], dtype=torch.float64)
    torch.testing.assert_close(found, laboratory.centers[[0, 2, 4]], rtol=0, atol=0.8)
    assert verdict.cameras[0].mask_share_least < 0.99


def test_one_view_that_tracks_something_else_for_a_while_is_outvoted_and_shows(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    masks = [laboratory.mask(1, n) for n in range(FRAMES)]
    masks[2] = elsewhere()
    write_video(laboratory.mask_video("east"), masks, rate=25, crf=10)
    frames, verdict = read(laboratory.capture(), laboratory.folder)
    found = torch.tensor([subject.center for subject in frames.subjects], dtype=torch.float64)
    assert float((found - laboratory.centers[[0, 2, 4]]).norm(dim=-1).max()) < 2
    assert max(verdict.cameras, key=lambda camera: camera.ray_miss_p95).name == "east"
    assert [subject.views for subject in frames.subjects] == [(0, 1, 2, 3), (0, 2, 3), (0, 1, 2, 3)]
    assert verdict.cameras[1].doubtful_share == pytest.approx(1 / 3)
    assert any("frame 2, east" in remark for remark in verdict.remarks)


def test_one_view_that_always_tracks_something_else_is_refused(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    write_video(laboratory.mask_video("east"), [elsewhere()] * FRAMES, rate=25, crf=10)
    message = refusal(laboratory.capture(), laboratory.folder)
    assert re.search(r"calibration\.toml: camera east: its rays miss .* found \d+\.\d mm or more", message)


def test_every_missing_file_is_listed_at_once(laboratory: Laboratory) -> None:
    message = refusal(laboratory.capture(), laboratory.folder, FileNotFoundError)
    assert message.startswith("8 of 9 files are missing")
    assert all(
        str(laboratory.video(name)) in message and str(laboratory.mask_video(name)) in message for name in CAMERAS
    )


def test_a_shorter_video_is_named_with_found_and_expected(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    write_video(laboratory.video("south"), [laboratory.picture(2, n) for n in range(3)], rate=25, crf=10)
    message = refusal(laboratory.capture(), laboratory.folder)
    assert re.search(rf"south\.mp4: found 3 frames, expected {FRAMES} as in ", message)


def test_a_shorter_mask_video_is_named(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    write_video(laboratory.mask_video("south"), [laboratory.mask(2, n) for n in range(4)], rate=25, crf=10)
    assert re.search(r"south_mask\.mp4: found 4 frames, expected 5", refusal(laboratory.capture(), laboratory.folder))


def test_frames_behind_the_end_are_refused(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    message = refusal(laboratory.capture(frames=[0, 5]), laboratory.folder)
    assert re.search(r"north\.mp4: found 5 frames, but frame 5 \(from 0\) was asked for", message)


def test_pictures_of_another_size_than_calibrated_are_refused(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    halves = [laboratory.picture(1, n)[::2, ::2].copy() for n in range(FRAMES)]
    write_video(laboratory.video("east"), halves, rate=25, crf=10)
    write_video(laboratory.mask_video("east"), [half[..., 0] for half in halves], rate=25, crf=10)
    message = refusal(laboratory.capture(), laboratory.folder)
    assert re.search(
        r"east\.mp4: camera east: found 64 x 48 px, expected 128 x 96 as calibrated in .*calibration\.toml", message
    )


def test_a_mask_of_another_size_names_both_files(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    halves = [laboratory.mask(1, n)[::2, ::2].copy() for n in range(FRAMES)]
    write_video(laboratory.mask_video("east"), halves, rate=25, crf=10)
    message = refusal(laboratory.capture(), laboratory.folder)
    assert re.search(r"east_mask\.mp4: found 64 x 48 px, expected 128 x 96 as in .*east\.mp4", message)


def test_a_mask_picture_of_another_size_names_both_files(laboratory: Laboratory) -> None:
    laboratory.write_pictures()
    write_rgb(laboratory.folder / "002" / "south_mask.png", np.full((48, 64, 3), 255, np.uint8))
    masks = {"kind": "images", "path": f"{laboratory.folder}/{{frame:03d}}/{{camera}}_mask.png", "threshold": 127}
    pictures = f"{laboratory.folder}/{{frame:03d}}/{{camera}}.png"
    message = refusal(laboratory.capture(pictures=pictures, masks=masks), laboratory.folder)
    assert re.search(r"002/south_mask\.png: found 64 x 48 px, expected 128 x 96 as in .*002/south\.png", message)


def test_a_picture_of_another_size_than_its_neighbors_is_refused(laboratory: Laboratory) -> None:
    laboratory.write_pictures()
    write_rgb(laboratory.folder / "004" / "west.png", np.zeros((48, 64, 3), np.uint8))
    masks = {"kind": "images", "path": f"{laboratory.folder}/{{frame:03d}}/{{camera}}_mask.png", "threshold": 127}
    pictures = f"{laboratory.folder}/{{frame:03d}}/{{camera}}.png"
    message = refusal(laboratory.capture(pictures=pictures, masks=masks), laboratory.folder)
    assert re.search(r"004/west\.png: found 64 x 48 px, expected 128 x 96 as in .*000/west\.png", message)


@pytest.mark.parametrize("value", [0, 255], ids=["empty", "full"])
def test_a_view_without_the_animal_loses_no_frame_if_enough_others_show_it(value: int, laboratory: Laboratory) -> None:
    laboratory.write_videos()
    masks = [laboratory.mask(3, n) for n in range(FRAMES)]
    masks[2][:] = value
    write_video(laboratory.mask_video("west"), masks, rate=25, crf=10)
    frames, verdict = read(laboratory.capture(), laboratory.folder)
    assert [subject.views for subject in frames.subjects] == [(0, 1, 2, 3), (0, 1, 2), (0, 1, 2, 3)]
    assert verdict.cameras[3].seen_share == pytest.approx(2 / 3)
    assert (verdict.kept_frames, frames.left_out) == (3, ())


def test_a_frame_that_too_few_views_show_is_left_out_and_says_why(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    for view in (1, 3):
        masks = [laboratory.mask(view, n) for n in range(FRAMES)]
        masks[2][:] = 0
        write_video(laboratory.mask_video(CAMERAS[view]), masks, rate=25, crf=10)
    frames, verdict = read(laboratory.capture(), laboratory.folder)
    assert [subject.frame for subject in frames.subjects] == [0, 4]
    assert [(left.frame, left.faults) for left in frames.left_out] == [(2, ("few_views",))]
    assert {line.name: line.light for line in verdict.lines}["left_out"] == "amber"


def with_up(laboratory: Laboratory, up: object) -> Capture:
    calibration = laboratory.capture().calibration.model_dump() | {"up": up}
    return laboratory.capture(calibration=calibration)


def test_up_follows_from_points_on_the_floor(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    points = [[0, 0, 5], [100, 0, 5], [0, 100, 5.2], [100, 100, 4.9]]
    _, verdict = read(with_up(laboratory, {"floor_points": points}), laboratory.folder)
    assert verdict.up == pytest.approx((0, 0, 1), abs=0.01)
    assert verdict.up_report.source == "floor_points"
    assert verdict.up_report.floor == pytest.approx(5, abs=0.2)
    assert 0 < float(verdict.up_report.degrees or 0) < 1
    assert any(note.startswith("up: floor points ±") for note in verdict.notes)


def test_up_is_estimated_where_nobody_knows_it(laboratory: Laboratory) -> None:
    """Cameras stand upright here; a ball that hardly moves adds little."""
    laboratory.write_videos()
    _, verdict = read(with_up(laboratory, "estimated"), laboratory.folder)
    degrees = np.degrees(np.arccos(verdict.up[2]))
    assert verdict.up_report.degrees is not None
    assert degrees < 3 * verdict.up_report.degrees
    assert degrees < 10


def test_floor_points_on_a_line_are_refused_with_the_setting(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    message = refusal(with_up(laboratory, {"floor_points": [[0, 0, 0], [1, 0, 0], [5, 0, 0]]}), laboratory.folder)
    assert message.startswith("captures.ball.calibration.up: floor points: 3 points lie on a line")


@pytest.mark.parametrize("value", [0, 255], ids=["empty", "full"])
def test_a_camera_that_never_shows_the_animal_is_refused(value: int, laboratory: Laboratory) -> None:
    laboratory.write_videos()
    masks = [np.full((HEIGHT, WIDTH), value, np.uint8)] * FRAMES
    write_video(laboratory.mask_video("west"), masks, rate=25, crf=10)
    message = refusal(laboratory.capture(), laboratory.folder)
    assert "camera west: none of 3 frames shows the animal, so that nothing constrains it" in message
    assert ("one of the background" in message) == (value == 255)


def test_names_that_the_calibration_lacks_are_listed_with_those_it_has(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    for name in ("up", "down"):
        laboratory.video("north").with_name(f"{name}.mp4").write_bytes(laboratory.video("north").read_bytes())
        laboratory.mask_video("north").with_name(f"{name}_mask.mp4").write_bytes(
            laboratory.mask_video("north").read_bytes()
        )
    message = refusal(laboratory.capture(cameras=["north", "up", "down"]), laboratory.folder)
    assert "no camera ['up', 'down'] in the calibration; it holds ['north', 'east', 'south', 'west']" in message
    assert str(laboratory.folder / "calibration.toml") in message


def test_cameras_under_each_other_s_names_are_refused(laboratory: Laboratory) -> None:
    laboratory.centers = laboratory.centers + torch.tensor([30.0, 30.0, 0.0], dtype=torch.float64)
    laboratory.write_videos()
    text = (laboratory.folder / "calibration.toml").read_text()
    swapped = text.replace('"north"', '"x"').replace('"east"', '"north"').replace('"x"', '"east"')
    (laboratory.folder / "calibration.toml").write_text(
        swapped.replace('"south"', '"x"').replace('"west"', '"south"').replace('"x"', '"west"')
    )
    message = refusal(laboratory.capture(frames=[3, 4]), laboratory.folder)
    assert "miss" in message and "do these cameras belong to these pictures, and to their names?" in message


def test_rotations_stored_camera_to_world_are_refused(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    laboratory.poses[:, :3, :3] = laboratory.poses[:, :3, :3].mT.clone()
    laboratory.write_calibration()
    assert "rotation" in refusal(laboratory.capture(), laboratory.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pictures": "{camera}/{number}.png"}, "no other braces"),
        ({"masks": {"kind": "alpha", "threshold": 127}}, "has no alpha channel"),
        ({"masks": {"kind": "video", "path": "{camera}_{frame}.png", "threshold": 127}}, "kind images"),
        ({"masks": {"kind": "images", "path": "{camera}.mp4", "threshold": 127}}, "must hold {frame}"),
    ],
)
def test_patterns_that_contradict_their_kind_are_refused(changes: dict, message: str, laboratory: Laboratory) -> None:
    with pytest.raises(ValueError, match=message):
        laboratory.capture(**changes)


def real_session(session: Path, calibration: str, accept_red: list[str]) -> Capture:
    return Capture.model_validate(
        {
            "cameras": ["top", "side", "back", "mid"],
            "calibration": {
                "path": str(session / calibration),
                "format": "anipose",
                "names": None,
                "image_sizes": None,
                "millimeters_per_unit": 1.0,
                "up": [0.104, -0.016, -0.9945],
            },
            "pictures": f"{session}/original_session/{{camera}}/minimal_{{camera}}.mp4",
            "masks": {
                "kind": "images",
                "path": f"{session}/frame_{{frame:03d}}/{{camera}}_mask.png",
                "threshold": 127,
            },
            "frames": [0, 119],
            "key_points": None,
            "accept_red": accept_red,
        }
    )


@pytest.mark.shared
def test_a_real_session(shared: Path, tmp_path: Path) -> None:
    """Distances as triangulated key points gave them; the side camera looks through the cage wall."""
    session = shared / "real/mouse_4cam"
    capture = real_session(session, "calibration_recomputed.toml", [])
    _, verdict = read(capture, tmp_path)
    distances = {camera.name: camera.distance for camera in verdict.cameras}
    assert distances == pytest.approx({"top": 481, "side": 254, "back": 406, "mid": 414}, abs=3)
    assert verdict.recorded_frames == 120
    assert verdict.ray_miss_p95 < 6
    assert verdict.cameras[1].elevation == pytest.approx(24, abs=2)
    lines = {line.name: line for line in verdict.lines}
    assert verdict.light == "amber"
    assert lines["hull_cover"].light == "amber"
    assert lines["hull_iou"].light == "amber" and "side" in lines["hull_iou"].says
    assert lines["time"].says == "the frames read are too far apart to tell"


@pytest.mark.shared
def test_a_real_session_under_its_published_calibration_is_red(shared: Path, tmp_path: Path) -> None:
    session = shared / "real/mouse_4cam"
    capture = real_session(session, "original_session/calibration.toml", ["tangents"])
    out = tmp_path / "out"
    _, refused = run_capture(capture, out)
    assert isinstance(refused, RefusedVerdict)
    assert "cameras 'side' and 'top' are identical" in refused.refusal
    with pytest.raises(ValueError, match=r"verdict\.json: red\n  reading: .*cameras 'side' and 'top' are identical"):
        admit_capture(out / "found.json", out / "verdict.json", out / "frames.json")
    assert not (out / "frames.json").exists()
