"""The research log's experiments, a few of them on a tiny capture, by their one command."""

import copy

import pandas as pd
import pytest

from mouse_facelift.imaging.pictures import picture_size
from tests.browser import CHROMIUM, browser
from tests.rules.test_plans import jobs
from tests.workflow import Workflow

ROWS = ("full_1e4", "zero_shot", "real_camera")


@pytest.fixture(scope="module")
def told(finished, tmp_path_factory) -> Workflow:
    workflow = finished.copy(tmp_path_factory.mktemp("told"))
    planned = jobs(workflow.make("-n", "log_experiments"))
    assert planned["finetune_gslrm"] == 2 and planned["predict_gslrm"] == 3
    assert "normalize_views" not in planned and "predict_baselines" not in planned  # shared with the experiments
    workflow.make("log_experiments")
    return workflow


@pytest.mark.slow
def test_one_command_makes_table_curves_and_page(told):
    results = told.folder / "results/log_experiments"
    table = pd.read_csv(results / "table.csv").set_index("row")
    assert set(table.index) == set(ROWS)
    trained = table.loc[["full_1e4", "real_camera"]]
    assert trained[["animal_at_1", "animal_at_3", "white_at_3", "batch_psnr_at_3"]].notna().all(axis=None)
    assert (trained["norm_peak"] >= trained["norm_median"]).all()
    assert table.loc["zero_shot", ["animal_at_1", "norm_peak"]].isna().all()
    assert table[["held_out_animal", "white_picture_animal", "visual_hull_animal"]].notna().all(axis=None)
    assert table.loc["real_camera", "status"].startswith("complete; breaks the camera contract")
    assert min(picture_size(results / "curves.png")) > 500
    page = (results / "page.html").read_text()
    assert page.count("data:image/jpeg;base64,") == len(ROWS)
    assert "Left out of the configuration: center_frame." in page


@pytest.mark.slow
def test_what_was_told_is_told_once_and_the_experiments_never_hear_of_it(told):
    assert "Nothing to be done" in told.make("-n", "log_experiments")
    assert "Nothing to be done" in told.make("-n", "eval_psnr")
    assert "log_" not in (told.folder / "results/eval_psnr_summary.csv").read_text()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open pages in")
def test_the_report_holds_their_page_when_asked(told, tmp_path):
    config = copy.deepcopy(told.config)
    config["report"] = {"viewers": [], "log_experiments": True}
    reported = told.with_config(tmp_path, config)
    reported.make("results/report.html")
    with browser() as page:
        page.open((reported.folder / "results/report.html").as_uri(), 1280, 900)
        page.wait("document.querySelector('#log button.inner-page')")
        page.run("document.querySelector('#log button.inner-page').click()")
        inner = "document.querySelector('#log iframe.inner-page')?.contentDocument"
        page.wait(f"{inner}?.querySelector('figure img')?.naturalWidth > 100")
        assert "real_camera" in page.run(f"{inner}.querySelector('table').textContent")
        assert page.errors == []


def test_a_configuration_without_such_rows_says_so(untouched, tmp_path):
    bare = untouched.copy(tmp_path)
    bare.config["log_experiments"] = None
    assert "log_experiments: no row in this configuration" in bare.refuse("log_experiments")
    assert not (bare.folder / "results").exists()


def test_a_missing_checkpoint_of_such_a_row_stops_it_alone(finished, tmp_path):
    broken = finished.copy(tmp_path)
    broken.config["checkpoints"]["other"] = broken.config["checkpoints"]["small"] | {"weights": "weights/none.pt"}
    row = broken.config["log_experiments"]["zero_shot"]
    broken.config["log_experiments"]["zero_shot"] = row | {"checkpoint": "other"}
    refused = broken.refuse("-n", "log_experiments")
    assert "checkpoints.other.weights: no file weights/none.pt; needed by experiments ['log_zero_shot']" in refused
    assert "Nothing to be done" in broken.make("-n", "eval_psnr")
