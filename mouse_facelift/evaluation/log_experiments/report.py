"""Rule `log_experiments`: the research log's experiments as a table, curves, and a page that says what holds."""

import logging
from pathlib import Path

from mouse_facelift.evaluation.log_experiments.curves import draw_curves
from mouse_facelift.evaluation.log_experiments.judging import answer_question
from mouse_facelift.evaluation.log_experiments.page import draw_log_page
from mouse_facelift.evaluation.log_experiments.questions import QUESTIONS
from mouse_facelift.evaluation.log_experiments.rows import read_rows, read_steps
from mouse_facelift.evaluation.log_experiments.table import log_table
from mouse_facelift.formats.whole import whole_file, write_text_whole
from mouse_facelift.imaging.pictures import reduced_jpeg
from mouse_facelift.settings import LogExperiments, name_in_log

logger = logging.getLogger(__name__)

SHEET_WIDTH, SHEET_QUALITY = 520, 80  # px, and JPEG's, of contact sheets on the page


def log_experiments(
    experiments: LogExperiments,
    tables: list[Path],
    metrics: list[Path],
    scores: list[Path],
    sheets: list[Path],
    table: Path,
    curves: Path,
    page: Path,
) -> None:
    """Write table, curves and page.

    Args:
        experiments: rows of the configuration.
        tables: of the samples of all rows.
        metrics: of the rows in which something learns, a file each, in their order.
        scores: of all rows and of the trivial answers beside them.
        sheets: contact sheets of all rows, in their order.
        table: CSV to write, see `table.log_table`.
        curves: PNG to write.
        page: HTML to write, which needs nothing beside it.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: a file is not what it should be.
    """
    of_row = dict(zip(experiments.trained, metrics, strict=True))
    rows = read_rows(experiments, tables, of_row, scores)
    laid_out = log_table(rows)
    with whole_file(table) as partial:
        laid_out.to_csv(partial, index=False)
    draw_curves(rows, {name_in_log(name): read_steps(path) for name, path in of_row.items()}, curves)
    statements = [answer_question(question, rows) for question in QUESTIONS]
    for one in statements:
        logger.info("%s: %s %s", one.verdict.upper(), one.said, one.found)
    shown = {name: reduced_jpeg(path, SHEET_WIDTH, SHEET_QUALITY) for name, path in zip(rows, sheets, strict=True)}
    write_text_whole(page, draw_log_page(rows, laid_out, statements, curves.read_bytes(), shown))
