"""One command, from a simulated recording to numbers and pictures that make sense."""

import cv2
import numpy as np
import pandas as pd
import pytest

from mouse_facelift.evaluation.columns import DEPTH_METRICS, METRICS
from mouse_facelift.evaluation.summary import summary_columns

TESTED, TURNS, VIEWS = 2, 6, 6  # samples of the test split, turns of each with one view of six held out
NETWORKS = ("zero_shot", "full", "real_camera")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table(finished) -> pd.DataFrame:
    return pd.read_csv(finished.folder / "results/eval_psnr.csv")


@pytest.fixture(scope="module")
def summary(finished) -> pd.DataFrame:
    return pd.read_csv(finished.folder / "results/eval_psnr_summary.csv")


def test_every_answer_is_scored_on_the_same_views(table):
    for (_, _), rows in table.groupby(["normalization", "experiment"]):
        assert len(rows) == TESTED * TURNS * VIEWS
        assert rows["role"].value_counts().to_dict() == {
            "input": TESTED * TURNS * (VIEWS - 1),
            "held_out": TESTED * TURNS,
        }
        held_out = rows[rows["role"] == "held_out"].groupby("sample")["view"].apply(sorted)
        assert all(views == [f"Camera{number}" for number in range(1, VIEWS + 1)] for views in held_out)


def test_every_number_is_one(table):
    assert np.isfinite(table[METRICS]).all(axis=None)
    assert table["iou"].between(0, 1).all()
    assert table["ssim"].between(-1, 1).all()


def test_the_trivial_answers_are_what_they_are(table):
    white = table[table["experiment"] == "white_picture"]
    assert (white["iou"] == 0).all()
    assert (white["psnr"] > white["psnr_foreground"]).all()  # a white background flatters
    honest = table[table["normalization"] == "contract"]
    hull = honest[(honest["experiment"] == "visual_hull")]
    assert hull["iou"].mean() > 0.6
    assert hull["psnr_foreground"].mean() > white["psnr_foreground"].mean() + 3


def test_the_summary_has_a_row_an_experiment_and_agrees_with_the_table(table, summary):
    assert list(summary.columns) == summary_columns(METRICS + DEPTH_METRICS, truth=True)
    assert set(summary["experiment"]) == {*NETWORKS, "white_picture", "visual_hull"}
    assert (summary["samples"] == TESTED).all()
    for row in summary.itertuples():
        views = table[(table["experiment"] == row.experiment) & (table["normalization"] == row.normalization)]
        held_out = views[views["role"] == "held_out"]
        assert row.held_out_scored == len(held_out)
        assert row.held_out_psnr_foreground == pytest.approx(held_out["psnr_foreground"].mean())
        assert row.held_out_without_animal == 0
    assert (summary.loc[summary["experiment"] == "white_picture", "gain_over_white_picture"] == 0).all()


def test_the_table_says_who_broke_the_contract(summary):
    broke = summary["status"].str.contains("breaks the camera contract")
    assert (broke == (summary["normalization"] == "resize")).all()
    assert summary.set_index("experiment").loc["full", "status"] == "complete"


def test_every_picture_shows_something(finished):
    results = finished.folder / "results"
    for path in [results / "eval_psnr.png", *(results / f"contact_sheets/{name}.png" for name in NETWORKS)]:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.std() > 5


def test_the_same_seed_gives_the_same_bytes_elsewhere(untouched, finished, tmp_path):
    elsewhere = untouched.copy(tmp_path)
    elsewhere.make("eval_psnr")
    tables = ("eval_psnr", "eval_psnr_summary", "eval_psnr_pairs", "eval_truth")
    for name in ("eval_psnr.png", *(f"{table}.{suffix}" for table in tables for suffix in ("csv", "parquet"))):
        assert (elsewhere.folder / "results" / name).read_bytes() == (finished.folder / "results" / name).read_bytes()
