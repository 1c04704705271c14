"""Rows of the research log's experiments: gathered from what was measured, laid out, drawn and told of."""

import copy
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from log_rows import log_row, log_rows, looks
from score_rows import table_of

from mouse_facelift.evaluation.log_experiments.curves import draw_curves
from mouse_facelift.evaluation.log_experiments.judging import answer_question
from mouse_facelift.evaluation.log_experiments.page import draw_log_page
from mouse_facelift.evaluation.log_experiments.questions import QUESTIONS
from mouse_facelift.evaluation.log_experiments.rows import Answer, LogRow, read_rows, read_steps
from mouse_facelift.evaluation.log_experiments.table import log_table
from mouse_facelift.evaluation.score_tables import write_scores
from mouse_facelift.formats.sample_table import SampleRow, SampleTable
from mouse_facelift.imaging.pictures import picture_size, read_rgba
from mouse_facelift.settings import LogExperiments

CONFIG = Path(__file__).resolve().parents[3] / "config.yaml"
Files = tuple[list[Path], dict[str, Path], list[Path]]  # sample tables, metrics, scores
KEPT = ("full_1e4", "zero_shot", "inputs_6")


def experiments() -> LogExperiments:
    rows = copy.deepcopy(yaml.safe_load(CONFIG.read_text())["log_experiments"])
    return LogExperiments.model_validate({name: row if name in KEPT else None for name, row in rows.items()})


def write_metrics(path: Path, norms: list[float]) -> Path:
    steps = len(norms)
    looked = [number in (0, steps - 1) for number in range(steps)]
    pd.DataFrame(
        {
            "step": range(1, steps + 1),
            "loss": np.linspace(0.1, 0.01, steps),
            "psnr": np.linspace(20, 22, steps),
            "grad_norm": norms,
            "updated": 1.0,
            "held_out_psnr": [19.5 if seen else None for seen in looked],
            "held_out_psnr_animal": [13.5 if seen else None for seen in looked],
            "held_out_white": [0.95 if seen else None for seen in looked],
            "held_out_target_white": [0.9 if seen else None for seen in looked],
        }
    ).to_csv(path, index=False)
    return path


def write_answers(path: Path, experiment: str, inputs: int, animal: float, whole: float) -> Path:
    rows = [
        (experiment, "real", "fill", inputs, "s0", turn, f"Camera{view}", role, whole, animal + 2 * turn, 0.5, 0.25)
        for turn in range(2)
        for view, role in enumerate(["held_out"] * (6 - inputs) + ["input"] * inputs)
    ]
    write_scores(table_of(rows), path)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    shown = {"views": (0,), "view_names": ("Camera0",), "capture": "walk", "frame": 0, "checksums": {}}
    samples = tuple(
        SampleRow(
            name=f"s{number}",
            folder=".",
            split="test",
            millimeters_per_unit=100.0,
            subject_center=(0.0, 0.3 * number, 0.4 * number),
            subject_radius=0.5,
            **shown,
        )
        for number in range(2)
    )
    path = tmp_path / "table.json"
    SampleTable(
        dataset="real",
        normalization="fill",
        view_count=1,
        contract="abc",
        violations=("focal: view 0: found 1", "focal: view 1: found 2", "aim: view 0: found 3"),
        samples=samples,
    ).write(path)
    return path


@pytest.fixture
def files(tmp_path: Path, table: Path) -> Files:
    norms = [1.0, 2.0, math.nan, 40.0, 3.0]
    metrics = {name: write_metrics(tmp_path / f"{name}.csv", norms) for name in ("log_full_1e4", "log_inputs_6")}
    answers = [("log_full_1e4", 5, 15.0, 21.0), ("log_zero_shot", 5, 14.0, 20.0), ("log_inputs_6", 6, 15.0, 21.0)]
    for inputs in (5, 6):
        answers += [("white_picture", inputs, 8.0, 15.0), ("visual_hull", inputs, 13.0, 19.0)]
    scores = [write_answers(tmp_path / f"{name}.{inputs}.csv", name, inputs, *psnr) for name, inputs, *psnr in answers]
    return [table], metrics, scores


