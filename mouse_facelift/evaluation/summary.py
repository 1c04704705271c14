"""Rule `eval_psnr`: all scores in one table, one row an experiment, trivial answers beside them."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from mouse_facelift.evaluation.bar_plot import plot_summary
from mouse_facelift.evaluation.columns import DEPTH_METRICS, LPIPS, MEANINGS, METRICS, TASK, TRUE_METRICS, metrics_among
from mouse_facelift.evaluation.intervals import FEW_BLOCKS, mean_over_blocks
from mouse_facelift.evaluation.pairs import PAIR_MEANINGS, compare_pairs
from mouse_facelift.evaluation.score_tables import describe, meanings_of, read_distinct, read_true_scores, write_both
from mouse_facelift.plan import FITTED, TRIVIAL
from mouse_facelift.settings import Intervals

logger = logging.getLogger(__name__)

ROLES = ("held_out", "input")
TRUE = "true"
"""before the columns of what was measured against the truth"""
GAINS = [f"gain_over_{baseline}" for baseline in TRIVIAL]
SAME_VIEWS = ["sample", "turn", "view", "role"]


def summary_columns(metrics: Sequence[str], truth: bool) -> list[str]:
    """Columns of the summary, where scores have these metrics, with or without a truth.

    `true_turns` and `true_*` are measured against the truth; `_low` and `_high` are the ends of intervals.
    """
    further = [metric for metric in metrics if metric not in METRICS]
    told = [f"{role}_{metric}" for role in ROLES for metric in metrics]
    true = [f"{TRUE}_{metric}" for metric in TRUE_METRICS] if truth else []
    return [
        "experiment",
        *TASK,
        "samples",
        *[f"{role}_scored" for role in ROLES],
        *[f"{role}_without_animal" for role in ROLES],
        *[f"{role}_{metric}" for role in ROLES for metric in METRICS],
        *GAINS,
        *[f"{role}_{metric}" for role in ROLES for metric in further],
        *([f"{TRUE}_turns", *true] if truth else []),
        "blocks",
        *[f"{column}_{end}" for column in told + true for end in ("low", "high")],
        "foreground",
        "weights",
        "status",
    ]


def eval_psnr(
    scores: list[Path],
    intervals: Intervals,
    table: Path,
    summary: Path,
    pairs: Path,
    plot: Path,
    truth: Path | None = None,
) -> None:
    """Join all scores, sum them up to one row an experiment, compare every two, and draw the PSNRs as bars.

    The table is the scores, one below the other. The summary has `summary_columns`: views scored and those of them that
    show no animal; means over views in each role (`nan` over no views); by how many dB the mean foreground PSNR of
    held-out views is above each baseline's on the same views; and each mean's interval over `blocks` of time, `nan` of
    fewer than two. Pairs have PAIR_COLUMNS. Each is a CSV, with the same rows as Parquet beside it, whose metadata tell
    what columns mean. `truth` is the table of `eval_truth`, where any capture has a truth.

    Raises:
        FileNotFoundError: a table of scores is absent.
        ValueError: a file is no table of scores, files hold the same experiment, other columns or other rules, or an
            experiment has no baseline of the same dataset, normalization and input views, or one with other views.
    """
    joined = read_distinct(scores)
    true_scores = None if truth is None else read_true_scores(truth)
    rows = summarize(joined, intervals, true_scores)
    tasks = {task: of_task["experiment"].tolist() for task, of_task in rows.groupby(TASK, sort=False)}
    meanings = meanings_of(joined)
    write_both(joined, table, meanings)
    write_both(rows, summary, summary_meanings(rows) | {"foreground": meanings["foreground"]})
    write_both(compare_pairs(joined, true_scores, tasks, intervals), pairs, PAIR_MEANINGS)
    logger.info("mean over views; PSNR in dB, of the animal alone (fg) and of the whole picture:\n%s", readable(rows))
    if (fewest := int(rows["blocks"].min())) < FEW_BLOCKS:
        logger.info("intervals are over blocks of time; with as few as %d they are too narrow, with 1 blank", fewest)
    plot_summary(rows, plot)


def summary_meanings(summary: pd.DataFrame) -> dict[str, str]:
    """Tell what the summary's columns mean."""
    meanings = {
        "samples": "scored",
        "held_out_scored": "views that did not go in",
        "input_scored": "views that went in",
        "held_out_without_animal": "of these, views whose target shows no animal",
        "input_without_animal": "of these, views whose target shows no animal",
        "true_turns": "turns measured against the truth",
        "blocks": "of time over which intervals are; with few they are too narrow, with fewer than two empty",
        **dict.fromkeys(GAINS, "dB, of the mean psnr_foreground of held-out views"),
    }
    for column in summary.columns:
        name = column.removesuffix("_low").removesuffix("_high")
        role = next((role for role in (*ROLES, TRUE) if name.startswith(f"{role}_")), None)
        if column in meanings:
            continue
        if role is None or column in MEANINGS:
            meanings[column] = MEANINGS[column]
            continue
        end = "" if name == column else f"{column.removeprefix(name + '_')} end of the interval of the "
        seen = "against the truth" if role == TRUE else f"over {role} views"
        meanings[column] = f"{end}mean {seen}: {MEANINGS[name.removeprefix(f'{role}_')]}"
    return {column: meanings[column] for column in summary.columns}


