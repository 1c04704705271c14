"""Models, turntables and pages of a tiny run."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mouse_facelift.formats.models import ModelTable
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionTable
from mouse_facelift.imaging.video import probe_video
from mouse_facelift.verbs.result_pages import result_pages
from tests.browser import CHROMIUM, SOFTWARE_WEBGL, browser
from tests.rules.test_plans import jobs
from tests.workflow import Workflow

EXPERIMENTS = ("full", "real_camera")
PAGES = tuple(f"results/viewers/{name}.html" for name in EXPERIMENTS)
SAMPLES = 2


@pytest.fixture(scope="module")
def viewed(finished, tmp_path_factory) -> Workflow:
    """Everything to look at of an honest and a broken experiment, made by one command."""
    workflow = finished.copy(tmp_path_factory.mktemp("viewed"))
    workflow.make(*PAGES)
    return workflow


def scene_of(text: str) -> dict:
    found = re.search(r'<script id="scene" type="application/json">(.*?)</script>', text)
    assert found is not None
    return json.loads(found.group(1))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_export_models_writes_every_model_in_both_formats(viewed, experiment):
    results = viewed.folder / "results"
    predictions = PredictionTable.read(results / "predictions" / experiment / "predictions.json")
    path = results / "models" / experiment / "models.json"
    table = ModelTable.read(path)
    assert [row.sample for row in table.rows] == [row.sample for row in predictions.rows if row.model]
    assert len(table.rows) == SAMPLES
    for row in table.rows:
        predicted = read_ply(results / "predictions" / experiment / "models" / f"{row.sample}.ply")
        kept = read_ply(path.parent / row.ply)
        assert (row.predicted, row.kept) == (len(predicted), len(kept))
        assert row.predicted == row.faint + row.outside + row.kept
        places = {tuple(mean) for mean in predicted.means.tolist()}
        assert {tuple(mean) for mean in kept.means.tolist()} <= places
        assert (path.parent / row.spz).read_bytes()[:2] == b"\x1f\x8b"
        if len(kept):
            assert bool(torch.isfinite(kept.log_scales).all())


def test_draw_turntable_turns_each_sample_and_all_of_them(viewed):
    folder = viewed.folder / "results/turntables/full"
    samples = [row.sample for row in ModelTable.read(viewed.folder / "results/models/full/models.json").rows]
    for place in (folder / "sequence", *(folder / "samples" / sample for sample in samples)):
        facts = probe_video(place.with_suffix(".mp4"))
        assert (facts.width, facts.height, facts.frames) == (64, 64, 6)
        with Image.open(place.with_suffix(".gif")) as gif:
            assert gif.n_frames == 6
            assert np.asarray(gif.convert("RGB")).std() > 1


def test_build_viewer_shows_the_cameras_and_the_numbers(viewed):
    scene = scene_of((viewed.folder / "results/viewers/full.html").read_text())
    assert (scene["title"], scene["distance"]) == ("full", 2.7)
    assert [frame["label"] for frame in scene["frames"]] == ["frame 10", "frame 11"]
    for frame in scene["frames"]:
        assert [camera["role"] for camera in frame["cameras"]] == ["held_out", *["input"] * 5]
        assert all(re.match(r"PSNR of the animal [\d.]+ dB, ", camera["words"]) for camera in frame["cameras"])
    held_out = scene["tables"][0]
    assert [row[0] for row in held_out["rows"]] == ["full", "white_picture", "visual_hull"]
    broken = scene_of((viewed.folder / "results/viewers/real_camera.html").read_text())
    assert broken["subtitle"].endswith("breaks the camera contract")
    assert broken["distance"] > 10


def test_nothing_is_drawn_twice_and_another_clean_up_predicts_nothing_anew(viewed, tmp_path):
    assert "Nothing to be done" in viewed.make("-n", *PAGES)
    changed = viewed.copy(tmp_path)
    changed.config["exports"]["clean_up"]["opacity"] = 0.5
    assert jobs(changed.make("-n", "viewers", "eval_psnr")) == {
        "export_models": 3,
        "draw_turntable": 3,
        "build_viewer": 3,
        "viewers": 1,
        "total": 10,
    }


def test_a_results_folder_an_experiment_and_its_predictions_have_pages(viewed, tmp_path):
    results = viewed.folder / "results"
    pages = {name: results / f"viewers/{name}.html" for name in EXPERIMENTS}
    pages["zero_shot"] = tmp_path / "zero_shot.html"  # there is none of it yet
    assert result_pages([results], tmp_path) == pages
    made = result_pages([results / "predictions/full"], tmp_path)["full"]
    assert made.parent == tmp_path
    assert scene_of(made.read_text())["tables"][0]["rows"][0][0] == "full"


def test_predictions_alone_are_shown_as_they_are(finished, tmp_path):
    page = result_pages([finished.folder / "results/predictions/zero_shot/predictions.json"], tmp_path)["zero_shot"]
    counted, weights = scene_of(page.read_text())["tables"][-2:]
    counts = {row[0]: row[1] for row in counted["rows"]}
    assert counts["predicted"] == counts["shown"]
    assert [(name, license) for name, _, license in weights["rows"]] == [("tiny.safetensors", "MIT")]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_page(viewed):
    with browser(*SOFTWARE_WEBGL) as chromium:
        chromium.open((viewed.folder / "results/viewers/full.html").as_uri(), 1280, 800)
        chromium.wait("document.body?.dataset.state === 'drawn'")
        first = chromium.screenshot()
        chromium.press(".")
        chromium.wait("document.body.dataset.frame === '1'")
        assert np.abs(chromium.screenshot().astype(int) - first)[:700, :900].max() > 20
        assert chromium.errors == []
