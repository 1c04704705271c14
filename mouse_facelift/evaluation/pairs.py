"""Every two comparable answers beside one another, view by view."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd

from mouse_facelift.evaluation.columns import TASK, metrics_among
from mouse_facelift.evaluation.intervals import mean_over_blocks
from mouse_facelift.settings import Intervals

TRUE_VIEWS = "true_views"
PAIR_COLUMNS = [
    "experiment",
    "other",
    *TASK,
    "role",
    "metric",
    "difference",
    "difference_low",
    "difference_high",
    "pairs",
    "blocks",
]
PAIR_MEANINGS = {
    "experiment": "row of the configuration, or an answer without a network",
    "other": "with which it is compared",
    "dataset": "of both",
    "normalization": "of both",
    "input_views": "of both",
    "role": "input or held_out: of views; true_views: of cameras that no capture has, and of the true surface",
    "metric": "column of the scores",
    "difference": "mean over pairs of the experiment's less the other's, of the same sample, turn and view",
    "difference_low": "lower end of its interval over blocks of time; empty with fewer than two",
    "difference_high": "upper end",
    "pairs": "in which both have a value",
    "blocks": "of time that these are of; with few, intervals are too narrow",
}


def compare_pairs(
    scores: pd.DataFrame,
    truth: pd.DataFrame | None,
    ordered: Mapping[tuple[object, ...], Sequence[str]],
    plan: Intervals,
) -> pd.DataFrame:
    """Compare every two answers of a task: PAIR_COLUMNS, whose PAIR_MEANINGS hold.

    Args:
        scores: of all, on the same views in each task.
        truth: scores against the truth, where there is one.
        ordered: names of each task, so that the later of two is the experiment and the earlier the other.
        plan: of the intervals.
    """
    rows: list[dict[str, object]] = []
    for task, names in ordered.items():
        views = scores[(scores[TASK] == list(task)).all(axis=1)]
        parts = [(str(role), found, ["sample", "turn", "view"]) for role, found in views.groupby("role", sort=False)]
        if truth is not None:
            parts.append((TRUE_VIEWS, truth[(truth[TASK] == list(task)).all(axis=1)], ["sample", "turn"]))
        for role, found, keys in parts:
            metrics = metrics_among(list(found.columns))
            by_name = {str(name): of_one.set_index(keys) for name, of_one in found.groupby("experiment")}
            for other, experiment in combinations([name for name in names if name in by_name], 2):
                about = {"experiment": experiment, "other": other, **dict(zip(TASK, task, strict=True)), "role": role}
                pair = _compare(by_name[experiment], by_name[other], metrics, plan)
                rows += [about | of_metric for of_metric in pair]
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _compare(
    one: pd.DataFrame, other: pd.DataFrame, metrics: Sequence[str], plan: Intervals
) -> list[dict[str, object]]:
    differences = one[list(metrics)] - other[list(metrics)]  # by the rows' keys
    blocks = one["block"].reindex(differences.index)
    rows: list[dict[str, object]] = []
    for metric in metrics:
        mean = mean_over_blocks(differences[metric], blocks, plan)
        rows.append(
            {
                "metric": metric,
                "difference": mean.value,
                "difference_low": mean.low,
                "difference_high": mean.high,
                "pairs": mean.rows,
                "blocks": mean.blocks,
            }
        )
    return rows
