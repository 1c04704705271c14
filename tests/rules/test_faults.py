"""What is wrong stops the run, with the file, the field, what was found and what was expected; nothing comes after."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mouse_facelift.capture import read_calibration
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.verdict import read_verdict
from mouse_facelift.formats.views import Views
from mouse_facelift.plan import SIMULATED_CAMERAS
from tests.spoil import rewrite_video, section, turn_camera
from tests.workflow import Workflow

# A broken recording must not lead to any of these.
AFTER_CAPTURE = ("frames", "views", "samples", "predictions", "scores", "eval_psnr.csv")


def refuse_recording(laboratory: Workflow) -> str:
    told = laboratory.refuse("eval_psnr")
    for name in AFTER_CAPTURE:
        left = laboratory.folder / "results" / name
        assert not [path for path in left.rglob("*") if path.is_file()], f"{left} was made of a broken recording"
        assert not left.is_file()
    return told


def write_facelift_rig(laboratory: Workflow, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Put the rig's pinholes in FaceLift's format beside the recording, with the pose of its third camera changed.

    Anipose's rotation vectors cannot say what is no rotation; matrices can.
    """
    rig = read_calibration(laboratory.folder / "raw/calibration.toml")
    assert rig.image_sizes is not None
    frames = []
    for view, name in enumerate(rig.names):
        width, height = rig.image_sizes[view].tolist()
        (fx, _, cx), (_, fy, cy), _ = rig.intrinsics[view].tolist()
        pose = {"w2c": rig.world_to_camera[view].tolist(), "view_name": name}
        frames.append({"w": width, "h": height, "fx": fx, "fy": fy, "cx": cx + 0.5, "cy": cy + 0.5} | pose)
    path = laboratory.folder / "raw/opencv_cameras.json"
    path.write_text(json.dumps({"id": "rig", "frames": frames}))
    assert read_calibration(path, "facelift").names == rig.names  # sound until the change
    frames[2]["w2c"] = change(np.array(frames[2]["w2c"])).tolist()
    path.write_text(json.dumps({"id": "rig", "frames": frames}))
    laboratory.config["captures"]["tiny"]["calibration"] |= {"path": "raw/opencv_cameras.json", "format": "facelift"}


@pytest.mark.parametrize(
    ("factors", "words"),
    [((-1.0, 1.0, 1.0), "mirrored"), ((1.01, 1.01, 1.01), "scaled")],
)
def test_a_rotation_that_is_none_is_refused(laboratory, factors, words):
    write_facelift_rig(laboratory, lambda pose: np.diag([*factors, 1.0]) @ pose)
    told = refuse_recording(laboratory)
    assert "raw/opencv_cameras.json: camera Camera3: world_to_camera" in told
    assert words in told


def test_two_identical_cameras_are_refused(laboratory):
    path = laboratory.folder / "raw/calibration.toml"
    text = path.read_text()
    for field in ("rotation", "translation"):
        text = text.replace(section(text, 4, field), section(text, 1, field))
    path.write_text(text)
    told = refuse_recording(laboratory)
    assert "raw/calibration.toml: cameras 'Camera2' and 'Camera5' are identical: same position" in told


def test_a_calibration_with_nan_is_refused(laboratory):
    path = laboratory.folder / "raw/calibration.toml"
    text = path.read_text()
    translation = section(text, 3, "translation")
    path.write_text(text.replace(translation, re.sub(r"-?[\d.e-]+", "nan", translation, count=1)))
    told = refuse_recording(laboratory)
    assert "raw/calibration.toml: [cam_3]: camera Camera4: translation: found nan, expected a finite number" in told


def test_a_video_shorter_than_its_neighbors_is_refused(laboratory):
    rewrite_video(laboratory.folder / "raw/videos/Camera2.mp4", lambda pictures: pictures[:-1])
    told = refuse_recording(laboratory)
    assert "raw/videos/Camera2.mp4: found 11 frames, expected 12 as in raw/videos/Camera1.mp4" in told


def test_a_mask_video_of_another_size_is_refused(laboratory):
    rewrite_video(laboratory.folder / "raw/masks/Camera5.mp4", lambda masks: [mask[::2, ::2] for mask in masks])
    told = refuse_recording(laboratory)
    assert "raw/masks/Camera5.mp4: found 72 x 64 px, expected 144 x 128 as in raw/videos/Camera5.mp4" in told


