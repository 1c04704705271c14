"""Rule `draw_contact_sheet`: renderings beside their targets, to look at."""

import logging
import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mouse_facelift.evaluation.page import Page
from mouse_facelift.evaluation.rendered_turns import Predictions, RenderedTurn
from mouse_facelift.formats.predictions import PredictionRow, spread
from mouse_facelift.settings import Evaluated

logger = logging.getLogger(__name__)

VIEWS_SHOWN = 3  # of a sample: one that was held out, if any, and inputs
LEAST_CELL, MOST_CELL = 192, 256  # px on the sheet: pictures below the one are enlarged, above the other reduced
GAP, LINE = 18, 19  # px between pictures; of a line of words
MARGIN = 20  # px
LARGEST_ERROR = 0.5  # of the range of colors, at the bright end of the error maps: one scale for all sheets
BAR_WIDTH, BAR_WORDS = 14, 66  # px of the scale of errors, and beside it
ROLES = {"input": ("input", "black"), "held_out": ("held out", "#a3260f")}
COLUMNS = ("went in", "target", "rendering", "absolute difference")


def draw_contact_sheet(predictions: Path, sheet: Path, evaluation: Evaluated) -> None:
    """Draw up to `sheet_samples` samples of a prediction table, spread evenly, as a PNG.

    A sample has a row for a held-out view and for two inputs (three inputs, if none is held out): target, rendering,
    and absolute difference, the mean of three channels. The pictures that went in stand at the left. From sample to
    sample another view is held out. The PNG's text `Source` names the weights behind it, with their licenses.

    Raises:
        FileNotFoundError: a table, a rendering or a sample is absent.
        ValueError: names the file, what was found in it and what was expected.
    """
    found = Predictions.read(predictions)
    turns = list(found.turns(chosen_turns(found.table.rows, evaluation.sheet_samples)))
    cell = _cell(max(turns[0].sample.cameras.width, turns[0].sample.cameras.height))
    shown = [shown_views(turn.row, len(turn.view_names)) for turn in turns]
    words = _heading(found)
    head = MARGIN + (len(words) + 3) * LINE
    block_heights = [len(views) * (cell + LINE + GAP) + 2 * LINE for views in shown]
    width = 2 * MARGIN + len(COLUMNS) * (cell + GAP) + BAR_WIDTH + BAR_WORDS
    page = Page(width, head + sum(block_heights) + MARGIN)
    for number, line in enumerate(words):
        if number == 0:
            page.write(line, MARGIN, MARGIN, size=14, bold=True)
        else:
            page.write(line, MARGIN, MARGIN + LINE // 2 + number * LINE, size=10, width=width - 2 * MARGIN)
    for column, title in enumerate(COLUMNS):
        page.write(title, _left(column, cell), head - LINE - 2, size=10, bold=True)
    top = head
    for turn, views, height in zip(turns, shown, block_heights, strict=True):
        page.rule(MARGIN, top + LINE // 4, width - 2 * MARGIN)
        _draw_turn(page, turn, views, evaluation.mask_threshold, top + LINE // 2, cell)
        top += height
    page.scale(_left(len(COLUMNS), cell), head + LINE // 2 + 2 * LINE, BAR_WIDTH, cell, LARGEST_ERROR)
    page.save(sheet, found.weights)
    logger.info("%s: %d samples of %s", sheet, len(turns), found.table.experiment)


def chosen_turns(rows: Sequence[PredictionRow], samples: int) -> list[PredictionRow]:
    """Choose samples, spread evenly, and one turn of each: another from sample to sample."""
    of_samples = [list(turns) for _, turns in groupby(rows, key=lambda row: row.sample)]
    chosen = spread(of_samples, samples)
    return [turns[(2 * number + 1) * len(turns) // (2 * len(chosen))] for number, turns in enumerate(chosen)]


def shown_views(row: PredictionRow, view_count: int) -> list[int]:
    """The first view that was held out, if any, then inputs, spread evenly."""
    held_out = [view for view in range(view_count) if row.role(view) == "held_out"][:1]
    return held_out + spread(sorted(row.inputs), VIEWS_SHOWN - len(held_out))


def _cell(size: int) -> int:
    """Small pictures are enlarged by a whole number, large ones reduced."""
    return size * -(-LEAST_CELL // size) if size <= MOST_CELL else MOST_CELL


def _left(column: int, cell: int) -> int:
    return MARGIN + column * (cell + GAP)


def _heading(predictions: Predictions) -> list[str]:
    table = predictions.table
    lines = [
        table.experiment,
        f"dataset {table.dataset}, normalization {table.normalization}, {table.input_views} input views",
    ]
    return lines if predictions.status == "complete" else [*lines, predictions.status]


def _draw_turn(
    page: Page,
    turn: RenderedTurn,
    views: Sequence[int],
    mask_threshold: float,
    top: int,
    cell: int,
) -> None:
    targets = turn.sample.over_white()
    page.write(f"sample {turn.row.sample}, turn {turn.row.turn}", MARGIN, top, size=9, bold=True)
    top += LINE
    _draw_inputs(page, turn, top, cell, len(views) * (cell + LINE + GAP))
    for number, view in enumerate(views):
        above = top + number * (cell + LINE + GAP)
        rendering = turn.renderings.rgb[view].clamp(0, 1)
        difference = (rendering - targets[view]).abs().mean(0)
        scores = turn.score(view, mask_threshold)
        role, color = ROLES[turn.row.role(view)]
        page.write(f"{turn.view_names[view]}, {role}", _left(1, cell), above, size=9, color=color, width=cell)
        of_animal = "no animal" if math.isnan(scores.psnr_foreground) else f"animal {scores.psnr_foreground:.1f}"
        page.write(f"PSNR {scores.psnr:.1f} dB, {of_animal}", _left(2, cell), above, size=9, width=cell)
        page.write(f"mean {float(difference.mean()):.3f}", _left(3, cell), above, size=9, width=cell)
        page.picture(targets[view].permute(1, 2, 0).numpy(), _left(1, cell), above + LINE, cell)
        page.picture(rendering.permute(1, 2, 0).numpy(), _left(2, cell), above + LINE, cell)
        page.error_map(difference.numpy(), _left(3, cell), above + LINE, cell, LARGEST_ERROR)


def _draw_inputs(page: Page, turn: RenderedTurn, top: int, width: int, height: int) -> None:
    """Fill a column with all pictures that went in, as large as they fit."""
    inputs = sorted(turn.row.inputs)
    sizes = {
        columns: min((width + GAP) // columns, (height // -(-len(inputs) // columns)) - LINE) - GAP
        for columns in range(1, len(inputs) + 1)
    }
    columns = max(sizes, key=lambda count: sizes[count])
    size = sizes[columns]
    targets = turn.sample.over_white()
    for number, view in enumerate(inputs):
        row, column = divmod(number, columns)
        left, above = MARGIN + column * (size + GAP), top + row * (size + LINE + GAP)
        page.write(turn.view_names[view], left, above, size=9, width=size)
        page.picture(targets[view].permute(1, 2, 0).numpy(), left, above + LINE, size)
