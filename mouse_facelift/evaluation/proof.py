"""Rule `proof_of_learning`: what training gains, over several seeds, beside everything that did without."""

import logging
from pathlib import Path

from mouse_facelift.evaluation.proof_page import proof_page, seconds_per_turn, verdicts
from mouse_facelift.evaluation.proof_plot import plot_proof
from mouse_facelift.evaluation.proof_table import compare, means_of_seeds
from mouse_facelift.evaluation.score_tables import read_distinct, write_scores
from mouse_facelift.formats.whole import write_text_whole

logger = logging.getLogger(__name__)


def proof_of_learning(
    scores: list[Path],
    groups: dict[str, list[str]],
    fitted: dict[str, Path],
    trained: dict[str, Path],
    table: Path,
    plot: Path,
    page: Path,
) -> None:
    """Compare trained experiments with their peers on held-out views, as a CSV, a plot and a page of Markdown.

    `groups` names the experiments that trained, those under one name that differ in the seed alone; every other is a
    peer: networks as they came, and answers without a network. The CSV has PROOF_COLUMNS, a row a group or peer; PSNRs
    are means over the held-out views in dB, of the animal alone and of the whole picture, then over seeds, with
    the spread (standard deviation), the least and the most over seeds. `best_peer` has the highest mean of the same
    task; `margin` is by how much a group's is above it, `margin_least` that of its worst seed, `margin_error` the
    standard error over samples, `samples_won` on how many samples the group's mean is the higher. `nan` where nothing
    can be told: with one seed no spread, of a peer no margin.

    The page also tells what time went where: `fitted` are tables of `fit_scenes`, `trained` Snakemake's notes of each
    experiment's training; where logs were removed it says so. Times change from run to run: CSV and plot have none.

    Raises:
        FileNotFoundError: a table is absent.
        ValueError: a file is no table of scores, nothing trained, no peer stands beside what trained, or an experiment
            was scored on other views than its peers.
    """
    joined = read_distinct(scores)
    seeds = means_of_seeds(joined, groups)
    rows = compare(joined, seeds)
    write_scores(rows, table)
    plot_proof(rows, seeds, plot)
    write_text_whole(page, proof_page(rows, seconds_per_turn(rows, fitted, trained)))
    logger.info("\n%s", "\n".join(verdicts(rows)))
