"""All experiments in one table, with means, gains over the trivial answers, and a plot."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from score_rows import table_of

from mouse_facelift.evaluation.columns import DEPTH_METRICS, METRICS
from mouse_facelift.evaluation.score_tables import read_scores, write_scores
from mouse_facelift.evaluation.summary import eval_psnr, summarize, summary_columns
from mouse_facelift.imaging.pictures import read_rgba
from mouse_facelift.settings import Intervals

NAN = math.nan


def scores_of(
    experiment: str,
    held_out: Sequence[float],
    given: Sequence[float],
    inputs: int = 1,
    status: str = "complete",
) -> pd.DataFrame:
    """Scores with these foreground PSNRs; PSNR is 10 dB better, as a mostly white background makes it."""
    rows = [
        (experiment, "real", "contract", inputs, f"s{number}", 0, f"Camera{role}", role, 10 + value, value, 0.5, 0.25)
        for role, values in (("held_out", held_out), ("input", given))
        for number, value in enumerate(values)
    ]
    scores = table_of(rows, status)
    scores.loc[scores["psnr_foreground"].isna(), ["psnr", "iou"]] = [100.0, NAN]
    return scores


def baselines(held_out: Sequence[float], given: Sequence[float], inputs: int = 1) -> list[pd.DataFrame]:
    white = scores_of("white_picture", np.array(held_out) - 8, np.array(given) - 8, inputs)
    return [white, scores_of("visual_hull", held_out, given, inputs)]


PLAN = Intervals(confidence=0.95, resamples=500, seed=0)


def summarized(scores: pd.DataFrame) -> pd.DataFrame:
    return summarize(scores, PLAN)


def write_all(folder: Path, tables: list[pd.DataFrame]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"scores_{number}.csv" for number in range(len(tables))]
    for table, path in zip(tables, paths, strict=True):
        write_scores(table, path)
    return paths


def test_one_row_an_experiment_with_means_of_each_role() -> None:
    tables = [*baselines([14, 16], [20, 22]), scores_of("full", [17, 21], [24, 25], status="stopped: went white")]
    rows = summarized(pd.concat(tables)).set_index("experiment")
    assert rows.index.tolist() == ["white_picture", "visual_hull", "full"]
    full = rows.loc["full"]
    assert (full["held_out_psnr_foreground"], full["input_psnr_foreground"]) == (19, 24.5)
    assert (full["held_out_psnr"], full["input_psnr"]) == (29, 34.5)
    assert (full["held_out_ssim"], full["held_out_iou"]) == (0.5, 0.25)
    assert (full["samples"], full["held_out_scored"], full["input_scored"]) == (2, 2, 2)
    assert (full["gain_over_white_picture"], full["gain_over_visual_hull"]) == (12, 4)
    assert (full["weights"], full["status"]) == ("none", "stopped: went white")
    assert rows["gain_over_visual_hull"].tolist() == [-8, 0, 4]


def test_views_without_an_animal_are_counted_and_leave_means_alone() -> None:
    tables = [*baselines([14, 16, NAN], [20]), scores_of("full", [17, 21, NAN], [24])]
    full = summarized(pd.concat(tables)).set_index("experiment").loc["full"]
    assert (full["held_out_psnr_foreground"], full["held_out_iou"]) == (19, 0.25)
    assert full["held_out_psnr"] == pytest.approx((27 + 31 + 100) / 3)
    assert (full["held_out_scored"], full["held_out_without_animal"], full["input_without_animal"]) == (3, 1, 0)
    assert full["gain_over_visual_hull"] == 4


def test_each_experiment_is_compared_with_baselines_of_its_own_task() -> None:
    tables = [*baselines([14], [20]), *baselines([18], [23], inputs=2)]
    tables += [scores_of("few", [17], [24]), scores_of("many", [19], [24], inputs=2)]
    rows = summarized(pd.concat(tables))
    assert rows["experiment"].tolist() == [
        "white_picture",
        "visual_hull",
        "few",
        "white_picture",
        "visual_hull",
        "many",
    ]
    gains = rows.set_index("experiment")["gain_over_visual_hull"]
    assert (gains["few"], gains["many"]) == (3, 1)


def test_answers_without_a_network_come_first() -> None:
    tables = [scores_of("full", [17], [24]), scores_of("scene_converged", [16], [30]), *baselines([14], [20])]
    names = summarized(pd.concat(tables))["experiment"].tolist()
    assert names == ["white_picture", "visual_hull", "scene_converged", "full"]


def test_with_no_view_held_out_there_is_no_gain_to_tell() -> None:
    rows = summarized(pd.concat([*baselines([], [20]), scores_of("full", [], [24])]))
    assert rows["held_out_scored"].tolist() == [0, 0, 0]
    assert rows[["held_out_psnr", "gain_over_white_picture", "gain_over_visual_hull"]].isna().all(axis=None)


def test_no_baseline_no_summary() -> None:
    tables = [*baselines([14], [20]), scores_of("full", [17], [24], inputs=2)]
    with pytest.raises(ValueError, match=r"no scores of white_picture \(dataset real, .* 2 input views\).*\['full'\]"):
        summarized(pd.concat(tables))


def test_other_views_than_the_baselines_are_refused() -> None:
    tables = [*baselines([14, 15], [20]), scores_of("full", [17], [24])]
    with pytest.raises(ValueError, match=r"full .*scored on 2 views, but white_picture on 3; .*'sample': 's1'"):
        summarized(pd.concat(tables))


def test_an_experiment_scored_twice_is_refused(tmp_path: Path) -> None:
    paths = write_all(tmp_path, [*baselines([14], [20]), scores_of("full", [17], [24]), scores_of("full", [17], [24])])
    with pytest.raises(ValueError, match=r"scores_3\.csv: full .* was scored in .*scores_2\.csv already"):
        eval_psnr(paths, PLAN, *(tmp_path / name for name in ("table.csv", "summary.csv", "pairs.csv", "plot.png")))
    assert not (tmp_path / "table.csv").exists()


def test_table_summary_plot_and_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = [
        *baselines([14, NAN], [20, 21]),
        scores_of("zero_shot", [15, NAN], [18, 19]),
        scores_of("real_camera", [6, NAN], [6, 6], status="stopped: went white; breaks the camera contract"),
        *baselines([], [20, 21], inputs=2),
        scores_of("all_in", [], [26, 27], inputs=2),
    ]
    paths = write_all(tmp_path / "scores", tables)
    table, summary, pairs, plot = (tmp_path / name for name in ("table.csv", "summary.csv", "pairs.csv", "plot.png"))
    with caplog.at_level(logging.INFO):
        eval_psnr(paths, PLAN, table, summary, pairs, plot)
    assert len(read_scores(table)) == sum(map(len, tables))
    header, *lines = summary.read_text().splitlines()
    assert header.startswith(
        "experiment,dataset,normalization,input_views,samples,held_out_scored,input_scored,"
        "held_out_without_animal,input_without_animal,held_out_psnr,held_out_psnr_foreground,held_out_ssim,"
        "held_out_iou,input_psnr,input_psnr_foreground,input_ssim,input_iou,"
        "gain_over_white_picture,gain_over_visual_hull,held_out_depth_p50_mm,"
    )
    assert header.split(",") == summary_columns(METRICS + DEPTH_METRICS, truth=False)
    assert len(lines) == 7
    assert lines[2].startswith("zero_shot,real,contract,1,2,2,2,1,0,")
    assert lines[6].endswith(",target alpha > 0.5,none,complete")
    pixels = read_rgba(plot)[..., :3]
    assert pixels.shape[1] > 1000
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert "zero_shot" in caplog.text
    assert "+1.00" in caplog.text
