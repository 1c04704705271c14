"""Rule `predict_baselines`: the trivial answers, as prediction tables like any experiment's."""

import logging
import os
from pathlib import Path

import torch
from tqdm import tqdm

from mouse_facelift.formats.predictions import PredictionRow, PredictionTable, Renderings, chosen_samples, turns
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.geometry.hull import carve_closely
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.rendering.painted_hull import paint_hull, render_hull
from mouse_facelift.settings import Compute, Evaluation, InputViews

logger = logging.getLogger(__name__)

WHITE_PICTURE = "white_picture"
VISUAL_HULL = "visual_hull"
BASELINES = (WHITE_PICTURE, VISUAL_HULL)
SEARCH = 2.0  # of the subject's radius: few views carve a hull larger than the subject


def predict_baselines(
    table: Path,
    predictions_white: Path,
    predictions_hull: Path,
    views: InputViews,
    evaluation: Evaluation,
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
    white_rows: list[PredictionRow] = []
    hull_rows: list[PredictionRow] = []
    empty_hulls = 0
    with (
        whole_folder(_renderings(predictions_white)) as white_folder,
        whole_folder(_renderings(predictions_hull)) as hull_folder,
    ):
        for row in tqdm(chosen, desc="baselines", unit="sample", disable=None):
            sample = load_sample(table, row)
            white = Renderings(torch.ones_like(sample.over_white()), torch.zeros_like(sample.alpha))
            for turn, inputs in enumerate(given):
                hull = _draw_hull(row, sample, list(inputs), evaluation, compute)
                if hull is None:
                    logger.warning("sample %s: the views %s contradict each other: an empty hull", row.name, inputs)
                    empty_hulls += 1
                for drawn, folder, rows, predictions in (
                    (white, white_folder, white_rows, predictions_white),
                    (hull or white, hull_folder, hull_rows, predictions_hull),
                ):
                    file = f"{row.name}_turn_{turn}.npz"
                    drawn.write(folder / file)
                    place = f"{_renderings(predictions).name}/{file}"
                    rows.append(PredictionRow(sample=row.name, turn=turn, inputs=inputs, renderings=place, model=None))
    hull_status = f"complete; empty hull in {empty_hulls} of {len(hull_rows)} turns" if empty_hulls else "complete"
    for experiment, predictions, rows, status in (
        (WHITE_PICTURE, predictions_white, white_rows, "complete"),
        (VISUAL_HULL, predictions_hull, hull_rows, hull_status),
    ):
        PredictionTable(
            experiment=experiment,
            dataset=samples.dataset,
            normalization=samples.normalization,
            samples=os.path.relpath(table, predictions.parent),
            view_count=samples.view_count,
            input_views=views.most,
            status=status,
            weights="none",
            rows=tuple(rows),
        ).write(predictions)


def _renderings(predictions: Path) -> Path:
    return predictions.with_name(f"{predictions.stem}.renderings")


def _draw_hull(
    row: SampleRow, sample: Sample, inputs: list[int], evaluation: Evaluation, compute: Compute
) -> Renderings | None:
    """Draw the hull of the input views as all views see it; None if it is empty."""
    hull = carve_closely(
        sample.alpha[inputs] > evaluation.mask_threshold,
        sample.cameras[inputs],
        torch.tensor(row.subject_center, dtype=torch.float64),
        SEARCH * row.subject_radius,
        evaluation.hull_resolution,
    )
    if not len(hull):
        return None
    return render_hull(paint_hull(hull, sample, inputs), hull.voxel_size, sample.cameras, compute.renderer)
