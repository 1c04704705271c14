"""Rule `predict_baselines`: the trivial answers, as prediction tables like any experiment's."""

import logging
from pathlib import Path

import torch
from tqdm import tqdm

from mouse_facelift.evaluation.answer_table import answer_table, white_picture
from mouse_facelift.formats.predictions import Renderings, chosen_samples, turns
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.geometry.hull import Hull, carve_closely
from mouse_facelift.plan import TRIVIAL
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.rendering.painted_hull import paint_hull, render_hull
from mouse_facelift.settings import Compute, Evaluated, InputViews

logger = logging.getLogger(__name__)

WHITE_PICTURE, VISUAL_HULL = TRIVIAL
SEARCH = 2.0  # of the subject's radius: few views carve a hull larger than the subject


def predict_baselines(
    table: Path,
    predictions_white: Path,
    predictions_hull: Path,
    views: InputViews,
    evaluation: Evaluated,
    compute: Compute,
) -> None:
    """Predict every turn of the evaluated samples without a network, in two ways, each as a prediction table.

    `white_picture` is white with alpha 0. `visual_hull` is carved from the silhouettes of the input views (alpha above
    `mask_threshold`), `hull_resolution` voxels an edge, painted with their colors and drawn in all views. Where the
    hull is empty, as views that contradict each other leave it, it is white too; the table's status counts that.

    Raises:
        FileNotFoundError: the sample table or a sample is absent.
        ValueError: the split is empty, more inputs are asked for than there are views, or a sample changed.
    """
    use_threads(compute.threads)
    samples = SampleTable.read(table)
    chosen = chosen_samples(samples, evaluation.split, evaluation.samples)
    given = turns(samples.view_count, views.most)
    logger.info("%s: %d samples, %d turns of %d input views each", table, len(chosen), len(given), views.most)
    with (
        answer_table(WHITE_PICTURE, predictions_white, table, samples, views.most) as white,
        answer_table(VISUAL_HULL, predictions_hull, table, samples, views.most) as hulls,
    ):
        for row in tqdm(chosen, desc="baselines", unit="sample", disable=None):
            sample = load_sample(table, row)
            for turn, inputs in enumerate(given):
                white.add(row, sample, turn, inputs, white_picture(sample))
                hulls.add(row, sample, turn, inputs, _draw_hull(row, sample, list(inputs), evaluation, compute))


def hull_of_inputs(
    row: SampleRow, sample: Sample, inputs: list[int], mask_threshold: float, resolution: int
) -> Hull | None:
    """Carve the hull of the input views; None if it is empty."""
    hull = carve_closely(
        sample.alpha[inputs] > mask_threshold,
        sample.cameras[inputs],
        torch.tensor(row.subject_center, dtype=torch.float64),
        SEARCH * row.subject_radius,
        resolution,
    )
    return hull if len(hull) else None


def _draw_hull(
    row: SampleRow, sample: Sample, inputs: list[int], evaluation: Evaluated, compute: Compute
) -> Renderings | None:
    """Draw the hull of the input views as all views see it; None if it is empty."""
    hull = hull_of_inputs(row, sample, inputs, evaluation.mask_threshold, evaluation.hull_resolution)
    if hull is None:
        return None
    return render_hull(paint_hull(hull, sample, inputs), hull.voxel_size, sample.cameras, compute.renderer)