def summarize(scores: pd.DataFrame, intervals: Intervals, truth: pd.DataFrame | None = None) -> pd.DataFrame:
    """Sum scores up to one row an experiment; of each task the answers without a network come first.

    Args:
        scores: of all experiments, and of the answers beside them.
        intervals: how they are drawn.
        truth: scores against the truth, if any.

    Raises:
        ValueError: as `eval_psnr`, about baselines.
    """
    rows = []
    for task, of_task in scores.groupby(TASK, sort=False):
        by_experiment = {str(name): found for name, found in of_task.groupby("experiment", sort=False)}
        for baseline in TRIVIAL:
            if baseline not in by_experiment:
                raise ValueError(
                    f"no scores of {describe((baseline, *task))} to compare with; found {list(by_experiment)}"
                )
        true_of = (
            {} if truth is None else dict(list(truth[(truth[TASK] == list(task)).all(axis=1)].groupby("experiment")))
        )
        summaries = {name: _summarize_one(found, intervals) for name, found in by_experiment.items()}
        for name in in_order(by_experiment):
            gains = {}
            for column, baseline in zip(GAINS, TRIVIAL, strict=True):
                require_same_views(by_experiment[name], by_experiment[baseline], (name, *task), baseline)
                field = "held_out_psnr_foreground"
                gains[column] = summaries[name][field] - summaries[baseline][field]
            row = {"experiment": name, **dict(zip(TASK, task, strict=True)), **summaries[name], **gains}
            if truth is not None:
                row |= _summarize_truth(true_of.get(name), intervals)
            for column in ("foreground", "weights", "status"):
                row[column] = "; ".join(by_experiment[name][column].unique())
            rows.append(row)
    return pd.DataFrame(rows, columns=summary_columns(metrics_among(list(scores.columns)), truth is not None))


def in_order(experiments: Iterable[str]) -> list[str]:
    """Answers without a network first, then experiments as they come."""
    found = list(experiments)
    answers = [name for name in (*TRIVIAL, *FITTED) if name in found]
    return answers + [name for name in found if name not in answers]


def _summarize_one(scores: pd.DataFrame, intervals: Intervals) -> dict[str, int | float]:
    found: dict[str, int | float] = {"samples": scores["sample"].nunique(), "blocks": scores["block"].nunique()}
    for role in ROLES:
        views = scores[scores["role"] == role]
        found[f"{role}_scored"] = len(views)
        found[f"{role}_without_animal"] = int(views["psnr_foreground"].isna().sum())
        for metric in metrics_among(list(scores.columns)):
            found |= _with_interval(f"{role}_{metric}", views[metric], views["block"], intervals)
    return found


def _summarize_truth(scores: pd.DataFrame | None, intervals: Intervals) -> dict[str, int | float]:
    """Sum up what was measured against the truth; where nothing was, no turns, and the rest is left blank."""
    if scores is None:
        return {f"{TRUE}_turns": 0}
    found: dict[str, int | float] = {f"{TRUE}_turns": len(scores)}
    for metric in TRUE_METRICS:
        found |= _with_interval(f"{TRUE}_{metric}", scores[metric], scores["block"], intervals)
    return found


def _with_interval(column: str, values: pd.Series, blocks: pd.Series, intervals: Intervals) -> dict[str, int | float]:
    mean = mean_over_blocks(values, blocks, intervals)
    return {column: mean.value, f"{column}_low": mean.low, f"{column}_high": mean.high}


def require_same_views(scores: pd.DataFrame, others: pd.DataFrame, key: tuple[object, ...], baseline: str) -> None:
    """Raise ValueError unless an experiment, named with its task by `key`, was scored on a baseline's views."""
    found, expected = (set(table[SAME_VIEWS].itertuples(index=False, name=None)) for table in (scores, others))
    if found != expected:
        example = sorted(found ^ expected)[0]
        raise ValueError(
            f"{describe(key)}: scored on {len(found)} views, but {baseline} on {len(expected)};"
            f" only one of them has {dict(zip(SAME_VIEWS, example, strict=True))}"
        )


def readable(summary: pd.DataFrame) -> str:
    """Lay a summary out for a log: a line an experiment, a blank line between tasks."""
    columns = {
        "held out: fg": "held_out_psnr_foreground",
        "whole": "held_out_psnr",
        "ssim": "held_out_ssim",
        "iou": "held_out_iou",
        "lpips": f"held_out_{LPIPS}",
        "behind hull": f"held_out_{DEPTH_METRICS[0]}",
        "input: fg": "input_psnr_foreground",
        "whole ": "input_psnr",
        "over white": "gain_over_white_picture",
        "over hull": "gain_over_visual_hull",
        "true fg": f"{TRUE}_psnr_foreground",
        "chamfer": f"{TRUE}_chamfer_mm",
    }
    known = {title: column for title, column in columns.items() if column in summary.columns}
    blocks = []
    for (dataset, normalization, inputs), rows in summary.groupby(TASK, sort=False):
        shown = pd.DataFrame({"experiment": rows["experiment"]})
        for title, column in known.items():
            digits = 3 if title in ("ssim", "iou", "lpips") else 2
            sign = "+" if title.startswith("over") else ""
            shown[title] = ["-" if pd.isna(value) else f"{value:{sign}.{digits}f}" for value in rows[column]]
        shown["status"] = rows["status"]
        blocks.append(
            f"dataset {dataset}, normalization {normalization}, {inputs} input views,"
            f" {rows['samples'].iloc[0]} samples\n{shown.to_string(index=False)}"
        )
    return "\n\n".join(blocks)
