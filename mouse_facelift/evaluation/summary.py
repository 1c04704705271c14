"""Rule `eval_psnr`: all scores in one table, one row an experiment, trivial answers beside them."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mouse_facelift.evaluation.bar_plot import plot_summary
from mouse_facelift.evaluation.scores import METRICS, TASK, read_scores, write_scores
from mouse_facelift.plan import FITTED, TRIVIAL

logger = logging.getLogger(__name__)

ROLES = ("held_out", "input")
GAINS = [f"gain_over_{baseline}" for baseline in TRIVIAL]
SUMMARY_COLUMNS = [
    "experiment",
    *TASK,
    "samples",
    *[f"{role}_scored" for role in ROLES],
    *[f"{role}_without_animal" for role in ROLES],
    *[f"{role}_{metric}" for role in ROLES for metric in METRICS],
    *GAINS,
    "status",
]
SAME_VIEWS = ["sample", "turn", "view", "role"]


def eval_psnr(scores: list[Path], table: Path, summary: Path, plot: Path) -> None:
    """Join all scores, sum them up to one row an experiment, and draw the PSNRs as bars.

    The table is the scores, one below the other. The summary has SUMMARY_COLUMNS: views scored and those of them that
    show no animal; means over views in each role (PSNR in dB; `nan` over no views); and by how many dB the mean
    foreground PSNR of held-out views is above each baseline's on the same views.

    Raises:
        FileNotFoundError: a table of scores is absent.
        ValueError: a file is no table of scores, two files hold the same experiment, or an experiment has no baseline
            of the same dataset, normalization and input views, or one with other views.
    """
    joined = read_distinct(scores)
    rows = summarize(joined)
    write_scores(joined, table)
    write_scores(rows, summary)
    logger.info("mean over views; PSNR in dB, of the animal alone (fg) and of the whole picture:\n%s", readable(rows))
    plot_summary(rows, plot)


def read_distinct(paths: list[Path]) -> pd.DataFrame:
    """Join tables of scores, one below the other.

    Raises:
        FileNotFoundError: a table is absent.
        ValueError: a file is no table of scores, or two files hold the same experiment.
    """
    tables = []
    sources: dict[tuple[object, ...], Path] = {}
    for path in paths:
        scores = read_scores(path)
        for _, row in scores[["experiment", *TASK]].drop_duplicates().iterrows():
            if (earlier := sources.setdefault(tuple(row), path)) != path:
                raise ValueError(f"{path}: {describe(tuple(row))} was scored in {earlier} already")
        tables.append(scores)
    return pd.concat(tables, ignore_index=True)


def describe(key: tuple[object, ...]) -> str:
    """Name an experiment and its task."""
    experiment, dataset, normalization, inputs = key
    return f"{experiment} (dataset {dataset}, normalization {normalization}, {inputs} input views)"


def summarize(scores: pd.DataFrame) -> pd.DataFrame:
    """Sum scores up to one row an experiment; of each task the answers without a network come first.

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
        summaries = {name: _summarize_one(found) for name, found in by_experiment.items()}
        for name in in_order(by_experiment):
            gains = {}
            for column, baseline in zip(GAINS, TRIVIAL, strict=True):
                require_same_views(by_experiment[name], by_experiment[baseline], (name, *task), baseline)
                field = "held_out_psnr_foreground"
                gains[column] = summaries[name][field] - summaries[baseline][field]
            status = "; ".join(by_experiment[name]["status"].unique())
            rows.append(
                {"experiment": name, **dict(zip(TASK, task, strict=True)), **summaries[name], **gains, "status": status}
            )
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def in_order(experiments: Iterable[str]) -> list[str]:
    """Answers without a network first, then experiments as they come."""
    found = list(experiments)
    answers = [name for name in (*TRIVIAL, *FITTED) if name in found]
    return answers + [name for name in found if name not in answers]


def _summarize_one(scores: pd.DataFrame) -> dict[str, int | float]:
    found: dict[str, int | float] = {"samples": scores["sample"].nunique()}
    for role in ROLES:
        views = scores[scores["role"] == role]
        found[f"{role}_scored"] = len(views)
        found[f"{role}_without_animal"] = int(views["psnr_foreground"].isna().sum())
        for metric in METRICS:
            found[f"{role}_{metric}"] = float(views[metric].mean())
    return found


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
        "input: fg": "input_psnr_foreground",
        "whole ": "input_psnr",
        "over white": "gain_over_white_picture",
        "over hull": "gain_over_visual_hull",
    }
    blocks = []
    for (dataset, normalization, inputs), rows in summary.groupby(TASK, sort=False):
        shown = pd.DataFrame({"experiment": rows["experiment"]})
        for title, column in columns.items():
            digits = 3 if title in ("ssim", "iou") else 2
            sign = "+" if title.startswith("over") else ""
            shown[title] = ["-" if pd.isna(value) else f"{value:{sign}.{digits}f}" for value in rows[column]]
        shown["status"] = rows["status"]
        blocks.append(
            f"dataset {dataset}, normalization {normalization}, {inputs} input views,"
            f" {rows['samples'].iloc[0]} samples\n{shown.to_string(index=False)}"
        )
    return "\n\n".join(blocks)
