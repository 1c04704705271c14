"""Masks that the workflow makes take the place of those that a laboratory has."""

import copy
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from mouse_facelift.capture.masks.shapes import overlap
from mouse_facelift.formats.frames import Frames
from mouse_facelift.imaging.recordings import read_masks
from mouse_facelift.plan import SIMULATED_CAMERAS

KEYS = (0, 11)
CARRIED = {
    "kind": "carried",
    "path": "keys/{camera}_{frame:03d}.png",
    "threshold": 127,
    "key_frames": list(KEYS),
    "band": 1,
}


def test_carried_masks_are_made_first_and_read_like_given_ones(finished, tmp_path) -> None:
    config = copy.deepcopy(finished.config)
    place = "results/simulated/tiny/masks/{camera}.mp4"
    config["captures"]["tiny"]["masks"] = CARRIED
    workflow = finished.with_config(tmp_path / "carried", config)
    (workflow.folder / "keys").mkdir()
    given = {}
    for camera in SIMULATED_CAMERAS:
        path = str(workflow.folder / place.format(camera=camera))
        given[camera] = [mask for _, mask in read_masks(path, "video", 127, range(12))]
        for frame in KEYS:
            key = workflow.folder / f"keys/{camera}_{frame:03d}.png"
            cv2.imwrite(str(key), given[camera][frame].astype(np.uint8) * 255)
    workflow.make("results/frames/tiny/manifest.json")
    frames = Frames.read(workflow.folder / "results/frames/tiny/manifest.json")
    assert [camera.masks for camera in frames.cameras] == [f"results/masks/tiny/{c}.mp4" for c in SIMULATED_CAMERAS]
    for camera in SIMULATED_CAMERAS:
        made = read_masks(str(workflow.folder / f"results/masks/tiny/{camera}.mp4"), "video", 127, range(12))
        overlaps = [overlap(mask, true) for (_, mask), true in zip(made, given[camera], strict=True)]
        assert np.mean(overlaps) > 0.75
        table = pd.read_csv(workflow.folder / f"results/masks/tiny/{camera}.csv")
        assert len(table) == 12
        assert table["confidence"].between(0.3, 1).all()


@pytest.mark.parametrize("missing", ["Camera2_011.png"])
def test_a_missing_key_mask_stops_the_workflow_before_any_job(finished, tmp_path, missing: str) -> None:
    config = copy.deepcopy(finished.config)
    config["captures"]["tiny"]["masks"] = CARRIED
    workflow = finished.with_config(tmp_path / "missing", config)
    for made in ("animal", "frames", "tiny"):  # where some are there, Snakemake goes on to them and names no key mask
        shutil.rmtree(workflow.folder / "results" / made)
    (workflow.folder / "keys").mkdir()
    for camera in SIMULATED_CAMERAS:
        for frame in KEYS:
            if (name := f"{camera}_{frame:03d}.png") != missing:
                (workflow.folder / "keys" / name).write_bytes(b"")
    assert missing in workflow.refuse("results/tiny/verdict.json")
    assert not (workflow.folder / "results/masks").exists()
