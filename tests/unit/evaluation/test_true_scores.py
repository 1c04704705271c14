"""A ball's Gaussians, hull and white picture beside the true ball."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ball_scene import CENTERS, RADIUS, SIZE, VIEWS, ball, copies, ring, write_predictions, write_table

from mouse_facelift.evaluation.baselines import predict_baselines
from mouse_facelift.evaluation.columns import METRICS, TRUE_METRICS
from mouse_facelift.evaluation.metrics import psnr
from mouse_facelift.evaluation.score_tables import read_true_scores
from mouse_facelift.evaluation.true_scores import score_true_views
from mouse_facelift.evaluation.truth_table import eval_truth
from mouse_facelift.formats.ply import write_ply
from mouse_facelift.formats.predictions import PredictionTable
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.true_views import TrueSample, TrueViewsTable, write_surface
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.rotations import turn_about_z
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.rendering.painted_hull import round_gaussians
from mouse_facelift.settings import Compute, Evaluated, InputViews

SHOWN = "walk_001"  # of two samples, the one whose truth is known


def between() -> Cameras:
    """Two cameras in gaps of the ring."""
    turn = Similarity(1.0, turn_about_z(30.0), torch.zeros(3, dtype=torch.float64))
    cameras = ring(VIEWS, SIZE)[[0, 3]]
    return Cameras(turn.poses(cameras.camera_to_world), cameras.intrinsics, SIZE, SIZE)


def on_ball(count: int, radius: float = RADIUS) -> torch.Tensor:
    points = np.random.default_rng(3).normal(size=(count, 3))
    return torch.from_numpy(radius * points / np.linalg.norm(points, axis=1, keepdims=True)) + torch.tensor(
        CENTERS[SHOWN], dtype=torch.float64
    )


def shell(radius: float) -> Gaussians:
    points = on_ball(4000, radius)
    return round_gaussians(points, torch.full_like(points, 0.5), 0.02, 0.95)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, balls: list[Sample]) -> Path:
    """`samples.json`, `truth/true_views.json`, and `zero_shot/predictions.json` Gaussians 0.05 units too far out."""
    folder = tmp_path_factory.mktemp("true")
    table = write_table(folder, balls)
    place = folder / "truth" / "true_views" / SHOWN
    place.mkdir(parents=True)
    write_sample(place, ball(SHOWN, between(), center=CENTERS[SHOWN]), ["true_0", "true_1"])
    write_surface(place, on_ball(20000))
    TrueViewsTable(
        dataset="real",
        normalization="contract",
        samples_sha256=sha256(table),
        cameras=2,
        samples=(TrueSample(sample=SHOWN, folder=f"true_views/{SHOWN}", millimeters_per_unit=100.0),),
    ).write(folder / "truth" / "true_views.json")
    white = copies(torch.ones(VIEWS, 3, SIZE, SIZE), torch.zeros(VIEWS, SIZE, SIZE))
    path = write_predictions(folder / "zero_shot" / "predictions.json", balls, 5, white)
    (path.parent / "models").mkdir()
    write_ply(path.parent / "models" / "a.ply", shell(RADIUS + 0.05))
    keep_model(path, "models/a.ply")
    return folder


def keep_model(path: Path, model: str) -> None:
    table = PredictionTable.read(path)
    rows = tuple(
        row.model_copy(update={"model": model if (row.sample, row.turn) == (SHOWN, 0) else None}) for row in table.rows
    )
    table.model_copy(update={"rows": rows}).write(path)


def scored(home: Path, evaluation: Evaluated, compute: Compute, *names: str) -> pd.DataFrame:
    path = home / "scores.csv"
    tables = [home / name / "predictions.json" for name in names]
    score_true_views(tables, home / "truth" / "true_views.json", path, evaluation, compute)
    return read_true_scores(path)


def test_gaussians_are_as_far_from_the_true_surface_as_they_were_put(
    home: Path, evaluation: Evaluated, compute: Compute
) -> None:
    (row,) = scored(home, evaluation, compute, "zero_shot").to_dict("records")
    assert (row["experiment"], row["sample"], row["turn"]) == ("zero_shot", SHOWN, 0)
    assert (row["true_views"], row["gaussians"], row["block"]) == (2, 4000, "walk_0")
    assert row["foreground"] == "target alpha > 0.5"
    assert row["accuracy_mm"] == pytest.approx(5, abs=0.15)  # mm
    assert row["completeness_mm"] == pytest.approx(5.2, abs=0.4)
    assert row["chamfer_mm"] == pytest.approx((row["accuracy_mm"] + row["completeness_mm"]) / 2)
    assert row["iou"] > 0.6
    assert row["psnr"] > row["psnr_foreground"] > 10


def test_trivial_answers_stand_beside_and_white_has_no_surface(
    home: Path, evaluation: Evaluated, compute: Compute, balls: list[Sample]
) -> None:
    paths = [home / name / "predictions.json" for name in ("white_picture", "visual_hull")]
    predict_baselines(home / "samples.json", *paths, InputViews(inputs=5), evaluation, compute)
    rows = scored(home, evaluation, compute, "white_picture", "visual_hull").set_index("experiment")
    white, hull = rows.loc["white_picture"], rows.loc["visual_hull"]
    assert white[["accuracy_mm", "completeness_mm", "chamfer_mm"]].isna().all()
    assert (white["iou"], white["gaussians"]) == (0, 0)
    targets = ball(SHOWN, between(), center=CENTERS[SHOWN]).over_white()
    assert white["psnr"] == pytest.approx(np.mean([psnr(torch.ones_like(target), target) for target in targets]))
    assert hull["iou"] > 0.85
    assert hull["psnr_foreground"] > white["psnr_foreground"] + 5
    assert 0 < hull["completeness_mm"] < 5
    assert hull["accuracy_mm"] < 12  # five views leave corners


def test_gaussians_that_all_were_too_faint_to_keep_have_no_surface(
    home: Path, evaluation: Evaluated, compute: Compute
) -> None:
    write_ply(home / "zero_shot" / "models" / "none.ply", shell(RADIUS).select(torch.zeros(4000, dtype=torch.bool)))
    keep_model(home / "zero_shot" / "predictions.json", "models/none.ply")
    (row,) = scored(home, evaluation, compute, "zero_shot").to_dict("records")
    keep_model(home / "zero_shot" / "predictions.json", "models/a.ply")
    assert (row["iou"], row["gaussians"]) == (0, 0)
    assert math.isnan(row["chamfer_mm"])


def test_gaussians_that_are_gone_are_named(home: Path, evaluation: Evaluated, compute: Compute) -> None:
    keep_model(home / "zero_shot" / "predictions.json", "models/lost.ply")
    with pytest.raises(FileNotFoundError, match=rf"sample {SHOWN}, turn 0: there is no .*lost\.ply"):
        scored(home, evaluation, compute, "zero_shot")
    keep_model(home / "zero_shot" / "predictions.json", "models/a.ply")


def test_the_truth_of_other_samples_is_refused(
    home: Path, evaluation: Evaluated, compute: Compute, tmp_path: Path
) -> None:
    truth = TrueViewsTable.read(home / "truth" / "true_views.json")
    truth.model_copy(update={"samples_sha256": "0" * 64}).write(tmp_path / "true_views.json")
    with pytest.raises(ValueError, match=r"true_views\.json: samples_sha256: found 0000"):
        score_true_views(
            [home / "zero_shot" / "predictions.json"],
            tmp_path / "true_views.json",
            tmp_path / "s.csv",
            evaluation,
            compute,
        )


def test_one_table_holds_all_of_them(home: Path, evaluation: Evaluated, compute: Compute, tmp_path: Path) -> None:
    scores = scored(home, evaluation, compute, "zero_shot")
    scores.assign(experiment="full").to_csv(tmp_path / "full.csv", index=False, na_rep="nan")
    eval_truth([home / "scores.csv", tmp_path / "full.csv"], tmp_path / "truth.csv")
    assert read_true_scores(tmp_path / "truth.csv")["experiment"].tolist() == ["zero_shot", "full"]
    stored = pd.read_parquet(tmp_path / "truth.parquet")
    assert set(stored.attrs) == set(stored.columns)
    assert stored[METRICS].notna().all(axis=None) and set(TRUE_METRICS) < set(stored.columns)
    with pytest.raises(ValueError, match="was scored in"):
        eval_truth([home / "scores.csv", tmp_path / "truth.csv"], tmp_path / "again.csv")
