"""Prediction tables to rows of numbers."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ball_scene import (
    HELD_OUT_ERROR,
    INPUT_ERROR,
    NAMES,
    SIZE,
    VIEWS,
    copies,
    darker_held_out_views,
    write_predictions,
    write_table,
)
from pyarrow import parquet
from safetensors.torch import save_file

from mouse_facelift.evaluation.score_tables import meanings_of, read_distinct, read_scores, write_both, write_scores
from mouse_facelift.evaluation.scores import score_predictions
from mouse_facelift.formats.predictions import PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.rendering.lpips import load_lpips
from mouse_facelift.settings import Evaluated
from tests.loss_networks import drawn_lpips


def scored(predictions: Path, evaluation: Evaluated) -> pd.DataFrame:
    path = predictions.with_name("scores.csv")
    score_predictions(predictions, path, evaluation)
    return read_scores(path)


def change(predictions: Path, **fields: object) -> None:
    PredictionTable.read(predictions).model_copy(update=fields).write(predictions)


def test_the_table_has_these_columns_and_a_row_for_every_view(predictions: Path, evaluation: Evaluated) -> None:
    score_predictions(predictions, predictions.with_name("scores.csv"), evaluation)
    header, *lines = predictions.with_name("scores.csv").read_text().splitlines()
    assert header == (
        "experiment,dataset,normalization,input_views,sample,turn,view,role,psnr,psnr_foreground,ssim,iou,"
        "depth_p50_mm,depth_p90_mm,depth_in_front,block,foreground,weights,status"
    )
    assert len(lines) == 2 * VIEWS * VIEWS  # samples, turns, views
    assert lines[0].startswith("zero_shot,real,contract,5,walk_000,0,Camera1,held_out,")
    assert lines[1].startswith("zero_shot,real,contract,5,walk_000,0,Camera2,input,")


def test_held_out_views_are_those_that_did_not_go_in(predictions: Path, evaluation: Evaluated) -> None:
    scores = scored(predictions, evaluation)
    held_out = scores[scores["role"] == "held_out"]
    assert held_out["view"].tolist() == list(NAMES) * 2
    np.testing.assert_allclose(held_out["psnr"], -20 * math.log10(HELD_OUT_ERROR), atol=0.01)
    np.testing.assert_allclose(held_out["psnr_foreground"], -20 * math.log10(HELD_OUT_ERROR), atol=0.01)
    given = scores[scores["role"] == "input"]
    np.testing.assert_allclose(given["psnr"], -20 * math.log10(INPUT_ERROR), atol=0.01)
    assert (scores["iou"] == 1).all()
    assert (scores["status"] == "complete").all()
    assert set(scores["weights"]) == {f"checkpoints/ball.safetensors sha256 {'0' * 64} (CC-BY-4.0)"}


def test_views_without_an_animal_are_nan_in_the_file_too(
    tmp_path: Path, balls: list[Sample], evaluation: Evaluated
) -> None:
    images = balls[0].images.clone()
    images[2] = 0
    sample = Sample("walk_000", balls[0].cameras, images)
    write_table(tmp_path, [sample])
    white = copies(torch.ones(VIEWS, 3, SIZE, SIZE), torch.zeros(VIEWS, SIZE, SIZE))
    predictions = write_predictions(tmp_path / "white" / "predictions.json", [sample], 6, white)
    scores = scored(predictions, evaluation).set_index("view")
    assert scores["psnr_foreground"].isna().tolist() == [view == 2 for view in range(VIEWS)]
    assert scores["iou"].fillna(-1).tolist() == [-1 if view == 2 else 0 for view in range(VIEWS)]
    assert scores.loc["Camera3", "psnr"] == 100
    assert (
        "Camera3,input,100.0,nan,1.0,nan,nan,nan,nan,walk_0,target alpha > 0.5,checkpoints/ball"
        in predictions.with_name("scores.csv").read_text()
    )


def test_the_status_tells_of_a_broken_contract(tmp_path: Path, balls: list[Sample], evaluation: Evaluated) -> None:
    write_table(tmp_path, balls[:1], violations=("focal: view 0",))
    predictions = write_predictions(tmp_path / "a" / "predictions.json", balls[:1], 6, darker_held_out_views)
    change(predictions, status="stopped: went white")
    assert set(scored(predictions, evaluation)["status"]) == {"stopped: went white; breaks the camera contract"}


def test_names_that_look_like_numbers_or_nothing_survive(predictions: Path, evaluation: Evaluated) -> None:
    change(predictions, experiment="none", status="NA")
    assert set(scored(predictions, evaluation)["experiment"]) == {"none"}
    change(predictions, experiment="007")
    scores = scored(predictions, evaluation)
    assert (set(scores["experiment"]), set(scores["status"])) == ({"007"}, {"NA"})


def test_a_missing_rendering_is_named(predictions: Path, evaluation: Evaluated) -> None:
    (predictions.parent / "renderings" / "walk_001_2.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"sample walk_001, turn 2: there is no .*walk_001_2\.npz"):
        scored(predictions, evaluation)
    assert not predictions.with_name("scores.csv").exists()


def test_a_missing_sample_table_is_named(predictions: Path, evaluation: Evaluated) -> None:
    change(predictions, samples="../nowhere.json")
    with pytest.raises(FileNotFoundError, match=r"predictions\.json: samples: there is no .*nowhere\.json"):
        scored(predictions, evaluation)


def test_another_size_than_the_target_is_refused(predictions: Path, evaluation: Evaluated) -> None:
    nothing = torch.zeros(VIEWS, 32, 32)
    small = Renderings(torch.ones(VIEWS, 3, 32, 32), nothing, nothing)
    small.write(predictions.parent / "renderings" / "walk_000_1.npz")
    with pytest.raises(ValueError, match=r"walk_000_1\.npz: found .*\(6, 32, 32\), but .* has \(6, 48, 48\)"):
        scored(predictions, evaluation)


def test_undefined_pixels_name_file_and_view(predictions: Path, evaluation: Evaluated, balls: list[Sample]) -> None:
    rgb = balls[0].over_white()
    rgb[3, 0, 5, 5] = math.nan
    Renderings(rgb, balls[0].alpha, balls[0].alpha).write(predictions.parent / "renderings" / "walk_000_0.npz")
    with pytest.raises(ValueError, match=r"walk_000_0\.npz: view 3: 1 of 2304 rendered pixels are NaN"):
        scored(predictions, evaluation)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"view_count": 5}, "view_count: found 5, but its targets .* have 6"),
        ({"normalization": "keep"}, "normalization: found keep, but its targets .* have contract"),
        ({"input_views": 4}, r"rows\[0\].inputs: found .* expected 4 of the views 0 to 5"),
        ({"rows": ()}, "rows: found none"),
    ],
)
def test_tables_that_disagree_are_refused(
    predictions: Path, evaluation: Evaluated, fields: dict[str, object], message: str
) -> None:
    change(predictions, **fields)
    with pytest.raises(ValueError, match=message):
        scored(predictions, evaluation)


def test_an_unknown_sample_is_refused(predictions: Path, evaluation: Evaluated) -> None:
    rows = PredictionTable.read(predictions).rows
    change(predictions, rows=(rows[0].model_copy(update={"sample": "rear_000"}), *rows[1:]))
    with pytest.raises(ValueError, match=r"rows\[0\].sample: rear_000 is not in .*samples\.json"):
        scored(predictions, evaluation)


def test_other_files_are_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("experiment,psnr\nfull,12\n")
    with pytest.raises(ValueError, match=r"scores\.csv: not a table of scores: found columns \['experiment', 'psnr'\]"):
        read_scores(path)
    path.write_text("")
    with pytest.raises(ValueError, match=r"scores\.csv: not a table of scores"):
        read_scores(path)


def test_depth_is_told_beside_the_hull_in_millimeters(predictions: Path, evaluation: Evaluated) -> None:
    scores = scored(predictions, evaluation)
    assert scores["depth_p50_mm"].between(0, 15).all()
    assert (scores["depth_p90_mm"] >= scores["depth_p50_mm"]).all()
    assert scores["depth_in_front"].max() < 0.02
    assert set(scores["block"]) == {"walk_0"}
    assert set(scores["foreground"]) == {"target alpha > 0.5"}


def test_lpips_is_a_column_only_where_its_network_is_given(
    predictions: Path, evaluation: Evaluated, tmp_path: Path, balls: list[Sample]
) -> None:
    assert "lpips" not in scored(predictions, evaluation).columns
    save_file(drawn_lpips(), tmp_path / "lpips.safetensors")
    score_predictions(predictions, tmp_path / "s.csv", evaluation, lpips=tmp_path / "lpips.safetensors")
    scores = read_scores(tmp_path / "s.csv")
    assert list(scores.columns).index("lpips") == list(scores.columns).index("ssim") + 2
    network, targets = load_lpips(tmp_path / "lpips.safetensors"), balls[1].over_white()
    row = scores[(scores["sample"] == "walk_001") & (scores["turn"] == 2)].iloc[4]
    drawn = Renderings.read(predictions.parent / "renderings" / "walk_001_2.npz").rgb
    expected = float(network(drawn[[4]].clamp(0, 1), targets[[4]]))
    assert row["lpips"] == pytest.approx(expected, rel=1e-4)
    assert (scores["lpips"] > 0).all()
    with pytest.raises(FileNotFoundError, match="no such weights"):
        score_predictions(predictions, tmp_path / "s.csv", evaluation, lpips=tmp_path / "absent.safetensors")


def test_tables_with_and_without_lpips_are_not_joined(predictions: Path, evaluation: Evaluated, tmp_path: Path) -> None:
    score_predictions(predictions, tmp_path / "a.csv", evaluation)
    scores = read_scores(tmp_path / "a.csv")
    scores.insert(list(scores.columns).index("iou") + 1, "lpips", 0.5)
    write_scores(scores.assign(experiment="b"), tmp_path / "b.csv")
    with pytest.raises(ValueError, match=r"b\.csv: found columns .*'lpips'.*a\.csv has others"):
        read_distinct([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_parquet_has_the_same_rows_and_tells_what_they_mean(
    predictions: Path, evaluation: Evaluated, tmp_path: Path
) -> None:
    scores = scored(predictions, evaluation)
    write_both(scores, tmp_path / "table.csv", meanings_of(scores))
    stored = pd.read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(stored, pd.read_csv(tmp_path / "table.csv"), check_dtype=False)
    assert set(stored.attrs) == set(stored.columns)
    assert stored.attrs["foreground"].endswith("target alpha > 0.5")
    assert b"PANDAS_ATTRS" in parquet.read_schema(tmp_path / "table.parquet").metadata


def test_scores_by_several_rules_are_refused(predictions: Path, evaluation: Evaluated) -> None:
    scores = scored(predictions, evaluation)
    scores.loc[3, "foreground"] = "target alpha > 0.25"
    with pytest.raises(ValueError, match=r"several rules: .*0\.5.*0\.25"):
        meanings_of(scores)
