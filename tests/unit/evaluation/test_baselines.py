"""The trivial answers: a white picture, and a ball carved and painted from the other views."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ball_scene import HELD_OUT_ERROR, NAMES, RADIUS, SIZE, VIEWS, ball, ring, write_table

from mouse_facelift.evaluation.baselines import predict_baselines
from mouse_facelift.evaluation.metrics import iou
from mouse_facelift.evaluation.score_tables import read_scores
from mouse_facelift.evaluation.scores import score_predictions
from mouse_facelift.formats.predictions import PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.hull import carve_closely
from mouse_facelift.rendering.painted_hull import paint_hull, render_hull
from mouse_facelift.settings import Compute, Evaluated, InputViews


@pytest.fixture(scope="module")
def baselines(written: Path, evaluation: Evaluated, compute: Compute) -> dict[str, Path]:
    paths = {name: written / name / "predictions.json" for name in ("white_picture", "visual_hull")}
    predict_baselines(
        written / "samples.json",
        paths["white_picture"],
        paths["visual_hull"],
        InputViews(inputs=5),
        evaluation.model_copy(update={"samples": 1}),
        compute,
    )
    return paths


def scores_of(predictions: Path, evaluation: Evaluated) -> pd.DataFrame:
    score_predictions(predictions, predictions.with_name("scores.csv"), evaluation)
    return read_scores(predictions.with_name("scores.csv"))


def test_tables_are_those_of_an_experiment(baselines: dict[str, Path]) -> None:
    for name, path in baselines.items():
        table = PredictionTable.read(path)
        assert (table.experiment, table.dataset, table.normalization) == (name, "real", "contract")
        assert (table.samples, table.view_count, table.input_views) == ("../samples.json", len(NAMES), 5)
        assert (table.status, table.weights) == ("complete", "none")
        assert [row.sample for row in table.rows] == ["walk_001"] * VIEWS  # one of two: the middle
        assert [row.role(view) for view, row in enumerate(table.rows)] == ["held_out"] * VIEWS
        assert len({row.renderings for row in table.rows}) == VIEWS


def test_the_white_picture_is_as_wrong_as_the_animal_is_dark(
    baselines: dict[str, Path], balls: list[Sample], evaluation: Evaluated
) -> None:
    scores = scores_of(baselines["white_picture"], evaluation)
    target, alpha = balls[1].over_white(), balls[1].alpha
    for view, name in enumerate(NAMES):
        missing = (1 - target[view].numpy()) ** 2
        rows = scores[scores["view"] == name]
        np.testing.assert_allclose(rows["psnr"], -10 * math.log10(missing.mean()), atol=1e-4)
        animal = missing[:, alpha[view].numpy() > 0.5]
        np.testing.assert_allclose(rows["psnr_foreground"], -10 * math.log10(animal.mean()), atol=1e-4)
    assert (scores["iou"] == 0).all()


def test_the_hull_of_five_views_shows_the_ball_to_the_sixth(baselines: dict[str, Path], evaluation: Evaluated) -> None:
    means = scores_of(baselines["visual_hull"], evaluation).groupby("role")[["psnr_foreground", "iou"]].mean()
    assert means.loc["held_out", "iou"] > 0.85
    assert means.loc["held_out", "psnr_foreground"] > -20 * math.log10(HELD_OUT_ERROR)
    assert means.loc["input", "iou"] > 0.95
    assert means.loc["input", "psnr_foreground"] > 25


def test_what_was_held_out_does_not_change_the_hull(
    tmp_path: Path, balls: list[Sample], evaluation: Evaluated, compute: Compute
) -> None:
    images = balls[0].images.clone()
    images[0, ..., :3] = 0
    images[0, :, : SIZE // 2, 3] = 255
    coarse = evaluation.model_copy(update={"hull_resolution": 24})
    renderings = []
    for name, sample in (("right", balls[0]), ("spoiled", Sample("walk_000", balls[0].cameras, images))):
        table = write_table(tmp_path / name, [sample])
        hull = tmp_path / name / "hull.json"
        predict_baselines(table, tmp_path / name / "white.json", hull, InputViews(inputs=5), coarse, compute)
        renderings.append(Renderings.read(hull.parent / PredictionTable.read(hull).rows[0].renderings))
    assert torch.equal(renderings[0].rgb, renderings[1].rgb)


@pytest.mark.parametrize("size", [32, 128])
def test_the_drawn_silhouette_is_not_swollen(size: int) -> None:
    cameras = ring(12, size)
    sample = ball("a", cameras)
    hull = carve_closely(sample.alpha, cameras, torch.zeros(3, dtype=torch.float64), 2 * RADIUS, 64)
    drawn = render_hull(paint_hull(hull, sample, list(range(12))), hull.voxel_size, cameras[[0, 1]], "cpu")
    target = sample.alpha[:2]
    assert float((drawn.alpha.sum() / target.sum()).sqrt()) == pytest.approx(1, abs=0.02)  # ratio of radii
    assert iou(drawn.alpha[0] > 0.5, target[0] > 0.5) > 0.96
    assert float(drawn.alpha[target == 1].mean()) > 0.99
    surroundings = drawn.rgb[:, :, :4]
    torch.testing.assert_close(surroundings, torch.ones_like(surroundings))


def test_views_that_contradict_each_other_leave_white_and_say_so(
    tmp_path: Path, balls: list[Sample], evaluation: Evaluated, compute: Compute
) -> None:
    images = balls[0].images.clone()
    images[1] = 0
    table = write_table(tmp_path, [Sample("walk_000", balls[0].cameras, images)])
    white, hull = tmp_path / "white.json", tmp_path / "hull.json"
    predict_baselines(table, white, hull, InputViews(inputs=5), evaluation, compute)
    predictions = PredictionTable.read(hull)
    assert predictions.status == "complete; empty hull in 5 of 6 turns"
    blank = Renderings.read(tmp_path / predictions.rows[0].renderings)
    assert (float(blank.rgb.min()), float(blank.alpha.max())) == (1, 0)
    assert float(Renderings.read(tmp_path / predictions.rows[1].renderings).alpha.max()) > 0.9


def test_more_inputs_than_views_are_refused(
    tmp_path: Path, table: Path, evaluation: Evaluated, compute: Compute
) -> None:
    with pytest.raises(ValueError, match="found 7, expected 1 to 6"):
        predict_baselines(table, tmp_path / "w.json", tmp_path / "h.json", InputViews(inputs=7), evaluation, compute)
    assert not (tmp_path / "w.json").exists()
