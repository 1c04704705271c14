"""`snakemake check_capture` on recordings as they are and as they go wrong: what is off is found and named."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.simulation.laboratory import simulate_capture
from tests.conftest import REPOSITORY
from tests.spoil import delay, lengthen_focal, turn_camera
from tests.workflow import Workflow

FRAMES = 36

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Workflow:
    """The default configuration's walk, as if no rule had made it."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    workflow = Workflow(tmp_path_factory.mktemp("sound"), config)
    simulate_capture(workflow.folder / "raw", workflow.folder / "truth", "walk", frames=FRAMES, seed=11, samples=2)
    capture = config["captures"].pop("walk")
    capture["calibration"]["path"] = "raw/calibration.toml"
    capture["pictures"] = "raw/videos/{camera}.mp4"
    capture["masks"]["path"] = "raw/masks/{camera}.mp4"
    capture["frames"] = {"start": 0, "stop": FRAMES, "step": 1}
    config["captures"] = {"walk": capture}
    config["simulations"] = {}
    config["animal"]["hull_resolution"] = 48  # of no weight in what is asked here
    config["normalization_modes"] |= {"captures": [], "normalizations": []}
    config["datasets"]["real"]["captures"] = ["walk"]
    return workflow


def judge(workflow: Workflow) -> Verdict:
    workflow.make("check_capture")
    assert "<svg" in (workflow.folder / "results/walk/verdict.html").read_text()
    return Verdict.read(workflow.folder / "results/walk/verdict.json")


def test_a_sound_recording_is_green(sound: Workflow) -> None:
    verdict = judge(sound)
    assert [(line.name, line.says) for line in verdict.lines if line.light != "green"] == []
    assert verdict.findings == ()
    assert verdict.kept_frames == FRAMES
    # What the line of the earlier attempt read as uneven: the file's y taken for up.
    wrong = [reading for reading in verdict.readings if reading.wrong_by > 45]
    assert wrong and "an axis error" in (sound.folder / "results/walk/verdict.html").read_text()


@pytest.mark.parametrize(
    ("spoil", "camera", "cause", "size", "within"),
    [
        (lambda raw: turn_camera(raw / "calibration.toml", 2, 1.0), "Camera3", "rotation", 1.0, 0.3),
        (lambda raw: delay(raw, "Camera5", 2), "Camera5", "time", 2.0, 0.4),
        (lambda raw: lengthen_focal(raw / "calibration.toml", 0, 1.03), "Camera1", "focal", -0.029, 0.01),
    ],
    ids=["turned by a degree", "late by two frames", "focal length wrong by 3 %"],
)
def test_what_is_off_is_named(
    spoil: Callable[[Path], None], camera: str, cause: str, size: float, within: float, sound: Workflow, tmp_path: Path
) -> None:
    workflow = Workflow(tmp_path, copy.deepcopy(sound.config))
    shutil.copytree(sound.folder / "raw", tmp_path / "raw")
    spoil(tmp_path / "raw")
    verdict = judge(workflow)
    assert verdict.light == "red"
    assert [(found.camera, found.cause) for found in verdict.findings] == [(camera, cause)]
    assert verdict.findings[0].size == pytest.approx(size, abs=within)
    red = [line for line in verdict.lines if line.light == "red"]
    assert cause in {line.name for line in red}
    assert f"{cause}: {camera}" in workflow.refuse("results/frames/walk/manifest.json")