def test_an_empty_mask_in_one_view_costs_that_view_of_that_frame(laboratory):
    rewrite_video(
        laboratory.folder / "raw/masks/Camera6.mp4",
        lambda masks: [*masks[:7], np.zeros_like(masks[7]), *masks[8:]],
    )
    laboratory.make("results/views/tiny/keep/chunk_1/manifest.json")
    views = Views.read(laboratory.folder / "results/views/tiny/keep/chunk_1/manifest.json")
    shown = {sample.frame: sample.view_names for sample in views.samples}
    assert shown[6] == SIMULATED_CAMERAS
    assert shown[7] == SIMULATED_CAMERAS[:5]
    laboratory.config["experiments"]["zero_shot"]["normalization"] = "keep"
    laboratory.make("results/samples/real.keep/table.json")
    table = SampleTable.read(laboratory.folder / "results/samples/real.keep/table.json")
    assert 7 not in {row.frame for row in table.samples}  # samples of six views each were asked for


def test_masks_that_are_always_empty_are_refused(laboratory):
    rewrite_video(laboratory.folder / "raw/masks/Camera6.mp4", lambda masks: [np.zeros_like(mask) for mask in masks])
    told = refuse_recording(laboratory)
    assert "camera Camera6: none of 12 frames shows the animal, so that nothing constrains it" in told


def test_an_own_mask_that_is_missing_stops_everything_before_any_job(laboratory):
    (laboratory.folder / "raw/masks/Camera4.mp4").unlink()
    told = refuse_recording(laboratory)
    assert "raw/masks/Camera4.mp4" in told
    assert "captures.tiny.masks: files are missing; nothing was started" in told
    assert not (laboratory.folder / "results").exists()


def test_a_red_verdict_stops_the_line_after_its_page_unless_the_line_is_accepted(laboratory):
    turn_camera(laboratory.folder / "raw/calibration.toml", 2, 2.0)
    laboratory.make("check_capture")
    page = (laboratory.folder / "results/tiny/verdict.html").read_text()
    assert "Camera3 is turned by" in page
    verdict = read_verdict(laboratory.folder / "results/tiny/verdict.json")
    red = [line.name for line in verdict.lines if line.light == "red"]
    assert verdict.light == "red" and "rotation" in red
    told = laboratory.refuse("results/frames/tiny/manifest.json")
    assert "results/tiny/verdict.json: red" in told
    assert "rotation: Camera3 is turned by" in told
    assert "MissingOutputException" not in told  # the job failed, and was seen to
    laboratory.config["captures"]["tiny"]["accept_red"] = red
    laboratory.make("results/frames/tiny/manifest.json")
    assert "accepted in the configuration" in (laboratory.folder / "results/tiny/verdict.html").read_text()


def test_a_capture_that_cannot_be_read_has_a_red_page(laboratory):
    path = laboratory.folder / "raw/calibration.toml"
    text = path.read_text()
    for field in ("rotation", "translation"):
        text = text.replace(section(text, 4, field), section(text, 1, field))
    path.write_text(text)
    laboratory.make("check_capture")
    assert "are identical: same position" in (laboratory.folder / "results/tiny/verdict.html").read_text()


FIRST = "patch_embedder.1.weight"


def lose(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[FIRST]


def add(tensors: dict[str, torch.Tensor]) -> None:
    tensors["human.bust"] = torch.zeros(3)


def cut(tensors: dict[str, torch.Tensor]) -> None:
    tensors[FIRST] = tensors[FIRST][:-1].clone()


@pytest.mark.parametrize(
    ("experiment", "change", "words"),
    [
        ("full", lose, f"missing: {FIRST} ["),
        ("zero_shot", add, "not of this network: human.bust [3]"),
        ("full", cut, f"shape: {FIRST} is [31, "),
    ],
)
def test_foreign_weights_are_refused(sampled, experiment, change, words):
    weights = sampled.folder / "weights/tiny.safetensors"
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    told = sampled.refuse(f"results/scores/{experiment}.csv")
    assert "weights/tiny.safetensors: 1 tensors do not fit the configured network" in told
    assert words in told
    assert_nothing_predicted(sampled)


def assert_nothing_predicted(workflow: Workflow) -> None:
    for name in ("weights", "predictions", "scores"):
        assert not [path for path in (workflow.folder / "results" / name).rglob("*") if path.is_file()]


@pytest.mark.parametrize("method", ["full", "none"])
def test_data_that_break_the_contract_are_refused_unless_their_experiment_allows_it(sampled, method):
    row = sampled.config["experiments"]["real_camera"]
    row["allow_broken_contract"] = False
    if method == "none":
        row["finetune"] = {"method": "none"}
    told = sampled.refuse("results/scores/real_camera.csv")
    assert (
        "experiment real_camera: results/samples/real.resize/table.json (normalization resize)"
        " breaks the camera contract" in told
    )
    focal = sampled.config["camera_contract"]["focal"]
    assert re.search(rf"focal: view 0: found [\d.]+, [\d.]+ px, expected {focal:.4f}", told)
    assert "set experiments.real_camera.allow_broken_contract: true" in told
    assert_nothing_predicted(sampled)
