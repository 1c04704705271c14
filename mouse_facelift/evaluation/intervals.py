"""How sure means are: blocks of time are drawn anew, for neighboring frames say nearly the same."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import bootstrap

from mouse_facelift.settings import Intervals

LEAST_BLOCKS = 2
FEW_BLOCKS = 6
"""Simulated with means of n independent normal blocks, the percentile bootstrap's 95 % interval holds the truth in 51,
75, 80, 84, 87, 89 and 92 of a hundred cases for n = 2, 3, 4, 5, 6, 10 and 20: with few blocks it is too narrow."""


@dataclass(frozen=True)
class Mean:
    """A mean over rows, and where it may lie."""

    value: float
    low: float
    """of the interval; NaN of fewer than LEAST_BLOCKS blocks"""
    high: float
    blocks: int
    rows: int
    """that had a value"""


def mean_over_blocks(values: pd.Series, blocks: pd.Series, plan: Intervals) -> Mean:
    """Take the mean of values over rows, NaN left out, and its interval over blocks of time.

    The interval is that of the percentile bootstrap: blocks are drawn with replacement, as many as there are, and all
    rows of a drawn block count. Frames are never drawn by themselves: they are no independent witnesses. The same seed
    draws the same blocks.

    Args:
        values: a row each.
        blocks: the name of each row's block.
        plan: how sure, how often, and the seed.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13; by scipy.stats.bootstrap.
    """
    known = values.notna().to_numpy()
    grouped = values[known].groupby(blocks[known], sort=True)
    sums, counts = grouped.sum().to_numpy(float), grouped.count().to_numpy(float)
    rows = int(counts.sum())
    value = float(values.mean()) if rows else math.nan
    if len(sums) < LEAST_BLOCKS:
        return Mean(value, math.nan, math.nan, len(sums), rows)
    found = bootstrap(
        (sums, counts),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=plan.resamples,
        confidence_level=plan.confidence,
        method="percentile",
        rng=np.random.default_rng(plan.seed),
    ).confidence_interval
    return Mean(value, float(found.low), float(found.high), len(sums), rows)


def _ratio(
    sums: Float[np.ndarray, "*resample block"], counts: Float[np.ndarray, "*resample block"], axis: int
) -> Float[np.ndarray, "*resample"]:
    return np.asarray(sums.sum(axis) / counts.sum(axis))
