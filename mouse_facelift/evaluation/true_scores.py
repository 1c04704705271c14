"""Rule `score_true_views`: Gaussians beside what is true of simulated captures."""

import logging
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.evaluation.answer_table import white_picture
from mouse_facelift.evaluation.baselines import VISUAL_HULL, WHITE_PICTURE, hull_of_inputs
from mouse_facelift.evaluation.columns import METRICS, TRUE_COLUMNS
from mouse_facelift.evaluation.metrics import score_view
from mouse_facelift.evaluation.rendered_turns import Predictions
from mouse_facelift.evaluation.score_tables import write_scores
from mouse_facelift.evaluation.scores import foreground_rule
from mouse_facelift.evaluation.surface_distance import surface_distances
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionRow, Renderings
from mouse_facelift.formats.sample_folder import Sample, read_sample
from mouse_facelift.formats.sample_table import SampleRow, load_sample
from mouse_facelift.formats.true_views import TrueSample, TrueViewsTable, read_surface, require_same_samples
from mouse_facelift.geometry.hull import Hull
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.rendering.painted_hull import paint_hull, render_hull
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import Compute, Evaluated

logger = logging.getLogger(__name__)


def score_true_views(
    predictions: list[Path], true_views: Path, scores: Path, evaluation: Evaluated, compute: Compute
) -> None:
    """Score answers against the truth and write a CSV of TRUE_COLUMNS, whose MEANINGS hold: a row an answer and turn.

    Turns are those whose Gaussians were kept; of answers without a network, the first of the same samples. Gaussians
    are drawn through cameras that no capture has, and their centers compared with the true surface. The visual hull is
    carved anew, drawn as it is elsewhere, and its surface voxels' centers are compared. The white picture has no
    surface.

    Raises:
        FileNotFoundError: a table, a sample, Gaussians or a part of the truth is absent.
        ValueError: the truth is of other samples; or names the file, what was found in it and what was expected.
    """
    use_threads(compute.threads)
    truth = TrueViewsTable.read(true_views)
    rows = [
        row
        for path in predictions
        for row in _score_table(Predictions.read(path), truth, true_views, evaluation, compute)
    ]
    write_scores(pd.DataFrame(rows, columns=TRUE_COLUMNS), scores)
    logger.info("%s: %d turns scored against the truth", scores, len(rows))


def _score_table(
    found: Predictions, truth: TrueViewsTable, true_views: Path, evaluation: Evaluated, compute: Compute
) -> list[dict[str, object]]:
    require_same_samples(true_views, truth, found.samples_path)
    true_samples = {sample.sample: sample for sample in truth.samples}
    blocks = found.samples.blocks()
    by_name = {row.name: row for row in found.samples.samples}
    scored = [row for row in found.table.rows if row.sample in true_samples and _is_scored(found, row)]
    rows: list[dict[str, object]] = []
    for row in tqdm(scored, desc=found.table.experiment, unit="turn", disable=None):
        true = true_samples[row.sample]
        scene = _scene(found, row, by_name[row.sample], evaluation, compute)
        about = {"sample": row.sample, "turn": row.turn, "true_views": truth.cameras}
        last = {"block": blocks[row.sample], "foreground": foreground_rule(evaluation.mask_threshold)}
        scores = _score(scene, true, true_views.parent / true.folder, evaluation.mask_threshold)
        rows.append({**found.task, **about, **scores, **last, "weights": found.weights, "status": found.status})
    return rows


@dataclass(frozen=True)
class _Scene:
    """What an answer says of one scene."""

    draw: Callable[[Sample], Renderings]
    """as the sample's cameras see it"""
    centers: Float[Tensor, "point 3"]
    """on its surface, world units; none, if it has no surface"""
    weights: Float[Tensor, " point"]


def _is_scored(found: Predictions, row: PredictionRow) -> bool:
    if found.table.experiment in (WHITE_PICTURE, VISUAL_HULL):
        return row.turn == 0
    return row.model is not None


def _scene(
    found: Predictions, row: PredictionRow, sample_row: SampleRow, evaluation: Evaluated, compute: Compute
) -> _Scene:
    nothing = torch.zeros(0, 3, dtype=torch.float64)
    white = _Scene(white_picture, nothing, nothing[:, 0])
    if found.table.experiment == WHITE_PICTURE:
        return white
    if found.table.experiment == VISUAL_HULL:
        sample, inputs = load_sample(found.samples_path, sample_row), list(row.inputs)
        hull = hull_of_inputs(sample_row, sample, inputs, evaluation.mask_threshold, evaluation.hull_resolution)
        return white if hull is None else _hull_scene(hull, sample, inputs, compute)
    gaussians = read_ply(found.model_of(row))

    def draw(seen: Sample) -> Renderings:
        drawn = render(gaussians, seen.cameras, compute.renderer)
        return Renderings(drawn.rgb, drawn.alpha, drawn.depth)

    return _Scene(draw, gaussians.means.double(), gaussians.opacities.double())


def _hull_scene(hull: Hull, sample: Sample, inputs: list[int], compute: Compute) -> _Scene:
    painted, surface = paint_hull(hull, sample, inputs), hull.surface()
    return _Scene(
        lambda seen: render_hull(painted, hull.voxel_size, seen.cameras, compute.renderer),
        surface,
        torch.ones(len(surface), dtype=torch.float64),
    )


def _score(scene: _Scene, true: TrueSample, folder: Path, mask_threshold: float) -> dict[str, object]:
    target = read_sample(folder)
    drawn = scene.draw(target)
    views = [
        asdict(score_view(*pictures, mask_threshold))
        for pictures in zip(drawn.rgb, drawn.alpha, target.over_white(), target.alpha, strict=True)
    ]
    means = pd.DataFrame(views)[METRICS].mean()
    accuracy = completeness = math.nan
    if len(scene.centers):
        accuracy, completeness = surface_distances(scene.centers, scene.weights, read_surface(folder))
    unit = true.millimeters_per_unit
    return {
        **{metric: float(means[metric]) for metric in METRICS},
        "accuracy_mm": unit * accuracy,
        "completeness_mm": unit * completeness,
        "chamfer_mm": unit * (accuracy + completeness) / 2,
        "gaussians": len(scene.centers),
    }
