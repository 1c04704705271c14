"""Rule `score_predictions`: four numbers for every view of every turn."""

import logging
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from mouse_facelift.evaluation.rendered_turns import Predictions, RenderedTurn
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.settings import Evaluation

logger = logging.getLogger(__name__)

METRICS = ["psnr", "psnr_foreground", "ssim", "iou"]
TASK = ["dataset", "normalization", "input_views"]
"""what scores must share to be comparable"""
COLUMNS = ["experiment", *TASK, "sample", "turn", "view", "role", *METRICS, "status"]
NUMBERS = {"input_views": "int64", "turn": "int64", **dict.fromkeys(METRICS, "float64")}


def score_predictions(predictions: Path, scores: Path, evaluation: Evaluation) -> None:
    """Score every view of every turn of a prediction table and write a CSV of COLUMNS.

    PSNRs are in dB (at most 100), SSIM and IoU at most 1; `nan` where a target shows no animal. `status` is the
    prediction table's, and says so if the cameras of the samples break the contract.

    Raises:
        FileNotFoundError: a table, a rendering or a sample is absent.
        ValueError: names the file, what was found in it and what was expected.
    """
    found = Predictions.read(predictions)
    common = {
        "experiment": found.table.experiment,
        "dataset": found.table.dataset,
        "normalization": found.table.normalization,
        "input_views": found.table.input_views,
    }
    rows = [
        {**common, **row, "status": found.status}
        for turn in found.turns(found.table.rows)
        for row in _score_turn(turn, evaluation.mask_threshold)
    ]
    write_scores(pd.DataFrame(rows, columns=COLUMNS), scores)
    logger.info("%s: %d views of %d turns scored", predictions, len(rows), len(found.table.rows))


def _score_turn(turn: RenderedTurn, mask_threshold: float) -> list[dict[str, object]]:
    row = turn.row
    return [
        {
            "sample": row.sample,
            "turn": row.turn,
            "view": name,
            "role": row.role(view),
            **asdict(turn.score(view, mask_threshold)),
        }
        for view, name in enumerate(turn.view_names)
    ]


def write_scores(scores: pd.DataFrame, path: Path) -> None:
    with whole_file(path) as partial:
        scores.to_csv(partial, index=False, na_rep="nan")


def read_scores(path: Path) -> pd.DataFrame:
    """Read what `score_predictions` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: other columns, or a number that is none.
    """
    try:
        texts = pd.read_csv(path, dtype=str, keep_default_na=False)  # an experiment may be called `none` or `001`
        if list(texts.columns) != COLUMNS:
            raise ValueError(f"found columns {list(texts.columns)}, expected {COLUMNS}")
        return texts.astype(NUMBERS)
    except ValueError as error:  # pandas' own errors of parsing are ValueErrors
        raise ValueError(f"{path}: not a table of scores: {error}") from error
