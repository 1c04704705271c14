"""Rule `score_predictions`: numbers for every view of every turn."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.evaluation.columns import LPIPS, scores_columns
from mouse_facelift.evaluation.depth_agreement import SeenHull, see_hull
from mouse_facelift.evaluation.rendered_turns import Predictions, RenderedTurn
from mouse_facelift.evaluation.score_tables import write_scores
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.rendering.lpips import LEAST_SIZE, Lpips, load_lpips
from mouse_facelift.settings import Evaluated

logger = logging.getLogger(__name__)


def score_predictions(predictions: Path, scores: Path, evaluation: Evaluated, lpips: Path | None = None) -> None:
    """Score every view of every turn of a prediction table and write a CSV of `columns.COLUMNS`, whose MEANINGS hold.

    LPIPS is a column where `lpips` is the file of its network, and none else. `nan` where a target shows no
    animal, or nothing is there to compare. `status` is the prediction table's, and says so if the cameras of the
    samples break the contract.

    Raises:
        FileNotFoundError: a table, a rendering, a sample or the network of LPIPS is absent.
        ValueError: names the file, what was found in it and what was expected.
    """
    use_threads(1)
    network = None if lpips is None else load_lpips(lpips)
    found = Predictions.read(predictions)
    last = {"foreground": foreground_rule(evaluation.mask_threshold), "weights": found.weights, "status": found.status}
    rows = [
        {**found.task, **row, **last}
        for turn, hull in _turns_beside_hulls(found, evaluation)
        for row in _score_turn(turn, hull, network, evaluation.mask_threshold)
    ]
    write_scores(pd.DataFrame(rows, columns=scores_columns(lpips=network is not None)), scores)
    logger.info("%s: %d views of %d turns scored", predictions, len(rows), len(found.table.rows))


def foreground_rule(mask_threshold: float) -> str:
    """Say by which rule a pixel of a target is foreground."""
    return f"target alpha > {mask_threshold:g}"


def _turns_beside_hulls(found: Predictions, evaluation: Evaluated) -> Iterator[tuple[RenderedTurn, SeenHull]]:
    """Turns in the table's order; a hull serves all turns of its sample that stand together."""
    known: tuple[str, SeenHull] | None = None
    for turn in found.turns(found.table.rows):
        if known is None or known[0] != turn.row.sample:
            hull = see_hull(turn.sample_row, turn.sample, evaluation.hull_resolution)
            known = turn.row.sample, hull
        yield turn, known[1]


def _score_turn(
    turn: RenderedTurn, hull: SeenHull, network: Lpips | None, mask_threshold: float
) -> list[dict[str, object]]:
    distances = None if network is None else _lpips(turn, network)
    rows: list[dict[str, object]] = []
    for view, name in enumerate(turn.view_names):
        scores: dict[str, object] = asdict(turn.score(view, mask_threshold))
        scores |= asdict(hull.score(view, turn.renderings.depth[view], turn.renderings.alpha[view]))
        if distances is not None:
            scores[LPIPS] = float(distances[view])
        place = {"sample": turn.row.sample, "turn": turn.row.turn, "view": name, "role": turn.row.role(view)}
        rows.append({**place, **scores, "block": turn.block})
    return rows


@torch.no_grad()
def _lpips(turn: RenderedTurn, network: Lpips) -> Float[Tensor, " view"]:
    if min(size := turn.renderings.alpha.shape[1:]) < LEAST_SIZE:
        raise ValueError(f"{turn.path}: pictures of {tuple(size)} px are smaller than the {LEAST_SIZE} px of LPIPS")
    return network.distances(turn.renderings.rgb.clamp(0, 1), turn.sample.over_white())
