"""Each rule on a tiny capture: its files, read by their own readers, mean what they should."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from mouse_facelift.capture import read_calibration
from mouse_facelift.evaluation.columns import COLUMNS
from mouse_facelift.evaluation.metrics import PSNR_CAP
from mouse_facelift.evaluation.pairs import PAIR_COLUMNS
from mouse_facelift.evaluation.score_tables import read_true_scores
from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.diagnosis import TrainingDiagnosis
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.packs import read_pack
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.formats.true_views import TrueViewsTable, read_surface
from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.formats.views import Views
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.gslrm import load_gslrm
from mouse_facelift.imaging.pictures import picture_size
from mouse_facelift.imaging.recordings import read_masks
from mouse_facelift.imaging.video import probe_video
from mouse_facelift.plan import SIMULATED_CAMERAS, Plan
from mouse_facelift.settings import CameraContract, parse_settings
from tests.workflow import SIZE, Workflow

FRAMES, TURNS, TESTED = 12, 6, 2  # of the capture, of a sample with one view of six held out, samples evaluated


def plan_of(workflow: Workflow) -> Plan:
    return Plan(parse_settings(workflow.config, "tiny"))


def contract_of(workflow: Workflow) -> CameraContract:
    return plan_of(workflow).settings.camera_contract


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_simulate_capture_leaves_what_a_laboratory_has(finished):
    capture = finished.folder / "results/simulated/tiny"
    videos = {f"{kind}/{camera}.mp4" for kind in ("videos", "masks") for camera in SIMULATED_CAMERAS}
    assert files_below(capture) == {"calibration.toml"} | videos
    calibration = read_calibration(capture / "calibration.toml")
    assert tuple(calibration.names) == SIMULATED_CAMERAS
    assert calibration.image_sizes is not None
    assert bool((calibration.distortion != 0).any())
    for camera, size in zip(SIMULATED_CAMERAS, calibration.image_sizes.tolist(), strict=True):
        for kind in ("videos", "masks"):
            facts = probe_video(capture / kind / f"{camera}.mp4")
            assert [facts.width, facts.height] == size
            assert facts.frames == FRAMES
        for _, mask in read_masks(str(capture / f"masks/{camera}.mp4"), "video", 127, range(FRAMES)):
            assert 0 < mask.mean() < 0.5


def test_the_animal_is_found_and_the_rig_judged(finished):
    frames = Frames.read(finished.folder / "results/frames/tiny/manifest.json")
    verdict = Verdict.read(finished.folder / "results/tiny/verdict.json")
    assert [subject.frame for subject in frames.subjects] == list(range(FRAMES))
    assert tuple(camera.name for camera in frames.cameras) == SIMULATED_CAMERAS
    assert verdict.frames == verdict.recorded_frames == FRAMES
    assert sorted(verdict.order) == sorted(SIMULATED_CAMERAS)
    assert sum(verdict.gaps) == pytest.approx(360)
    assert max(camera.aim for camera in verdict.cameras) < 30
    assert verdict.ray_miss_p50 < 5  # mm
    assert verdict.notes
    assert verdict.kept_frames == FRAMES
    assert [way.normalization for way in verdict.foreseen if way.honest] == ["contract"]
    truth = json.loads((finished.folder / "results/truth/tiny/truth.json").read_text())
    assert truth["seed"] == finished.config["simulations"]["tiny"]["seed"]


def read_views(workflow: Workflow, normalization: str) -> list[tuple[Path, Views]]:
    paths = sorted((workflow.folder / "results/views/tiny" / normalization).glob("chunk_*/manifest.json"))
    return [(path, Views.read(path)) for path in paths]


@pytest.fixture(scope="module")
def normalized(finished, tmp_path_factory) -> Workflow:
    """The normalizations that no experiment of the tiny configuration asks for, beside the others."""
    workflow = finished.copy(tmp_path_factory.mktemp("normalized"))
    workflow.make(*(f"results/views/tiny/{name}/chunk_0/manifest.json" for name in ("keep", "fill", "resize_scaled")))
    return workflow


@pytest.mark.parametrize("normalization", ["keep", "contract", "fill"])
def test_normalize_views_writes_the_contract(normalized, normalization):
    contract = contract_of(normalized)
    limits = {"keep": 0.0} | {
        name: normalized.config["normalizations"][name]["residual_limit"] for name in ("contract", "fill")
    }
    for path, views in read_views(normalized, normalization):
        assert views.violations == ()
        assert views.contract == contract.hash
        assert len(views.samples) == FRAMES / 2
        for posed in views.samples:
            sample = read_sample(path.parent / posed.folder)
            assert contract_violations(sample.cameras, contract) == []
            assert tuple(sample.images.shape) == (6, SIZE, SIZE, 4)
            assert max(residual.p95 for residual in posed.residuals) <= limits[normalization]
            distances = torch.linalg.vector_norm(sample.cameras.centers, dim=-1)
            spread = float(distances.max() - distances.min())
            assert spread > 0.1 if normalization == "keep" else spread < 1e-4
            assert posed.checksums == {name: sha256(path.parent / posed.folder / name) for name in posed.checksums}
            assert set(posed.checksums) == files_below(path.parent / posed.folder)
    if normalization == "fill":
        assert all(posed.subject_radius == pytest.approx(0.6, abs=0.1) for posed in views.samples)


@pytest.mark.parametrize(("normalization", "fields"), [("resize", {"focal", "distance"}), ("resize_scaled", {"focal"})])
def test_normalize_views_names_what_a_resize_breaks(normalized, normalization, fields):
    for path, views in read_views(normalized, normalization):
        assert views.mode == "resize"
        assert fields <= {violation.split(":")[0] for violation in views.violations}
        sample = read_sample(path.parent / views.samples[0].folder)
        assert contract_violations(sample.cameras, contract_of(normalized))


def test_measure_normalizations_tells_what_each_one_breaks(normalized, tmp_path):
    workflow = normalized.copy(tmp_path)
    measured = workflow.config["normalization_modes"]["normalizations"]
    workflow.make("results/normalization_modes.csv")
    table = pd.read_csv(workflow.folder / "results/normalization_modes.csv", keep_default_na=False)
    assert table["normalization"].tolist() == measured
    assert (table["frames"] == 3).all()
    assert min(picture_size(workflow.folder / "results/normalization_modes.png")) > 300
    rows = table.set_index("normalization")
    exact = ["keep", "keep_session_center", "keep_millimeters", "resize", "resize_scaled"]
    assert rows.loc[exact, "error_max"].max() < 1e-3
    assert (rows["error_p50"] <= rows["error_p95"]).all()
    for name in ("contract", "fill"):
        assert rows.loc[f"{name}_rectified", "error_p95"] < 0.6 * rows.loc[name, "error_p95"]
        assert rows.loc[f"{name}_rectified", "mutual_p95"] < 0.85 * rows.loc[name, "mutual_p95"]
        assert rows.loc[name, "recorded_p95"] == pytest.approx(rows.loc[name, "view_p95"], rel=0.3)
    honest = rows.loc[["keep", "contract", "contract_rectified", "fill", "fill_rectified"]]
    assert (honest["breaks"] == "none").all()
    assert rows.loc["relabel", "breaks"] == "pixels"
    assert rows.loc["relabel", "error_p50"] > 20 * rows.loc["fill", "error_p50"]
    assert rows.loc["relabel", "focal_error"] == 0
    assert rows.loc["keep_millimeters", "breaks"] == "distance subject_radius"
    assert rows.loc["keep_millimeters", "unit"] > 100
    assert rows.loc["keep_millimeters", "in_reach"] < 0.2
    assert rows.loc["keep_session_center", "off_center"] > 3 * rows.loc["keep", "off_center"]
    assert rows.loc["resize_scaled", "focal_error"] > 0.3
    assert honest["in_reach"].min() == 1


def test_what_has_no_truth_is_not_measured(finished, tmp_path):
    changed = finished.copy(tmp_path)
    changed.config["captures"]["tiny"]["pictures"] = "elsewhere/{camera}.mp4"
    assert "captures.tiny.pictures: 'elsewhere/{camera}.mp4' is of no simulation; defined: ['tiny']" in changed.refuse(
        "-n", "results/normalization_modes.csv"
    )
    changed.config["normalization_modes"]["captures"] = []
    assert "normalization_modes: captures and normalizations must name" in changed.refuse(
        "-n", "results/normalization_modes.csv"
    )


def test_assemble_dataset_splits_by_time(finished):
    path = finished.folder / "results/samples/real.contract/table.json"
    table = SampleTable.read(path)
    assert table.violations == ()
    assert {row.view_names for row in table.samples} == {SIMULATED_CAMERAS}
    # Blocks of three frames: train, train, val, test; one frame is left out where the role changes.
    assert [row.frame for row in table.of_split("train")] == [0, 1, 2, 3, 4, 5]
    assert [row.frame for row in table.of_split("val")] == [7, 8]
    assert [row.frame for row in table.of_split("test")] == [10, 11]
    for split in ("train", "val", "test"):
        listed = path.with_name(f"{split}.txt").read_text().split()
        assert listed == [row.folder for row in table.of_split(split)]
    assert load_sample(path, table.samples[0]).images.shape == (6, SIZE, SIZE, 4)
    assert SampleTable.read(finished.folder / "results/samples/real.resize/table.json").violations


def test_pretrain_gslrm_makes_weights_that_load(untouched, tmp_path):
    workflow = untouched.copy(tmp_path)
    workflow.make("pretrain_gslrm")
    results = workflow.folder / "results/pretraining"
    pack = read_pack(results / "animals/animals_000.npz")
    assert pack.images.shape == (10, 7, SIZE, SIZE, 4)
    model = load_gslrm(results / "gslrm_small.safetensors", results / "gslrm_small.json")
    assert model.config.image_tokenizer.image_size == SIZE
    card = WeightsCard.read(results / "gslrm_small.card.json")
    assert card.weights_sha256 == sha256(results / "gslrm_small.safetensors")
    assert (card.domain, card.parent, card.steps) == ("procedural", "none", 8)
    assert card.trained_on.startswith("8 procedural animals")
    assert card.contract == contract_of(workflow).hash
    assert all(math.isfinite(value) for value in card.metrics.values())
    assert not list((workflow.folder / "state").rglob("*.pt"))


@pytest.mark.parametrize("experiment", ["full", "real_camera"])
def test_finetune_gslrm_changes_every_tensor_it_started_from(finished, experiment):
    weights = finished.folder / plan_of(finished).weights(experiment)
    checkpoint = finished.folder / "weights/tiny.safetensors"
    trained, start = load_file(weights), load_file(checkpoint)
    assert trained.keys() == start.keys()
    assert all(trained[name].shape == start[name].shape for name in start)
    changed = [name for name in start if not torch.equal(trained[name], start[name])]
    assert len(changed) > len(start) / 2
    load_gslrm(weights, finished.folder / "weights/tiny.json")
    card = WeightsCard.read(weights.with_name("card.json"))
    assert card.weights_sha256 == sha256(weights)
    assert (card.domain, card.parent) == ("mouse", sha256(checkpoint))
    assert card.contract == contract_of(finished).hash
    assert card.steps == 6
    assert bool(card.violations) == (experiment == "real_camera")
    assert TrainingDiagnosis.read(weights.with_name("diagnosis.json")).status == card.status == "complete"


@pytest.mark.parametrize("experiment", ["zero_shot", "full", "real_camera"])
def test_predict_gslrm_renders_every_view_of_every_turn(finished, experiment):
    home = finished.folder / "results/predictions" / experiment
    table = PredictionTable.read(home / "predictions.json")
    assert table.experiment == experiment
    assert plan_of(finished).weights(experiment) in table.weights
    assert len(table.rows) == TESTED * TURNS
    held_out = [view for row in table.rows for view in range(6) if row.role(view) == "held_out"]
    assert sorted(held_out) == sorted(TESTED * list(range(6)))  # each view as often as any other
    for row in table.rows:
        rendered = Renderings.read(home / row.renderings)
        assert rendered.rgb.shape == (6, 3, SIZE, SIZE)
        assert bool(rendered.rgb.isfinite().all())
        assert 0 <= float(rendered.alpha.min()) <= float(rendered.alpha.max()) <= 1
    models = [row.model for row in table.rows if row.model]
    assert len(models) == finished.config["evaluation"]["models"]
    least = finished.config["evaluation"]["model_opacity"]
    assert float(read_ply(home / models[0]).opacities.min()) > least


def test_predict_baselines_are_trivial_and_as_complete(finished):
    for answer in ("white_picture", "visual_hull"):
        home = finished.folder / "results/baselines/real.contract.5in" / answer
        table = PredictionTable.read(home / "predictions.json")
        assert (table.experiment, table.weights, table.status) == (answer, "none", "complete")
        assert len(table.rows) == TESTED * TURNS
        rendered = Renderings.read(home / table.rows[0].renderings)
        if answer == "white_picture":
            assert bool((rendered.rgb == 1).all())
            assert bool((rendered.alpha == 0).all())
        else:
            assert 0.01 < float((rendered.alpha > 0.5).float().mean()) < 0.9


def test_score_predictions_scores_each_view_once(finished):
    scores = pd.read_csv(finished.folder / "results/scores/full.csv")
    assert list(scores.columns) == COLUMNS
    assert len(scores) == TESTED * TURNS * 6
    assert not scores.duplicated(["sample", "turn", "view"]).any()
    assert scores["role"].value_counts().to_dict() == {"input": TESTED * TURNS * 5, "held_out": TESTED * TURNS}
    assert scores["psnr"].between(0, PSNR_CAP).all()
    assert scores["iou"].between(0, 1).all()


def test_draw_contact_sheet_draws_a_page(finished):
    for experiment in finished.config["experiments"]:
        width, height = picture_size(finished.folder / f"results/contact_sheets/{experiment}.png")
        assert 800 < width < 2000
        assert 600 < height < 2000


def test_eval_psnr_has_every_experiment_beside_the_trivial_answers(finished):
    lines = (finished.folder / "results/eval_psnr.csv").read_text().splitlines()
    assert lines[0] == (
        "experiment,dataset,normalization,input_views,sample,turn,view,role,psnr,psnr_foreground,ssim,iou,"
        "depth_p50_mm,depth_p90_mm,depth_in_front,block,foreground,weights,status"
    )
    table = pd.read_csv(finished.folder / "results/eval_psnr.csv")
    assert set(table["experiment"]) == {*finished.config["experiments"], "white_picture", "visual_hull"}
    summary = pd.read_csv(finished.folder / "results/eval_psnr_summary.csv")
    tasks = summary.groupby("normalization")["experiment"].apply(list).to_dict()
    assert tasks == {
        "contract": ["white_picture", "visual_hull", "zero_shot", "full"],
        "resize": ["white_picture", "visual_hull", "real_camera"],
    }
    assert min(picture_size(finished.folder / "results/eval_psnr.png")) > 300
    assert (summary["blocks"] == 1).all()  # all tested frames are one run, so nothing can be said of how sure means are
    assert summary.filter(regex="_(low|high)$").isna().all(axis=None)
    network = summary[~summary["experiment"].isin(["white_picture"])]
    assert network["held_out_depth_p50_mm"].notna().all()
    assert network["true_chamfer_mm"].notna().all()
    assert (summary["true_turns"] == 2).all()


def test_eval_psnr_compares_every_two_answers_of_a_task(finished):
    pairs = pd.read_csv(finished.folder / "results/eval_psnr_pairs.csv")
    assert list(pairs.columns) == PAIR_COLUMNS
    for normalization, names in (("contract", 4), ("resize", 3)):
        found = pairs[pairs["normalization"] == normalization]
        assert len(found[["experiment", "other"]].drop_duplicates()) == names * (names - 1) / 2
    table = pd.read_csv(finished.folder / "results/eval_psnr.csv")
    held_out = table[(table["role"] == "held_out") & (table["normalization"] == "contract")]
    means = held_out.groupby("experiment")["psnr"].mean()
    row = pairs.set_index(["experiment", "other", "role", "metric"]).loc["full", "zero_shot", "held_out", "psnr"]
    assert row["difference"] == pytest.approx(means["full"] - means["zero_shot"])
    assert (row["pairs"], row["blocks"]) == (TESTED * TURNS, 1)
    assert math.isnan(row["difference_low"])


def test_every_table_has_its_twin_with_the_meaning_of_its_columns(finished):
    for name in ("eval_psnr", "eval_psnr_summary", "eval_psnr_pairs", "eval_truth"):
        stored = pd.read_parquet(finished.folder / f"results/{name}.parquet")
        written = pd.read_csv(finished.folder / f"results/{name}.csv")
        pd.testing.assert_frame_equal(stored, written, check_dtype=False)
        assert set(stored.attrs) == set(written.columns)
        if name != "eval_psnr_pairs":
            assert stored.attrs["foreground"].endswith("target alpha > 0.5")


def test_draw_true_views_shows_the_animal_where_its_points_are(finished):
    for normalization in ("contract", "resize"):
        path = finished.folder / f"results/truth/real.{normalization}/true_views.json"
        truth = TrueViewsTable.read(path)
        table_path = finished.folder / f"results/samples/real.{normalization}/table.json"
        table = {row.name: row for row in SampleTable.read(table_path).samples}
        assert [row.sample for row in truth.samples] == ["tiny_000010", "tiny_000011"]
        row = truth.samples[-1]
        drawn, points = read_sample(path.parent / row.folder), read_surface(path.parent / row.folder)
        assert drawn.images.shape == (3, SIZE, SIZE, 4)
        assert points.shape == (2000, 3)
        assert row.millimeters_per_unit == table[row.sample].millimeters_per_unit
        if normalization == "contract":
            assert contract_violations(drawn.cameras, contract_of(finished)) == []
        captured = load_sample(table_path, table[row.sample])
        for sample, least in ((drawn, 0.97), (captured, 0.9)):
            for view, pixels in enumerate(sample.cameras.project(points)):
                columns, rows = pixels.long().unbind(-1)
                inside = (columns >= 0) & (columns < SIZE) & (rows >= 0) & (rows < SIZE)
                shown = sample.alpha[view][rows[inside], columns[inside]]
                assert float((shown > 0).double().mean()) > least, (normalization, view)
        seen_from, taken_from = (
            torch.nn.functional.normalize(sample.cameras.centers.double() - points.mean(0), dim=-1)
            for sample in (drawn, captured)
        )
        assert float((seen_from @ taken_from.T).max()) < math.cos(math.radians(3))  # no capture has these cameras


def test_score_true_views_tells_hull_from_network(finished):
    truth = read_true_scores(finished.folder / "results/eval_truth.csv")
    assert len(truth) == 2 * (3 + 2 * 2)  # samples; experiments, and two trivial answers of each normalization
    here = (truth["normalization"] == "contract") & (truth["sample"] == "tiny_000011")
    rows = truth[here].set_index("experiment")
    hull = rows.loc["visual_hull"]
    assert 0 < hull["completeness_mm"] < 6
    assert hull["chamfer_mm"] < 8  # of an animal 100 mm long, its voxels 3
    assert hull["iou"] > 0.6
    assert rows.loc["white_picture", ["accuracy_mm", "completeness_mm", "chamfer_mm"]].isna().all()
    assert rows.loc["zero_shot", "chamfer_mm"] > hull["chamfer_mm"]  # its weights were drawn at random


@pytest.mark.parametrize(
    "target",
    [
        "results/tiny/verdict.json",
        "results/scores/full.csv",
        "results/scores/truth/full.csv",
        "results/truth/real.contract/true_views.json",
        "results/contact_sheets/full.png",
    ],
)
def test_a_rule_alone_makes_its_output_anew(finished, tmp_path, target):
    again = finished.copy(tmp_path)
    before = (again.folder / target).read_bytes()
    (again.folder / target).unlink()
    assert "1 of 1 steps (100%) done" in again.make(target)
    assert (again.folder / target).read_bytes() == before


def test_the_line_is_drawn_from_recording_to_error(finished, tmp_path):
    drawn = finished.copy(tmp_path)
    drawn.make("results/line.png")
    width, height = picture_size(drawn.folder / "results/line.png")
    assert width > 3 * height
