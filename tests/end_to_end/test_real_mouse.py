"""A real mouse, from four videos to the table of numbers, by the configuration that users are shown."""

import copy

import pandas as pd
import pytest
import yaml

from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.formats.verdict import Verdict, read_verdict
from mouse_facelift.formats.views import Views
from mouse_facelift.geometry.contract import require_contract
from mouse_facelift.settings import parse_settings
from tests.workflow import REPOSITORY, Workflow

pytestmark = [pytest.mark.shared, pytest.mark.slow, pytest.mark.timeout(1800)]

CAMERAS = ("back", "mid", "side", "top")
MODES = ("keep", "contract")
SHIPPED_WEIGHTS = "mouse_facelift/gslrm/weights"


@pytest.fixture(scope="module")
def recorded(shared, tmp_path_factory):
    """The recording and the shipped weights where the example expects them."""
    config = yaml.safe_load((REPOSITORY / "config/examples/mouse_4cam.yaml").read_text())
    workflow = Workflow(tmp_path_factory.mktemp("mouse_4cam"), config)
    (workflow.folder / "raw").mkdir()
    (workflow.folder / "raw/mouse_4cam").symlink_to(shared / "real/mouse_4cam")
    weights = workflow.folder / SHIPPED_WEIGHTS
    weights.parent.mkdir(parents=True)
    weights.symlink_to(REPOSITORY / SHIPPED_WEIGHTS)
    return workflow


@pytest.fixture(scope="module")
def measured(recorded, tmp_path_factory):
    workflow = recorded.copy(tmp_path_factory.mktemp("measured"))
    workflow.make("eval_psnr")
    return workflow


def test_the_verdict_finds_the_cameras_where_they_were_measured(measured):
    verdict = Verdict.read(measured.folder / "results/mouse_4cam/verdict.json")
    assert tuple(camera.name for camera in verdict.cameras) == CAMERAS
    distances = [camera.distance for camera in verdict.cameras]
    assert distances == pytest.approx([406, 414, 254, 481], abs=3)  # mm, of whoever calibrated them anew
    assert [camera.elevation > 60 for camera in verdict.cameras] == [True, True, False, True]
    assert all(camera.ray_miss_p95 < 12 for camera in verdict.cameras)
    assert (verdict.frames, verdict.first_frame, verdict.last_frame, verdict.recorded_frames) == (2, 0, 119, 120)


@pytest.mark.parametrize("mode", MODES)
def test_both_frames_are_normalized_within_the_limit(measured, mode):
    views = Views.read(measured.folder / f"results/views/mouse_4cam/{mode}/chunk_0/manifest.json")
    assert (views.mode, views.view_names, views.violations) == (mode, CAMERAS, ())
    assert [sample.frame for sample in views.samples] == [0, 119]
    worst = max(residual.p95 for sample in views.samples for residual in sample.residuals)
    if mode == "keep":
        assert worst == 0
    else:
        assert 0 < worst < measured.config["normalizations"]["contract"]["residual_limit"]


@pytest.mark.parametrize("mode", MODES)
def test_every_view_shows_the_whole_mouse_through_a_camera_on_the_contract(measured, mode):
    path = measured.folder / f"results/samples/mouse_4cam.{mode}/table.json"
    table = SampleTable.read(path)
    assert [row.name for row in table.of_split("test")] == ["mouse_4cam_000000", "mouse_4cam_000119"]
    contract = parse_settings(measured.config, "example").camera_contract
    for row in table.samples:
        sample = load_sample(path, row)
        require_contract(sample.cameras, contract, row.name)
        assert sample.images.shape == (len(CAMERAS), 64, 64, 4)
        assert (sample.alpha.sum(dim=(1, 2)) > 50).all()  # px
        assert (sample.alpha[:, 20:44, 20:44].sum(dim=(1, 2)) > 0.8 * sample.alpha.sum(dim=(1, 2))).all()


def test_every_view_is_held_out_once_and_given_three_times(measured):
    table = pd.read_csv(measured.folder / "results/eval_psnr.csv")
    assert set(table["experiment"]) == {"zero_shot_keep", "zero_shot_contract", "white_picture", "visual_hull"}
    for _, rows in table.groupby(["experiment", "normalization", "sample"]):
        assert len(rows) == 16  # 4 turns of 4 views
        assert rows.groupby(["turn", "role"]).size().to_dict() == {
            (turn, role): count for turn in range(4) for role, count in (("input", 3), ("held_out", 1))
        }
        assert set(rows[rows["role"] == "held_out"]["view"]) == set(CAMERAS)
    assert set(table["sample"]) == {"mouse_4cam_000000", "mouse_4cam_000119"}
    assert len(table) == (2 + 2 * 2) * 2 * 16  # experiments and two trivial answers of each normalization
    assert table[["psnr", "psnr_foreground", "ssim", "iou"]].notna().all(axis=None)
    assert set(table["status"]) == {"complete"}


def test_the_published_calibration_is_refused(recorded, tmp_path):
    published = recorded.with_config(tmp_path, copy.deepcopy(recorded.config))
    path = "raw/mouse_4cam/original_session/calibration.toml"
    published.config["captures"]["mouse_4cam"]["calibration"]["path"] = path
    told = published.refuse("eval_psnr")
    assert f"{path}: cameras 'side' and 'top' are identical" in told
    assert not (tmp_path / "results/frames").exists() and not (tmp_path / "results/samples").exists()
    refused = read_verdict(tmp_path / "results/mouse_4cam/verdict.json")
    assert refused.light == "red"
    assert "identical" in (tmp_path / "results/mouse_4cam/verdict.html").read_text()