def test_a_row_gathers_what_its_files_say(files: Files) -> None:
    rows = read_rows(experiments(), *files)
    assert list(rows) == list(KEPT)
    full = rows["full_1e4"]
    assert (full.method, full.learning_rate, full.input_views, full.label) == ("full", 1e-4, 5, "")
    assert [(look.step, look.animal, look.batch_psnr) for look in full.looks] == [(1, 13.5, 20.0), (5, 13.5, 22.0)]
    assert full.looks[0].covered == pytest.approx(0.5)
    assert full.gradient is not None
    assert (full.gradient.peak, full.gradient.peak_step, full.gradient.median) == (40.0, 4, 2.5)
    assert (full.gradient.not_finite, full.gradient.jump) == (1, 0.0)  # too few steps to jump from
    assert (full.strays, full.breaks) == (pytest.approx(0.5), ("focal", "aim"))
    assert full.held_out == Answer(psnr=21.0, animal=16.0, iou=0.25)
    assert full.white_picture == Answer(psnr=15.0, animal=9.0, iou=0.25)
    assert rows["zero_shot"].looks == () and rows["zero_shot"].gradient is None
    everything = rows["inputs_6"]  # nothing is held out
    assert everything.held_out == Answer(None, None, None)
    assert [look.animal for look in everything.looks] == [None, None]


def test_a_jump_is_told_from_norms_that_are_large_all_along(files: Files) -> None:
    tables, metrics, scores = files
    write_metrics(metrics["log_full_1e4"], [300.0, *[100.0] * 19, 250.0, 100.0])
    gradient = read_rows(experiments(), tables, metrics, scores)["full_1e4"].gradient
    assert gradient is not None
    assert (gradient.peak, gradient.peak_step) == (300.0, 1)
    assert (gradient.jump, gradient.jump_step) == (2.5, 21)


def test_a_file_that_is_missing_or_another_is_named(files: Files, tmp_path: Path) -> None:
    tables, metrics, scores = files
    with pytest.raises(ValueError, match="no scores of log_zero_shot"):
        read_rows(experiments(), tables, metrics, [path for path in scores if "zero_shot" not in path.name])
    unmeasured = pd.read_csv(metrics["log_full_1e4"]).drop(columns="held_out_white")
    unmeasured.to_csv(metrics["log_full_1e4"], index=False)
    with pytest.raises(ValueError, match=r"log_full_1e4\.csv: not the metrics of a measured .*held_out_white"):
        read_rows(experiments(), tables, metrics, scores)


def test_the_table_has_a_line_a_row_and_gaps_where_nothing_was_measured(tmp_path: Path) -> None:
    stopped = replace(log_row("real_camera"), looks=looks((9.0, 0.1)))
    table = log_table(log_rows(real_camera=stopped)).set_index("row")
    assert list(table.index) == list(LogExperiments.model_fields)
    assert table.loc["real_camera", "log"] == "A" and table.loc["freeze_all", "log"] == "B"
    assert table.loc["real_camera", "covered_at_1"] == pytest.approx(0.1)
    assert math.isnan(table.loc["real_camera", "covered_at_31"])
    assert math.isnan(table.loc["zero_shot", "norm_peak"]) and math.isnan(table.loc["zero_shot", "animal_at_1"])
    assert table.loc["full_1e4", "animal_at_31"] == table.loc["full_1e4", "held_out_animal"] == 16.0
    table.to_csv(tmp_path / "table.csv")
    assert len(pd.read_csv(tmp_path / "table.csv")) == len(table)


def page_of(rows: dict[str, LogRow]) -> str:
    statements = [answer_question(question, rows) for question in QUESTIONS]
    return draw_log_page(rows, log_table(rows), statements, b"png", dict.fromkeys(rows, b"jpeg"))


def test_the_page_tells_everything_and_loads_nothing() -> None:
    page = page_of(log_rows())
    assert page.count('class="statement"') == len(QUESTIONS)
    assert page.count("<img") == 1 + len(log_rows())
    assert not re.search(r'(src|href)="(?!data:)', page) and "http" not in page and "@import" not in page
    for question in QUESTIONS:
        assert f'id="{question.key}"' in page
    for name in log_rows():
        assert f"<b>{name}</b>" in page
    assert "nan" not in page and "None" not in page
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page


def test_a_page_of_few_rows_says_what_is_left_out() -> None:
    rows = {name: row for name, row in log_rows().items() if name in KEPT}
    page = page_of(rows)
    assert "Left out of the configuration: real_camera, center_frame." in page
    assert page.count("<img") == 1 + len(KEPT)
    assert "Nothing was trained" in page_of({"zero_shot": rows["zero_shot"]})


def test_curves_are_drawn_of_any_rows(files: Files, tmp_path: Path) -> None:
    _, metrics, _ = files
    steps = {name.removeprefix("log_"): read_steps(path) for name, path in metrics.items()}
    draw_curves(log_rows(), steps, tmp_path / "two.png")
    assert picture_size(tmp_path / "two.png")[0] > 1200
    assert read_rgba(tmp_path / "two.png")[..., :3].std() > 5
    draw_curves({}, {}, tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0
