"""Intervals over blocks of time, and pairs of answers view by view."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_rows import table_of

from mouse_facelift.evaluation.columns import TASK, TRUE_COLUMNS
from mouse_facelift.evaluation.intervals import mean_over_blocks
from mouse_facelift.evaluation.pairs import PAIR_COLUMNS, PAIR_MEANINGS, compare_pairs
from mouse_facelift.settings import Intervals

PLAN = Intervals(confidence=0.95, resamples=2000, seed=0)
TASK_OF_ALL = ("real", "fill", 5)


def series(*values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


def test_of_one_block_there_is_no_interval_however_many_frames() -> None:
    found = mean_over_blocks(pd.Series(np.random.default_rng(0).normal(size=500)), pd.Series(["a"] * 500), PLAN)
    assert (found.blocks, found.rows) == (1, 500)
    assert math.isfinite(found.value) and math.isnan(found.low) and math.isnan(found.high)


def test_of_no_value_nothing_is_told() -> None:
    found = mean_over_blocks(series(math.nan, math.nan), pd.Series(["a", "b"]), PLAN)
    assert (found.blocks, found.rows) == (0, 0)
    assert math.isnan(found.value) and math.isnan(found.low)


def test_of_two_blocks_it_reaches_from_one_to_the_other() -> None:
    found = mean_over_blocks(series(1, 1, 2, 4), pd.Series(["a", "a", "b", "b"]), PLAN)
    assert (found.value, found.low, found.high, found.blocks) == (2, 1, 3, 2)


def test_copies_of_frames_make_nothing_surer() -> None:
    values, blocks = series(1, 2, 5, 7), pd.Series(list("abcd"))
    once, often = (
        mean_over_blocks(
            pd.concat([values] * times, ignore_index=True), pd.concat([blocks] * times, ignore_index=True), PLAN
        )
        for times in (1, 50)
    )
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


@given(st.integers(0, 2**32 - 1), st.integers(5, 12))
def test_it_agrees_with_resampling_written_out(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 6, count)
    values = pd.Series(random.normal(size=sizes.sum()))
    blocks = pd.Series(np.repeat([f"b{number:02d}" for number in range(count)], sizes))
    found = mean_over_blocks(values, blocks, PLAN)
    parts = [values[blocks == name].to_numpy() for name in sorted(set(blocks))]
    means = [np.concatenate([parts[drawn] for drawn in random.integers(0, count, count)]).mean() for _ in range(1000)]
    low, high = np.percentile(means, [2.5, 97.5])
    assert found.low == pytest.approx(low, abs=0.5 * np.std(means))
    assert found.high == pytest.approx(high, abs=0.5 * np.std(means))
    assert found.low <= found.value <= found.high
    assert found == mean_over_blocks(values, blocks, PLAN)


def answers() -> pd.DataFrame:
    """Two experiments and two answers without a network, of two captures' blocks."""
    tables = []
    for capture, block, base in (("walk", "walk_1", 10.0), ("rear", "rear_1", 12.0)):
        for name, gain in (("white_picture", -5.0), ("visual_hull", 0.0), ("zero_shot", 1.0), ("full", 3.0)):
            extra = 1.0 if name == "full" and capture == "rear" else 0.0
            rows = []
            for n, (view, role) in product(range(3), enumerate(("held_out", "input"))):
                psnrs = (30.0 + n, base + n + gain + extra)
                rows.append((name, *TASK_OF_ALL, f"{capture}_{n}", 0, f"Camera{view}", role, *psnrs, 0.5, 0.25))
            tables.append(table_of(rows, block=block))
    return pd.concat(tables, ignore_index=True)


def test_every_two_answers_are_compared_on_the_same_views() -> None:
    names = ["white_picture", "visual_hull", "zero_shot", "full"]
    scores = answers().sample(frac=1, random_state=1)  # order does not matter
    pairs = compare_pairs(scores, None, {TASK_OF_ALL: names}, PLAN)
    assert list(pairs.columns) == PAIR_COLUMNS
    assert set(PAIR_MEANINGS) == set(PAIR_COLUMNS)
    assert pairs[["experiment", "other"]].drop_duplicates().to_numpy().tolist() == [
        ["visual_hull", "white_picture"], ["zero_shot", "white_picture"], ["full", "white_picture"],
        ["zero_shot", "visual_hull"], ["full", "visual_hull"], ["full", "zero_shot"],
    ]  # fmt: skip
    assert (pairs[TASK] == list(TASK_OF_ALL)).all(axis=None)
    found = pairs.set_index(["experiment", "other", "role", "metric"])
    full = found.loc["full", "zero_shot", "held_out", "psnr_foreground"]
    assert full["difference"] == pytest.approx(2.5)
    assert (full["difference_low"], full["difference_high"]) == pytest.approx((2, 3))
    assert (full["pairs"], full["blocks"]) == (6, 2)
    hull = found.loc["visual_hull", "white_picture", "input", "psnr_foreground"]
    assert (hull["difference"], hull["difference_low"], hull["difference_high"]) == pytest.approx((5, 5, 5))


def test_pairs_without_a_value_on_both_sides_do_not_count() -> None:
    scores = answers()
    scores.loc[(scores["experiment"] == "full") & (scores["sample"] == "walk_1"), "iou"] = math.nan
    pairs = compare_pairs(scores, None, {TASK_OF_ALL: ["zero_shot", "full"]}, PLAN)
    found = pairs.set_index(["role", "metric"])["pairs"]
    assert found["held_out", "iou"] == 5
    assert found["held_out", "psnr"] == 6


def test_answers_are_compared_on_the_truth_as_well() -> None:
    rows = []
    for capture in ("walk", "rear"):
        for name, gain, chamfer in (("white_picture", -5.0, math.nan), ("visual_hull", 0.0, 4.0), ("full", 1.0, 2.0)):
            scores = (20.0 + gain, 10.0 + gain, 0.9, 0.8, 1.0, 3.0, chamfer)
            rows.append(
                (name, *TASK_OF_ALL, f"{capture}_0", 0, 4, *scores, 100, f"{capture}_1", "r", "none", "complete")
            )
    truth = pd.DataFrame(rows, columns=TRUE_COLUMNS)
    pairs = compare_pairs(answers(), truth, {TASK_OF_ALL: ["white_picture", "visual_hull", "full"]}, PLAN)
    found = pairs[pairs["role"] == "true_views"].set_index(["experiment", "other", "metric"])
    assert found.loc[("full", "visual_hull", "chamfer_mm"), "difference"] == -2
    assert found.loc[("full", "visual_hull", "chamfer_mm"), "pairs"] == 2
    assert found.loc[("full", "white_picture", "chamfer_mm"), "pairs"] == 0
    assert found.loc[("full", "white_picture", "psnr"), "difference"] == 6
